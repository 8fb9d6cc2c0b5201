//! The organisation file: what is read, what is refused, and how old it may be.

use std::{fs, time::Duration};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::fixture::{AWAY, HOME, World, away, caller, home};
use crate::iam::{Decision, Facts, Sources, attachment, hop, unseen_policies};

fn everything() -> Json {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
}

/// What is wrong with an organisation file, without the file's path.
fn fault(text: &str) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("organisation.json");
    fs::write(&path, text).unwrap();
    let read = Facts::load(&Sources { service_control: vec![path], ..Sources::default() });
    read.err().map(|error| error.to_string().replace(&format!("{}/", folder.path().display()), "")).unwrap_or_default()
}

/// The verdict on the hop from `RoleA` to `RoleB` under an organisation file.
fn decision(file: &Json) -> Decision {
    let mut world = World::new();
    world.organisation = Some(file.clone());
    let facts = world.load();
    let base = caller(facts.cluster("demo").unwrap(), "etl");
    hop(&facts, &home("RoleA"), &away("RoleB"), 1, &base).outcome.decision()
}

/// Each fault of the file is an error that names the place and what would mend it.
#[test]
fn faults() {
    let of_account = |member: Json| json!({"accounts": {HOME: member}}).to_string();
    let level =
        |policies: Json| of_account(json!({"org_id": "o-a", "scps": [{"level": "root", "policies": policies}]}));
    let broken = json!({"Version": "2012-10-17", "Statement": {"Effect": "Permit", "Action": "*", "Resource": "*"}});
    let rows = [
        (
            "no accounts",
            json!({"Accounts": {}}).to_string(),
            "page 1, top level: expected accounts; write {\"accounts\"",
        ),
        (
            "a key that is none",
            json!({"accounts": {}, "ou": 1}).to_string(),
            "page 1, ou: expected accounts, policies, captured_at",
        ),
        (
            "an account that is none",
            json!({"accounts": {"12": {}}}).to_string(),
            "accounts.12: expected an account of twelve digits",
        ),
        (
            "a key of an account",
            of_account(json!({"org": "o-a"})),
            "accounts.123456789012.org: expected org_id, org_path, management, scps, rcps",
        ),
        (
            "the type of org_id",
            of_account(json!({"org_id": 7})),
            "accounts.123456789012.org_id: expected the organisation's id",
        ),
        ("the form of org_id", of_account(json!({"org_id": "a1b2"})), "\"a1b2\" is neither: correct it"),
        ("the form of org_path", of_account(json!({"org_path": "o-a/r-b"})), "expected a path of the organisation"),
        (
            "an empty level",
            level(json!([])),
            "a level without a service control policy allows nothing, so every step of the account would be refused",
        ),
        ("a faulty document", level(json!([broken])), "expected a policy document that IAM takes; statement 1: "),
        ("a document as a broken text", level(json!(["{\"Version\":"])), "expected a policy document that IAM takes; "),
        ("an id that is not there", level(json!(["p-gone"])), "expected policy p-gone under \"policies\""),
        (
            "policies that are none",
            json!({"accounts": {}, "policies": []}).to_string(),
            "page 1, policies: expected an object, each policy under its id",
        ),
        (
            "a key twice in a policy",
            format!(
                "{{\"accounts\": {{\"{HOME}\": {{\"scps\": [{{\"level\": \"root\", \"policies\": [{{\"Version\": \"2012-10-17\", \"Statement\": [], \"Statement\": []}}]}}]}}}}}}"
            ),
            "the key \"Statement\" stands in one object twice",
        ),
        (
            "an account twice",
            format!("{0}{0}", of_account(json!({}))),
            "page 2, accounts.123456789012: expected each account once",
        ),
        (
            "policies outside of any",
            of_account(json!({"org_id": "none", "scps": []})),
            "no scps and rcps beside \"org_id\": \"none\"",
        ),
        (
            "a time that is none",
            json!({"accounts": {}, "captured_at": "noon"}).to_string(),
            "captured_at: expected a time such as 2026-01-31T12:00:00Z",
        ),
        (
            "a listing that is cut off",
            json!({"accounts": {}, "NextToken": "x"}).to_string(),
            "NextToken: expected a page that goes on with the listing",
        ),
    ];
    for (name, text, want) in rows {
        let found = fault(&text);
        assert!(found.contains(want) && found.starts_with("organisation.json"), "{name}: {found}");
    }
}

