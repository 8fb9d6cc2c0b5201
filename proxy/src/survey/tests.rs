//! Policies and worlds for the room's tests, and tables over the whole room: what lint and diff say of small sets of rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::chain::{Chain, RoleArn};
use crate::gate::policy::{Parts, Policy};
use crate::rules::RuleSet;
use crate::survey::circumstances::GateFacts;
use crate::survey::decision::decide;
use crate::survey::grid::{Grid, Survey, World};
use crate::survey::lint::{LintFinding, LintKind};
use crate::survey::values::RuleValues;
use crate::survey::{differences, lint};

pub(in crate::survey) const A: &str = "arn:aws:iam::123456789012:role/RoleA";
pub(in crate::survey) const B: &str = "arn:aws:iam::210987654321:role/RoleB";

/// The rule that permits everything.
pub(in crate::survey) const ALL: &str = "@id(\"all\") permit (principal, action, resource);\n";

pub(in crate::survey) fn rules(text: &str) -> RuleSet {
    RuleSet::from_text(Path::new("r.cedar"), text.to_owned()).unwrap()
}

/// A forbid called `x` under this condition.
pub(in crate::survey) fn forbid(condition: &str) -> String {
    format!("@id(\"x\") forbid (principal, action, resource) when {{ {condition} }};\n")
}

/// What the rules of a text compare, rule by rule.
pub(in crate::survey) fn values(text: &str) -> Vec<RuleValues> {
    rules(text).profiles().iter().map(RuleValues::of).collect()
}

pub(in crate::survey) fn groups(rows: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    rows.iter().map(|(group, users)| ((*group).to_owned(), owned(users))).collect()
}

/// A policy of these rules, in which `bob` is of the group `etl`.
pub(in crate::survey) fn policy(text: &str) -> Policy {
    let groups = groups(&[("etl", &["bob"])]);
    Policy::new(Parts { rules: Arc::new(rules(text)), groups, ..Parts::without_facts() })
}

pub(in crate::survey) fn roles(chain: &str) -> Vec<RoleArn> {
    Chain::parse(chain).unwrap().roles().to_vec()
}

pub(in crate::survey) fn gate(name: &str) -> GateFacts {
    let account = roles(A)[0].account();
    GateFacts { name: name.to_owned(), cluster: format!("{name}-cluster"), account: Some(account) }
}

/// One gate in the account of role A, and no facts.
pub(in crate::survey) fn world() -> World<'static> {
    World { gates: vec![gate("demo")], ..World::default() }
}

fn linted(text: &str) -> Vec<LintFinding> {
    let policy = policy(text);
    lint(&policy, &Survey::new(&[policy.rules()], &world(), 1_000_000))
}

/// Whether a forbid under this condition applies to some request of the grid.
fn holds(condition: &str) -> bool {
    let policy = policy(&forbid(condition));
    let grid = Grid::new(&[policy.rules()], &world());
    // In great steps, so that what differs late in the grid is met early.
    let numbers = |number: u64| (number * 1_000_003) % grid.size();
    let applies = |number: u64| decide(&policy, &grid.cell(numbers(number)).unwrap()).applied.contains_key("x");
    (0..grid.size()).into_par_iter().any(applies)
}

