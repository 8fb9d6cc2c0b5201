//! Every text that a client, the audit or the terminal sees of a verdict, for a table of messages, users and policies, as
//! the program itself gives it: one golden file, `data/client_texts/golden.txt`. `UPDATE_EXPECT=1` writes it anew.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

#[path = "client_texts/cases.rs"]
mod cases;
#[path = "client_texts/program.rs"]
mod program;
#[path = "client_texts/wire.rs"]
mod wire;

use std::fmt::Write as _;
use std::net::TcpStream;

use cases::{CASES, POLICIES, SJIS_USER, STARTUPS, Sent, USERS};
use program::{Gate, check};
use serde_json::Value;

/// A statement's text, kind and user, what enforcement would do with it, what is done, and its codes.
type Judged = (String, String, String, String, String, Vec<String>);

fn judged(user: &str, row: &Value) -> Judged {
    let word = |key: &str| row[key].as_str().unwrap().to_owned();
    let codes = row["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap().to_owned());
    (user.to_owned(), word("statement"), word("kind"), word("would_be"), word("action"), codes.collect())
}

/// What the running gate found, less what no text alone shows: start-ups, bound values, a session's encoding.
fn verdicts_of_audit(records: &[Value]) -> Vec<Judged> {
    let of_text = records.iter().filter(|record| {
        let (user, statement) = (record["user"].as_str().unwrap(), record["statement"].as_str().unwrap());
        user != SJIS_USER && !statement.is_empty() && !statement.contains("$1")
    });
    let mut verdicts: Vec<_> = of_text.map(|record| judged(record["user"].as_str().unwrap(), record)).collect();
    verdicts.sort();
    verdicts
}

fn verdicts_of_check(settings: &str) -> Vec<Judged> {
    let mut verdicts = Vec::new();
    for user in USERS.into_iter().filter(|user| *user != SJIS_USER) {
        let report = check(settings, user, &["--format", "json"]);
        let rows = report.lines().filter(|line| line.starts_with('{'));
        verdicts.extend(rows.map(|line| judged(user, &serde_json::from_str(line).unwrap())));
    }
    verdicts.sort();
    verdicts
}

#[test]
fn texts_are_as_they_were() {
    let mut text = String::new();
    for (policy, settings) in POLICIES {
        let gate = Gate::start(settings);
        for case in CASES {
            writeln!(text, "==== {policy}: {} ({})", case.name, case.user).unwrap();
            text.push_str(&gate.session(&[("user", case.user)], &case.sent));
        }
        for (name, parameters) in STARTUPS {
            writeln!(text, "==== {policy}: start-up {name}").unwrap();
            text.push_str(&gate.session(parameters, &Sent::Query("select 1")));
        }
        writeln!(text, "==== {policy}: audit").unwrap();
        let records = gate.audit();
        for record in &records {
            writeln!(text, "{record:#}").unwrap();
        }
        assert_eq!(verdicts_of_check(settings), verdicts_of_audit(&records), "{policy}");
        for format in ["human", "json", "sarif"] {
            for user in USERS {
                writeln!(text, "==== {policy}: check --user {user} --format {format}").unwrap();
                text.push_str(&check(settings, user, &["--format", format]));
            }
        }
        writeln!(text, "==== {policy}: check --user etl --as-configured").unwrap();
        text.push_str(&check(settings, "etl", &["--as-configured"]));
    }
    expect_test::expect_file!["data/client_texts/golden.txt"].assert_eq(&text);
}

/// Without notice and comment, shadow mode only watches: client and server see each other's bytes and no other.
#[test]
fn a_passive_shadow_changes_no_byte() {
    let gate = Gate::start("mode = \"shadow\"\nshadow_notice = false\nshadow_comment = false\n");
    for case in CASES {
        let parameters = [("user", case.user)];
        let through = wire::exchange(gate.connect(), &parameters, &case.sent);
        let sent_through = gate.bytes();
        let direct = TcpStream::connect(("127.0.0.1", gate.backend)).unwrap();
        assert_eq!(through, wire::exchange(direct, &parameters, &case.sent), "{}: to the client", case.name);
        assert_eq!(sent_through, gate.bytes(), "{}: to the server", case.name);
    }
    // It watches nonetheless.
    let records = gate.audit();
    assert!(records.iter().any(|record| record["would_be"] == "reject" && record["action"] == "annotate"));
}
