//! A day of a cluster, made up: statements through the gate and beside it.

use std::fmt::Write;
use std::io::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::coverage::{CoverageQuery, CoverageReport, Margins, compare};
use crate::history::expand;
use crate::sql::Dialect;

const BEGIN: i64 = 1_767_300_000;
const GATE: &str = "10.0.0.5";

/// Compares the files of these names and texts.
fn compared(files: &[(&str, String)]) -> CoverageReport {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::File::create(folder.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }
    let inputs = expand(&[folder.path().display().to_string()]).unwrap();
    let margins = Margins { clocks: SignedDuration::from_secs(5), assumed: SignedDuration::from_mins(15), since: None };
    compare(&CoverageQuery { dialect: Dialect::Redshift, gate: None, margins }, inputs).unwrap().0
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + second).unwrap()
}

/// What the files of both sides hold.
#[derive(Default)]
struct World {
    audit: String,
    log: String,
    history: String,
    query: u64,
}

const COLUMNS: &str =
    "user_id,query_id,transaction_id,session_id,database_name,status,start_time,query_text,username\n";

impl World {
    fn new() -> Self {
        let mut world = Self { history: COLUMNS.to_owned(), ..Self::default() };
        world.event(-10, "start", "");
        world
    }

    fn event(&mut self, second: i64, event: &str, fields: &str) {
        let time = time(second);
        writeln!(self.audit, r#"{{"v":2,"log":"00","seq":1,"id":"x","time":"{time}","event":"{event}"{fields}}}"#)
            .unwrap();
    }

    /// A session of the gate; its clock is 2 s behind the cluster's.
    fn passed(&mut self, number: u64, pid: u64, second: i64, texts: &[String]) {
        let port = 20_000 + number;
        let who = format!(
            r#","gate":"g","session":{number},"user":"etl","backend_pid":{pid},"gate_address":"{GATE}","gate_port":{port}"#
        );
        self.event(second, "login", &who);
        self.connection("authenticated", second + 2, GATE, port, pid, "etl");
        self.connection("initiating session", second + 2, GATE, port, pid, "etl");
        for (place, text) in (1_i64..).zip(texts) {
            let text_json = serde_json::to_string(text).unwrap();
            let fields = format!(
                r#","gate":"g","session":{number},"user":"etl","backend_pid":{pid},"action":"forward","statement":{text_json}"#
            );
            self.event(second + place, "verdict", &fields);
            self.ran(pid, second + place + 2, "etl", text);
        }
        let last = i64::try_from(texts.len()).unwrap();
        self.event(second + last + 1, "session_end", &format!(r#"{who},"seconds":{}"#, last + 1));
        self.connection("disconnecting session", second + last + 3, GATE, port, pid, "etl");
    }

    fn beside(&mut self, port: u64, pid: u64, second: i64, text: &str) {
        self.connection("authenticated", second, "10.9.9.9", port, pid, "etl");
        self.ran(pid, second + 1, "etl", text);
        self.connection("disconnecting session", second + 2, "10.9.9.9", port, pid, "etl");
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a line of the log")]
    fn connection(&mut self, event: &str, second: i64, address: &str, port: u64, pid: u64, user: &str) {
        let time = time(second).strftime("%a, %d %b %Y %H:%M:%S:000");
        writeln!(
            self.log,
            "{event} |{time}|::ffff:{address} |{port} |{pid}|dev |{user} |password |0| | |0| | | |psql | | | |0|"
        )
        .unwrap();
    }

    /// The cluster blanks the role.
    fn ran(&mut self, pid: u64, second: i64, user: &str, text: &str) {
        self.query += 1;
        let shown = text.replace("arn:aws:iam::111122223333:role/A", "").replace('"', "\"\"");
        let time = time(second).strftime("%Y-%m-%d %H:%M:%S");
        writeln!(self.history, "100,{},1,{pid},dev,success,{time},\"{shown}\",{user}", self.query).unwrap();
    }

    fn compared(&self) -> CoverageReport {
        compared(&[
            ("audit.jsonl", self.audit.clone()),
            ("conn.log", self.log.clone()),
            ("q.csv", self.history.clone()),
        ])
    }
}

fn copy(number: u64) -> String {
    format!("copy t{number} from 's3://b/{number}' iam_role 'arn:aws:iam::111122223333:role/A'")
}

/// 10,000 statements through the gate, 100 beside it, with the same texts and from processes that served the gate before.
#[test]
fn exactly_what_came_beside_the_gate_is_listed() {
    let mut world = World::new();
    for number in 0..1_000_u64 {
        let texts: Vec<String> = (0..10).map(|place| copy((number * 10 + place) % 500)).collect();
        // Forty processes, each used again and again.
        let second = i64::try_from(number).unwrap() * 30;
        world.passed(number, 7_000 + number % 40, second, &texts);
        if number % 10 == 3 {
            world.beside(50_000 + number, 7_000 + number % 40, second + 20, &copy(number % 500));
        }
        world.ran(7_000 + number % 40, second + 3, "etl", "select 1");
    }
    let report = world.compared();
    assert_eq!((report.seen, report.unseen_count, report.cannot_tell_count), (10_000, 100, 0), "{:?}", report.gaps);
    assert!(report.unseen.iter().all(|row| row.client_address.as_deref() == Some("10.9.9.9")));
    assert!(report.unseen.iter().all(|row| row.reason == "other_connection" && row.kind == "copy"));
    assert_eq!((report.seen_by["connection"], report.gaps.len()), (10_000, 0));
}

/// Without the connection log, processes and times tell; what they do not, texts do, once each.
#[test]
fn without_the_connection_log_less_is_known_and_it_is_said() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1), copy(2)]);
    // The same text a second time from elsewhere, and another text within the gate's own session.
    world.ran(99, 3, "etl", &copy(1));
    world.ran(71, 3, "etl", &copy(7));
    // The process was changed within the session.
    world.event(100, "login", r#","gate":"g","session":2,"user":"bob","backend_pid":72"#);
    let fields = format!(
        r#","gate":"g","session":2,"user":"bob","backend_pid":72,"action":"forward","statement":"{}""#,
        copy(3)
    );
    world.event(101, "verdict", &fields);
    world.ran(73, 103, "bob", &copy(3));
    world.ran(74, 103, "eve", &copy(3));
    world.log = String::new();
    let report = compared(&[("audit.jsonl", world.audit.clone()), ("q.csv", world.history.clone())]);
    let listed: Vec<_> = report
        .unseen
        .iter()
        .map(|row| (row.session.as_deref().unwrap(), row.user.as_deref().unwrap(), row.reason))
        .collect();
    assert_eq!(listed, [("99", "etl", "no_session"), ("71", "etl", "not_sent"), ("74", "eve", "no_session")]);
    assert_eq!((report.seen_by["process"], report.seen_by["text"]), (2, 1));
    assert!(report.gaps[0].contains("connection log"), "{:?}", report.gaps);
}

#[test]
fn a_comment_is_no_proof_and_a_refused_statement_has_not_run() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1)]);
    let marked = format!("{}\n/* rolegate verdict=annotate codes=RG301 */", copy(2));
    world.beside(50_001, 80, 10, &marked);
    world.event(
        20,
        "login",
        &format!(r#","gate":"g","session":2,"user":"etl","backend_pid":72,"gate_address":"{GATE}","gate_port":20002"#),
    );
    let refused =
        format!(r#","gate":"g","session":2,"user":"etl","backend_pid":72,"action":"reject","statement":"{}""#, copy(3));
    world.event(21, "verdict", &refused);
    world.connection("authenticated", 22, GATE, 20_002, 72, "etl");
    world.ran(72, 23, "etl", &copy(3));
    let report = world.compared();
    let reasons: Vec<_> = report.unseen.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, ["other_connection", "not_sent"]);
}

