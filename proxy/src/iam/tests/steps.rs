//! Attachment and hops over facts: outcome and cause.

use serde_json::{Value as Json, json};

use super::fixture::{ETL, World, away, caller, document, home, may_assume, trusts};
use crate::{
    chain::RoleArn,
    iam::{Cause, Cluster, EvaluationMode, ExternalIdOn, Outcome, Step, attachment, hop},
};

fn verdict(step: &Step) -> (&'static str, Option<Cause>) {
    match &step.outcome {
        Outcome::Allowed => ("allowed", None),
        Outcome::Denied(refusal) => ("denied", Some(refusal.cause)),
        Outcome::Unknown(refusal) => ("unknown", Some(refusal.cause)),
    }
}

fn refusal(step: Step) -> crate::iam::Refusal {
    match step.outcome {
        Outcome::Denied(refusal) | Outcome::Unknown(refusal) => refusal,
        Outcome::Allowed => panic!("allowed"),
    }
}

#[test]
fn attachment_table() {
    let facts = World::new().load();
    let cluster = facts.cluster("demo").unwrap();
    let rows = [
        ("attached and trusting", home("RoleA"), ("allowed", None)),
        ("not attached", away("RoleB"), ("denied", Some(Cause::NotAttached))),
        ("still being added", home("Unready"), ("denied", Some(Cause::NotAttached))),
        ("does not trust the service", home("NoService"), ("denied", Some(Cause::NotTrusted))),
    ];
    for (name, role, want) in rows {
        assert_eq!(verdict(&attachment(&facts, std::slice::from_ref(&role), &caller(cluster, "etl"))), want, "{name}");
    }
}

#[test]
fn hop_table() {
    let facts = World::new().load();
    let cluster = facts.cluster("demo").unwrap();
    let stranger = RoleArn::parse("arn:aws:iam::999999999999:role/Far").unwrap();
    let china = RoleArn::parse("arn:aws-cn:iam::210987654321:role/RoleB").unwrap();
    let rows = [
        ("both sides allow", home("RoleA"), away("RoleB"), "etl", ("allowed", None)),
        ("not trusted", home("RoleA"), away("RoleC"), "etl", ("denied", Some(Cause::NotTrusted))),
        ("no permission", home("RoleA"), away("RoleD"), "etl", ("denied", Some(Cause::NoPermission))),
        ("the right user", home("RoleA"), away("RoleEtl"), "etl", ("allowed", None)),
        ("another user", home("RoleA"), away("RoleEtl"), "analyst", ("denied", Some(Cause::Condition))),
        (
            "a user name that cannot be sent",
            home("RoleA"),
            away("RoleEtl"),
            "e tl",
            ("unknown", Some(Cause::Undecided)),
        ),
        ("no such role", home("RoleA"), away("RoleX"), "etl", ("denied", Some(Cause::UnknownRole))),
        ("other case", home("RoleA"), away("roleb"), "etl", ("denied", Some(Cause::UnknownRole))),
        ("no such account", home("RoleA"), stranger, "etl", ("unknown", Some(Cause::UnknownRole))),
        ("another partition", home("RoleA"), china, "etl", ("denied", Some(Cause::UnknownRole))),
        ("itself", home("RoleA"), home("RoleA"), "etl", ("denied", Some(Cause::NotTrusted))),
    ];
    for (name, source, target, user, want) in rows {
        assert_eq!(verdict(&hop(&facts, &source, &target, 1, &caller(cluster, user))), want, "{name}");
    }
}

#[test]
fn modes_and_external_id() {
    let facts = World::new().load();
    let base = caller(facts.cluster("demo").unwrap(), "etl");
    let friend = |mode| verdict(&hop(&facts, &home("RoleA"), &home("Friend"), 1, &crate::iam::Caller { mode, ..base }));
    assert_eq!(friend(EvaluationMode::Aws), ("allowed", None));
    assert_eq!(friend(EvaluationMode::Guide), ("denied", Some(Cause::NoPermission)));
    let said = |source, target| refusal(hop(&facts, &source, &target, 1, &base)).message;
    assert!(said(home("RoleA"), home("Friend")).contains("facts.mode = \"aws\""), "only the guide refuses");
    assert!(!said(home("Friend"), away("RoleB")).contains("facts.mode"), "IAM refuses too");
    let rows = [
        (ExternalIdOn::Same, ("allowed", None)),
        (ExternalIdOn::FirstOnly, ("denied", Some(Cause::Condition))),
        (ExternalIdOn::Unknown, ("unknown", Some(Cause::Undecided))),
    ];
    for (external_id_on, want) in rows {
        let caller = crate::iam::Caller { external_id_on, ..base };
        assert_eq!(verdict(&hop(&facts, &home("RoleA"), &away("RoleEtl"), 1, &caller)), want, "{external_id_on:?}");
    }
    let nobody = Cluster::unknown("x");
    let given = crate::iam::Caller { external_id: Some(ETL), ..caller(&nobody, "") };
    assert_eq!(verdict(&hop(&facts, &home("RoleA"), &away("RoleEtl"), 1, &given)), ("allowed", None));
}

