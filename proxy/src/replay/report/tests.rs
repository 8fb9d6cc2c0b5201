use serde_json::{Value, json};

use super::*;
use crate::gate::policy::Policy;
use crate::replay::tests::{COPY, RULES, policy, record, replay, reported, tallied};

const ALL: &str = "@id(\"all\") permit (principal, action, resource);";
const MALFORMED: &str = "copy t from 's3://b/x' iam_role 'no role'";

/// Refused first, then annotated; the more frequent first; what exceptions let through behind what is refused.
#[test]
fn groups_stand_in_the_order_of_what_hurts_most() {
    let times = |user: &str, text: &str, count: u64| {
        let mut record = record(user, text);
        record.count = count;
        record
    };
    let records = [
        times("carol", COPY, 900),
        times("bob", COPY, 3),
        times("etl", MALFORMED, 40),
        times("dan", MALFORMED, 40),
        times("etl", COPY, 7),
    ];
    let found = reported(&replay(policy(RULES), None), &records);
    let order: Vec<_> = found.groups.iter().map(|row| (row.would_be, row.user.as_str(), row.count)).collect();
    assert_eq!(
        order,
        [
            (Action::Reject, "dan", 40),
            (Action::Reject, "etl", 40),
            (Action::Reject, "bob", 3),
            (Action::Annotate, "carol", 900),
        ]
    );
    assert!(found.changes.is_none(), "nothing was compared");
}

