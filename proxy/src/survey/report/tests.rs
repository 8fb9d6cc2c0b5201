use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::history::{RecordKind, StatementRecord};
use crate::replay::groups::Example;
use crate::rules::{RuleEffect, RuleSet};
use crate::survey::grid::World;

fn survey(is_sampled: bool, more_chains: bool) -> Survey {
    let set = RuleSet::none();
    let mut survey = Survey::new(&[&set], &World::default(), if is_sampled { 7 } else { u64::MAX });
    survey.more_chains = more_chains;
    survey
}

fn cause(rule: &str, effect: RuleEffect, change: RuleChange) -> RuleCause {
    RuleCause { rule: rule.to_owned(), effect, change }
}

fn found(rows: &[(Action, Action, u64)]) -> Differences {
    let of = |(from, to, count): &(Action, Action, u64)| {
        let key = DifferenceKey {
            from: *from,
            to: *to,
            causes: vec![cause(&format!("r{count}"), RuleEffect::Forbid, RuleChange::Added)],
        };
        (key, Difference { count: *count, ..Difference::default() })
    };
    rows.iter().map(of).collect()
}

/// What is stricter comes first, then the most frequent; what is equally frequent stays in order.
#[test]
fn what_is_stricter_comes_first() {
    let (forward, annotate, reject) = (Action::Forward, Action::Annotate, Action::Reject);
    let rows = [
        (reject, forward, 900),
        (forward, annotate, 5),
        (annotate, reject, 50),
        (reject, annotate, 1000),
        (forward, reject, 6),
    ];
    let report = of_grid(&found(&rows), &survey(false, false));
    let order: Vec<_> = report.differences.iter().map(|row| (row.from, row.to, row.count)).collect();
    assert_eq!(
        order,
        [
            (annotate, reject, 50),
            (forward, reject, 6),
            (forward, annotate, 5),
            (reject, annotate, 1000),
            (reject, forward, 900)
        ]
    );
    assert_eq!(report.summary.different, 1961);
}

/// (differences, whether something is newly refused)
#[test]
fn refuses_more_table() {
    let (forward, annotate, reject) = (Action::Forward, Action::Annotate, Action::Reject);
    for (rows, want) in [
        (vec![], false),
        (vec![(forward, annotate, 1)], false),
        (vec![(reject, annotate, 1), (reject, forward, 1)], false),
        (vec![(annotate, reject, 1)], true),
        (vec![(reject, forward, 9), (forward, reject, 1)], true),
    ] {
        assert_eq!(of_grid(&found(&rows), &survey(false, false)).refuses_more(), want, "{rows:?}");
    }
}

fn one() -> Differences {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let key = DifferenceKey {
        from: Action::Forward,
        to: Action::Reject,
        causes: vec![
            cause("new", RuleEffect::Forbid, RuleChange::Added),
            cause("old", RuleEffect::Permit, RuleChange::Removed),
            cause("same", RuleEffect::Forbid, RuleChange::Unchanged),
            cause("other", RuleEffect::Permit, RuleChange::Changed),
        ],
    };
    let difference = Difference {
        count: 12,
        people: names(&["bob", "a stranger"]),
        kinds: BTreeSet::from(["unload", "copy"]),
        chains: names(&["default"]),
        targets: names(&["", "s3://b/p"]),
        example: Some((0, 3, "bob: copy through default".to_owned())),
    };
    BTreeMap::from([(key, difference)])
}

#[test]
fn a_difference_for_people() {
    let report = of_grid(&one(), &survey(false, false));
    let asked = survey(false, false).asked();
    assert_eq!(
        report.human(),
        format!(
            "12 of {asked} requests are decided differently\n\n\
             12 requests: forward -> reject, by forbid \"new\" (added) and permit \"old\" (removed) and forbid \"same\" \
             (unchanged, but other groups, facts or gates) and permit \"other\" (changed)\n  \
             by      a stranger; bob\n  through default\n  on      s3://b/p\n  what    copy, unload\n  for example bob: copy through default\n"
        )
    );
}

