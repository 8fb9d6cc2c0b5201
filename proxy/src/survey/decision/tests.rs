use super::*;
use crate::survey::grid::Grid;
use crate::survey::tests::{policy, world};

/// The action and the rules for a stranger's first request.
fn decided(text: &str) -> CellDecision {
    let policy = policy(text);
    let grid = Grid::new(&[policy.rules()], &world());
    decide(&policy, &grid.cell(0).unwrap())
}

fn rule(id: &str, about: &str, effect: &str) -> String {
    format!("@id(\"{id}\") {about} {effect} (principal, action, resource);\n")
}

/// (rules, action, the refusing, the permitting)
#[test]
fn table() {
    let permit = |id: &str| rule(id, "", "permit");
    let refuse = |id: &str| rule(id, "", "forbid");
    let annotate = |id: &str| rule(id, "@severity(\"annotate\")", "forbid");
    let shadow = |id: &str| rule(id, "@mode(\"shadow\")", "forbid");
    let rows: &[(String, Action, &[&str], &[&str])] = &[
        (permit("p"), Action::Forward, &[], &["p"]),
        (permit("p") + &permit("q"), Action::Forward, &[], &["p", "q"]),
        (permit("p") + &refuse("f"), Action::Reject, &["f"], &["p"]),
        (permit("p") + &annotate("f"), Action::Annotate, &[], &["p"]),
        (permit("p") + &shadow("f"), Action::Annotate, &[], &["p"]),
        (permit("p") + &annotate("f") + &refuse("g"), Action::Reject, &["g"], &["p"]),
        (permit("p") + &rule("f", "@mode(\"enforce\")", "forbid"), Action::Reject, &["f"], &["p"]),
        (
            permit("p") + &rule("f", "@mode(\"enforce\") @severity(\"annotate\")", "forbid"),
            Action::Annotate,
            &[],
            &["p"],
        ),
        (refuse("f"), Action::Reject, &["f"], &[]),
        (annotate("f"), Action::Reject, &[], &[]),
        (shadow("f"), Action::Reject, &[], &[]),
    ];
    for (text, action, refusing, permitting) in rows {
        let one = decided(text);
        assert_eq!(one.action, *action, "{text}");
        assert_eq!(one.refusing().collect::<Vec<_>>(), *refusing, "{text}");
        assert_eq!(one.permitting().collect::<Vec<_>>(), *permitting, "{text}");
    }
}

/// What each rule does under its own mode stands beside it.
#[test]
fn a_shadow_is_an_annotation() {
    let text = rule("p", "", "permit") + &rule("f", "", "forbid") + &rule("s", "@mode(\"shadow\")", "forbid");
    let applied: Vec<_> = decided(&text).applied.into_iter().collect();
    let what = |id: &str, effect, severity| (id.to_owned(), (effect, severity));
    assert_eq!(
        applied,
        [
            what("f", RuleEffect::Forbid, RuleSeverity::Reject),
            what("p", RuleEffect::Permit, RuleSeverity::Annotate),
            what("s", RuleEffect::Forbid, RuleSeverity::Annotate),
        ]
    );
}

/// A forbid that cannot be evaluated counts; a permit that cannot does not.
#[test]
fn what_cannot_be_evaluated() {
    let broken = "when { 9223372036854775807 + resource.length + 1 > 0 };";
    let permit = rule("p", "", "permit");
    let forbid = format!("@id(\"f\") forbid (principal, action, resource) {broken}");
    assert_eq!(decided(&format!("{permit}{forbid}")).action, Action::Reject);
    let one = decided(&format!("@id(\"p\") permit (principal, action, resource) {broken}"));
    assert_eq!((one.action, one.applied.len()), (Action::Reject, 0));
}

/// A person with groups of their own is judged by these, anybody else by those of the policy.
#[test]
fn whose_groups_count() {
    let text = "@id(\"p\") permit (principal, action, resource);
        @id(\"f\") forbid (principal in Rolegate::Group::\"etl\", action, resource) when { principal.name == \"bob\" || principal.name == \"carol\" };";
    let policy = policy(text);
    let grid = Grid::new(&[policy.rules()], &world());
    let mut told: Vec<(String, Action)> = (0..grid.size())
        .map(|number| grid.cell(number).unwrap())
        .map(|cell| (cell.person.label.clone(), decide(&policy, &cell).action))
        .collect();
    told.sort();
    told.dedup();
    let row = |label: &str, action| (label.to_owned(), action);
    assert_eq!(
        told,
        [
            row("a member of etl", Action::Forward),
            row("a stranger", Action::Forward),
            row("bob", Action::Reject),
            row("bob in etl", Action::Reject),
            row("carol", Action::Forward),
            row("carol in etl", Action::Reject),
        ]
    );
}