/// Newly refused first, newly let through next, the rest behind; the more frequent first.
#[test]
fn changes_stand_in_order() {
    let new = "@id(\"all\") permit (principal, action, resource);
        @id(\"no-dan\") forbid (principal == Rolegate::User::\"dan\", action, resource);";
    let times = |user: &str, count: u64| {
        let mut record = record(user, COPY);
        record.count = count;
        record
    };
    let found = reported(
        &replay(policy(new), Some(policy(RULES))),
        &[times("carol", 900), times("bob", 50), times("dan", 2), times("eve", 1)],
    );
    let rows = found.changes.as_ref().unwrap();
    let order: Vec<_> = rows
        .iter()
        .map(|row| {
            let change = row.change.as_ref().unwrap();
            (row.user.as_str(), row.count, change.is_newly_refused, change.is_newly_let_through)
        })
        .collect();
    assert_eq!(order, [("dan", 2, true, false), ("bob", 50, false, true), ("carol", 900, false, false)]);
}

/// What is newly let through is named by what stood in its way.
#[test]
fn a_change_has_both_reasons() {
    let found = reported(&replay(policy(ALL), Some(policy(RULES))), &[record("bob", COPY)]);
    let row = &found.changes.as_ref().unwrap()[0];
    assert_eq!((row.code, row.rule.as_deref(), row.would_be), (Some(Code::Rg301), Some("no-bob"), Action::Forward));
    assert!(row.message.as_deref().is_some_and(|message| message.contains("bob has left")), "{:?}", row.message);
    let value = serde_json::to_value(row).unwrap();
    assert_eq!(
        (&value["from"], &value["to"], &value["to_reason"]),
        (&json!("reject"), &json!("forward"), &Value::Null)
    );
    assert!(
        value["from_reason"].as_str().unwrap().starts_with("RG301: ")
            && value["from_reason"].as_str().unwrap().ends_with("(rule \"no-bob\")")
    );
    let back = reported(&replay(policy(RULES), Some(policy(ALL))), &[record("bob", COPY)]);
    let value = serde_json::to_value(&back.changes.as_ref().unwrap()[0]).unwrap();
    assert!(value.get("from_reason").is_none() && value["to_reason"].as_str().unwrap().starts_with("RG301: "));
    assert!(value.get("from_exceptions").is_none(), "what is empty is left out");
}

#[test]
fn the_summary_adds_up() {
    let counts = HistoryCounts { records: 9, unreadable: 2, combined: 3, internal: 4, ..HistoryCounts::default() };
    let replay = replay(policy(RULES), Some(policy(ALL)));
    let mut hidden = record("etl", COPY);
    hidden.hidden = true;
    let records = [record("bob", COPY), record("carol", COPY), record("etl", COPY), record("etl", "select 1"), hidden];
    let found = report(&replay, &tallied(&replay, &records), counts);
    let ReplaySummary {
        records,
        statements,
        with_roles,
        would_be,
        excepted,
        cannot_tell,
        unreadable,
        combined,
        internal,
        users,
        applications,
        break_glass,
        policy_version,
        old_policy_version,
    } = found.summary;
    assert_eq!((records, statements, with_roles, excepted, cannot_tell), (9, 4, 3, 0, 1));
    assert_eq!((would_be.forward, would_be.annotate, would_be.reject), (2, 1, 1));
    assert_eq!((unreadable, combined, internal, users, applications, break_glass), (2, 3, 4, 1, 1, 0));
    assert_eq!(policy_version, replay.new.version());
    assert_eq!(old_policy_version.as_deref(), replay.old.as_ref().map(Policy::version));
    assert_ne!(old_policy_version.as_deref(), Some(replay.new.version()));
}

/// (grouped by, user, users, group)
#[test]
fn users_and_groups_of_a_row() {
    let rows = |by| {
        let replay = Replay { new: policy(RULES), old: None, by };
        let records = [record("bob", MALFORMED), record("dan", MALFORMED), record("eve", MALFORMED)];
        let mut rows: Vec<_> = reported(&replay, &records)
            .groups
            .into_iter()
            .map(|row| (row.user, row.users.join("+"), row.group, row.application))
            .collect();
        rows.sort();
        rows
    };
    let row = |user: &str, users: &str, group: &str, application: &str| {
        (user.to_owned(), users.to_owned(), group.to_owned(), application.to_owned())
    };
    assert_eq!(
        rows(GroupBy::User),
        [row("bob", "bob", "etl", "app-bob"), row("dan", "dan", "etl", "app-dan"), row("eve", "eve", "", "app-eve")]
    );
    assert_eq!(
        rows(GroupBy::Group),
        [row("bob, dan", "bob+dan", "etl", "app-bob, app-dan"), row("eve", "eve", "eve", "app-eve")]
    );
}

/// The first of a group is its example; the earliest and the latest are seen, whatever the order.
#[test]
fn a_row_shows_one_of_its_statements() {
    let at = |time: &str, line: u64| {
        let mut record = record("bob", COPY);
        (record.time, record.line) = (Some(time.to_owned().into()), line);
        record
    };
    let mut timeless = at("", 9);
    timeless.time = None;
    let records =
        [at("2026-01-02T00:00:00Z", 7), at("2026-01-01T00:00:00Z", 8), timeless, at("2026-01-03T00:00:00Z", 1)];
    let row = reported(&replay(policy(RULES), None), &records).groups.remove(0);
    assert_eq!(
        (row.first_seen.as_deref(), row.last_seen.as_deref()),
        (Some("2026-01-01T00:00:00Z"), Some("2026-01-03T00:00:00Z"))
    );
    assert_eq!((row.count, row.whole_example.line, row.whole_example.source.as_str()), (4, 7, "week.jsonl"));
    assert_eq!(
        (row.example.as_str(), row.whole_example.codes.as_slice(), row.whole_example.is_whole),
        (COPY, [Code::Rg301].as_slice(), true)
    );
    let value = serde_json::to_value(&row).unwrap();
    assert!(value.get("whole_example").is_none() && value.get("from").is_none(), "{value}");
    assert_eq!(
        (&value["kind"], &value["target"], &value["exceptions"]),
        (&json!("copy"), &json!("s3://landing"), &json!([]))
    );
}

/// Secrets of a statement are masked wherever it is shown.
#[test]
fn an_example_holds_no_secret() {
    let text = "copy t from 's3://b/x' access_key_id 'AKIAIOSFODNN7EXAMPLE' secret_access_key 'wJalrXUtnFEMI' iam_role 'no role'";
    let found = reported(&replay(policy(RULES), None), &[record("etl", text)]);
    let told = serde_json::to_string(&found).unwrap();
    assert!(!told.contains("wJalrXUtnFEMI"), "{told}");
    assert!(found.groups[0].example.contains("s3://b/x"), "{told}");
}

#[test]
fn what_is_hidden_and_what_is_shown() {
    let mut hidden = record("etl", COPY);
    (hidden.hidden, hidden.from) = (true, RecordKind::SysQueryHistory);
    let mut log = record("etl", COPY);
    log.from = RecordKind::UserActivityLog;
    let mut later = log.clone();
    later.time = Some("2026-01-03T00:00:00Z".into());
    let found = reported(&replay(policy(RULES), None), &[hidden, log, later]);
    let shown: Vec<_> = found.shown.iter().map(|row| (row.source, row.days)).collect();
    assert_eq!(shown, [(RecordKind::UserActivityLog, 2)]);
    let value = serde_json::to_value(&found.cannot_tell).unwrap();
    assert_eq!(
        value,
        json!([{"reason": "hidden", "user": "etl", "kind": "copy", "target": "s3://landing", "count": 1,
            "first_seen": "2026-01-02T03:04:05Z", "last_seen": "2026-01-02T03:04:05Z"}])
    );
}
