//! `rolegate replay`: what enforcement would do with a recorded history, and what another configuration changes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

const A: &str = "arn:aws:iam::111122223333:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.config("open.toml", "@id(\"all\") permit(principal, action, resource);");
        folder.config(
            "strict.toml",
            &format!(
                "@id(\"all\") permit(principal, action, resource);\n\
                 @id(\"no-b\") @reason(\"RoleB is for etl\") forbid(principal, action, resource)\n\
                 when {{ resource.roles.contains(\"{B}\") }} unless {{ principal in Rolegate::Group::\"etl\" }};"
            ),
        );
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn config(&self, name: &str, rules: &str) {
        let rules_name = name.replace(".toml", ".cedar");
        self.write(&rules_name, rules);
        self.write(
            name,
            format!(
                "[policy]\nrules = [\"{rules_name}\"]\n[policy.groups]\netl = [\"etl\"]\n\
                 [[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
            ),
        );
    }

    /// Exit status, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
        let done = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let all = [&["replay", "--format", "json"], arguments].concat();
        let (code, out, err) = self.run(&all);
        (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
    }
}

fn line(time: &str, user: &str, text: &str, more: &Value) -> String {
    let mut record = json!({"source": "x", "line": 1, "from": "audit", "time": format!("2026-01-{time}Z"), "user": user,
        "database": "dev", "application": "dbt", "client_address": "10.0.0.9", "text": text});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{record}\n")
}

fn history() -> String {
    let copy = |roles: &str, bucket: &str| format!("copy t from 's3://{bucket}/x' iam_role '{roles}'");
    let both = format!("{A},{B}");
    [
        line("02T03:04:05", "etl", &copy(&both, "landing"), &json!({})),
        line("03T03:04:05", "analyst", &copy(&both, "landing"), &json!({})),
        line("05T03:04:05", "analyst", &copy(&both, "landing"), &json!({})),
        line("04T03:04:05", "analyst", &copy(A, "landing"), &json!({})),
        line("04T03:04:06", "analyst", "select 1", &json!({})),
        line(
            "04T03:04:07",
            "analyst",
            &format!("{} access_key_id 'AKIASECRETS' secret_access_key 's'", copy("x", "b")),
            &json!({}),
        ),
        line(
            "04T03:04:08",
            "analyst",
            "copy t from 's3://hidden/x' iam_role ''",
            &json!({"hidden": true, "from": "stl_query"}),
        ),
        line("04T03:04:09", "analyst", "select 1 ", &json!({"truncated": true})),
        line("04T03:04:10", "rdsdb", "select 1", &json!({})),
        "{broken\n".to_owned(),
    ]
    .concat()
}

#[test]
fn a_history_under_one_configuration() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    let (code, report) = folder.json(&["--config", "strict.toml", "week.jsonl"]);
    assert_eq!(code, Some(1));
    let summary = &report["summary"];
    for (name, want) in [
        ("records", 10),
        ("statements", 6),
        ("with_roles", 5),
        ("cannot_tell", 2),
        ("unreadable", 1),
        ("internal", 1),
        ("users", 1),
        ("applications", 1),
    ] {
        assert_eq!(summary[name], want, "{name}: {summary}");
    }
    assert_eq!(summary["would_be"], json!({"forward": 3, "annotate": 0, "reject": 3}));
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{groups:#?}");
    let group = &groups[0];
    for (name, want) in [
        ("code", "RG301"),
        ("rule", "no-b"),
        ("message", "RoleB is for etl"),
        ("user", "analyst"),
        ("application", "dbt"),
        ("kind", "copy"),
        ("target", "s3://landing"),
        ("first_seen", "2026-01-03T03:04:05Z"),
        ("last_seen", "2026-01-05T03:04:05Z"),
    ] {
        assert_eq!(group[name], want, "{name}: {group}");
    }
    assert_eq!((&group["chain"], &group["count"]), (&json!(format!("{A},{B}")), &json!(2)));
    assert!(!report.to_string().contains("AKIASECRETS"), "examples hide secrets");
    let unknown: Vec<_> = report["cannot_tell"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["reason"].clone(), row["kind"].clone(), row["target"].clone()))
        .collect();
    assert_eq!(
        unknown,
        [(json!("hidden"), json!("copy"), json!("s3://hidden")), (json!("truncated"), json!("none"), Value::Null)]
    );
    let (code, text, err) = folder.run(&["replay", "--config", "strict.toml", "week.jsonl"]);
    assert_eq!(code, Some(1));
    assert!(text.ends_with("6 statements, 5 with roles, 3 would be refused in 2 groups; 1 user, 1 application; 2 cannot be told; 1 unreadable\n"), "{text}");
    assert!(text.contains("The cluster blanks roles") && text.contains("audit on 4 days"), "{text}");
    assert!(err.contains("week.jsonl:10: cannot be read"), "{err}");
}

