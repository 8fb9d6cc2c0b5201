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

use cases::{CASES, POLICIES, SJIS_USER, STARTUPS, Sent};
use program::{Gate, check};

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
        text.push_str(&gate.audit());
        for format in ["human", "json", "sarif"] {
            for user in ["etl", "analyst", "stranger", SJIS_USER] {
                writeln!(text, "==== {policy}: check --user {user} --format {format}").unwrap();
                text.push_str(&check(settings, user, format));
            }
        }
    }
    expect_test::expect_file!["data/client_texts/golden.txt"].assert_eq(&text);
}