/// What is prepared once runs often; what was cut is compared by its beginning; what is blanked whole cannot be told.
#[test]
fn texts_that_are_not_whole() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1)]);
    world.ran(71, 4, "etl", &copy(1));
    let long =
        format!("copy t ({}) from 's3://b/x' iam_role 'arn:aws:iam::111122223333:role/A'", vec!["c"; 3000].join(","));
    world.passed(2, 71, 100, std::slice::from_ref(&long));
    let cut = World {
        history: world
            .history
            .replace(&long.replace("arn:aws:iam::111122223333:role/A", ""), long.get(..4000).unwrap()),
        ..world
    };
    let mut world = cut;
    world.ran(71, 102, "etl", "******");
    world.ran(71, -100, "etl", &copy(9));
    let report = world.compared();
    assert_eq!((report.seen, report.unseen_count), (3, 0), "{:?}", report.unseen);
    let reasons: Vec<_> = report.cannot_tell.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, ["hidden", "before_audit"]);
}

#[test]
fn addresses_that_are_translated_do_not_count() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1)]);
    world.log = world.log.replace(GATE, "192.0.2.1");
    let report = world.compared();
    assert_eq!((report.seen, report.unseen_count, report.seen_by["process"]), (1, 0, 1));
    assert!(report.gaps[0].contains("address translation"), "{:?}", report.gaps);
}

#[test]
fn roles_that_are_assumed_without_a_statement_are_listed() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1)]);
    let event = |second: i64, role: &str| {
        format!(
            r#"{{"eventVersion":"1","eventName":"AssumeRole","eventTime":"{}","sourceIPAddress":"redshift.amazonaws.com",
            "requestParameters":{{"roleArn":"arn:aws:iam::111122223333:role/{role}","roleSessionName":"RedshiftIamRoleSession"}}}}"#,
            time(second)
        )
    };
    let trail = format!(r#"{{"Records":[{},{},{}]}}"#, event(3, "A"), event(3, "B"), event(3_000, "A"));
    let report = compared(&[
        ("audit.jsonl", world.audit.clone()),
        ("conn.log", world.log.clone()),
        ("q.csv", world.history.clone()),
        ("trail.json", trail),
    ]);
    let listed: Vec<_> = report.unseen.iter().map(|row| (row.kind, row.reason, row.text.as_str())).collect();
    let row = |role| ("assume_role", "assumed_role", role);
    assert_eq!(listed, [row("arn:aws:iam::111122223333:role/B"), row("arn:aws:iam::111122223333:role/A")]);
}

#[test]
fn nothing_is_made_of_what_cannot_be_read() {
    let mut world = World::new();
    world.passed(1, 71, 0, &[copy(1)]);
    world.audit.push_str("{\"event\":\"login\",\"time\":7,\"gate\":[]}\n{broken\n\u{0}\n");
    world.log.push_str("authenticated |yesterday|x|y|z\n|||||||\n");
    world.history.push_str("100,x,1,71,dev,success,never,\"copy t from 's3://b' iam_role ''\",etl\n1,2\n");
    let report = compared(&[
        ("audit.jsonl", world.audit.clone()),
        ("conn.log", world.log.clone()),
        ("q.csv", world.history.clone()),
        ("trail.json", "{\"Records\":[{".to_owned()),
    ]);
    assert_eq!((report.seen, report.unseen_count), (1, 0), "{:?}", report.unseen);
    let nothing = compared(&[("q.csv", world.history.clone())]);
    assert_eq!((nothing.seen, nothing.unseen_count), (0, 0));
    assert!(nothing.cannot_tell_count > 0 && nothing.gaps[0].contains("no audit"), "{:?}", nothing.gaps);
}
