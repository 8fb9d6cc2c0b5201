//! What is promised of proposals, on generated histories: everything that was to be learned passes, and no rule can be left out.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use proptest::prelude::*;

use crate::gate::enforcement::Action;
use crate::gate::policy::{Parts, Policy};
use crate::history::{RecordKind, StatementRecord};
use crate::learn::propose::Grantee;
use crate::learn::{Generalisation, Learned, Learner, Proposals, cases, propose, sift};
use crate::replay::judged::{Judged, judge};
use crate::rules::RuleSet;

const A: &str = "arn:aws:iam::123456789012:role/RoleA";
const B: &str = "arn:aws:iam::210987654321:role/RoleB";

/// Users, two of them in several groups, one in none, one with a name that is nobody's friend.
const USERS: [&str; 5] = ["ann", "bob", "eve", "mal", "o\"brien\\*\n"];

fn policy() -> Policy {
    let group = |name: &str, users: &[&str]| (name.to_owned(), users.iter().map(ToString::to_string).collect());
    let groups = BTreeMap::from([
        group("all", &["ann", "bob", "eve"]),
        group("e*\"l", &["ann", "bob"]),
        group("bi", &["eve", "ann"]),
    ]);
    Policy::new(Parts { groups, ..Parts::without_facts() })
}

fn statement() -> impl Strategy<Value = (String, String)> {
    let (ab, ba) = (format!("'{A},{B}'"), format!("'{B},{A}'"));
    let role = prop_oneof![Just(format!("'{A}'")), Just(ab), Just(ba), Just("default".to_owned())];
    let part = prop_oneof!["[ab]", "[ab]_", "x[0-9]", "[0-9]{2,5}", Just("st*r".to_owned()), Just("é".to_owned())];
    let path = prop::collection::vec(part, 0..4).prop_map(|parts| parts.join("/"));
    let uri =
        (prop_oneof![Just("land"), Just("other")], path).prop_map(|(bucket, path)| format!("s3://{bucket}/{path}"));
    let text = (0..6_u8, role, uri).prop_map(|(what, role, uri)| match what {
        0 | 1 => format!("copy t from '{uri}' iam_role {role}"),
        2 => format!("unload ('select 1') to '{uri}' iam_role {role}"),
        3 => format!("create external schema s from data catalog database 'd' iam_role {role}"),
        4 => format!("copy t from '{uri}' access_key_id 'k' secret_access_key 's'"),
        _ => format!("copy t from '{uri}' iam_role {role}; unload ('select 1') to '{uri}x' iam_role {role}"),
    });
    (prop::sample::select(USERS.as_slice()).prop_map(str::to_owned), text)
}

fn record<'r>(line: u64, user: &'r str, text: &'r str) -> StatementRecord<'r> {
    let mut record = StatementRecord::new("x", line, RecordKind::Audit, text);
    record.user = Some(user.into());
    record
}

fn learned(
    policy: &Policy,
    history: &[(String, String)],
    depth: usize,
    by_last_role: bool,
    how: Generalisation,
) -> Proposals {
    let learner = Learner::new(policy, depth, by_last_role);
    let mut all = Learned::default();
    // In parts, as they are read side by side.
    for part in history.chunks(7) {
        let mut some = Learned::default();
        for (user, text) in part {
            learner.take(&mut some, &record(1, user, text));
        }
        all.merge(some);
    }
    propose(all.uses, policy.configured_groups(), how)
}

fn load(texts: &[String]) -> Arc<RuleSet> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learned.cedar");
    // A set without rules would permit everything.
    let none = "@id(\"nobody\") permit (principal == Rolegate::User::\"nobody\", action, resource);".to_owned();
    fs::write(&path, [texts, &[none]].concat().join("\n")).unwrap();
    Arc::new(RuleSet::load(&[path]).unwrap())
}

fn passes(policy: &Policy, (user, text): &(String, String)) -> bool {
    match judge(policy, &record(1, user, text)) {
        Judged::Verdict(verdict) => verdict.would_be != Action::Reject,
        Judged::Plain => true,
        Judged::CannotTell(_) => false,
    }
}