/// Every condition holds for some request, so the grid has one for which it does; a finding would be a lie, and a difference would be
/// missed for the same reason.
#[test]
fn the_grid_has_a_request_for_every_condition() {
    let rows = [
        "resource has target_secret".to_owned(),
        "resource has target_function".to_owned(),
        "resource has target_grantee".to_owned(),
        "resource has target_other".to_owned(),
        "resource has target_catalog_database".to_owned(),
        "!(resource has target_bucket)".to_owned(),
        "resource.target_kind == \"secret\"".to_owned(),
        "resource.target_kind != \"none\" && resource.target_kind != \"s3\" && resource.target_kind == \"grantee\"".to_owned(),
        "resource has target_bucket && resource.target_bucket == \"b\" && resource has target_prefix && resource.target_prefix like \"in/*/x\"".to_owned(),
        "resource has target_bucket && resource.target_bucket != \"b\" && resource has target_prefix && resource.target_prefix != \"p\"".to_owned(),
        "resource has target_secret && resource.target_secret like \"arn:*:secret:etl-*\"".to_owned(),
        "context has tls_subject".to_owned(),
        "context has tls_subject && context.tls_subject like \"CN=etl,*\" && context.tls_names.contains(\"etl.example.com\")".to_owned(),
        "context has tls_subject && context.tls_subject != \"CN=etl\"".to_owned(),
        "!(context has tls_subject)".to_owned(),
        "context.tls_names.isEmpty() && context has tls_subject".to_owned(),
        "context has cluster_account".to_owned(),
        "context has cluster_account && context.cluster_account == \"123456789012\"".to_owned(),
        "!(context has cluster_account)".to_owned(),
        "context.gate == \"demo\" && context.cluster == \"demo-cluster\"".to_owned(),
        "context.gate != \"demo\"".to_owned(),
        "resource.method == \"unknown\"".to_owned(),
        "resource.method == \"access_keys\"".to_owned(),
        "resource.method == \"session\" || resource.method == \"all\"".to_owned(),
        "resource.method == \"none\" && resource.clause == \"none\"".to_owned(),
        format!("resource.method == \"default\" && resource has first_role && resource.first_role == \"{A}\""),
        "resource.method == \"default\" && resource.length == 1".to_owned(),
        format!("resource has first_role && resource.first_role == \"{A}\" && resource.length > 2"),
        format!("resource has last_role && resource.last_role == \"{B}\" && resource.length == 4"),
        format!("resource.roles.contains(\"{A}\") && resource.roles.contains(\"{B}\") && resource.length == 3"),
        format!("resource.middle_roles.contains(\"{A}\")"),
        format!("resource.middle_roles.contains(\"{A}\") && resource.length >= 4"),
        "resource.length == 10".to_owned(),
        "resource.length < 1".to_owned(),
        "resource.paths.contains(\"/etl/\") && resource.names.contains(\"Loader\")".to_owned(),
        "resource.paths.contains(\"/etl/\") && resource.accounts.contains(\"111122223333\")".to_owned(),
        "resource.accounts.contains(\"111122223333\") && resource.length == 2".to_owned(),
        "resource.accounts.containsAll([\"111122223333\", \"444455556666\"])".to_owned(),
        "resource.common_path like \"/etl/*\" && resource.length == 2".to_owned(),
        "resource.common_name like \"etl-*\"".to_owned(),
        "resource.chain like \"*:role/RoleA,*:role/RoleB\"".to_owned(),
        "resource.chain like \"*:role/RoleA,*\"".to_owned(),
        "resource.leaves_cluster_account".to_owned(),
        "resource.all_in_cluster_account && resource.method == \"chain\"".to_owned(),
        "resource.clause == \"assumerole\" && resource.method == \"all\"".to_owned(),
        "resource has tags_of_any_role".to_owned(),
        "!(resource has tags_of_any_role)".to_owned(),
        "resource has tags_of_last_role && resource.tags_of_last_role.contains(\"team=x\") && resource has tags_of_first_role && !resource.tags_of_first_role.contains(\"team=x\")".to_owned(),
        "context.hour == 0".to_owned(),
        "context.hour == 23 && context.weekday == \"sunday\"".to_owned(),
        "context.hour < 6 && context.now < datetime(\"2020-01-01\")".to_owned(),
        "context.hour >= 22 && context.now > datetime(\"2030-06-01T12:00:00Z\")".to_owned(),
        "context.weekday == \"saturday\" && context.now > datetime(\"2030-06-01T12:00:00Z\")".to_owned(),
        "context.now == datetime(\"2024-02-29T23:59:59+0100\")".to_owned(),
        "context.now > datetime(\"2024-01-01\") && context.now < datetime(\"2024-01-02\")".to_owned(),
        "context has client_address && context.client_address.isInRange(ip(\"10.0.0.0/8\"))".to_owned(),
        "context has client_address && !context.client_address.isInRange(ip(\"10.0.0.0/8\"))".to_owned(),
        "context has client_address && !context.client_address.isInRange(ip(\"203.0.113.0/24\"))".to_owned(),
        "context has client_address && context.client_address.isInRange(ip(\"2001:db8::/32\"))".to_owned(),
        "context has client_address && context.client_address.isInRange(ip(\"10.1.2.3\"))".to_owned(),
        "context.application like \"dbt*\" && context.database == \"prod\"".to_owned(),
        "context.application != \"dbt\"".to_owned(),
        "context.database == \"\"".to_owned(),
        "principal.name like \"svc_*\" && principal in Rolegate::Group::\"etl\"".to_owned(),
        "principal == Rolegate::User::\"carol\" && !(principal in Rolegate::Group::\"etl\")".to_owned(),
        "principal in Rolegate::Group::\"etl\" && principal in Rolegate::Group::\"night\"".to_owned(),
        "principal in Rolegate::Group::\"etl\" && !(principal in Rolegate::Group::\"night\")".to_owned(),
        "!(principal in Rolegate::Group::\"etl\")".to_owned(),
        "action in Rolegate::Action::\"grants\"".to_owned(),
        "action == Rolegate::Action::\"CreateModel\"".to_owned(),
        "action in Rolegate::Action::\"stores\" && action != Rolegate::Action::\"CreateModel\"".to_owned(),
    ];
    let missed: Vec<String> = rows.into_iter().filter(|condition| !holds(condition)).collect();
    assert!(missed.is_empty(), "no request of the grid for:\n{}", missed.join("\n"));
}

