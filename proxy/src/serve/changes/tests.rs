//! Two configurations that differ in every key, and what of the second takes effect in a process that runs by the first.

use std::fs;

use tempfile::TempDir;

use super::*;

/// Every key that a configuration may hold.
const EVERY_KEY: &str = r#"
[admin]
listen = "127.0.0.1:9439"
insecure = false
token_file = "a"
hosts = ["a"]
readiness = ["facts"]
recent = 1
recent_bytes = 1048576
[admin.tls]
certificate = "a.crt"
key = "a.key"
client_ca = "a.pem"
[metrics]
max_series = 1000
[log]
level = "info"
format = "text"
[audit]
path = "a.jsonl"
on_failure = "continue"
sync = false
signing_key = "a.key"
checkpoint_file = "a.checkpoints"
checkpoint_records = 1
checkpoint_every = "1s"
rotate_bytes = 1048576
rotate_every = "1h"
compress = false
keep_files = 1
keep_for = "1d"
fold_after = 1
fold_every = "1s"
sessions = false
stored_uses = "first"
[runtime]
workers = 1
drain_timeout = "1s"
drain_delay = "1s"
reuse_port = false
[policy]
mode = "enforce"
exceptions = "a.toml"
break_glass = ["a"]
rules = ["a.cedar"]
notice = true
comment = true
shadow_notice = true
shadow_comment = true
time_zone = "UTC"
stored = "observe"
[policy.severity]
RG104 = "reject"
[policy.groups]
etl = ["a"]
[policy.known]
users = ["a"]
databases = ["a"]
[policy.mode_by_group]
etl = "enforce"
[policy.mode_by_code]
RG301 = "enforce"
[policy.cache]
capacity = 1
ttl = "1s"
[facts]
iam = ["a.json"]
clusters = ["a.json"]
service_control = ["a.json"]
mode = "guide"
external_id = "same"
max_age = "1h"
when_old = "warn"
[facts.context]
"aws:RequestedRegion" = "us-east-1"
[facts.aws]
refresh = "1m"
max_stale = "1h"
lookup_timeout = "1s"
absent_for = "1s"
[[facts.aws.account]]
id = "123456789012"
profile = "a"
role_arn = "arn:aws:iam::123456789012:role/A"
external_id = "a"
regions = ["us-east-1"]
serverless = false
[[gate]]
name = "g"
listen = "127.0.0.1:5439"
unix_socket = "a.sock"
cluster = "a"
proxy_protocol_from = ["10.0.0.0/8"]
mode = "enforce"
dialect = "redshift"
function_call = "refuse"
[gate.upstream]
address = "a.example.com:5439"
tls = "verify-full"
ca = "a.pem"
server_name = "a.example.com"
connect_timeout = "1s"
[gate.tls]
certificate = "a.crt"
key = "a.key"
required = false
minimum_version = "1.2"
client_ca = "a.pem"
client_certificate_required = false
[[gate.tls.also]]
certificate = "a.crt"
key = "a.key"
[gate.catalog]
user = "a"
password_file = "a"
database = "a"
refresh = "1s"
timeout = "1s"
[gate.coverage]
interval = "10s"
audit = ["a.jsonl"]
clocks = "1s"
[gate.iam]
mode = "guide"
external_id = "same"
[gate.iam.context]
"aws:RequestedRegion" = "us-east-1"
[gate.limits]
max_statement_bytes = 1024
max_prepared_bytes = 1024
startup_timeout = "1s"
max_sessions = 1
max_sessions_per_user = 1
max_sessions_per_address = 1
max_unauthenticated = 1
max_cancels = 1
idle_timeout = "1s"
session_lifetime = "1s"
"#;

/// The second value of every word; all other values have an `a` or a `1` that becomes a `b` or a `2`.
const SECOND: &[(&str, &str)] = &[
    ("\"facts\"", "\"backend\""),
    ("\"text\"", "\"json\""),
    ("\"UTC\"", "\"Europe/Berlin\""),
    ("\"continue\"", "\"refuse\""),
    ("\"1h\"", "\"2h\""),
    ("false", "true"),
    ("\"enforce\"", "\"shadow\""),
    ("\"reject\"", "\"annotate\""),
    ("\"first\"", "\"all\""),
    ("\"observe\"", "\"off\""),
    ("\"guide\"", "\"aws\""),
    ("\"same\"", "\"unknown\""),
    ("\"warn\"", "\"unknown\""),
    ("\"verify-full\"", "\"verify-ca\""),
    ("\"1.2\"", "\"1.3\""),
    ("\"redshift\"", "\"postgresql\""),
    ("\"refuse\"", "\"relay\""),
    ("\"info\"", "\"debug\""),
    ("127.0.0.1:9", "127.0.0.1:8"),
    ("127.0.0.1:5", "127.0.0.1:6"),
    ("10.0.0.0/8", "10.0.0.0/9"),
    ("123456789012", "210987654321"),
    ("us-east-1", "us-west-1"),
    ("1024", "2048"),
    ("\"a", "\"b"),
    ("= 1", "= 2"),
    ("\"1", "\"2"),
];

/// The text with every value changed.
fn second() -> String {
    let change = |line: &str| {
        let is_other = |(one, _): &&(&str, &str)| line.contains(one);
        match line.split_once(" = ") {
            None | Some(("name", _)) => line.to_owned(),
            Some((key, "true")) => format!("{key} = false"),
            Some(_) => SECOND
                .iter()
                .find(is_other)
                .map_or_else(|| line.to_owned(), |(one, other)| line.replacen(one, other, 1)),
        }
    };
    EVERY_KEY.lines().map(|line| change(line) + "\n").collect()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.cedar", "b.cedar", "a.json", "b.json"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    folder
}