/// A policy may stand in its level in each form in which AWS prints it, or once for all levels under its id.
#[test]
fn forms_of_a_policy() {
    let document = everything();
    let described = json!({"Policy": {"PolicySummary": {"Name": "Full"}, "Content": document.to_string()}});
    let forms = [
        document.clone(),
        json!(document.to_string()),
        described.clone(),
        described["Policy"].clone(),
        json!("p-full"),
    ];
    for form in forms {
        let member = json!({"org_id": "o-a", "scps": [{"level": "root", "policies": [form]}], "rcps": []});
        let file = json!({"accounts": {HOME: member, AWAY: member}, "policies": {"p-full": described["Policy"]}});
        assert_eq!(decision(&file), Decision::Allowed, "{form}");
    }
    let deny = json!({"Version": "2012-10-17", "Statement": {"Sid": "No", "Effect": "Deny", "Action": "sts:*", "Resource": "*"}});
    let member = json!({"org_id": "o-a", "scps": [{"level": "root", "policies": ["p-full", "p-no"]}]});
    let file = json!({"accounts": {HOME: member, AWAY: {"rcps": []}}, "policies": {"p-full": document, "p-no": deny}});
    assert_eq!(decision(&file), Decision::Denied);
}

/// The management account is bound by no policy of the organisation; an account that is not listed is undecided.
#[test]
fn the_management_account_and_others() {
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}});
    let deny_all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"}});
    let bound = json!({"org_id": "o-a", "scps": [{"level": "root", "policies": [everything(), deny]}], "rcps": []});
    let guarded = json!({"org_id": "o-a", "scps": [], "rcps": [{"level": "root", "policies": [deny_all]}]});
    let manages = |mut member: Json| {
        member["management"] = json!(true);
        member
    };
    let free = json!({"org_id": "o-a", "scps": [], "rcps": []});
    let rows = [
        ("a service control policy over the caller", bound.clone(), free.clone(), Decision::Denied),
        ("over a management account", manages(bound.clone()), free.clone(), Decision::Allowed),
        ("over the target, which it does not bind", free.clone(), bound, Decision::Allowed),
        ("a resource control policy over the target", free.clone(), guarded.clone(), Decision::Denied),
        ("over a management account", free.clone(), manages(guarded.clone()), Decision::Allowed),
        ("over the caller, which it does not bind", guarded, free.clone(), Decision::Allowed),
    ];
    for (name, caller, target, want) in rows {
        assert_eq!(decision(&json!({"accounts": {HOME: caller, AWAY: target}})), want, "{name}");
    }
    assert_eq!(decision(&json!({"accounts": {HOME: free}})), Decision::Unknown, "the target is not listed");
}

/// A kind of policies that is not listed for an account is not known; an empty list says that there is none.
#[test]
fn policies_that_are_not_listed() {
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}});
    let all = json!([{"level": "root", "policies": [everything()]}]);
    let none = json!([]);
    let denied = json!([{"level": "root", "policies": [everything(), deny]}]);
    // (policies over the caller's account, over the target's, the verdict, what is not known)
    let rows = [
        (json!({"scps": all}), json!({"rcps": none}), Decision::Allowed, ""),
        (json!({"scps": none}), json!({"rcps": none}), Decision::Allowed, ""),
        (
            json!({}),
            json!({"rcps": none}),
            Decision::Unknown,
            "which service control policies bind account 123456789012",
        ),
        (
            json!({"scps": null}),
            json!({"rcps": none}),
            Decision::Unknown,
            "service control policies bind account 123456789012",
        ),
        (
            json!({"scps": all}),
            json!({}),
            Decision::Unknown,
            "which resource control policies bind account 210987654321",
        ),
        (
            json!({}),
            json!({}),
            Decision::Unknown,
            "account 123456789012 and which resource control policies bind account 210987654321",
        ),
        (json!({"scps": denied}), json!({}), Decision::Denied, "service control policy 2"),
        (json!({"management": true}), json!({"org_id": "none"}), Decision::Allowed, ""),
    ];
    for (caller_side, target_side, want, evidence) in rows {
        let mut world = World::new();
        world.organisation = Some(json!({"accounts": {HOME: caller_side, AWAY: target_side}}));
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let told = step.outcome.refusal().map(|refusal| refusal.evidence.as_str()).unwrap_or_default();
        assert_eq!(step.outcome.decision(), want, "{caller_side} {target_side}: {told}");
        assert!(told.contains(evidence), "{caller_side} {target_side}: {told}");
    }
}