/// Conditions that hold for no request at all.
#[test]
fn what_can_never_hold_is_said_to_apply_to_nothing() {
    for condition in [
        "resource.length > 10",
        "resource.length < 0",
        "context.hour > 23",
        "context.hour < 0",
        "context.hour < 3 && context.hour > 5",
        "resource.method == \"chain\" && resource.length == 0",
        "resource.method == \"access_keys\" && resource.length == 1",
        "resource has target_bucket && resource has target_secret",
        "resource.target_kind == \"none\" && resource has target_bucket",
        "context.now < datetime(\"2024-01-01\") && context.now > datetime(\"2024-01-02\")",
        "principal in Rolegate::Group::\"etl\" && !(principal in Rolegate::Group::\"etl\")",
        "resource.leaves_cluster_account && resource.all_in_cluster_account && resource.length > 0",
    ] {
        let found = linted(&format!("{ALL}{}", forbid(condition)));
        let told: Vec<_> = found.iter().map(|one| (one.rule.as_str(), one.kind, one.by.len())).collect();
        assert_eq!(told, [("x", LintKind::NeverApplies, 0)], "{condition}");
        assert!(found[0].what.starts_with("applies to none of ") && found[0].place == "r.cedar:2:1", "{found:?}");
    }
}

/// (rules, findings: rule, what is wrong, by which)
#[test]
fn lint_table() {
    type Row<'r> = (&'r str, String, &'r [(&'r str, LintKind, &'r [&'r str])]);
    let permit = |id: &str, head: &str| format!("@id(\"{id}\") permit ({head});\n");
    let etl = "principal in Rolegate::Group::\"etl\", action, resource";
    let copy = "principal, action == Rolegate::Action::\"Copy\", resource";
    let any = "principal, action, resource";
    let refuse = |id: &str, head: &str| format!("@id(\"{id}\") forbid ({head});\n");
    let annotate = |id: &str, head: &str| format!("@id(\"{id}\") @severity(\"annotate\") forbid ({head});\n");
    let shadow = |id: &str, head: &str| format!("@id(\"{id}\") @mode(\"shadow\") forbid ({head});\n");
    let rows: &[Row<'_>] = &[
        ("one permit", permit("p", any), &[]),
        (
            "two that are the same",
            permit("p", any) + &permit("q", any),
            &[("p", LintKind::Shadowed, &["q"]), ("q", LintKind::Shadowed, &["p"])],
        ),
        (
            "a narrow permit beside a wide one",
            permit("p", any) + &permit("q", etl),
            &[("q", LintKind::Shadowed, &["p"])],
        ),
        ("two that overlap", permit("p", copy) + &permit("q", etl), &[]),
        (
            "a narrow forbid below a wide one",
            permit("p", any)
                + &refuse("f", copy)
                + &refuse("g", &copy.replace("principal,", "principal in Rolegate::Group::\"etl\",")),
            &[("g", LintKind::Shadowed, &["f"])],
        ),
        (
            "forbids that cover a third together",
            permit("p", any)
                + &refuse("f", copy)
                + &refuse("g", "principal, action != Rolegate::Action::\"Copy\", resource").replace(
                    "action != Rolegate::Action::\"Copy\", resource);",
                    "action, resource) unless { action == Rolegate::Action::\"Copy\" };",
                )
                + &refuse("h", etl),
            &[("h", LintKind::Shadowed, &[]), ("p", LintKind::Contradicted, &[])],
        ),
        (
            "a permit that a forbid always overrules",
            permit("p", any) + &permit("q", copy) + &refuse("f", copy),
            &[("q", LintKind::Contradicted, &["f"])],
        ),
        ("a forbid that annotates overrules nothing", permit("p", copy) + &annotate("f", copy), &[]),
        ("nor does one in shadow mode", permit("p", copy) + &shadow("f", copy), &[]),
        (
            "an annotation of what is refused",
            permit("p", any) + &refuse("f", copy) + &annotate("g", copy),
            &[("g", LintKind::Shadowed, &["f"])],
        ),
        ("an annotation makes no refusal needless", permit("p", any) + &annotate("f", any) + &refuse("g", copy), &[]),
        ("a shadow makes no refusal needless", permit("p", any) + &shadow("f", any) + &refuse("g", copy), &[]),
        (
            "two annotations of the same",
            permit("p", any) + &annotate("f", any) + &annotate("g", copy),
            &[("g", LintKind::Shadowed, &["f"])],
        ),
        (
            "a shadow beside an annotation of the same",
            permit("p", any) + &shadow("f", any) + &annotate("g", copy),
            &[("g", LintKind::Shadowed, &["f"])],
        ),
        ("forbids alone, without a permit", refuse("f", copy), &[]),
    ];
    for (what, text, want) in rows {
        let found = linted(text);
        let told: Vec<(&str, LintKind, Vec<&str>)> = found
            .iter()
            .map(|one| (one.rule.as_str(), one.kind, one.by.iter().map(String::as_str).collect()))
            .collect();
        let want: Vec<(&str, LintKind, Vec<&str>)> =
            want.iter().map(|(rule, kind, by)| (*rule, *kind, by.to_vec())).collect();
        assert_eq!(told, want, "{what}: {text}");
    }
}