#[test]
fn a_difference_for_machines() {
    let value = serde_json::to_value(of_grid(&one(), &survey(false, false))).unwrap();
    assert_eq!(
        value["differences"],
        json!([{
            "from": "forward", "to": "reject", "count": 12,
            "causes": [
                {"rule": "new", "effect": "forbid", "change": "added"},
                {"rule": "old", "effect": "permit", "change": "removed"},
                {"rule": "same", "effect": "forbid", "change": "unchanged"},
                {"rule": "other", "effect": "permit", "change": "changed"},
            ],
            "users": ["a stranger", "bob"], "kinds": ["copy", "unload"], "chains": ["default"], "targets": ["s3://b/p"],
            "example": "bob: copy through default",
        }])
    );
    let summary = |value: &Value| value["summary"].clone();
    let asked = survey(false, false).asked();
    assert_eq!(summary(&value), json!({"over": "grid", "compared": asked, "different": 12, "cannot_tell": 0}));
    let sampled = serde_json::to_value(of_grid(&one(), &survey(true, true))).unwrap();
    assert_eq!(
        summary(&sampled),
        json!({"over": "grid", "compared": 7, "different": 12, "sampled_of": asked, "more_chains": true, "cannot_tell": 0})
    );
}

/// A sample is called one, and chains that were left out are told.
#[test]
fn what_was_not_looked_at_is_told() {
    let whole = survey(false, false).asked();
    let sample = format!(
        "the grid has {whole} requests: those were looked at that each rule is about, and a sample of the others\n"
    );
    for (is_sampled, more_chains) in [(false, false), (false, true), (true, false), (true, true)] {
        let asked = if is_sampled { 7 } else { whole };
        let want = format!(
            "0 of {asked} requests are decided differently\n{}{}",
            if is_sampled { &sample } else { "" },
            if more_chains { MORE_CHAINS } else { "" }
        );
        let survey = survey(is_sampled, more_chains);
        assert_eq!(of_grid(&Differences::new(), &survey).human(), want);
        let lint = of_lint(3, Vec::new(), &[], &survey).human();
        let of = if is_sampled { format!(", a sample of {whole}") } else { String::new() };
        let more = if more_chains { MORE_CHAINS } else { "" };
        assert_eq!(lint, format!("{more}0 findings in 3 rules, over {asked} requests{of}\n"));
    }
}

fn recorded(chain: &str, target: Option<&str>, causes: Vec<RuleCause>) -> RecordedDifference {
    RecordedDifference {
        from: Action::Annotate,
        to: Action::Reject,
        causes,
        code: Some(Code::Rg301),
        user: "etl".to_owned(),
        kind: StatementKind::Copy,
        chain: chain.to_owned(),
        target: target.map(str::to_owned),
    }
}

fn counted(keys: Vec<RecordedDifference>) -> ComparedCount {
    let mut count = ComparedCount { statements: 5, cannot_tell: 2, ..ComparedCount::default() };
    for key in keys {
        for second in [20, 10] {
            let mut record = StatementRecord::new("x", 1, RecordKind::Audit, "copy t");
            record.count = 3;
            let time = Timestamp::from_second(second).ok();
            count
                .differences
                .add(key.clone(), &record, time, || Example { text: "copy t".to_owned(), ..Example::default() });
        }
    }
    count
}

#[test]
fn a_comparison_over_a_history() {
    let forbid = || vec![cause("new", RuleEffect::Forbid, RuleChange::Added)];
    let report = of_history(&counted(vec![recorded("default", Some("s3://b"), forbid())]));
    assert_eq!(
        report.human(),
        "6 of 5 statements are decided differently\n2 statements cannot be told\n\n\
         6 statements: annotate -> reject, by forbid \"new\" (added) [RG301]\n  by      etl\n  through default\n  on      s3://b\n  \
         what    copy\n  for example copy t\n"
    );
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["summary"], json!({"over": "history", "compared": 5, "different": 6, "cannot_tell": 2}));
    let row = &value["differences"][0];
    assert_eq!(
        (&row["first_seen"], &row["last_seen"]),
        (&json!("1970-01-01T00:00:10Z"), &json!("1970-01-01T00:00:20Z"))
    );
    assert_eq!((&row["code"], &row["users"], &row["chains"]), (&json!("RG301"), &json!(["etl"]), &json!(["default"])));
}