/// (what the row shows, the condition in the trust policy of `RoleB`, what a role hop says, whether time matters)
#[test]
fn context_of_a_role_hop() {
    let rows: &[(&str, Json, &str, bool)] = &[
        ("source ARN is never sent", json!({"ArnLike": {"aws:SourceArn": "*"}}), "denied", false),
        ("network path", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "unknown", false),
        ("organisation without a file", json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), "unknown", false),
        ("principal", json!({"ArnEquals": {"aws:PrincipalArn": home("RoleA").as_str()}}), "allowed", false),
        ("no session tags", json!({"Null": {"aws:RequestTag/x": "true"}}), "allowed", false),
        ("second factor", json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "denied", false),
        ("before a date", json!({"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}), "allowed", true),
        ("after a date", json!({"DateGreaterThan": {"aws:EpochTime": "2027-01-01T00:00:00Z"}}), "denied", true),
        ("an unknown global key", json!({"StringEquals": {"aws:NoSuchKey": "x"}}), "unknown", false),
        ("another service's key", json!({"StringEquals": {"s3:prefix": "x"}}), "denied", false),
        ("an unknown operator", json!({"StringIs": {"sts:ExternalId": "x"}}), "unknown", false),
        ("tag of the role", json!({"StringEquals": {"aws:PrincipalTag/TEAM": "etl"}}), "allowed", false),
        ("both tags", json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}), "denied", false),
    ];
    for (name, condition, want, depends_on_time) in rows {
        let mut world = World::new();
        world.role_mut(&home("RoleA"))["Tags"] = json!([{"Key": "Team", "Value": "etl"}]);
        let mut trust = trusts(&json!({"AWS": home("RoleA").as_str()}));
        trust[0]["Condition"] = condition.clone();
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&trust);
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        assert_eq!((verdict(&step).0, step.depends_on_time), (*want, *depends_on_time), "{name}: {step:?}");
    }
}

#[test]
fn documents_that_are_not_there() {
    let mut world = World::new();
    world.role_mut(&home("RoleA"))["AttachedManagedPolicies"] =
        json!([{"PolicyName": "P", "PolicyArn": "arn:aws:iam::aws:policy/P"}]);
    let facts = world.load();
    let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
    assert_eq!(verdict(&step), ("unknown", Some(Cause::Undecided)));
    assert!(refusal(step).evidence.contains("policy arn:aws:iam::aws:policy/P of role"));
}

#[test]
fn boundary_and_organisation() {
    let mut world = World::new();
    world.role_mut(&home("RoleA"))["PermissionsBoundary"] =
        json!({"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Edge"});
    let edge = |statements: &Json| {
        json!([{"Arn": "arn:aws:iam::123456789012:policy/Edge", "DefaultVersionId": "v2", "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": false, "Document": document(&json!([]))},
            {"VersionId": "v2", "IsDefaultVersion": true, "Document": document(statements)},
        ]}])
    };
    let judge = |world: &World| {
        let facts = world.load();
        hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"))
    };
    world.home["Policies"] = edge(&json!([]));
    assert_eq!(verdict(&judge(&world)), ("denied", Some(Cause::ExplicitDeny)));
    world.home["Policies"] = edge(&may_assume(&[away("RoleB")]));
    assert_eq!(verdict(&judge(&world)), ("allowed", None));

    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let member = |scp: &Json| json!({"org_id": "o-1", "scps": [{"level": "root", "policies": [all, scp]}], "rcps": []});
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "NoHops", "Effect": "Deny", "Action": "sts:*", "Resource": "*"}]});
    let accounts = |scp: &Json| json!({"accounts": {"123456789012": member(scp), "210987654321": member(&all)}});
    world.organisation = Some(accounts(&all));
    assert_eq!(verdict(&judge(&world)), ("allowed", None));
    world.organisation = Some(accounts(&deny));
    let step = judge(&world);
    assert_eq!(verdict(&step), ("denied", Some(Cause::ExplicitDeny)));
    assert!(
        refusal(step)
            .evidence
            .contains("service control policy 2 at level root over account 123456789012, statement 1 (Sid \"NoHops\")")
    );
    world.organisation = Some(json!({"accounts": {"123456789012": member(&all)}}));
    assert_eq!(verdict(&judge(&world)), ("unknown", Some(Cause::Undecided)));
}