/// The words of a finding, of each kind.
#[test]
fn a_finding_says_what_is_wrong() {
    let one = |text: &str| {
        let mut found = linted(text);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0).what
    };
    let copy = "principal, action == Rolegate::Action::\"Copy\", resource";
    assert_eq!(
        one(&format!("{ALL}@id(\"q\") permit ({copy});")),
        "all that it permits is permitted or refused without it, by \"all\""
    );
    assert_eq!(
        one(&format!(
            "{ALL}@id(\"q\") permit ({copy});@id(\"e\") forbid ({copy});@id(\"f\") @severity(\"annotate\") forbid (principal, action, resource);"
        )),
        "all that it permits is refused by \"e\""
    );
    let two = format!("{ALL}@id(\"f\") forbid ({copy}); @id(\"g\") @severity(\"annotate\") forbid ({copy});");
    assert_eq!(one(&two), "all that it forbids is forbidden without it, by \"f\"");
}

/// What two sets decide differently: by how many requests it is told does not matter here, by what it is does.
#[test]
fn differences_name_who_what_through_what_and_on_what() {
    let (old, new) = (
        policy(ALL),
        policy(&format!(
            "{ALL}{}",
            forbid(
                "principal in Rolegate::Group::\"etl\" && action == Rolegate::Action::\"Copy\" && resource has target_bucket && resource.target_bucket == \"pay\""
            )
        )),
    );
    let survey = Survey::new(&[old.rules(), new.rules()], &world(), 1_000_000);
    let found = differences(&old, &new, &survey);
    assert_eq!(found.len(), 1, "{found:?}");
    let one = found.values().next().unwrap();
    assert_eq!(one.people.iter().map(String::as_str).collect::<Vec<_>>(), ["a member of etl"]);
    assert_eq!(one.kinds.iter().copied().collect::<Vec<_>>(), ["copy"]);
    assert_eq!(one.targets.iter().map(String::as_str).collect::<Vec<_>>(), ["s3://pay/rolegate-stranger"]);
    let (_, _, example) = one.example.clone().unwrap();
    assert!(
        example.starts_with("a member of etl: copy through ")
            && example.ends_with(" on s3://pay/rolegate-stranger (gate demo)"),
        "{example}"
    );
    assert!(one.count > 0 && one.count < survey.asked(), "{} of {}", one.count, survey.asked());
    let back = differences(&new, &old, &survey);
    assert_eq!(back.values().next().map(|other| other.count), Some(one.count), "the other way round");
    assert!(differences(&new, &new, &survey).is_empty());
}

