//! Policies and records for the room's tests, and tables over what is counted of a history.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::gate::exception::Exception;
use crate::gate::policy::{Parts, Policy};
use crate::history::{HistoryCounts, RecordKind, StatementRecord};
use crate::replay::groups::GroupKey;
use crate::replay::judged::CannotTell;
use crate::replay::{GroupBy, Replay, ReplayReport, Tally, report};
use crate::rules::RuleSet;

pub(in crate::replay) const A: &str = "arn:aws:iam::123456789012:role/RoleA";
pub(in crate::replay) const COPY: &str = "copy t from 's3://landing/x' iam_role 'arn:aws:iam::123456789012:role/RoleA'";

/// Everybody may, but `bob` may not; what `carol` does is annotated.
pub(in crate::replay) const RULES: &str = "@id(\"all\") permit (principal, action, resource);
    @id(\"no-bob\") @reason(\"bob has left\") forbid (principal == Rolegate::User::\"bob\", action, resource);
    @id(\"carol\") @severity(\"annotate\") forbid (principal == Rolegate::User::\"carol\", action, resource);";

pub(in crate::replay) fn parts(rules: &str) -> Parts {
    let groups = [("etl".to_owned(), vec!["bob".to_owned(), "dan".to_owned()])].into();
    let rules = RuleSet::from_text(Path::new("r.cedar"), rules.to_owned()).unwrap();
    Parts { rules: Arc::new(rules), groups, ..Parts::without_facts() }
}

pub(in crate::replay) fn policy(rules: &str) -> Policy {
    Policy::new(parts(rules))
}

/// The rules with an exception for `bob`, which ends in 2026.
fn excepted(rules: &str) -> Policy {
    let exception = Exception {
        id: "SEC-1".to_owned(),
        users: vec!["bob".to_owned()],
        groups: Vec::new(),
        chains: Vec::new(),
        codes: vec![Code::Rg301],
        until: "2026-06-01T00:00:00Z".parse().unwrap(),
        owner: "data".to_owned(),
        ticket: "T-1".to_owned(),
        reason: None,
    };
    Policy::new(Parts { exceptions: Arc::from([Arc::new(exception)]), ..parts(rules) })
}

pub(in crate::replay) fn record(user: &str, text: &str) -> StatementRecord<'static> {
    let mut record = StatementRecord::new("week.jsonl", 7, RecordKind::Audit, text.to_owned());
    record.user = Some(user.to_owned().into());
    record.time = Some("2026-01-02T03:04:05Z".into());
    record.application = Some(format!("app-{user}").into());
    record
}

pub(in crate::replay) fn replay(new: Policy, old: Option<Policy>) -> Replay {
    Replay { new, old, by: GroupBy::User }
}

pub(in crate::replay) fn tallied(replay: &Replay, records: &[StatementRecord<'_>]) -> Tally {
    let mut tally = Tally::default();
    for record in records {
        replay.take(&mut tally, record);
    }
    tally
}

pub(in crate::replay) fn reported(replay: &Replay, records: &[StatementRecord<'_>]) -> ReplayReport {
    report(replay, &tallied(replay, records), HistoryCounts::default())
}

/// (record, statements, with roles, would be, refused and annotated of the day, users who are refused)
#[test]
fn one_record_is_counted_where_it_belongs() {
    type Row<'r> = (&'r str, &'r str, [u64; 2], Action, Option<[u64; 2]>, &'r [&'r str]);
    let replay = replay(policy(RULES), None);
    let malformed = "copy t from 's3://b/x' iam_role 'no role'";
    let rows: &[Row<'_>] = &[
        ("etl", "select 1", [1, 0], Action::Forward, None, &[]),
        ("etl", COPY, [1, 1], Action::Forward, None, &[]),
        ("carol", COPY, [1, 1], Action::Annotate, Some([0, 1]), &[]),
        ("bob", COPY, [1, 1], Action::Reject, Some([1, 0]), &["bob"]),
        ("IAM:bob", COPY, [1, 1], Action::Reject, Some([1, 0]), &["IAM:bob"]),
        ("etl", malformed, [1, 1], Action::Reject, Some([1, 0]), &["etl"]),
        ("bob", "select 2; select 3", [1, 0], Action::Forward, None, &[]),
    ];
    for (user, text, [statements, with_roles], would_be, day, refused) in rows {
        let tally = tallied(&replay, &[record(user, text)]);
        let what = format!("{user}: {text}");
        assert_eq!((tally.statements, tally.with_roles), (*statements, *with_roles), "{what}");
        assert_eq!(
            tally.would_be.iter().map(|(action, count)| (*action, *count)).collect::<Vec<_>>(),
            [(*would_be, 1)],
            "{what}"
        );
        assert_eq!(tally.days.values().next(), day.as_ref(), "{what}");
        assert_eq!(tally.refused_users.iter().collect::<Vec<_>>(), *refused, "{what}");
        assert_eq!(tally.refused_applications.len(), refused.len(), "{what}");
        assert_eq!(tally.groups.0.len(), usize::from(*would_be != Action::Forward), "{what}");
        assert_eq!(tally.shown.len(), usize::from(*with_roles > 0), "{what}");
        assert_eq!((tally.cannot_tell, tally.excepted, tally.changes.0.len()), (0, 0, 0), "{what}");
        assert_eq!(tally.refuses_more(false), *would_be == Action::Reject, "{what}");
        assert!(!tally.refuses_more(true), "without a second policy nothing changes: {what}");
    }
}

/// A record that stands for many statements counts as many, everywhere.
#[test]
fn a_record_may_stand_for_many() {
    let replay = replay(policy(RULES), Some(policy("@id(\"all\") permit (principal, action, resource);")));
    let mut many = record("bob", COPY);
    many.count = 1000;
    let tally = tallied(&replay, &[many.clone(), record("bob", COPY)]);
    assert_eq!((tally.statements, tally.with_roles, tally.count(Action::Reject)), (1001, 1001, 1001));
    assert_eq!(tally.days.values().next(), Some(&[1001, 0]));
    assert_eq!(tally.groups.0.values().map(|group| group.count).collect::<Vec<_>>(), [1001]);
    assert_eq!(tally.changes.0.values().map(|group| group.count).collect::<Vec<_>>(), [1001]);
    many.hidden = true;
    assert_eq!(tallied(&replay, &[many]).cannot_tell, 1000);
}

/// (what is wrong with the record, why it cannot be told)
#[test]
fn what_cannot_be_told_is_told_apart() {
    type Change = fn(&mut StatementRecord<'static>);
    let by_the_clock =
        format!("{RULES} @id(\"night\") forbid (principal, action, resource) when {{ context.hour < 6 }};");
    let rows: &[(Change, Option<CannotTell>)] = &[
        (|_| {}, None),
        (|record| record.hidden = true, Some(CannotTell::Hidden)),
        (|record| record.truncated = true, Some(CannotTell::Truncated)),
        (|record| record.doubtful = true, Some(CannotTell::Doubtful)),
        (|record| (record.doubtful, record.hidden, record.truncated) = (true, true, true), Some(CannotTell::Doubtful)),
        (|record| (record.hidden, record.truncated) = (true, true), Some(CannotTell::Hidden)),
        (|record| record.user = None, Some(CannotTell::UserUnknown)),
        (|record| record.time = None, Some(CannotTell::TimeUnknown)),
        (|record| record.time = Some("yesterday".into()), Some(CannotTell::TimeUnknown)),
        (|record| (record.user, record.time) = (None, None), Some(CannotTell::UserUnknown)),
        (|record| (record.user, record.text) = (None, "select 1".into()), None),
        (|record| (record.time, record.text) = (None, "select 1".into()), None),
        (|record| (record.truncated, record.text) = (true, "select 1".into()), Some(CannotTell::Truncated)),
    ];
    let replay = replay(policy(&by_the_clock), None);
    for (place, (change, why)) in rows.iter().enumerate() {
        let mut record = record("etl", COPY);
        change(&mut record);
        let tally = tallied(&replay, &[record]);
        assert_eq!(
            (tally.statements, tally.cannot_tell),
            (u64::from(why.is_none()), u64::from(why.is_some())),
            "row {place}"
        );
        assert_eq!(tally.unknown.0.keys().map(|key| key.why).next(), *why, "row {place}");
        if why.is_some() {
            assert!(tally.would_be.is_empty() && tally.days.is_empty() && tally.groups.0.is_empty(), "row {place}");
        }
    }
}

/// The group of what cannot be told says whose and what it is, as far as it can be read.
#[test]
fn what_cannot_be_told_is_described() {
    let replay = replay(policy(RULES), None);
    let unknown = |change: fn(&mut StatementRecord<'static>)| {
        let mut record = record("etl", COPY);
        change(&mut record);
        let tally = tallied(&replay, &[record]);
        let key = tally.unknown.0.keys().next().unwrap().clone();
        (key.who, key.kind.as_str(), key.target)
    };
    let landing = Some("s3://landing".to_owned());
    assert_eq!(unknown(|record| record.truncated = true), ("etl".to_owned(), "copy", landing.clone()));
    assert_eq!(unknown(|record| record.user = None), (String::new(), "copy", landing.clone()));
    assert_eq!(
        unknown(|record| (record.user, record.user_id) = (None, Some(104))),
        ("user 104".to_owned(), "copy", landing.clone())
    );
    assert_eq!(
        unknown(|record| (record.truncated, record.user, record.user_id) = (true, Some("".into()), Some(104))).0,
        "user 104",
        "an empty name is none"
    );
    let cut = |record: &mut StatementRecord<'static>| {
        (record.truncated, record.user_id, record.text) = (true, Some(104), "select".into());
    };
    assert_eq!(unknown(cut), ("etl".to_owned(), "none", None));
}

/// (old rules, new rules, user, from, to, newly refused, newly let through)
#[test]
fn changes_table() {
    type Row<'r> = (&'r str, Policy, Policy, Option<(Action, Action, bool, bool)>);
    let all = "@id(\"all\") permit (principal, action, resource);";
    let (forward, annotate, reject) = (Action::Forward, Action::Annotate, Action::Reject);
    let rows: Vec<Row<'_>> = vec![
        ("etl", policy(all), policy(RULES), None),
        ("bob", policy(all), policy(RULES), Some((forward, reject, true, false))),
        ("bob", policy(RULES), policy(all), Some((reject, forward, false, true))),
        ("carol", policy(all), policy(RULES), Some((forward, annotate, false, false))),
        ("carol", policy(RULES), policy(all), Some((annotate, forward, false, false))),
        ("bob", policy(RULES), policy(RULES), None),
        ("bob", policy(RULES), excepted(RULES), Some((reject, reject, false, true))),
        ("bob", excepted(RULES), policy(RULES), Some((reject, reject, true, false))),
        ("bob", excepted(RULES), policy(all), Some((reject, forward, false, false))),
        ("bob", policy(all), excepted(RULES), Some((forward, reject, false, false))),
        ("bob", excepted(RULES), excepted(RULES), None),
        (
            "carol",
            policy(RULES),
            policy(&RULES.replace(" @severity(\"annotate\")", "")),
            Some((annotate, reject, true, false)),
        ),
    ];
    for (place, (user, old, new, want)) in rows.into_iter().enumerate() {
        let tally = tallied(&replay(new, Some(old)), &[record(user, COPY), record(user, "select 1")]);
        let told: Vec<_> = tally
            .changes
            .0
            .keys()
            .map(|key| (key.from, key.to.would_be, key.is_newly_refused(), key.is_newly_let_through()))
            .collect();
        assert_eq!(told, want.into_iter().collect::<Vec<_>>(), "row {place}");
        assert_eq!(tally.refuses_more(true), want.is_some_and(|(_, _, is_refused, _)| is_refused), "row {place}");
        assert_eq!(tally.statements, 2, "row {place}");
    }
}

/// An exception lets through until its time is over, by the time of the record.
#[test]
fn exceptions_hold_at_the_time_of_the_record() {
    let replay = replay(excepted(RULES), None);
    for (time, excepted) in [
        ("2026-01-02T03:04:05Z", 1),
        ("2026-05-31T23:59:59Z", 1),
        ("2026-06-01T00:00:00Z", 0),
        ("2027-01-01T00:00:00Z", 0),
    ] {
        let mut one = record("bob", COPY);
        one.time = Some(time.into());
        let tally = tallied(&replay, &[one]);
        assert_eq!((tally.excepted, tally.count(Action::Reject)), (excepted, 1), "{time}");
        assert_eq!(tally.days.values().next(), Some(&if excepted == 1 { [0, 1] } else { [1, 0] }), "{time}");
        assert_eq!(tally.refuses_more(false), excepted == 0, "{time}");
        let key = tally.groups.0.keys().next().unwrap();
        assert_eq!(
            (key.let_off.exceptions.len(), key.is_refused()),
            (usize::try_from(excepted).unwrap(), excepted == 0),
            "{time}"
        );
        assert_eq!(tally.refused_users.len(), usize::from(excepted == 0), "{time}");
    }
}

/// (user, its number, grouped by user, grouped by group)
#[test]
fn whose_a_group_is() {
    let who = |by, user: Option<&str>, number: Option<i64>| {
        let mut record = record("", "copy t from 's3://b/x' iam_role 'no role'");
        (record.user, record.user_id) = (user.map(|user| user.to_owned().into()), number);
        record.hidden = user.is_none();
        let tally = tallied(&Replay { new: policy(RULES), old: None, by }, &[record]);
        let groups = tally.groups.0.keys().map(|key: &GroupKey| key.who.clone());
        groups.chain(tally.unknown.0.keys().map(|key| key.who.clone())).collect::<Vec<_>>()
    };
    for (user, number, by_user, by_group) in [
        (Some("bob"), None, "bob", "etl"),
        (Some("bob"), Some(7), "bob", "etl"),
        (Some("IAM:bob"), None, "IAM:bob", "etl"),
        (Some("eve"), None, "eve", "eve"),
        (None, Some(7), "user 7", "user 7"),
        (Some(""), Some(7), "user 7", "user 7"),
        (None, None, "", ""),
    ] {
        assert_eq!(who(GroupBy::User, user, number), [by_user], "{user:?} {number:?}");
        assert_eq!(who(GroupBy::Group, user, number), [by_group], "{user:?} {number:?}");
    }
}

/// Days are those of UTC, whatever zone the source writes.
#[test]
fn days_are_of_utc() {
    let replay = replay(policy(RULES), None);
    let records: Vec<_> = ["2026-01-01T23:30:00-02:00", "2026-01-02 00:10:00", "2026-01-02T00:30:00+01:00", "no time"]
        .into_iter()
        .map(|time| {
            let mut record = record("bob", COPY);
            record.time = Some(time.into());
            record
        })
        .collect();
    let tally = tallied(&replay, &records);
    let days: Vec<(String, u64)> = tally.days.iter().map(|(day, [refused, _])| (day.to_string(), *refused)).collect();
    assert_eq!(days, [("2026-01-01".to_owned(), 1), ("2026-01-02".to_owned(), 2)]);
    assert_eq!(tally.count(Action::Reject), 4, "a record without a time is judged where no rule looks at the clock");
    assert_eq!(tally.shown[&RecordKind::Audit].len(), 2);
}

/// Names that would grow without end are not kept beyond the bound of groups; empty names are none.
#[test]
fn names_of_the_refused_are_no_empty_ones() {
    let replay = replay(policy(RULES), None);
    let mut nameless = record("", "copy t from 's3://b/x' iam_role 'no role'");
    nameless.application = None;
    let tally = tallied(&replay, &[nameless]);
    assert_eq!((tally.refused_users.len(), tally.refused_applications.len(), tally.count(Action::Reject)), (0, 0, 1));
}

/// Records of a few users, texts and times.
fn records() -> impl Strategy<Value = Vec<StatementRecord<'static>>> {
    let user = prop::sample::select(vec!["bob", "carol", "etl"]);
    let text = prop::sample::select(vec![COPY, "select 1", "copy t from 's3://b/x' iam_role 'no role'"]);
    let one = (user, text, 0_i64..4, any::<bool>()).prop_map(|(user, text, day, is_hidden)| {
        let mut record = record(user, text);
        record.time = Some(Timestamp::from_second(day * 86_400).unwrap().to_string().into());
        record.hidden = is_hidden;
        record
    });
    prop::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A history in two parts is counted as in one, wherever it is cut.
    #[test]
    fn parts_add_up(records in records(), at in 0_usize..12) {
        let replay = replay(policy(RULES), Some(policy("@id(\"all\") permit (principal, action, resource);")));
        let (first, last) = records.split_at(at.min(records.len()));
        let mut sum = tallied(&replay, first);
        sum.merge(tallied(&replay, last));
        let whole = tallied(&replay, &records);
        let text = |tally: &Tally| serde_json::to_string(&report(&replay, tally, HistoryCounts::default())).unwrap();
        prop_assert_eq!(text(&sum), text(&whole));
        prop_assert_eq!(sum.refused_users, whole.refused_users);
        prop_assert_eq!(sum.shown, whole.shown);
        let counted: u64 = whole.would_be.values().sum();
        prop_assert_eq!(counted, whole.statements, "every statement once");
        prop_assert_eq!(whole.statements + whole.cannot_tell, u64::try_from(records.len()).unwrap());
    }
}
