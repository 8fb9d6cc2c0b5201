//! Tables over the whole room.

mod conditions;
mod warnings;

use strum::VariantArray as _;

use crate::sql::StatementKind;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cedar_policy::{Entities, Schema};
use jiff::Timestamp;

use crate::chain::{Chain, RoleArn};
use crate::rules::vocabulary::Vocabulary;
use crate::rules::{RuleEffect, RuleRequest, RuleSet, RuleSeverity, TargetFacts};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";

fn load(texts: &[&str]) -> Result<RuleSet, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |(number, text): (usize, &&str)| {
        let path = folder.path().join(format!("{number}.cedar"));
        fs::write(&path, text).unwrap();
        path
    };
    let paths: Vec<PathBuf> = texts.iter().enumerate().map(write).collect();
    let shown =
        |error: crate::rules::RulesError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
    RuleSet::load(&paths).map_err(shown)
}

/// A request of `user` for this kind of statement with the chain RoleA,RoleB.
fn judge(rules: &RuleSet, user: &str, group: &str, kind: &str) -> Vec<(String, RuleEffect, RuleSeverity)> {
    judge_chain(rules, user, group, kind, &format!("{A},{B}"))
}

fn judge_chain(
    set: &RuleSet,
    user: &str,
    group: &str,
    kind: &str,
    chain: &str,
) -> Vec<(String, RuleEffect, RuleSeverity)> {
    let judgement = with_request(user, group, kind, chain, |request| set.judge(request)).unwrap();
    let mut said: Vec<_> = judgement.hits.into_iter().map(|hit| (hit.rule, hit.effect, hit.severity)).collect();
    if !judgement.permitted {
        said.push(("nothing permits".to_owned(), RuleEffect::Forbid, RuleSeverity::Reject));
    }
    said
}

