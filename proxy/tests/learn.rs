//! `rolegate learn`: rules proposed from a history, the cases that pin them, and what is never learned.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";
const FOREIGN: &str = "arn:aws:iam::999999999999:role/Foreign";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn run(&self, arguments: &[&str], rules: Option<&str>) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
        if let Some(rules) = rules {
            command.env("ROLEGATE__POLICY__RULES", format!("[\"{rules}\"]"));
        }
        let done = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    fn learn(&self, arguments: &[&str]) -> Value {
        let (code, out, err) = self.run(&[&["learn"], arguments].concat(), None);
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }
}

/// The demo's facts, with an organisation of its two accounts.
fn world() -> Folder {
    let folder = Folder::new();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo");
    let demo = demo.canonicalize().unwrap().display().to_string();
    folder.write(
        "org.json",
        r#"{"accounts": {"123456789012": {"org_id": "o-a1b2c3d4e5", "scps": [], "rcps": []}, "210987654321": {"org_id": "o-a1b2c3d4e5", "scps": [], "rcps": []},
            "999999999999": {"org_id": "none"}}}"#,
    );
    folder.write(
        "forbids.cedar",
        "@id(\"no-job\") forbid (principal, action == Rolegate::Action::\"CopyJob\", resource);",
    );
    folder.write(
        "rolegate.toml",
        format!(
            "[policy]\nrules = [\"forbids.cedar\"]\n[policy.groups]\netl = [\"etl\", \"loader\"]\nanalysts = [\"analyst\"]\n\
             [facts]\niam = [\"{demo}/iam/*.json\"]\nclusters = [\"{demo}/clusters/*.json\"]\nservice_control = [\"org.json\"]\n\
             [[gate]]\nname = \"demo\"\ncluster = \"demo\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
        ),
    );
    folder
}

fn line(user: &str, day: u32, text: &str, more: &Value) -> String {
    let mut record = json!({"source": "x", "line": 1, "from": "audit", "time": format!("2026-01-{day:02}T03:04:05Z"), "user": user,
        "database": "dev", "application": "dbt", "text": text});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{record}\n")
}

fn copy(uri: &str, roles: &str) -> String {
    format!("copy t from '{uri}' iam_role '{roles}'")
}

fn history() -> String {
    let none = json!({});
    let both = format!("{A},{B}");
    [
        line("etl", 2, &copy("s3://landing/venue/2026/a.csv", &both), &none),
        line("loader", 3, &copy("s3://landing/venue/2027/b.csv", &both), &none),
        line("IAM:etl", 4, &format!("unload ('select 1') to 's3://companyb/out_' iam_role '{both}'"), &none),
        line("analyst", 5, &copy("s3://landing/own/x.csv", A), &none),
        line("analyst", 5, "select 1", &none),
        line("analyst", 6, "copy t from 's3://b/x' access_key_id 'AKIASECRETS' secret_access_key 'hush'", &none),
        line("analyst", 7, &copy("s3://landing/x", &format!("{A},{FOREIGN}")), &none),
        line("analyst", 8, &copy("s3://landing/x", B), &none),
        line("analyst", 9, "copy t from 's3://hidden/x' iam_role ''", &json!({"hidden": true, "from": "stl_query"})),
        line("analyst", 9, &copy("s3://landing/x", A), &json!({"truncated": true})),
        line("etl", 10, &format!("copy t from 's3://landing/j' iam_role '{A}' job create j auto on"), &none),
    ]
    .concat()
}

fn reasons(report: &Value) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    for row in report["for_review"].as_array().unwrap() {
        *reasons.entry(row["reason"].as_str().unwrap().to_owned()).or_default() += row["count"].as_u64().unwrap();
    }
    reasons
}