/// A region that is not known leaves the service's name in it open: an Allow or a Deny for that name is undecided.
#[test]
fn a_region_that_is_not_known() {
    let regional = "redshift.us-east-1.amazonaws.com";
    let allow =
        json!({"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let allow_regional = json!({"Effect": "Allow", "Principal": {"Service": regional}, "Action": "sts:AssumeRole"});
    let deny_regional = json!({"Effect": "Deny", "Principal": {"Service": regional}, "Action": "sts:AssumeRole"});
    let deny_by_list = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalServiceNamesList": regional}}});
    // (trust policy, verdict where the region is known, where it is not)
    let rows = [
        (json!([allow]), "allowed", "allowed"),
        (json!([allow_regional]), "allowed", "unknown"),
        (json!([allow, deny_regional]), "denied", "unknown"),
        (json!([allow, deny_by_list]), "denied", "unknown"),
    ];
    for (trust, known, unknown) in rows {
        let mut world = World::new();
        world.role_mut(&home("RoleA"))["AssumeRolePolicyDocument"] = document(&trust);
        let judge = |world: &World| {
            let facts = world.load();
            attachment(&facts, &[home("RoleA")], &caller(facts.cluster("demo").unwrap(), "etl"))
        };
        assert_eq!(verdict(&judge(&world)).0, known, "{trust}");
        let cluster = world.clusters["Clusters"][0].as_object_mut().unwrap();
        cluster.remove("ClusterNamespaceArn");
        cluster.remove("AvailabilityZone");
        let step = judge(&world);
        assert_eq!(verdict(&step).0, unknown, "{trust}");
        if unknown == "unknown" {
            let refusal = refusal(step);
            assert!(refusal.evidence.contains("the region of cluster demo is not known"), "{}", refusal.evidence);
            assert!(refusal.remedy.unwrap().contains("describe-clusters"));
        }
    }
}

/// Whether the prefix of a login through IAM is sent is not documented: where the two names come to different ends, it is undecided.
#[test]
fn a_login_through_iam_has_two_names() {
    let allow = json!({"Effect": "Allow", "Principal": {"AWS": home("RoleA").as_str()}, "Action": "sts:AssumeRole"});
    let allow_for = |pattern: &str| {
        let mut statement = allow.clone();
        statement["Condition"] = json!({"StringLike": {"sts:ExternalId": pattern}});
        statement
    };
    let deny_for = |pattern: &str| {
        json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"StringLike": {"sts:ExternalId": pattern}}})
    };
    // (trust policy, verdict for etl, for IAM:etl)
    let rows = [
        (json!([allow]), "allowed", "allowed"),
        (json!([allow_for("*etl")]), "allowed", "allowed"),
        (json!([allow_for("*/etl")]), "allowed", "unknown"),
        (json!([allow_for("*/IAM:etl")]), "denied", "unknown"),
        (json!([allow, deny_for("*/IAM:*")]), "allowed", "unknown"),
        (json!([allow_for("*/analyst")]), "denied", "denied"),
    ];
    for (trust, plain, by_iam) in rows {
        let mut world = World::new();
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&trust);
        let facts = world.load();
        let base = caller(facts.cluster("demo").unwrap(), "etl");
        let login = crate::iam::Caller { written_user: Some("IAM:etl"), ..base };
        let judge = |caller| verdict(&hop(&facts, &home("RoleA"), &away("RoleB"), 1, caller)).0;
        assert_eq!((judge(&base), judge(&login)), (plain, by_iam), "{trust}");
        let given = crate::iam::Caller { external_id: Some("x/etl"), ..login };
        assert_ne!(judge(&given), "unknown", "{trust}: what is given is sent");
    }
}