/// What an allowed hop was judged without is said; where the file tells it, nothing is.
#[test]
fn policies_that_are_not_known() {
    let told = |organisation: Option<Json>, source: Option<&str>| {
        let world = World { organisation, ..World::new() };
        unseen_policies(&world.load(), source.map(home).as_ref(), &away("RoleB"))
    };
    let both = "service control policies over account 123456789012 and resource control policies over account 210987654321 are not \
                known (facts.service_control)";
    let one = "resource control policies over account 210987654321 are not known (facts.service_control)";
    assert_eq!(told(None, Some("RoleA")).as_deref(), Some(both));
    assert_eq!(told(None, None).as_deref(), Some(one), "no service control policy binds a service");
    let listed = json!({"org_id": "o-a", "scps": [{"level": "root", "policies": [everything()]}], "rcps": []});
    assert_eq!(told(Some(json!({"accounts": {HOME: listed, AWAY: listed}})), Some("RoleA")), None);
    assert_eq!(
        told(Some(json!({"accounts": {HOME: {"org_id": "none"}, AWAY: {"management": true}}})), Some("RoleA")),
        None
    );
    assert_eq!(
        told(Some(json!({"accounts": {HOME: listed, AWAY: {"org_id": "o-a"}}})), Some("RoleA")).as_deref(),
        Some(one)
    );
}

/// Facts older than they may be tell nothing; each names what to take again.
#[test]
fn old_facts_are_unknown() {
    let now = "2026-11-23T12:00:00Z";
    let (old, recent) = ("2026-11-20T12:00:00Z", "2026-11-23T11:00:00Z");
    let judge = |at: [&str; 3], max_age: Option<u64>| {
        let mut world = World::new();
        world.home["captured_at"] = json!(at[0]);
        world.away["captured_at"] = json!(at[1]);
        world.organisation = Some(json!({"captured_at": at[2], "accounts": {HOME: {"scps": []}, AWAY: {"rcps": []}}}));
        let facts = world.load().with_max_age(max_age.map(Duration::from_hours));
        let base = caller(facts.cluster("demo").unwrap(), "etl");
        assert_eq!(base.now.to_string(), now);
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &base);
        let evidence = step.outcome.refusal().map(|refusal| refusal.evidence.clone()).unwrap_or_default();
        (step.outcome.decision(), evidence)
    };
    assert_eq!(judge([recent; 3], Some(24)).0, Decision::Allowed);
    assert_eq!(judge([old; 3], None).0, Decision::Allowed, "no limit");
    assert_eq!(judge([old; 3], Some(73)).0, Decision::Allowed, "younger than the limit");
    for (at, want) in [
        ([old, recent, recent], "the facts of account 123456789012: 72 hours old, more than max_age in [facts] allows"),
        ([recent, old, recent], "the facts of account 210987654321: 72 hours old, more than max_age in [facts] allows"),
        (
            [recent, recent, old],
            "what the files of facts.service_control say of account 123456789012: 72 hours old, more than max_age in [facts] allows",
        ),
    ] {
        assert_eq!(judge(at, Some(24)), (Decision::Unknown, want.to_owned()));
    }
}

/// What an old description says of attached roles is not known any more, and a description that is taken again says it at once.
#[test]
fn old_descriptions_of_clusters_are_unknown() {
    let judge = |captured_at: &str, max_age: Option<u64>| {
        let mut world = World::new();
        world.clusters["captured_at"] = json!(captured_at);
        let facts = world.load().with_max_age(max_age.map(Duration::from_hours));
        let step = attachment(&facts, &[home("RoleA")], &caller(facts.cluster("demo").unwrap(), "etl"));
        let told = step.outcome.refusal().map(|refusal| refusal.evidence.clone()).unwrap_or_default();
        (step.outcome.decision(), step.depends_on_time, told)
    };
    let (old, recent) = ("2026-11-20T12:00:00Z", "2026-11-23T11:00:00Z");
    let allowed = (Decision::Allowed, false, String::new());
    let want = "the description of cluster demo: 72 hours old, more than max_age in [facts] allows";
    assert_eq!(judge(old, None), allowed, "no limit");
    assert_eq!(judge(old, Some(73)), allowed, "younger than the limit");
    assert_eq!(judge(recent, Some(24)), allowed);
    assert_eq!(judge(old, Some(24)), (Decision::Unknown, true, want.to_owned()));
}

/// Without a time of its own, data is as old as its file.
#[test]
fn files_have_their_age() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("home.json");
    fs::write(&path, World::new().home.to_string()).unwrap();
    let written = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    let facts = Facts::load(&Sources { iam: vec![path], ..Sources::default() }).unwrap();
    let (_, account) = facts.accounts().next().unwrap();
    assert_eq!(account.captured_at().as_second(), 1_700_000_000);
}
