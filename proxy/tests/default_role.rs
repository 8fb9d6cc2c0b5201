//! `IAM_ROLE default` is judged as the cluster's default role, where the facts tell which it is.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rolegate::gate::codes::Code;
use rolegate::gate::judge_alone;
use rolegate::gate::policy::{Iam, Parts, Policy};
use rolegate::gate::principal::{Attributes, Principal};
use rolegate::iam::{EvaluationMode, ExternalIdOn, Facts, Sources};
use rolegate::rules::RuleSet;
use rolegate::sql::Dialect;

/// The codes found in a COPY with the default role, `from` replaced by `to` in the demo's description of the cluster.
fn codes(from: &str, to: &str) -> Vec<Code> {
    codes_under(RuleSet::none(), from, to)
}

fn codes_under(rules: RuleSet, from: &str, to: &str) -> Vec<Code> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/demo");
    let folder = tempfile::tempdir().unwrap();
    let clusters = folder.path().join("clusters.json");
    let text = fs::read_to_string(demo.join("clusters/demo.json")).unwrap();
    assert!(text.contains(from));
    fs::write(&clusters, text.replace(from, to)).unwrap();
    let iam = ["iam/123456789012.json", "iam/210987654321.json"].map(|file| demo.join(file)).to_vec();
    let facts = Facts::load(&Sources { iam, clusters: vec![clusters], service_control: Vec::new() }).unwrap();
    let policy = Policy::new(Parts {
        dialect: Dialect::Redshift,
        gate: "demo".to_owned(),
        iam: Some(Iam {
            facts: Arc::new(facts),
            cluster: "demo".to_owned(),
            mode: EvaluationMode::Guide,
            external_id: ExternalIdOn::Same,
            stated: Arc::default(),
        }),
        rules: Arc::new(rules),
        groups: BTreeMap::new(),
        catalog: rolegate::gate::policy::ClusterGroups::NotRead,
        stored: rolegate::gate::stored::Stored::none(),
        severities: BTreeMap::new(),
        modes: rolegate::gate::modes::Modes::default(),
        exceptions: std::sync::Arc::from([]),
        break_glass: Vec::new(),
    });
    let principal = Principal::new(Attributes { user: "etl".to_owned(), ..Attributes::default() });
    let text = b"copy venue from 's3://b/x' iam_role default";
    let verdict = judge_alone(&policy, text, &principal, Timestamp::now()).unwrap();
    let role_use = verdict.statements.iter().flat_map(|statement| &statement.uses).next().unwrap();
    assert!(role_use.roles.is_empty(), "reports show the keyword");
    verdict.codes()
}

#[test]
fn the_default_role_is_judged() {
    assert_eq!(codes("demo", "demo"), [], "attached and trusting");
    assert_eq!(codes("\"in-sync\"", "\"removing\""), [Code::Rg201]);
    let line = "\"DefaultIamRoleArn\": \"arn:aws:iam::123456789012:role/RoleA\",";
    assert_eq!(codes(line, ""), [Code::Rg201], "none is set: the statement would fail");
    assert_eq!(codes("\"IamRoles\"", "\"Roles\""), [Code::Rg207], "whether the role is attached is not known");
    let nothing = "\"DefaultIamRoleArn\": \"arn:aws:iam::123456789012:role/RoleA\",\n      \"IamRoles\"";
    assert_eq!(codes(nothing, "\"Roles\""), [Code::Rg206], "which role it is is not known");
    assert_eq!(codes(line, "\"DefaultIamRoleArn\": \"arn:aws:iam::123456789012:role/Gone\","), [Code::Rg201]);
}

/// The keyword is no way around a rule about the role that it stands for.
#[test]
fn rules_see_the_default_role() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.cedar");
    let text = r#"
        @id("all") permit (principal, action, resource);
        @id("not-a") forbid (principal, action, resource)
        when { resource.method == "default" && resource.roles.contains("arn:aws:iam::123456789012:role/RoleA") };"#;
    fs::write(&file, text).unwrap();
    let under = |from, to| codes_under(RuleSet::load(std::slice::from_ref(&file)).unwrap(), from, to);
    assert_eq!(under("demo", "demo"), [Code::Rg301]);
    let other = "\"DefaultIamRoleArn\": \"arn:aws:iam::123456789012:role/Other\",";
    let line = "\"DefaultIamRoleArn\": \"arn:aws:iam::123456789012:role/RoleA\",";
    assert_eq!(under(line, other), [Code::Rg201], "changed facts are judged anew");
}
