//! Messages word by word, and remedies put to use.

use serde_json::{Value as Json, json};

use super::fixture::{World, away, caller, document, home};
use crate::{
    chain::RoleArn,
    iam::{Outcome, Refusal, Step, attachment, hop},
};

fn refusal(step: Step) -> Refusal {
    match step.outcome {
        Outcome::Denied(refusal) | Outcome::Unknown(refusal) => refusal,
        Outcome::Allowed => panic!("allowed"),
    }
}

/// Source, or none for the attachment; target; user; message; evidence; remedy.
type Row = (Option<RoleArn>, RoleArn, &'static str, String, String, String);

#[test]
fn texts() {
    const A: &str = "arn:aws:iam::123456789012:role/RoleA";
    const AWAY: &str = "arn:aws:iam::210987654321:role";
    let rows: Vec<Row> = vec![
        (
            None,
            away("RoleB"),
            "etl",
            format!("role {AWAY}/RoleB is not attached to cluster demo"),
            format!(
                "roles attached to cluster demo and in-sync: {A}, arn:aws:iam::123456789012:role/NoService; the role belongs to \
                 account 210987654321, and only roles of the cluster's own account 123456789012 can be attached"
            ),
            format!("reach it by a chain from an attached role: iam_role '{A},{AWAY}/RoleB'"),
        ),
        (
            Some(home("RoleA")),
            away("RoleC"),
            "etl",
            format!("hop 1: role {AWAY}/RoleC does not trust role {A}"),
            format!("none of the statements (1) of its trust policy allows sts:AssumeRole to role {A}"),
            format!(
                r#"add to the trust policy of role {AWAY}/RoleC: {{"Effect":"Allow","Principal":{{"AWS":"{A}"}},"Action":"sts:AssumeRole"}}"#
            ),
        ),
        (
            Some(home("RoleA")),
            away("RoleD"),
            "etl",
            format!("hop 1: the permissions policies of role {A} do not allow sts:AssumeRole on role {AWAY}/RoleD"),
            "none of its permissions policies (1) has a statement that does".to_owned(),
            format!(
                r#"add an inline policy to role {A} with the statement: {{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{AWAY}/RoleD"}}"#
            ),
        ),
        (
            Some(home("RoleA")),
            away("RoleEtl"),
            "analyst",
            format!(
                "hop 1: role {AWAY}/RoleEtl does not trust role {A} for the database user \
                 arn:aws:redshift:us-east-1:123456789012:dbuser:demo/analyst"
            ),
            format!(
                "the trust policy of role {AWAY}/RoleEtl, statement 1: StringEquals sts:ExternalId \
                 \"arn:aws:redshift:us-east-1:123456789012:dbuser:demo/etl\" \
                 (the call has \"arn:aws:redshift:us-east-1:123456789012:dbuser:demo/analyst\")"
            ),
            format!(
                r#"add to the trust policy of role {AWAY}/RoleEtl: {{"Effect":"Allow","Principal":{{"AWS":"{A}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"arn:aws:redshift:us-east-1:123456789012:dbuser:demo/analyst"}}}}}}"#
            ),
        ),
        (
            Some(home("RoleA")),
            away("RoleX"),
            "etl",
            format!("hop 1: role {AWAY}/RoleX is unknown to the IAM facts"),
            format!(
                "the snapshot of account 210987654321 was read and has no such role; there is {AWAY}/RoleB, which differs in its \
                 spelling"
            ),
            format!(
                "did you mean {AWAY}/RoleB? If not, correct the role's ARN, or take the snapshot of account 210987654321 again if \
                 the role is new"
            ),
        ),
    ];
    let facts = World::new().load();
    for (source, target, user, message, evidence, remedy) in rows {
        let caller = caller(facts.cluster("demo").unwrap(), user);
        let found = refusal(match source {
            None => attachment(&facts, std::slice::from_ref(&target), &caller),
            Some(source) => hop(&facts, &source, &target, 1, &caller),
        });
        assert_eq!((found.message, found.evidence, found.remedy), (message, evidence, Some(remedy)));
    }
}

/// The statement in a remedy, and whether it belongs into a trust policy.
fn statement(remedy: &str) -> (Json, bool) {
    let (_, json) = remedy.split_once(": ").unwrap();
    (serde_json::from_str(json).unwrap(), remedy.contains("to the trust policy"))
}

/// Doing what the remedy says, until nothing is found, leads to an allowed hop within two rounds.
#[test]
fn a_remedy_removes_the_finding() {
    let mut without_permission = World::new();
    without_permission.role_mut(&home("RoleA"))["RolePolicyList"] = json!([]);
    let mut behind_a_boundary = World::new();
    behind_a_boundary.home["Policies"] = json!([{"Arn": "arn:aws:iam::123456789012:policy/Edge", "DefaultVersionId": "v1",
        "PolicyVersionList": [{"VersionId": "v1", "Document": document(&json!([]))}]}]);
    behind_a_boundary.role_mut(&home("RoleA"))["PermissionsBoundary"] =
        json!({"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Edge"});
    let rows = [
        ("no trust", World::new(), home("RoleA"), away("RoleC"), "etl"),
        ("no permission", World::new(), home("RoleA"), away("RoleD"), "etl"),
        ("no policy at all", without_permission, home("RoleA"), away("RoleB"), "etl"),
        ("another user", World::new(), home("RoleA"), away("RoleEtl"), "analyst"),
        ("neither side", World::new(), away("RoleB"), away("RoleC"), "etl"),
        ("itself", World::new(), home("RoleA"), home("RoleA"), "etl"),
        ("boundary", behind_a_boundary, home("RoleA"), away("RoleB"), "etl"),
    ];
    for (name, mut world, source, target, user) in rows {
        let mut rounds = 0;
        loop {
            let facts = world.load();
            let step = hop(&facts, &source, &target, 1, &caller(facts.cluster("demo").unwrap(), user));
            if step.outcome == Outcome::Allowed {
                break;
            }
            rounds += 1;
            assert!(rounds <= 2, "{name}: {step:?}");
            apply(&mut world, &source, &target, &refusal(step).remedy.unwrap());
        }
        assert!(rounds > 0, "{name}: nothing to remedy");
    }
}

fn apply(world: &mut World, source: &RoleArn, target: &RoleArn, remedy: &str) {
    let (statement, is_trust) = statement(remedy);
    if is_trust {
        let trust = &mut world.role_mut(target)["AssumeRolePolicyDocument"]["Statement"];
        trust.as_array_mut().unwrap().push(statement);
    } else if remedy.contains("permissions boundary of") {
        world.home["Policies"][0]["PolicyVersionList"][0]["Document"] = document(&statement);
    } else {
        let policies = world.role_mut(source)["RolePolicyList"].as_array_mut().unwrap();
        policies.push(json!({"PolicyName": "remedy", "PolicyDocument": document(&statement)}));
    }
}

/// A service that is not trusted: the remedy names it.
#[test]
fn service_remedy() {
    let mut world = World::new();
    let facts = world.load();
    let found =
        refusal(attachment(&facts, &[home("NoService").clone()], &caller(facts.cluster("demo").unwrap(), "etl")));
    apply(&mut world, &home("RoleA"), &home("NoService"), &found.remedy.unwrap());
    let facts = world.load();
    let step = attachment(&facts, &[home("NoService").clone()], &caller(facts.cluster("demo").unwrap(), "etl"));
    assert_eq!(step.outcome, Outcome::Allowed);
}