#[test]
fn only_what_changes_both_ways() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    let (code, report) = folder.json(&["--config", "strict.toml", "--old", "open.toml", "week.jsonl"]);
    assert_eq!(code, Some(1));
    let changes = report["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:#?}");
    let change = &changes[0];
    assert_eq!((&change["from"], &change["to"], &change["count"]), (&json!("forward"), &json!("reject"), &json!(2)));
    assert_eq!(change["to_reason"], "RG301: RoleB is for etl (rule \"no-b\")");
    let (code, report) = folder.json(&["--config", "open.toml", "--old", "strict.toml", "week.jsonl"]);
    assert_eq!(code, Some(0), "nothing is newly refused");
    let change = &report["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"], &change["code"]),
        (&json!("reject"), &json!("forward"), &json!("RG301"))
    );
    assert_eq!(change["from_reason"], "RG301: RoleB is for etl (rule \"no-b\")");
    let (code, text, _) = folder.run(&["replay", "--config", "open.toml", "--old", "open.toml", "week.jsonl"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("0 newly refused, 0 newly let through"), "{text}");
}

/// What exceptions let through is marked, and is not refused: nor newly refused where only the exception ends.
#[test]
fn exceptions_are_marked_at_the_time_of_the_record() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    let strict = fs::read_to_string(folder.0.path().join("strict.toml")).unwrap();
    folder.write("excepted.toml", strict.replace("[policy]\n", "[policy]\nexceptions = \"e.toml\"\n"));
    let exception = |until: &str| {
        let text = format!(
            "[[exception]]\nid = \"SEC-1\"\nusers = [\"analyst\"]\ncodes = [\"RG301\"]\nchains = [\"{A},{B}\"]\nuntil = {until}\n\
             owner = \"data\"\nticket = \"T-1\"\n"
        );
        folder.write("e.toml", text);
    };
    let rows = |report: &Value, of: &str| -> Vec<(Value, Value, u64)> {
        let rows = report[of].as_array().unwrap().iter();
        rows.map(|row| (row["code"].clone(), row["exceptions"].clone(), row["count"].as_u64().unwrap())).collect()
    };
    exception("2026-01-04T00:00:00Z");
    let (code, report) = folder.json(&["--config", "excepted.toml", "week.jsonl"]);
    let refused = |code: &str| (json!(code), json!([]), 1);
    let excepted = (json!("RG301"), json!(["SEC-1"]), 1);
    assert_eq!(rows(&report, "groups"), [refused("RG103"), refused("RG301"), excepted.clone()]);
    assert_eq!((code, &report["summary"]["excepted"]), (Some(1), &json!(1)), "{report:#}");
    let (code, report) = folder.json(&["--config", "excepted.toml", "--old", "strict.toml", "week.jsonl"]);
    assert_eq!((code, rows(&report, "changes")), (Some(0), vec![excepted]));
    let (code, text, _) = folder.run(&["replay", "--config", "strict.toml", "--old", "excepted.toml", "week.jsonl"]);
    assert!(text.contains("RoleB is for etl (rule \"no-b\"); let through by exception SEC-1"), "{text}");
    assert!(code == Some(1) && text.contains("1 newly refused, 0 newly let through"), "{text}");
    exception("2027-01-01T00:00:00Z");
    folder.write("only.jsonl", history().lines().skip(1).take(2).flat_map(|line| [line, "\n"]).collect::<String>());
    let (code, text, _) = folder.run(&["replay", "--config", "excepted.toml", "only.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("2 statements, 2 with roles, 0 would be refused; 2 let through by exceptions\n"), "{text}");
    let (_, page, _) = folder.run(&["replay", "--config", "excepted.toml", "--format", "html", "only.jsonl"]);
    assert!(page.contains("<tr class=\"excepted\">") && page.contains("let through by exception SEC-1"), "{page}");
}

/// What a group breaks the glass for is marked, in shadow mode too, and is not refused.
#[test]
fn what_breaks_the_glass_is_marked() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    let strict = fs::read_to_string(folder.0.path().join("strict.toml")).unwrap();
    for mode in ["enforce", "shadow"] {
        let glass = format!("[policy]\nmode = \"{mode}\"\nbreak_glass = [\"oncall\"]\n");
        folder.write(
            "glass.toml",
            strict.replace("[policy]\n", &glass).replace("etl = [\"etl\"]", "etl = [\"etl\"]\noncall = [\"analyst\"]"),
        );
        let (code, report) = folder.json(&["--config", "glass.toml", "week.jsonl"]);
        let rows = report["groups"].as_array().unwrap().iter().filter(|row| row["would_be"] == "reject");
        let groups: Vec<&Value> = rows.map(|row| &row["break_glass"]).collect();
        assert_eq!((code, groups), (Some(0), vec![&json!("oncall"); 2]), "{mode}: {report:#}");
        assert_eq!((&report["summary"]["break_glass"], &report["summary"]["excepted"]), (&json!(3), &json!(0)));
        let (code, text, _) = folder.run(&["replay", "--config", "glass.toml", "week.jsonl"]);
        assert!(
            text.contains("2 x let through by break-glass: RG301") && text.contains("break-glass group oncall"),
            "{text}"
        );
        assert!(text.contains(", 0 would be refused; 3 let through by break-glass; "), "{text}");
        assert_eq!(code, Some(0));
        let (code, report) = folder.json(&["--config", "strict.toml", "--old", "glass.toml", "week.jsonl"]);
        let change = &report["changes"][0];
        assert_eq!((code, &change["from_break_glass"], &change["to"]), (Some(1), &json!("oncall"), &json!("reject")));
        let (_, page, _) = folder.run(&["replay", "--config", "glass.toml", "--format", "html", "week.jsonl"]);
        assert!(page.contains("<tr class=\"excepted\">") && page.contains("break-glass group oncall"), "{page}");
    }
}

