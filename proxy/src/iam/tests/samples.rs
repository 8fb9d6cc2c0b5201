//! Small policies of the shapes that AWS publishes (data perimeter, confused deputy, service and resource control policies): a clean
//! chain inside one organisation is never firmly refused by them.

use serde_json::{Value as Json, json};

use super::fixture::{AWAY, HOME, World, away, caller, document, home, trusts};
use crate::iam::{Decision, StatedContext, attachment, hop};

const ORGANISATION: &str = "o-a1b2c3d4e5";

fn world(scps: &[Json], rcps: &[Json]) -> World {
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let policies = [[all].as_slice(), scps].concat();
    let member = json!({
        "org_id": ORGANISATION, "org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-1/",
        "scps": [{"level": "root", "policies": policies}],
        "rcps": [{"level": "root", "policies": rcps}],
    });
    let mut world = World::new();
    world.organisation = Some(json!({"accounts": {HOME: member, AWAY: member}}));
    world
}

fn decisions(world: &World, stated: &StatedContext) -> [Decision; 2] {
    let facts = world.load();
    let base = caller(facts.cluster("demo").unwrap(), "etl");
    let caller = crate::iam::Caller { stated, ..base };
    [
        attachment(&facts, &[home("RoleA")], &caller).outcome.decision(),
        hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller).outcome.decision(),
    ]
}

