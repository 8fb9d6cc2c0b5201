//! The store: its bounds in number and bytes, what readers are told of what is gone, and that outcomes find their statements.

use super::*;
use crate::gate::verdict::JudgedUse;
use crate::observe::audit::record_of as record;
use crate::sql::{Clause, Method};

fn limits(decisions: usize, bytes: usize) -> RecentLimits {
    RecentLimits { decisions, bytes }
}

fn judge(recent: &Recent, user: &str, text: &str) -> Arc<str> {
    let id = recent.next_id().unwrap();
    let mut record = record(user, text);
    record.id = Some(Arc::clone(&id));
    recent.hear(&AuditEvent::Verdict(Arc::new(record)));
    id
}

fn outcome(of: &str) -> AuditEvent {
    AuditEvent::Outcome(Box::new(OutcomeEvent {
        gate: "g".to_owned(),
        session: 1,
        of: of.to_owned(),
        outcome: crate::observe::values::StatementOutcome::Completed,
        rows: Some(1),
        error: None,
        seconds: 0.1,
    }))
}

#[test]
fn statements_are_bounded_in_number_and_the_newest_stay() {
    let recent = Recent::new(limits(300, usize::MAX));
    let ids: Vec<_> = (0..1_000).map(|number| judge(&recent, &number.to_string(), "select 'x'")).collect();
    let users: Vec<String> = recent.newest(None).map(|decision| decision.record.user.clone()).collect();
    assert_eq!(users.len(), 300);
    assert_eq!((users[0].as_str(), users[299].as_str()), ("999", "700"));
    assert!(recent.find(&ids[699]).is_none() && recent.find(&ids[700]).is_some());
    assert_eq!(recent.newest(Some(702)).map(|decision| decision.number).collect::<Vec<_>>(), [701, 700]);
    assert_eq!(recent.newest(Some(700)).count() + recent.newest(Some(0)).count(), 0);
    assert_eq!(recent.census().judged, 1_000);
}

#[test]
fn statements_are_bounded_in_bytes() {
    let text = format!("select {}", "a, ".repeat(3_000));
    let recent = Recent::new(limits(usize::MAX, 1_000_000));
    for _ in 0..300 {
        judge(&recent, "etl", &text);
    }
    let census = recent.census();
    assert!(census.bytes <= 1_000_000 && (80..100).contains(&census.decisions), "{census:?}");
    let small = Recent::new(limits(10, 100));
    judge(&small, "etl", "select 'x'");
    assert_eq!(small.census().decisions, 0, "one that is larger than all may be is not kept");
    assert_eq!(small.census().bytes, 0);
}

/// A statement as long as a message may be leaves room for others.
#[test]
fn a_statement_that_would_push_out_all_others_is_kept_in_short() {
    let recent = Recent::new(limits(1_000, 1024 * 1024));
    for _ in 0..50 {
        judge(&recent, "etl", "select 'x'");
    }
    let role = JudgedUse {
        clause: Clause::IamRole,
        method: Method::Chain("x,".repeat(1_000_000)),
        roles: vec!["x".to_owned(); 1_000_000],
        target: None,
        span: 0..2_000_000,
    };
    let id = recent.next_id().unwrap();
    let long = AuditRecord { id: Some(Arc::clone(&id)), role_uses: vec![role], ..record("etl", "select 'x'") };
    recent.hear(&AuditEvent::Verdict(Arc::new(long)));
    assert_eq!(recent.census().decisions, 51);
    let kept = recent.find(&id).unwrap().record;
    assert!(kept.truncated && kept.role_uses.is_empty() && kept.findings.len() == 1);
    assert!(recent.census().bytes < 256 * 1024, "{:?}", recent.census());
}

#[test]
fn outcomes_find_their_statement_and_those_of_no_statement_are_left_aside() {
    let recent = Recent::new(limits(2, usize::MAX));
    let first = judge(&recent, "a", "select 'x'");
    let second = judge(&recent, "b", "select 'x'");
    recent.hear(&outcome(&second));
    recent.hear(&outcome(&second));
    let found = recent.find(&second).unwrap();
    assert_eq!((found.runs, found.outcome.unwrap().rows), (2, Some(1)));
    judge(&recent, "c", "select 'x'");
    let before = recent.events_from(0).next;
    recent.hear(&outcome(&first));
    recent.hear(&outcome("no such"));
    assert_eq!(recent.events_from(0).next, before, "nothing happened to what is kept");
}

#[test]
fn a_reader_hears_of_everything_once_or_of_its_loss() {
    let recent = Recent::new(limits(10, usize::MAX));
    let (mut cursor, mut heard, mut lost) = (0, 0_u64, 0_u64);
    for number in 0_u64..500 {
        let id = judge(&recent, "etl", "select 'x'");
        recent.hear(&outcome(&id));
        if number % 37 == 0 || number % 5 == 0 && number < 100 {
            let batch = recent.events_from(cursor);
            heard += u64::try_from(batch.events.len()).unwrap();
            lost += batch.lost;
            cursor = batch.next;
        }
    }
    let batch = recent.events_from(cursor);
    heard += u64::try_from(batch.events.len()).unwrap();
    lost += batch.lost;
    assert_eq!((heard + lost, batch.next), (1_000, 1_000));
    assert!(lost > 0 && heard > 100);
    let (next, ahead) = (recent.events_from(1_000), recent.events_from(u64::MAX));
    assert_eq!((next.events.len(), next.lost, ahead.events.len(), ahead.lost, ahead.next), (0, 0, 0, 0, 1_000));
}

#[test]
fn readers_are_woken() {
    let recent = Recent::new(limits(10, usize::MAX));
    let changes = recent.changes();
    assert!(!changes.has_changed().unwrap());
    judge(&recent, "etl", "select 'x'");
    assert!(changes.has_changed().unwrap() && *changes.borrow() == 1);
}

/// What a record weighs must not fall short of what a client can make it hold.
#[test]
fn weight_grows_with_what_a_client_sends() {
    let light = weight(&record("etl", "select 'x'"));
    let of_user = weight(&record(&"u".repeat(5_000), "select 'x'"));
    let of_text = weight(&record("etl", &format!("select {}", "a, ".repeat(2_000))));
    assert!(of_user >= light + 4_990 && of_text >= light + 4_990, "{light} {of_user} {of_text}");
}