/// Names beyond twelve of a kind are left out, the first in order stay, and the count holds all.
#[test]
fn a_difference_lists_some_names() {
    let names: Vec<String> = (10..40).map(|number| format!("\"b{number}\"")).collect();
    let condition = format!("resource has target_bucket && [{}].contains(resource.target_bucket)", names.join(", "));
    let (old, new) = (policy(ALL), policy(&format!("{ALL}{}", forbid(&condition))));
    let found = differences(&old, &new, &Survey::new(&[old.rules(), new.rules()], &world(), 1_000_000));
    let one = found.values().next().unwrap();
    let want: Vec<String> = (10..22).map(|number| format!("s3://b{number}/rolegate-stranger")).collect();
    assert_eq!(one.targets.iter().cloned().collect::<Vec<_>>(), want);
    assert!(one.count >= 30);
}

/// A condition out of few words, which may hold for some requests, for all or for none.
fn conditions() -> impl Strategy<Value = String> {
    let simple = prop::sample::select(vec![
        "resource.length == 2",
        "resource.length > 1",
        "context.database == \"prod\"",
        "resource has target_bucket && resource.target_bucket == \"b\"",
        "principal in Rolegate::Group::\"etl\"",
        "principal == Rolegate::User::\"bob\"",
        "action == Rolegate::Action::\"Copy\"",
        "action in Rolegate::Action::\"stores\"",
        "resource.method == \"chain\"",
    ])
    .prop_map(str::to_owned);
    let part =
        (any::<bool>(), simple).prop_map(|(not, text)| if not { format!("!({text})") } else { format!("({text})") });
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(" && "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    /// Lint and diff agree: a forbid alone beside a permit of everything applies nowhere just when taking it out changes nothing.
    #[test]
    fn a_forbid_that_never_applies_is_one_that_changes_nothing(condition in conditions()) {
        let text = format!("{ALL}{}", forbid(&condition));
        prop_assume!(RuleSet::from_text(Path::new("r.cedar"), text.clone()).is_ok(), "a contradiction is no rule");
        let (with, without) = (policy(&text), policy(ALL));
        let survey = Survey::new(&[with.rules(), without.rules()], &world(), 1_000_000);
        let never = lint(&with, &survey).iter().any(|one| one.rule == "x");
        let found = differences(&without, &with, &survey);
        prop_assert_eq!(never, found.is_empty(), "{}", condition);
        for key in found.keys() {
            prop_assert_eq!(key.causes.iter().map(|cause| cause.rule.as_str()).collect::<Vec<_>>(), ["x"]);
        }
        let count = |found: &crate::survey::diff::Differences| found.values().map(|one| one.count).sum::<u64>();
        prop_assert_eq!(count(&found), count(&differences(&with, &without, &survey)));
    }
}