#[test]
fn rules_on_hours_see_the_time_of_the_record() {
    let folder = Folder::new();
    let hours = "@id(\"all\") permit(principal, action, resource);\n\
                 @id(\"night\") forbid(principal, action, resource) unless { context.hour >= 8 && context.hour < 18 };";
    folder.config("hours.toml", hours);
    let copy = format!("copy t from 's3://b/x' iam_role '{A}'");
    let lines =
        ["02T07:59:59", "02T08:00:00", "02T17:59:59", "02T18:00:00"].map(|time| line(time, "etl", &copy, &json!({})));
    folder.write("day.jsonl", lines.concat() + &line("02T09:00:00", "etl", &copy, &json!({"time": null})));
    let (_, report) = folder.json(&["--config", "hours.toml", "day.jsonl"]);
    let group = &report["groups"][0];
    assert_eq!((&group["rule"], &group["count"]), (&json!("night"), &json!(2)), "{report:#}");
    assert_eq!(
        (&group["first_seen"], &group["last_seen"]),
        (&json!("2026-01-02T07:59:59Z"), &json!("2026-01-02T18:00:00Z"))
    );
    assert_eq!(report["cannot_tell"][0]["reason"], "time_unknown");
}

#[test]
fn names_with_commas_are_counted_once() {
    let folder = Folder::new();
    let bad = format!("copy t from 's3://b/x' iam_role '{A},x'");
    let more = json!({"application": "one, two, three"});
    folder.write("week.jsonl", line("02T00:00:00", "last, first", &bad, &more));
    for by in ["user", "group"] {
        let (_, report) = folder.json(&["--config", "open.toml", "--by", by, "week.jsonl"]);
        assert_eq!((&report["summary"]["users"], &report["summary"]["applications"]), (&json!(1), &json!(1)));
        assert_eq!(report["groups"][0]["applications"], json!(["one, two, three"]));
    }
}