#[test]
fn permits_of_use_and_what_is_for_review() {
    let folder = world();
    folder.write("week.jsonl", history());
    let report = folder.learn(&["--config", "rolegate.toml", "--out", "proposed", "week.jsonl"]);
    let rules: Vec<_> = report["rules"].as_array().unwrap().iter().collect();
    let told = |rule: &Value| {
        let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        (text("principal"), text("action"), text("chain"), text("target"), rule["uses"].as_u64().unwrap())
    };
    let both = format!("{A},{B}");
    let mut found: Vec<_> = rules.iter().map(|rule| told(rule)).collect();
    found.sort();
    let row = |who: &str, action: &str, chain: &str, target: &str, uses| {
        (who.to_owned(), action.to_owned(), chain.to_owned(), target.to_owned(), uses)
    };
    assert_eq!(
        found,
        [
            row("analysts", "copy", A, "s3://landing/own/x.csv", 1),
            row("etl", "copy", &both, "s3://landing/venue/*", 2),
            row("etl", "unload", &both, "s3://companyb/out_", 1),
        ]
    );
    let expected = [("hidden", 1), ("leaves_organisation", 1), ("refused", 2), ("static_keys", 1), ("truncated", 1)];
    assert_eq!(reasons(&report), expected.map(|(reason, count)| (reason.to_owned(), count)).into(), "{report:#}");
    let summary = &report["summary"];
    assert_eq!(
        (&summary["statements"], &summary["learned"], &summary["for_review"]),
        (&json!(11), &json!(4), &json!(6))
    );
    let text = folder.read("proposed/learned.cedar");
    assert!(
        text.contains("// 2 uses by 2 of 2 members (etl, loader), from 2026-01-02T03:04:05Z to 2026-01-03T03:04:05Z"),
        "{text}"
    );
    for file in ["proposed/learned.cedar", "proposed/learned.test.toml", "proposed/for_review.json"] {
        let text = folder.read(file);
        assert!(!text.contains("hush") && !text.contains("AKIASECRETS"), "{file}: {text}");
    }
}

#[test]
fn cases_pin_the_rules_and_a_replay_refuses_nothing_that_was_learned() {
    let folder = world();
    folder.write("week.jsonl", history());
    folder.learn(&["--config", "rolegate.toml", "--out", "proposed", "week.jsonl"]);
    let (code, out, err) = folder.run(&["policy", "test", "proposed/learned.test.toml"], None);
    assert_eq!(code, Some(0), "{out}{err}");
    for what in ["is let through", "a stranger", "another chain", "another bucket", "another place"] {
        assert!(out.contains(what), "{what}: {out}");
    }
    let replay = ["replay", "--config", "rolegate.toml", "--format", "json", "week.jsonl"];
    let (_, out, err) = folder.run(&replay, Some("proposed/learned.cedar"));
    let replayed: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let refused = replayed["groups"].as_array().unwrap().iter().filter(|group| group["would_be"] == "reject");
    let refused: Vec<&str> = refused.map(|group| group["chain"].as_str().unwrap()).collect();
    // Keys are annotated without rules, and permitted by none of these.
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(
        refused.iter().all(|chain| [B, "access_keys"].contains(chain) || chain.contains("Foreign") || *chain == A),
        "{refused:?}"
    );
    // A rule that is lost is noticed by its case.
    let rules = folder.read("proposed/learned.cedar");
    folder.write("proposed/learned.cedar", rules.replacen("venue", "other", 2));
    assert_eq!(folder.run(&["policy", "test", "proposed/learned.test.toml"], None).0, Some(1));
}

#[test]
fn without_a_configuration_rules_are_for_users_and_the_cases_have_one_of_their_own() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    let report = folder.learn(&["--out", "proposed", "--format", "json", "--prefix-depth", "0", "week.jsonl"]);
    let kinds = report["rules"].as_array().unwrap().iter().map(|rule| rule["principal_kind"].as_str().unwrap());
    assert!(kinds.clone().count() > 3 && kinds.into_iter().all(|kind| kind == "user"));
    let (code, out, err) = folder.run(&["policy", "test", "proposed/learned.test.toml"], None);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn what_failed_teaches_nothing() {
    let folder = world();
    let tried = |outcome: &str, bucket: &str| {
        line("loader", 11, &copy(&format!("s3://{bucket}/x"), A), &json!({"outcome": outcome}))
    };
    let outcomes = ["failed", "aborted", "canceled", "reject", "success", "forward", ""];
    let lines: String = outcomes.iter().map(|outcome| tried(outcome, &format!("b-{outcome}"))).collect();
    folder.write("week.jsonl", lines + &tried("failed", "b-success"));
    let report = folder.learn(&["--config", "rolegate.toml", "--out", "proposed", "week.jsonl"]);
    assert_eq!(reasons(&report), [("failed".to_owned(), 5)].into(), "{report:#}");
    let targets = report["rules"].as_array().unwrap().iter().map(|rule| rule["target"].as_str().unwrap());
    assert_eq!(targets.collect::<Vec<_>>(), ["s3://b-/x", "s3://b-forward/x", "s3://b-success/x"]);
    assert!(!folder.read("proposed/learned.cedar").contains("b-failed"));
}