/// Where no rule causes it, that is said; what has no chain and no target has no such lines.
#[test]
fn a_difference_that_no_rule_causes() {
    let mut key = recorded("", None, Vec::new());
    let human = of_history(&counted(vec![key.clone()])).human();
    assert!(human.contains("annotate -> reject, by no rule: facts, groups or severities differ [RG301]\n"), "{human}");
    assert!(!human.contains("through") && !human.contains("  on "), "{human}");
    key.code = None;
    let human = of_history(&counted(vec![key])).human();
    assert!(human.contains("facts, groups or severities differ\n"), "{human}");
}

fn finding(kind: LintKind, rule: &str) -> LintFinding {
    LintFinding { kind, rule: rule.to_owned(), place: "r.cedar:1:1".to_owned(), what: "w".to_owned(), by: Vec::new() }
}

fn warning(rule: &str, never_applies: bool) -> RuleWarning {
    RuleWarning {
        rule: rule.to_owned(),
        place: "r.cedar:2:1".to_owned(),
        what: "the name is unknown".to_owned(),
        never_applies,
    }
}

/// (findings of the grid, warnings of names, what is reported)
#[test]
fn names_take_the_place_of_the_grid() {
    type Row<'r> = (&'r [(LintKind, &'r str)], &'r [(&'r str, bool)], &'r [(&'r str, LintKind, &'r str)]);
    use LintKind::{Contradicted, NeverApplies, Shadowed, UnknownName};
    let rows: &[Row<'_>] = &[
        (&[], &[], &[]),
        (&[(NeverApplies, "a")], &[], &[("a", NeverApplies, "w")]),
        (&[(NeverApplies, "a")], &[("a", true)], &[("a", NeverApplies, "the name is unknown")]),
        (
            &[(NeverApplies, "a")],
            &[("b", true)],
            &[("a", NeverApplies, "w"), ("b", NeverApplies, "the name is unknown")],
        ),
        (
            &[(NeverApplies, "a")],
            &[("a", false)],
            &[("a", NeverApplies, "w"), ("a", UnknownName, "the name is unknown")],
        ),
        (&[(Shadowed, "a")], &[("a", true)], &[("a", NeverApplies, "the name is unknown"), ("a", Shadowed, "w")]),
        (&[(Contradicted, "b"), (Shadowed, "a")], &[], &[("a", Shadowed, "w"), ("b", Contradicted, "w")]),
    ];
    for (found, warnings, want) in rows {
        let found = found.iter().map(|(kind, rule)| finding(*kind, rule)).collect();
        let warnings: Vec<RuleWarning> = warnings.iter().map(|(rule, never)| warning(rule, *never)).collect();
        let report = of_lint(2, found, &warnings, &survey(false, false));
        let told: Vec<_> = report.findings.iter().map(|one| (one.rule.as_str(), one.kind, one.what.as_str())).collect();
        assert_eq!(told, *want);
    }
}

#[test]
fn findings_for_people_and_machines() {
    let report = of_lint(4, vec![finding(LintKind::Shadowed, "a")], &[warning("b", false)], &survey(true, false));
    let whole = survey(false, false).asked();
    assert_eq!(
        report.human(),
        format!(
            "r.cedar:1:1: shadowed: rule \"a\": w\nr.cedar:2:1: unknown_name: rule \"b\": the name is unknown\n\
             2 findings in 4 rules, over 7 requests, a sample of {whole}\n"
        )
    );
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["summary"], json!({"rules": 4, "requests": 7, "sampled_of": whole}));
    assert_eq!(
        value["findings"][0],
        json!({"kind": "shadowed", "rule": "a", "place": "r.cedar:1:1", "what": "w", "by": []})
    );
}
