//! Rules through the command line: patterns, tags, the clock, and cases that pin them.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::fs;
use std::path::Path;
use std::process::Command;

const ACCOUNT: &str = "123456789012";

fn role(name: &str, tags: &str) -> String {
    format!(
        r#"{{"RoleName": "{name}", "RoleId": "AROA{name}", "Arn": "arn:aws:iam::{ACCOUNT}:role/{name}", "Path": "/",
        "Tags": [{tags}], "RolePolicyList": [], "AttachedManagedPolicies": [],
        "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {{"Service": "redshift.amazonaws.com"}}}}]}}}}"#
    )
}

/// A folder with facts of two roles, of which one has a tag; rules; and cases.
fn folder(rules: &str, zone: &str, cases: &[(&str, &str, &str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let tag = r#"{"Key": "team", "Value": "etl"}"#;
    write("iam.json", &format!(r#"{{"RoleDetailList": [{}, {}]}}"#, role("Tagged", tag), role("Bare", "")));
    let attached = ["Tagged", "Bare"]
        .map(|name| format!(r#"{{"IamRoleArn": "arn:aws:iam::{ACCOUNT}:role/{name}", "ApplyStatus": "in-sync"}}"#));
    write(
        "clusters.json",
        &format!(
            r#"{{"Clusters": [{{"ClusterIdentifier": "c", "ClusterNamespaceArn":
            "arn:aws:redshift:us-east-1:{ACCOUNT}:namespace:x", "IamRoles": [{}]}}]}}"#,
            attached.join(",")
        ),
    );
    write("r.cedar", rules);
    write(
        "rolegate.toml",
        &format!(
            "[policy]\nrules = [\"r.cedar\"]\ntime_zone = \"{zone}\"\n[facts]\niam = [\"iam.json\"]\nclusters = [\"clusters.json\"]\n\
             [[gate]]\nname = \"g\"\ncluster = \"c\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
        ),
    );
    let case = |(user, role, time, verdict): &(&str, &str, &str, &str)| {
        format!(
            "[[case]]\nname = \"{user} {role} {time}\"\nuser = \"{user}\"\ntime = \"{time}\"\n\
             sql = \"copy t from 's3://b/x' iam_role 'arn:aws:iam::{ACCOUNT}:role/{role}'\"\nverdict = \"{verdict}\"\n"
        )
    };
    let cases: String = cases.iter().map(case).collect();
    write("r.test.toml", &format!("config = \"rolegate.toml\"\n{cases}"));
    folder
}

fn test(folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    let done = command.args(["policy", "test", "r.test.toml"]).current_dir(folder).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn tags_come_from_the_facts_and_the_clock_from_the_zone() {
    let rules = "@id(\"all\") permit (principal, action, resource);\n\
        @id(\"tagged\") forbid (principal, action, resource)\n\
        unless { resource has tags_of_every_role && resource.tags_of_every_role.contains(\"team=etl\") };\n\
        @id(\"office-hours\") forbid (principal, action, resource)\n\
        when { principal.name like \"bi_*\" && (context.hour < 8 || context.weekday == \"sunday\") };\n";
    let (friday, early, sunday) = ("2026-07-03T07:00:00Z", "2026-07-03T05:59:00Z", "2026-07-04T22:30:00Z");
    let rows = [
        ("etl", "Tagged", friday, "forward"),
        ("etl", "Bare", friday, "reject"),
        ("bi_ann", "Tagged", friday, "forward"),
        ("bi_ann", "Tagged", early, "reject"),
        ("bi_ann", "Tagged", sunday, "reject"),
        ("etl", "Tagged", early, "forward"),
    ];
    let (code, text) = test(folder(rules, "Europe/Berlin", &rows).path());
    assert_eq!(code, Some(0), "{text}");
    // The same moments in another zone are other hours and another day.
    let rows = [("bi_ann", "Tagged", friday, "reject"), ("bi_ann", "Tagged", "2026-07-04T22:30:00Z", "forward")];
    let (code, text) = test(folder(rules, "UTC", &rows).path());
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_time_zone_that_does_not_exist_is_told() {
    let (code, text) = test(folder("", "Europe/Berlni", &[("u", "Bare", "2026-07-03T07:00:00Z", "forward")]).path());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("policy.time_zone") && text.contains("Europe/Berlni"), "{text}");
}