#[test]
fn an_audit_tells_what_failed_in_records_of_their_own() {
    let folder = world();
    let verdict = |id: &str, bucket: &str| {
        let text = copy(&format!("s3://{bucket}/x"), A);
        json!({"v": 2, "event": "verdict", "id": id, "time": "2026-01-02T03:04:05Z", "user": "loader", "action": "forward", "statement": text})
    };
    let outcome = |of: &str, outcome: &str| json!({"v": 2, "event": "outcome", "of": of, "outcome": outcome});
    let lines = [
        verdict("1", "good"),
        verdict("2", "bad"),
        outcome("2", "failed"),
        outcome("1", "completed"),
        verdict("3", "open"),
        verdict("4", "after"),
        outcome("4", "skipped"),
    ];
    folder.write("audit.jsonl", lines.map(|line| format!("{line}\n")).concat());
    let (code, records, err) = folder.run(&["history", "audit.jsonl"], None);
    assert_eq!(code, Some(0), "{err}");
    folder.write("records.jsonl", records);
    for input in ["audit.jsonl", "records.jsonl"] {
        let report = folder.learn(&["--config", "rolegate.toml", "--out", input.trim_end_matches(".jsonl"), input]);
        assert_eq!(reasons(&report), [("failed".to_owned(), 2)].into(), "{report:#}");
        let targets = report["rules"].as_array().unwrap().iter().map(|rule| rule["target"].as_str().unwrap());
        assert_eq!(targets.collect::<Vec<_>>(), ["s3://good/x", "s3://open/x"], "{input}");
    }
}

#[test]
fn options_generalise() {
    let folder = world();
    folder.write("week.jsonl", history());
    let learn = |out: &str, more: &[&str]| {
        let arguments = [&["--config", "rolegate.toml", "--out", out, "week.jsonl"], more].concat();
        folder.learn(&arguments)
    };
    let rare = learn("rare", &["--min-uses", "2"]);
    assert_eq!((rare["rules"].as_array().unwrap().len(), reasons(&rare).get("rare")), (1, Some(&2)));
    let users = learn("users", &["--by", "user"]);
    assert_eq!(users["rules"].as_array().unwrap().len(), 4);
    let last = learn("last", &["--roles", "last"]);
    assert!(last["rules"].as_array().unwrap().iter().any(|rule| rule["chain"] == B), "{last:#}");
    let (code, out, err) = folder.run(&["policy", "test", "last/learned.test.toml"], None);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn nothing_is_overwritten_unasked() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    folder.learn(&["--out", "proposed", "week.jsonl"]);
    let (code, _, err) = folder.run(&["learn", "--out", "proposed", "week.jsonl"], None);
    assert!(code == Some(2) && err.contains("learned.cedar exists"), "{err}");
    folder.learn(&["--out", "proposed", "--overwrite", "week.jsonl"]);
    let (code, out, _) = folder.run(&["learn", "--out", "other", "--format", "human", "week.jsonl"], None);
    assert!(code == Some(0) && out.contains("For review: never learned") && out.contains("names access keys"), "{out}");
}

#[test]
fn the_same_whatever_the_number_of_threads() {
    let folder = world();
    let mut text = String::new();
    for number in 0..4000_u32 {
        let user = ["etl", "loader", "analyst"][usize::try_from(number % 3).unwrap()];
        let uri = format!("s3://landing/{}/{number}.csv", ["a", "b", "c"][usize::try_from(number % 7 % 3).unwrap()]);
        let _infallible = write!(text, "{}", line(user, 1 + number % 28, &copy(&uri, A), &json!({})));
    }
    folder.write("year.jsonl", text);
    let learn = |threads: &str| {
        folder.learn(&["--config", "rolegate.toml", "--out", threads, "--threads", threads, "year.jsonl"])
    };
    assert_eq!(learn("1"), learn("3"));
    assert_eq!(folder.read("1/learned.cedar"), folder.read("3/learned.cedar"));
}