#[test]
fn published_shapes() {
    let deny = |mut statement: Json| {
        statement["Effect"] = json!("Deny");
        document(&json!([statement]))
    };
    let (allowed, unknown) = (Decision::Allowed, Decision::Unknown);
    let deputy = deny(json!({"Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:SourceOrgID": ORGANISATION},
        "Null": {"aws:SourceAccount": "false"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}}));
    let identity = deny(json!({"Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANISATION}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}));
    let resources = deny(json!({"Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "StringNotEquals": {"aws:ResourceOrgID": ORGANISATION}}}));
    let paths = deny(json!({"Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}}}));
    let network = deny(json!({"Action": "*", "Resource": "*", "Condition": {
        "NotIpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}, "BoolIfExists": {"aws:ViaAWSService": "false"}}}));
    let region = deny(json!({"NotAction": ["iam:*", "support:*"], "Resource": "*", "Condition": {
        "StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}}));
    let third_party = deny(
        json!({"Principal": "*", "Action": ["s3:*", "sqs:*", "kms:*", "sts:AssumeRole"], "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANISATION, "aws:PrincipalAccount": ["999999999999"],
            "aws:ResourceTag/dp:exclude:identity": "true"},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}),
    );
    let deputy_with_exceptions =
        deny(json!({"Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:SourceOrgID": ORGANISATION, "aws:SourceAccount": ["999999999999"],
            "aws:ResourceTag/dp:exclude:identity": "true"},
        "Null": {"aws:SourceAccount": "false"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}}));
    let transport = deny(json!({"Principal": "*", "Action": "sts:*", "Resource": "*", "Condition": {
        "BoolIfExists": {"aws:SecureTransport": "false"}}}));
    let no_root = deny(json!({"Action": "*", "Resource": "*", "Condition": {
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}));
    let protected =
        deny(json!({"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/protected/*", "Condition": {
        "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin*"}}}));
    let tags = deny(json!({"NotAction": "sts:*", "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:PrincipalTag/team": "admin"}}}));
    let endpoints = deny(json!({"Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {
        "StringNotEqualsIfExists": {"aws:VpceOrgID": ORGANISATION}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false",
            "aws:ViaAWSService": "false"}}}));
    let bots = deny(json!({"Action": "*", "Resource": "*", "Condition": {"Null": {"aws:ChatbotSourceArn": "false"}}}));
    let rows = [
        ("identity perimeter with exceptions", vec![], vec![third_party], [allowed, allowed]),
        ("confused deputy with exceptions", vec![], vec![deputy_with_exceptions], [allowed, allowed]),
        ("secure transport", vec![], vec![transport], [allowed, allowed]),
        ("no root user", vec![no_root], vec![], [allowed, allowed]),
        ("protected roles", vec![protected], vec![], [allowed, allowed]),
        ("other actions by tag", vec![tags], vec![], [allowed, allowed]),
        ("private endpoints", vec![], vec![endpoints], [allowed, unknown]),
        ("chat bots", vec![bots], vec![], [allowed, allowed]),
        ("confused deputy", vec![], vec![deputy], [allowed, allowed]),
        ("identity perimeter", vec![], vec![identity], [allowed, allowed]),
        ("resource perimeter", vec![resources], vec![], [allowed, allowed]),
        ("paths of the organisation", vec![paths], vec![], [allowed, allowed]),
        ("network perimeter", vec![network], vec![], [allowed, unknown]),
        ("regions", vec![region], vec![], [allowed, unknown]),
    ];
    for (name, scps, rcps, want) in rows {
        assert_eq!(decisions(&world(&scps, &rcps), &StatedContext::default()), want, "{name}");
        let stated =
            [("aws:RequestedRegion", "us-east-1"), ("aws:SourceIp", "10.1.2.3"), ("aws:ViaAWSService", "true")];
        let stated = stated.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
        let stated = StatedContext::new(stated).unwrap();
        assert_eq!(
            decisions(&world(&scps, &rcps), &stated),
            [allowed, allowed],
            "{name}, with what the operator states"
        );
    }
}

/// An empty tag is null: it matches nothing, and the negated twin fires.
#[test]
fn empty_tags() {
    let both = |operator: &str, effect: &str| {
        let mut statement =
            json!({"Effect": effect, "Principal": {"AWS": home("RoleA").as_str()}, "Action": "sts:AssumeRole"});
        statement["Condition"] = json!({operator: {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}});
        statement
    };
    let plain = trusts(&json!({"AWS": home("RoleA").as_str()}))[0].clone();
    let rows = [
        ("an Allow that compares them", vec![both("StringEquals", "Allow")], Decision::Denied),
        ("a Deny that compares them", vec![plain, both("StringNotEquals", "Deny")], Decision::Denied),
    ];
    for (name, statements, want) in rows {
        let mut world = World::new();
        for role in [home("RoleA"), away("RoleB")] {
            world.role_mut(&role)["Tags"] = json!([{"Key": "team", "Value": ""}]);
        }
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&Json::from(statements));
        assert_eq!(decisions(&world, &StatedContext::default())[1], want, "{name}");
    }
}

/// Whether a plain operator takes an empty value for null is not documented: what depends on it is undecided.
#[test]
fn empty_values_under_plain_operators() {
    let rows = [
        (json!({"StringEquals": {"aws:PrincipalTag/team": ""}}), Decision::Unknown),
        (json!({"StringLike": {"aws:PrincipalTag/team": "*"}}), Decision::Unknown),
        (json!({"StringNotEquals": {"aws:PrincipalTag/team": ""}}), Decision::Unknown),
        (json!({"StringEqualsIfExists": {"aws:PrincipalTag/team": "data"}}), Decision::Unknown),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "data"}}), Decision::Denied),
        (json!({"StringNotEquals": {"aws:PrincipalTag/team": "data"}}), Decision::Allowed),
        (json!({"ForAllValues:StringEquals": {"aws:PrincipalTag/team": "data"}}), Decision::Allowed),
    ];
    for (condition, want) in rows {
        let mut world = World::new();
        world.role_mut(&home("RoleA"))["Tags"] = json!([{"Key": "team", "Value": ""}]);
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = condition.clone();
        assert_eq!(decisions(&world, &StatedContext::default())[1], want, "{condition}");
    }
}

/// What the file does not say of an account's organisation is not known; "none" says that it is outside of any.
#[test]
fn organisations_that_are_not_given() {
    let guarded = || {
        let mut trust = trusts(&json!({"AWS": home("RoleA").as_str()}));
        trust[0]["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}});
        let mut world = World::new();
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&trust);
        world
    };
    let rows = [
        (json!({"scps": []}), Decision::Unknown),
        (json!({"scps": [], "org_id": null}), Decision::Unknown),
        (json!({"org_id": "none"}), Decision::Denied),
        (json!({"scps": [], "org_id": ORGANISATION}), Decision::Allowed),
        (json!({"scps": [], "org_id": "o-other"}), Decision::Denied),
    ];
    for (member, want) in rows {
        let mut world = guarded();
        world.organisation = Some(json!({"accounts": {HOME: member, AWAY: {"rcps": []}}}));
        assert_eq!(decisions(&world, &StatedContext::default())[1], want, "{member}");
    }
}
