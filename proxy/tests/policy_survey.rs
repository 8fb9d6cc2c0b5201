//! `rolegate policy diff` and `rolegate policy lint`: what a change changes, and rules without effect.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";

struct Folder(tempfile::TempDir);

impl Folder {
    /// A configuration over the demo's facts; its rules are `rules.cedar`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo").canonicalize().unwrap();
        let demo = demo.display();
        folder.write(
            "rolegate.toml",
            &format!(
                "[policy]\nrules = [\"rules.cedar\"]\ntime_zone = \"Europe/Berlin\"\n[policy.groups]\netl = [\"etl\"]\nanalysts = [\"analyst\"]\n\
                 [facts]\niam = [\"{demo}/iam/*.json\"]\nclusters = [\"{demo}/clusters/*.json\"]\n\
                 [[gate]]\nname = \"demo\"\ncluster = \"demo\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
            ),
        );
        folder.write("rules.cedar", OLD);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
        let done = command.arg("policy").args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, out, err) = self.run(&[arguments, &["--format", "json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
    }

    /// The differences of `new` from the rules in force: (from, to, causes).
    fn diff(&self, new: &str) -> Vec<(String, String, Vec<String>)> {
        self.write("new.cedar", new);
        let (code, report) = self.json(&["diff", "--config", "rolegate.toml", "rules.cedar", "new.cedar"]);
        let rows = report["differences"].as_array().unwrap();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let cause = |cause: &Value| format!("{} {}", word(&cause["change"]), word(&cause["rule"]));
        let row = |row: &Value| {
            let causes = row["causes"].as_array().unwrap().iter().map(cause).collect();
            (word(&row["from"]), word(&row["to"]), causes)
        };
        let found: Vec<_> = rows.iter().map(row).collect();
        assert_eq!(code, Some(i32::from(found.iter().any(|(_, to, _)| to == "reject"))), "{report:#}");
        found
    }
}

const OLD: &str = "@id(\"all\") permit (principal, action, resource);\n\
    @id(\"home\") @reason(\"stay home\") forbid (principal in Rolegate::Group::\"analysts\", action == Rolegate::Action::\"Unload\", resource)\n\
    when { resource.leaves_cluster_account };\n";

#[test]
fn a_forbid_in_shadow_mode_annotates() {
    let folder = Folder::new();
    let shadowed = OLD.replace("@id(\"home\")", "@id(\"home\") @mode(\"shadow\")");
    assert_eq!(folder.diff(&shadowed), causes(&[("reject", "annotate", &["changed home"])]));
    folder.write("rules.cedar", &shadowed);
    assert_eq!(folder.diff(OLD), causes(&[("annotate", "reject", &["changed home"])]));
    let copy = format!("unload ('select 1') to 's3://x/y' iam_role '{A},{B}'");
    let record = json!({"source": "x", "line": 1, "from": "audit", "time": "2026-01-02T03:04:05Z", "user": "analyst", "text": copy});
    folder.write("week.jsonl", &format!("{record}\n"));
    let (code, report) = folder.json(&["diff", "--config", "rolegate.toml", "rules.cedar", "new.cedar", "week.jsonl"]);
    let row = &report["differences"][0];
    assert_eq!((code, &row["from"], &row["to"]), (Some(1), &json!("annotate"), &json!("reject")), "{report:#}");
    assert_eq!(row["causes"][0]["rule"], "home");
}

/// A forbid in shadow mode refuses nothing: it contradicts no permit, and makes no other forbid needless.
#[test]
fn lint_honours_the_mode_of_a_rule() {
    let folder = Folder::new();
    let wide = |mode: &str| {
        folder.write(
            "rules.cedar",
            &format!(
                "@id(\"all\") permit (principal, action, resource);\n\
                 @id(\"wide\") @mode(\"{mode}\") forbid (principal, action, resource);\n\
                 @id(\"narrow\") forbid (principal in Rolegate::Group::\"etl\", action, resource);\n"
            ),
        );
        let (code, report) = folder.json(&["lint", "--config", "rolegate.toml"]);
        let findings = report["findings"].as_array().unwrap();
        let word =
            |finding: &Value| format!("{} {}", finding["rule"].as_str().unwrap(), finding["kind"].as_str().unwrap());
        (code, findings.iter().map(word).collect::<Vec<_>>())
    };
    assert_eq!(wide("shadow"), (Some(0), Vec::new()));
    assert_eq!(wide("enforce"), (Some(1), vec!["all contradicted".to_owned(), "narrow shadowed".to_owned()]));
}

#[test]
fn exceptions_are_listed_and_those_that_are_over_are_warned_of() {
    let folder = Folder::new();
    let (code, out, _) = folder.run(&["exceptions", "rolegate.toml"]);
    assert_eq!((code, out.as_str()), (Some(0), "0 exceptions\n"));
    let config = fs::read_to_string(folder.0.path().join("rolegate.toml")).unwrap();
    let audit = folder.0.path().join("audit.jsonl").display().to_string();
    folder.write(
        "rolegate.toml",
        &format!(
            "{}[audit]\npath = \"{audit}\"\n",
            config.replace("[policy]\n", "[policy]\nexceptions = \"e.toml\"\n")
        ),
    );
    let check = |strict: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
        let done = command.args(["config", "check", "rolegate.toml"]).args(strict).current_dir(folder.0.path());
        let done = done.output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let exception = |until: &str| {
        folder.write(
            "e.toml",
            &format!(
                "[[exception]]\nid = \"SEC-1\"\nusers = [\"etl\"]\ncodes = [\"RG203\"]\nuntil = {until}\nowner = \"data\"\nticket = \"T-1\"\n"
            ),
        );
        folder.run(&["exceptions", "rolegate.toml"])
    };
    let (code, out, _) = exception("2999-01-01T00:00:00Z");
    assert!(code == Some(0) && out.ends_with("\n1 exception\n"), "{out}");
    assert_eq!(check(&["--strict"]), (Some(0), String::new()));
    let (code, out, _) = exception("2020-01-01T00:00:00Z");
    assert!(code == Some(0) && out.contains("(over)") && out.ends_with("\n1 exception, 1 of them over\n"), "{out}");
    let told = "exception \"SEC-1\" is over since 2020-01-01T00:00:00Z; take it out or agree on another\n";
    assert_eq!(check(&[]), (Some(0), format!("rolegate: warning: {told}")));
    assert_eq!(check(&["--strict"]), (Some(2), format!("rolegate: {told}")));
}

fn causes(rows: &[(&str, &str, &[&str])]) -> Vec<(String, String, Vec<String>)> {
    let owned = |(from, to, causes): &(&str, &str, &[&str])| {
        ((*from).to_owned(), (*to).to_owned(), causes.iter().map(ToString::to_string).collect())
    };
    rows.iter().map(owned).collect()
}

#[test]
fn a_difference_names_the_rule_that_causes_it() {
    let folder = Folder::new();
    let forbid = |what: &str| format!("{OLD}@id(\"new\") forbid (principal, action, resource) when {{ {what} }};");
    assert_eq!(folder.diff(&format!("// moved\n{OLD}")), []);
    // Each condition holds for some request of the grid, however narrow it is.
    for condition in [
        format!("resource has first_role && resource.first_role == \"{A}\" && resource has last_role && resource.last_role == \"{B}\""),
        "resource has target_bucket && resource.target_bucket == \"secret\" && resource has target_prefix && resource.target_prefix like \"hr/*\"".to_owned(),
        "context.application like \"dbt*\" && context.database == \"prod\" && context.hour < 6 && context.weekday == \"sunday\"".to_owned(),
        "context has client_address && context.client_address.isInRange(ip(\"10.0.0.0/8\"))".to_owned(),
        "context.now < datetime(\"2020-01-01\")".to_owned(),
        "resource.length > 3".to_owned(),
        "resource.common_path like \"/tmp/*\" && resource.method == \"chain\"".to_owned(),
        "principal.name like \"svc_*\"".to_owned(),
        "principal == Rolegate::User::\"bob\" && action in Rolegate::Action::\"stores\"".to_owned(),
        "resource has tags_of_every_role && resource.tags_of_every_role.contains(\"team=x\")".to_owned(),
        "resource.clause == \"credentials\"".to_owned(),
        "resource has target_function && resource.target_function like \"fn-*\"".to_owned(),
    ] {
        assert_eq!(folder.diff(&forbid(&condition)), causes(&[("forward", "reject", &["added new"])]), "{condition}");
    }
    let without = OLD.lines().next().unwrap();
    assert_eq!(folder.diff(without), causes(&[("reject", "forward", &["removed home"])]));
    let softer = OLD.replace("@reason", "@severity(\"annotate\") @reason");
    assert_eq!(folder.diff(&softer), causes(&[("reject", "annotate", &["changed home"])]));
    let narrow = OLD.replace("permit (principal,", "permit (principal in Rolegate::Group::\"etl\",");
    assert_eq!(folder.diff(&narrow), causes(&[("forward", "reject", &["changed all"])]));
}

#[test]
fn a_difference_over_a_history_counts_what_was_really_sent() {
    let folder = Folder::new();
    let line = |user: &str, text: &str| {
        let record = json!({"source": "x", "line": 1, "from": "audit", "time": "2026-01-02T03:04:05Z", "user": user,
            "database": "dev", "application": "dbt", "text": text});
        format!("{record}\n")
    };
    let copy = format!("copy t from 's3://landing/x' iam_role '{A}'");
    folder.write("week.jsonl", &[line("etl", &copy), line("analyst", &copy), line("analyst", "select 1")].concat());
    folder.write(
        "new.cedar",
        &format!("{OLD}@id(\"new\") forbid (principal == Rolegate::User::\"analyst\", action, resource);"),
    );
    let diff = ["diff", "--config", "rolegate.toml", "rules.cedar", "new.cedar", "week.jsonl"];
    let (code, report) = folder.json(&diff);
    assert_eq!(code, Some(1));
    assert_eq!((&report["summary"]["compared"], &report["summary"]["different"]), (&json!(3), &json!(1)));
    let row = &report["differences"][0];
    assert_eq!(
        (&row["users"], &row["targets"], &row["code"]),
        (&json!(["analyst"]), &json!(["s3://landing"]), &json!("RG301"))
    );
    assert_eq!(row["causes"], json!([{"rule": "new", "effect": "forbid", "change": "added"}]));
    let (_, human, _) = folder.run(&diff);
    assert!(
        human.contains("1 of 3 statements are decided differently") && human.contains("forbid \"new\" (added)"),
        "{human}"
    );
}

#[test]
fn rules_without_effect_are_found() {
    let folder = Folder::new();
    let lint = |more: &str| {
        folder.write("rules.cedar", &format!("{OLD}{more}"));
        let (code, report) = folder.json(&["lint", "rolegate.toml"]);
        let findings = report["findings"].as_array().unwrap().clone();
        assert_eq!(code, Some(i32::from(!findings.is_empty())), "{report:#}");
        let told = |finding: &Value| {
            let by = finding["by"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().to_owned()).collect();
            (finding["rule"].as_str().unwrap().to_owned(), finding["kind"].as_str().unwrap().to_owned(), by)
        };
        findings.iter().map(told).collect::<Vec<(String, String, Vec<String>)>>()
    };
    let found = |rule: &str, kind: &str, by: &[&str]| {
        vec![(rule.to_owned(), kind.to_owned(), by.iter().map(ToString::to_string).collect::<Vec<_>>())]
    };
    assert_eq!(lint(""), []);
    let forbid = |head: &str, when: &str| format!("@id(\"x\") forbid ({head}) when {{ {when} }};");
    let all = "principal, action, resource";
    assert_eq!(lint(&forbid(all, "resource.length > 2 && resource.length < 2")), found("x", "never_applies", &[]));
    assert_eq!(lint(&forbid(all, "resource.method == \"keys\"")), found("x", "never_applies", &[]));
    assert_eq!(
        lint(&forbid(all, "resource.method == \"default\" || resource.method == \"keys\"")),
        found("x", "unknown_name", &[])
    );
    assert_eq!(
        lint(&forbid(
            "principal in Rolegate::Group::\"analysts\", action == Rolegate::Action::\"Unload\", resource",
            "resource.leaves_cluster_account && resource.length == 2"
        )),
        found("x", "shadowed", &["home"])
    );
    assert_eq!(
        lint("@id(\"x\") permit (principal in Rolegate::Group::\"etl\", action, resource);"),
        found("x", "shadowed", &["all"])
    );
    folder.write(
        "two.cedar",
        "@id(\"no\") forbid (principal, action == Rolegate::Action::\"Copy\", resource);
        @id(\"yes\") permit (principal in Rolegate::Group::\"etl\", action == Rolegate::Action::\"Copy\", resource);
        @id(\"other\") permit (principal, action == Rolegate::Action::\"Unload\", resource);",
    );
    let (code, report) = folder.json(&["lint", "--config", "rolegate.toml", "two.cedar"]);
    let findings: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["rule"].as_str().unwrap(), one["kind"].as_str().unwrap()))
        .collect();
    assert_eq!((code, findings), (Some(1), vec![("yes", "contradicted")]));
}

#[test]
fn a_grid_that_is_too_large_is_sampled_and_says_so_and_still_meets_every_rule() {
    let folder = Folder::new();
    folder.write("new.cedar", &format!("{OLD}@id(\"new\") forbid (principal, action, resource) when {{ context.application == \"x\" && context.database == \"y\" }};"));
    let diff = ["diff", "--config", "rolegate.toml", "rules.cedar", "new.cedar", "--requests", "50"];
    let (code, report) = folder.json(&diff);
    assert_eq!(code, Some(1));
    assert!(report["summary"]["sampled_of"].as_u64().unwrap() > 50, "{report:#}");
    assert_eq!(report["differences"][0]["causes"][0]["rule"], "new");
    assert_eq!(folder.json(&diff), (code, report), "the same twice");
}

#[test]
fn what_cannot_be_compared_is_told() {
    let folder = Folder::new();
    for (arguments, word) in [
        (vec!["diff", "no.cedar", "rules.cedar"], "no.cedar"),
        (vec!["diff", "rolegate.toml", "no.toml"], "no.toml"),
        (vec!["diff", "--config", "rolegate.toml", "rules.cedar", "."], "did you"),
        (vec!["lint"], "POLICY"),
    ] {
        let (code, _, err) = folder.run(&arguments);
        if word == "did you" {
            assert_eq!(code, Some(0), "{err}");
        } else {
            assert!(code == Some(2) && err.contains(word), "{arguments:?} {err}");
        }
    }
}