fn with_request<T>(user: &str, group: &str, kind: &str, chain: &str, ask: impl FnOnce(&RuleRequest<'_>) -> T) -> T {
    let groups = [group.to_owned()];
    let tls_names = ["etl.example.com".to_owned()];
    let parsed = Chain::parse(chain).ok();
    let roles: &[RoleArn] = parsed.as_ref().map(Chain::roles).unwrap_or_default();
    ask(&RuleRequest {
        user,
        groups: &groups,
        database: "dev",
        application: "psql",
        client_address: Some("10.1.2.3".parse().unwrap()),
        tls_subject: (user == "certified").then_some("CN=etl,O=Example"),
        tls_names: if user == "certified" { &tls_names } else { &[] },
        now: "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap(),
        gate: "demo",
        cluster: "demo",
        cluster_account: RoleArn::parse(A).ok().map(|role| role.account()),
        kind,
        method: if roles.is_empty() { "default" } else { "chain" },
        clause: "iam_role",
        roles,
        role_tags: None,
        target: Some(TargetFacts { bucket: Some("companyb"), prefix: Some("redshift/"), ..TargetFacts::default() }),
    })
}

fn names(said: &[(String, RuleEffect, RuleSeverity)]) -> Vec<&str> {
    said.iter().map(|(name, ..)| name.as_str()).collect()
}

#[test]
fn no_rules_permit_everything() {
    assert!(judge(&RuleSet::load(&[]).unwrap(), "u", "g", "copy").is_empty());
    assert!(RuleSet::none().is_empty());
}

#[test]
fn forbids_speak_beside_permits() {
    let rules = load(&[
        "@id(\"all\") permit (principal, action, resource);",
        "@id(\"hard\") @reason(\"not you\") forbid (principal == Rolegate::User::\"bob\", action, resource);
         @id(\"soft\") @severity(\"annotate\") forbid (principal, action in Rolegate::Action::\"writes\", resource);",
    ])
    .unwrap();
    assert_eq!(rules.len(), 3);
    assert_eq!(names(&judge(&rules, "ann", "g", "copy")), ["all"]);
    assert_eq!(
        judge(&rules, "bob", "g", "unload"),
        [
            ("hard".to_owned(), RuleEffect::Forbid, RuleSeverity::Reject),
            ("soft".to_owned(), RuleEffect::Forbid, RuleSeverity::Annotate),
            ("all".to_owned(), RuleEffect::Permit, RuleSeverity::Annotate),
        ]
    );
}

#[test]
fn what_nothing_permits_is_told() {
    let rules = load(&["@id(\"etl\") permit (principal in Rolegate::Group::\"etl\", action, resource);"]).unwrap();
    assert_eq!(names(&judge(&rules, "u", "etl", "copy")), ["etl"]);
    assert_eq!(names(&judge(&rules, "u", "other", "copy")), ["nothing permits"]);
}

#[test]
fn a_rule_that_fails_does_not_fail_open() {
    let rules = load(&[
        "@id(\"all\") permit (principal, action, resource);
         @id(\"broken\") forbid (principal, action, resource) when { resource.length + 9223372036854775807 > 5 };
         @id(\"broken-permit\") permit (principal, action, resource) when { resource.length + 9223372036854775807 > 5 };",
    ])
    .unwrap();
    assert_eq!(names(&judge(&rules, "u", "g", "copy")), ["broken", "all"]);
}

#[test]
fn names_from_clients_are_data() {
    let rules = load(&["@id(\"bob\") permit (principal == Rolegate::User::\"bob\", action, resource);"]).unwrap();
    for user in ["bob\"", "x\" || true", "Rolegate::User::\"bob\"", "", "\u{0}", "b\\u{6f}b"] {
        assert_eq!(names(&judge(&rules, user, "g\"::", "copy")), ["nothing permits"], "{user}");
    }
}

#[test]
fn every_kind_of_statement_has_an_action() {
    let rules = load(&["@id(\"all\") permit (principal, action, resource);"]).unwrap();
    let kinds = StatementKind::VARIANTS.iter().filter(|kind| **kind != StatementKind::None);
    for kind in kinds.map(|kind| kind.as_str()) {
        assert_eq!(names(&judge(&rules, "u", "g", kind)), ["all"], "{kind}");
    }
}

#[test]
fn requests_fit_the_schema() {
    let text = include_str!("../../../config/rolegate.cedarschema");
    let schema = Schema::from_cedarschema_str(text).unwrap().0;
    let words = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    let whole = Vocabulary::new(&schema, words.map(str::to_owned).collect()).unwrap();
    let nothing = Vocabulary::new(&schema, BTreeSet::new()).unwrap();
    for (user, chain) in [("certified", format!("{A},{B}")), ("etl", String::new())] {
        let (request, entities) = with_request(user, "g", "copy", &chain, |request| request.to_cedar(&whole)).unwrap();
        Entities::from_entities(entities.iter().cloned(), Some(&schema)).unwrap();
        let [who, what, on] =
            [request.principal(), request.action(), request.resource()].map(|uid| uid.unwrap().clone());
        cedar_policy::Request::new(who, what, on, request.context().unwrap().clone(), Some(&schema)).unwrap();
        let (request, _) = with_request(user, "g", "copy", &chain, |request| request.to_cedar(&nothing)).unwrap();
        assert!(request.context().unwrap().get("database").is_none(), "what no rule names is left out");
    }
}

#[test]
fn rules_that_look_at_the_clock_say_so() {
    for (text, looks) in [("context.now < datetime(\"2030-01-01\")", true), ("context.database == \"now\"", false)] {
        let rules = load(&[&format!("@id(\"r\") permit (principal, action, resource) when {{ {text} }};")]).unwrap();
        let chain = format!("{A},{B}");
        assert_eq!(names(&judge_chain(&rules, "u", "g", "copy", &chain)).contains(&"r"), looks, "{text}");
        let has_clock = rules.vocabulary.unwrap().has_clock();
        assert_eq!(has_clock, looks || text.contains("now"), "{text}");
    }
}

#[test]
fn rules_can_demand_a_client_certificate() {
    for condition in [
        "context has tls_subject && context.tls_subject like \"CN=etl,*\"",
        "context.tls_names.contains(\"etl.example.com\")",
    ] {
        let rules =
            load(&[&format!("@id(\"r\") permit (principal, action, resource) when {{ {condition} }};")]).unwrap();
        assert_eq!(names(&judge(&rules, "certified", "g", "copy")), ["r"], "{condition}");
        assert_eq!(names(&judge(&rules, "without", "g", "copy")), ["nothing permits"], "{condition}");
    }
}

#[test]
fn the_version_follows_the_text() {
    let (one, two) =
        ("@id(\"a\") permit (principal, action, resource);", "@id(\"b\") permit (principal, action, resource);");
    let version = |texts: &[&str]| load(texts).unwrap().version().to_owned();
    assert_eq!(version(&[one, two]), version(&[two, one]));
    assert_ne!(version(&[one]), version(&[two]));
}

#[test]
fn bad_rules_name_their_place() {
    let good = "@id(\"a\") permit (principal, action, resource);\n";
    for (texts, message) in [
        (vec!["permit (principal, action, resource)\n"], "0.cedar:"),
        (vec!["// x\npermit (principal, action, resource);"], "0.cedar:2:1: the rule has no name"),
        (vec![good, good], "1.cedar:1:1: rule \"a\" stands in "),
        (
            vec!["@id(\"a\") @severty(\"x\") forbid (principal, action, resource);"],
            "0.cedar:1:1: rule \"a\": unknown annotation @severty",
        ),
        (
            vec!["@id(\"a\") @severity(\"warn\") forbid (principal, action, resource);"],
            "is neither \"reject\" nor \"annotate\"",
        ),
        (vec!["@id(\"a\") @severity(\"reject\") permit (principal, action, resource);"], "@severity belongs to forbid"),
        (vec!["@id(\"a\") @mode(\"off\") forbid (principal, action, resource);"], "@mode(\"off\") is neither"),
        (vec!["@id(\"a\") @mode(\"shadow\") permit (principal, action, resource);"], "@mode belongs to forbid"),
        (vec!["@id(\"a\") permit (principal == ?principal, action, resource);"], "templates"),
        (
            vec!["@id(\"a\") permit (principal, action, resource)\nwhen { resource.lenght > 1 };"],
            "0.cedar:2:8: rule \"a\": ",
        ),
        (vec!["@id(\"a\") permit (principal, action == Rolegate::Action::\"Cpy\", resource);"], "0.cedar:1:"),
        (vec!["@id(\"a\") permit (principal, action, resource) when { resource.length > 1 && false };"], "0.cedar:1:"),
    ] {
        let error = load(&texts).map(|_rules| ()).unwrap_err();
        assert!(error.contains(message), "{texts:?}: {error}");
    }
    let missing = RuleSet::load(&[PathBuf::from("no/such.cedar")]).map(|_rules| ()).unwrap_err().to_string();
    assert!(missing.starts_with("no/such.cedar: "), "{missing}");
}

fn shipped(name: &str) -> RuleSet {
    RuleSet::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(name)]).unwrap()
}

#[test]
fn demo_rules() {
    let rules = shipped("demo/rules/demo.cedar");
    assert_eq!(names(&judge(&rules, "analyst", "analysts", "unload")), ["no-cross-account-unload", "permit-all"]);
    assert_eq!(names(&judge_chain(&rules, "analyst", "analysts", "unload", A)), ["permit-all"]);
    assert_eq!(names(&judge(&rules, "etl", "etl", "unload")), ["permit-all"]);
    assert_eq!(
        names(&judge(&rules, "analyst", "analysts", "create_external_schema")),
        ["external-schema-review", "permit-all"]
    );
    assert_eq!(names(&judge(&rules, "etl", "etl", "create_external_schema")), ["permit-all"]);
}

#[test]
fn example_one_team_one_role() {
    let rules = shipped("examples/one-team-one-role.cedar");
    assert_eq!(
        names(&judge_chain(&rules, "u", "finance", "copy", "arn:aws:iam::123456789012:role/Finance")),
        ["finance-uses-its-role"]
    );
    assert_eq!(names(&judge_chain(&rules, "u", "finance", "copy", A)), ["nothing permits"]);
    assert_eq!(names(&judge_chain(&rules, "u", "finance", "copy", "default")), ["nothing permits"]);
    assert_eq!(
        names(&judge_chain(&rules, "u", "growth", "copy", "arn:aws:iam::123456789012:role/Finance")),
        ["nothing permits"]
    );
}

#[test]
fn example_no_cross_account_unload() {
    let rules = shipped("examples/no-cross-account-unload.cedar");
    assert_eq!(names(&judge(&rules, "u", "analysts", "unload")), ["analysts-keep-data-home", "everything-else"]);
    assert_eq!(
        names(&judge_chain(&rules, "u", "analysts", "unload", "default")),
        ["analysts-keep-data-home", "everything-else"]
    );
    assert_eq!(names(&judge_chain(&rules, "u", "analysts", "unload", A)), ["everything-else"]);
    assert_eq!(names(&judge(&rules, "u", "etl", "unload")), ["everything-else"]);
}

#[test]
fn example_external_schemas_by_etl_only() {
    let rules = shipped("examples/external-schemas-by-etl-only.cedar");
    assert_eq!(names(&judge(&rules, "u", "etl", "create_external_schema")), ["etl-may-store-roles"]);
    assert_eq!(names(&judge(&rules, "u", "analysts", "copy")), ["reads-and-writes"]);
    assert_eq!(
        names(&judge(&rules, "u", "analysts", "create_external_schema")),
        ["only-etl-tools-store-roles", "nothing permits"]
    );
}