#[test]
fn groups_become_cases_that_pass() {
    let folder = Folder::new();
    folder.write("week.jsonl", history());
    for old in [&["--old", "open.toml"][..], &[]] {
        let arguments =
            [&["replay", "--config", "strict.toml", "--save-cases", "week.test.toml"], old, &["week.jsonl"]].concat();
        let (code, _, err) = folder.run(&arguments);
        assert_eq!(code, Some(1), "{err}");
        let (code, out, err) = folder.run(&["policy", "test", "week.test.toml"]);
        assert_eq!(code, Some(0), "{out}{err}");
    }
}

#[test]
fn the_other_forms() {
    let folder = Folder::new();
    let evil = "copy t from 's3://b/x' iam_role '<script>alert(1)</script>'";
    folder.write("week.jsonl", history() + &line("06T00:00:00", "=cmd", evil, &json!({})));
    let (_, page, _) = folder.run(&["replay", "--config", "strict.toml", "--format", "html", "week.jsonl"]);
    assert!(
        page.starts_with("<!doctype html>") && page.contains("<svg") && page.contains("prefers-color-scheme: dark")
    );
    assert!(
        page.contains("would be refused in 3 groups")
            && page.contains("2026-01-03 03:04")
            && page.contains("</i> annotated"),
        "{page}"
    );
    let (_, changes, _) =
        folder.run(&["replay", "--config", "strict.toml", "--old", "open.toml", "--format", "html", "week.jsonl"]);
    let both = "<b>before</b> nothing stands in its way<br><b>now</b> RG301: RoleB is for etl (rule &quot;no-b&quot;)";
    assert!(changes.contains(both), "{changes}");
    assert!(
        !page.contains("<script>") && !page.contains("http://") && !page.contains("https://"),
        "nothing runs, nothing is fetched"
    );
    let (_, csv, _) = folder.run(&["replay", "--config", "strict.toml", "--format", "csv", "week.jsonl"]);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.contains("'=cmd"), "{csv}");
    let (_, report) = folder.json(&["--config", "strict.toml", "--by", "group", "week.jsonl"]);
    assert!(report["groups"].as_array().unwrap().iter().any(|row| row["user"] == "analyst"), "{report}");
}

#[test]
fn usage_errors() {
    let folder = Folder::new();
    for (arguments, words) in [
        (&["--config", "strict.toml", "missing.jsonl"][..], "missing.jsonl: no such file"),
        (&["--config", "strict.toml", "strict.toml"], "none of the inputs can be read"),
        (&["--config", "missing.toml", "strict.toml"], "missing.toml"),
        (&["--config", "strict.toml"], "INPUT"),
    ] {
        let (code, _, err) = folder.run(&[&["replay"], arguments].concat());
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new();
    let many: String = (0..400).map(|_| history()).collect();
    folder.write("week.jsonl", many);
    let with = |threads: &str| {
        folder.run(&["replay", "--config", "strict.toml", "--format", "json", "--threads", threads, "week.jsonl"])
    };
    let one = with("1");
    assert_eq!((one.0, &one), (Some(1), &with("5")));
}
