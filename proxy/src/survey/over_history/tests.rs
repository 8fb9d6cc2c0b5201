use super::*;
use crate::history::RecordKind;
use crate::survey::causes::RuleChange;
use crate::survey::tests::{A, ALL, B, forbid, policy};

const COPY: &str = "copy t from 's3://landing/x' iam_role 'arn:aws:iam::123456789012:role/RoleA'";

fn record(user: &str, text: &str) -> StatementRecord<'static> {
    let mut record = StatementRecord::new("x", 1, RecordKind::Audit, text.to_owned());
    (record.user, record.time) = (Some(user.to_owned().into()), Some("2026-01-02T03:04:05Z".into()));
    record
}

fn compared(old: &str, new: &str, records: &[StatementRecord<'_>]) -> ComparedCount {
    let (both, mut count) = (Compared::new(policy(old), policy(new)), ComparedCount::default());
    for record in records {
        both.take(&mut count, record);
    }
    count
}

fn told(count: &ComparedCount) -> Vec<(Action, Action, Vec<String>, String, u64)> {
    let mut rows: Vec<_> = count.differences.0.iter().collect();
    rows.sort_by_key(|(key, _)| *key);
    let causes = |key: &RecordedDifference| key.causes.iter().map(|cause| cause.rule.clone()).collect();
    rows.into_iter().map(|(key, group)| (key.from, key.to, causes(key), key.user.clone(), group.count)).collect()
}

/// (old rules, new rules, the difference of one COPY)
#[test]
fn table() {
    let refuse = format!("{ALL}{}", forbid("resource.method == \"chain\""));
    let annotate = refuse.replace("@id(\"x\")", "@id(\"x\") @severity(\"annotate\")");
    let (forward_, annotate_, reject_) = (Action::Forward, Action::Annotate, Action::Reject);
    for (old, new, want) in [
        (ALL, ALL, None),
        (ALL, &refuse, Some((forward_, reject_, "x"))),
        (&refuse, ALL, Some((reject_, forward_, "x"))),
        (ALL, &annotate, Some((forward_, annotate_, "x"))),
        (&annotate, &refuse, Some((annotate_, reject_, "x"))),
        (&refuse, &annotate, Some((reject_, annotate_, "x"))),
        (&refuse, &refuse, None),
        (
            ALL,
            "@id(\"other\") permit (principal == Rolegate::User::\"nobody\", action, resource);",
            Some((forward_, reject_, "all")),
        ),
    ] {
        let count = compared(old, new, &[record("etl", COPY)]);
        let want: Vec<_> =
            want.into_iter().map(|(from, to, rule)| (from, to, vec![rule.to_owned()], "etl".to_owned(), 1)).collect();
        assert_eq!(told(&count), want, "{old} -> {new}");
        assert_eq!((count.statements, count.cannot_tell), (1, 0));
    }
}

/// A record that stands for many counts as many, and the user is the database's name without what IAM puts before it.
#[test]
fn statements_are_counted_and_named() {
    let new = format!("{ALL}{}", forbid("principal.name == \"etl\""));
    let mut many = record("IAM:etl", COPY);
    many.count = 40;
    let count = compared(ALL, &new, &[many, record("etl", COPY), record("bob", COPY), record("etl", "select 1")]);
    assert_eq!(count.statements, 43);
    assert_eq!(told(&count), [(Action::Forward, Action::Reject, vec!["x".to_owned()], "etl".to_owned(), 41)]);
    let (key, group) = count.differences.0.iter().next().unwrap();
    assert_eq!((key.chain.as_str(), key.target.as_deref(), key.kind), (A, Some("s3://landing"), StatementKind::Copy));
    assert_eq!((key.code, key.causes[0].change), (Some(Code::Rg301), RuleChange::Added));
    assert_eq!((group.example.text.as_str(), group.example.codes.as_slice()), (COPY, [Code::Rg301].as_slice()));
}

/// What one policy cannot judge is in neither count of statements, and never a difference.
#[test]
fn what_cannot_be_told_is_counted_apart() {
    let new = format!("{ALL}{}", forbid("context.hour < 6"));
    let with = |change: fn(&mut StatementRecord<'static>)| {
        let mut record = record("etl", COPY);
        record.count = 2;
        change(&mut record);
        record
    };
    let records = [
        with(|record| record.hidden = true),
        with(|record| record.truncated = true),
        with(|record| record.doubtful = true),
        with(|record| record.user = None),
        with(|record| record.time = None),
    ];
    let count = compared(ALL, &new, &records);
    assert_eq!((count.statements, count.cannot_tell, count.differences.0.len()), (0, 10, 0));
    let timeless = compared(ALL, &format!("{ALL}{}", forbid("resource.length == 1")), &records[4..]);
    assert_eq!((timeless.statements, timeless.cannot_tell, timeless.differences.0.len()), (2, 0, 1));
}

#[test]
fn parts_add_up() {
    let new = format!("{ALL}{}", forbid(&format!("resource has first_role && resource.first_role == \"{A}\"")));
    let other = COPY.replace(A, B);
    let mut hidden = record("etl", COPY);
    hidden.hidden = true;
    let all = [record("etl", COPY), record("bob", COPY), hidden, record("etl", &other), record("etl", COPY)];
    let whole = compared(ALL, &new, &all);
    for at in [0, 2, all.len()] {
        let (first, last) = all.split_at(at);
        let mut sum = compared(ALL, &new, first);
        sum.merge(compared(ALL, &new, last));
        assert_eq!((sum.statements, sum.cannot_tell), (whole.statements, whole.cannot_tell), "{at}");
        assert_eq!(told(&sum), told(&whole), "{at}");
    }
    assert_eq!((whole.statements, whole.cannot_tell, told(&whole).len()), (4, 1, 2));
}

/// Beyond the bound, users and chains share one group, which still says what changes.
#[test]
fn a_shared_group_names_no_one() {
    let mut key = RecordedDifference {
        from: Action::Forward,
        to: Action::Reject,
        causes: Vec::new(),
        code: Some(Code::Rg301),
        user: "etl".to_owned(),
        kind: StatementKind::Copy,
        chain: A.to_owned(),
        target: Some("s3://b".to_owned()),
    };
    key.shared();
    assert_eq!((key.user.as_str(), key.chain.as_str(), key.target), ("(others)", "(others)", None));
    assert_eq!(
        (key.from, key.to, key.code, key.kind),
        (Action::Forward, Action::Reject, Some(Code::Rg301), StatementKind::Copy)
    );
}