fn is_for_review((_, text): &(String, String)) -> bool {
    text.contains("access_key_id")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn what_is_learned_passes_and_nothing_can_be_left_out(
        history in prop::collection::vec(statement(), 1..16),
        depth in 0_usize..4,
        by_group in any::<bool>(),
        by_last_role in any::<bool>(),
    ) {
        let policy = policy();
        let found = learned(&policy, &history, depth, by_last_role, Generalisation { by_group, min_uses: 1 });
        prop_assert!(found.rare.is_empty());
        let (permits, unwritable) = sift(found.permits, by_last_role);
        prop_assert!(unwritable.iter().all(|permit| permit.grantee == Grantee::User(USERS[4].to_owned())));
        let is_for_review = |one: &(String, String)| is_for_review(one) || one.0 == USERS[4];
        let texts: Vec<String> = permits.iter().map(|permit| permit.cedar(by_last_role)).collect();
        let under = policy.with_rules(load(&texts));
        for one in &history {
            prop_assert!(is_for_review(one) || passes(&under, one), "refused: {one:?}\n{}", texts.join("\n"));
        }
        for left_out in 0..texts.len() {
            let mut others = texts.clone();
            let rule = others.remove(left_out);
            let under = policy.with_rules(load(&others));
            let mut learned = history.iter().filter(|one| !is_for_review(one));
            prop_assert!(learned.any(|one| !passes(&under, one)), "not needed: {rule}\n{}", others.join("\n"));
        }
        for permit in &permits {
            let cases = cases::cases(permit, &under);
            prop_assert!(cases.iter().any(|case| case.verdict != Action::Reject), "no case: {permit:?}");
            prop_assert!(cases.iter().any(|case| case.verdict == Action::Reject), "no near miss: {permit:?}");
        }
    }
}

#[test]
fn what_is_rare_is_for_review_and_refused() {
    let policy = policy();
    let of = |user: &str, uri: &str| (user.to_owned(), format!("copy t from '{uri}' iam_role '{A}'"));
    let history = [of("mal", "s3://land/a/x"), of("mal", "s3://land/a/y"), of("mal", "s3://other/a/y")];
    let found = learned(&policy, &history, 1, false, Generalisation { by_group: true, min_uses: 2 });
    let texts: Vec<String> = found.permits.iter().map(|permit| permit.cedar(false)).collect();
    assert_eq!((found.permits.len(), found.rare.len()), (1, 1));
    let under = policy.with_rules(load(&texts));
    assert_eq!(history.each_ref().map(|one| passes(&under, one)), [true, true, false]);
}

#[test]
fn a_rule_reads_well() {
    let policy = policy();
    let text = format!("copy t from 's3://land/in/2026/x' iam_role '{A},{B}'");
    let history = [("ann".to_owned(), text.clone()), ("bob".to_owned(), text)];
    let found = learned(&policy, &history, 2, false, Generalisation { by_group: true, min_uses: 1 });
    let rule = found.permits.first().unwrap().cedar(false);
    let expected = format!(
        "// 2 uses by 2 of 2 members (ann, bob)\n\
         @id(\"{}\")\n\
         @reason(\"learned from use: group e*\\\"l: copy through {A},{B} on s3://land/in/*\")\n\
         permit (\n  principal in Rolegate::Group::\"e*\\\"l\",\n  action == Rolegate::Action::\"Copy\",\n  resource\n)\n\
         when {{\n  resource.method == \"chain\" &&\n  resource.chain == \"{A},{B}\" &&\n  resource.target_kind == \"s3\" &&\n  \
         resource has target_bucket && resource.target_bucket == \"land\" &&\n  \
         resource has target_prefix && resource.target_prefix like \"in/*\"\n}};\n",
        found.permits.first().unwrap().id()
    );
    assert_eq!(rule, expected);
    assert!(found.permits.first().unwrap().id().starts_with("learned-e--l-copy-"));
}