fn load(folder: &TempDir, text: &str) -> Config {
    let path = folder.path().join("rolegate.toml");
    fs::write(&path, text).unwrap();
    Config::load(&path).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What a configuration calls the keys of a table, as it tells when it finds one that it does not know.
fn known_keys(folder: &TempDir, text: &str) -> Vec<String> {
    let path = folder.path().join("rolegate.toml");
    fs::write(&path, text).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let (_, known) = error.split_once("use one of ").unwrap_or_else(|| panic!("{error}\n{text}"));
    known.split(", ").map(str::to_owned).collect()
}

/// A new key in a configuration fails here until it stands in `EVERY_KEY`, and then in the other tests until it stands in `NEEDS`.
#[test]
fn every_key_of_every_section_stands_above() {
    let folder = folder();
    let mut headers: Vec<&str> = EVERY_KEY.lines().filter(|line| line.starts_with('[')).collect();
    // Their keys are the user's own.
    headers.retain(|header| {
        ![
            "[policy.severity]",
            "[policy.groups]",
            "[policy.mode_by_group]",
            "[policy.mode_by_code]",
            "[facts.context]",
            "[gate.iam.context]",
        ]
        .contains(header)
    });
    let mut sections = Vec::new();
    for header in headers {
        let text = EVERY_KEY.replace(&format!("{header}\n"), &format!("{header}\nno_such_key = 1\n"));
        let (_, keys) = EVERY_KEY.split_once(&format!("{header}\n")).unwrap();
        let own: Vec<&str> = keys
            .lines()
            .take_while(|line| !line.starts_with('['))
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key)
            .collect();
        let name = header.trim_matches(['[', ']']);
        sections.push(name.to_owned());
        for known in known_keys(&folder, &text) {
            let is_section = EVERY_KEY.contains(&format!("[{name}.{known}]"));
            assert!(own.contains(&known.as_str()) || is_section, "{name}.{known} does not stand in EVERY_KEY");
        }
    }
    for known in known_keys(&folder, &format!("no_such_key = 1\n{EVERY_KEY}")) {
        assert!(sections.contains(&known), "[{known}] does not stand in EVERY_KEY");
    }
}

#[test]
fn what_differs_is_in_force_or_waits_for_a_restart_as_the_table_says() {
    let folder = folder();
    let (old, new) = (load(&folder, EVERY_KEY), load(&folder, &second()));
    let wanted = applicable(&new, &old);
    let (before, after, taken) = (old.flat(), new.flat(), wanted.flat());
    let changes = between(&old, &new);
    for key in before.keys().filter(|key| key.path != "gate.name") {
        let Some(change) = changes.iter().find(|change| change.key == *key) else { panic!("{key} does not differ") };
        assert_ne!(change.entry, "other", "{key} does not stand in NEEDS");
        let source = if change.need == Need::Restart { &before } else { &after };
        assert_eq!(taken.get(key), source.get(key), "{key}");
    }
    let waiting: BTreeSet<&str> = between(&wanted, &new).iter().map(|change| change.entry).collect();
    let expected: BTreeSet<&str> = restart_keys().filter(|key| *key != "gate.name").collect();
    assert_eq!(waiting, expected);
    assert!(between(&old, &old).is_empty());
    // What waits for a restart waits no more when it is written as it is in force.
    assert!(between(&applicable(&old, &wanted), &old).iter().all(|change| change.need != Need::Restart));
}

#[test]
fn every_entry_stands_for_a_key() {
    let folder = folder();
    let keys = load(&folder, EVERY_KEY).flat();
    for (entry, _) in NEEDS {
        assert!(keys.keys().any(|key| need_of(&key.path).0 == *entry), "{entry}");
    }
}

#[test]
fn gates_that_come_and_go() {
    let folder = folder();
    let gate = |name: &str, port: u16, users: u16| {
        format!(
            "[[gate]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\n[gate.upstream]\naddress = \"localhost:5440\"\n\
             [gate.limits]\nmax_sessions = {users}\n"
        )
    };
    let old = load(&folder, &(gate("a", 1, 1) + &gate("b", 2, 1)));
    let rows = [
        ("in another order", gate("b", 2, 1) + &gate("a", 1, 1), vec![], vec![]),
        ("one key of one", gate("a", 1, 1) + &gate("b", 2, 7), vec!["gate.limits.max_sessions of b"], vec![]),
        ("another address", gate("a", 1, 1) + &gate("b", 3, 1), vec![], vec!["gate.listen of b"]),
        (
            "a new one",
            gate("a", 1, 2) + &gate("b", 2, 1) + &gate("c", 3, 1),
            vec!["gate.limits.max_sessions of a"],
            vec!["gate.name of c"],
        ),
        ("one that is gone", gate("a", 1, 1), vec![], vec!["gate.name of b"]),
        ("another name", gate("a", 1, 1) + &gate("c", 2, 1), vec![], vec!["gate.name of b", "gate.name of c"]),
    ];
    for (name, text, applied, pending) in rows {
        let new = load(&folder, &text);
        let wanted = applicable(&new, &old);
        let names = |changes: Vec<Change>| changes.iter().map(|change| change.key.to_string()).collect::<Vec<_>>();
        assert_eq!(names(between(&old, &wanted)), applied, "{name}");
        assert_eq!(names(between(&wanted, &new)), pending, "{name}");
        assert_eq!(wanted.gate.iter().map(|gate| &gate.name).collect::<Vec<_>>(), ["a", "b"], "{name}");
    }
}
