use proptest::prelude::*;

use super::*;
use crate::history::{HistoryCounts, RecordKind};
use crate::replay::let_off::LetOff;
use crate::replay::report::{ActionCounts, ShownRow, report};
use crate::replay::tests::{COPY, RULES, policy, record, replay, reported, tallied};

const ALL: &str = "@id(\"all\") permit (principal, action, resource);";

/// A report of nothing, to be filled in.
pub(in crate::replay) fn empty() -> ReplayReport {
    reported(&replay(policy(RULES), None), &[])
}

/// (number, how it is written)
#[test]
fn numbers_have_commas() {
    for (number, want) in [
        (0, "0"),
        (1, "1"),
        (10, "10"),
        (100, "100"),
        (999, "999"),
        (1000, "1,000"),
        (10_000, "10,000"),
        (100_000, "100,000"),
        (1_204_331, "1,204,331"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(thousands(number), want);
    }
    assert_eq!(
        (plural(0, "day", "days"), plural(1, "day", "days"), plural(2000, "day", "days")),
        ("0 days".into(), "1 day".into(), "2,000 days".into())
    );
}

proptest! {
    #[test]
    fn commas_change_no_digit(number in any::<u64>()) {
        let text = thousands(number);
        prop_assert_eq!(text.replace(',', ""), number.to_string());
        let parts: Vec<usize> = text.split(',').map(str::len).collect();
        prop_assert!(parts[1..].iter().all(|length| *length == 3) && (1..=3).contains(&parts[0]), "{}", text);
    }
}

/// (what is changed of an empty report, its last line)
#[test]
fn the_last_line() {
    type Change = fn(&mut ReplayReport);
    let rows: &[(Change, &str)] = &[
        (|_| {}, "0 statements, 0 with roles, 0 would be refused"),
        (|report| report.summary.statements = 1, "1 statement, 0 with roles, 0 would be refused"),
        (
            |report| (report.summary.statements, report.summary.with_roles) = (1_204_331, 38_112),
            "1,204,331 statements, 38,112 with roles, 0 would be refused",
        ),
        (
            |report| report.summary.would_be = ActionCounts { forward: 1, annotate: 2, reject: 3 },
            "0 statements, 0 with roles, 3 would be refused",
        ),
        (
            |report| {
                report.summary.would_be = ActionCounts { forward: 0, annotate: 0, reject: 3 };
                report.summary.excepted = 2;
            },
            "0 statements, 0 with roles, 1 would be refused; 2 let through by exceptions",
        ),
        (|report| report.summary.cannot_tell = 5, "0 statements, 0 with roles, 0 would be refused; 5 cannot be told"),
        (|report| report.summary.unreadable = 1000, "0 statements, 0 with roles, 0 would be refused; 1,000 unreadable"),
        (
            |report| report.changes = Some(Vec::new()),
            "0 statements, 0 with roles, 0 would be refused; 0 newly refused, 0 newly let through",
        ),
        (
            |report| (report.summary.users, report.summary.applications) = (3, 4),
            "0 statements, 0 with roles, 0 would be refused",
        ),
    ];
    for (change, want) in rows {
        let mut report = empty();
        change(&mut report);
        assert_eq!(summary(&report), *want);
    }
}

#[test]
fn the_last_line_counts_groups_users_and_applications() {
    let mut many = record("bob", COPY);
    many.count = 1500;
    let malformed = "copy t from 's3://b/x' iam_role 'no role'";
    let found =
        reported(&replay(policy(RULES), None), &[many.clone(), record("etl", malformed), record("carol", COPY)]);
    assert_eq!(
        summary(&found),
        "1,502 statements, 1,502 with roles, 1,501 would be refused in 2 groups; 2 users, 2 applications"
    );
    let one = reported(&replay(policy(RULES), None), &[record("bob", COPY)]);
    assert_eq!(summary(&one), "1 statement, 1 with roles, 1 would be refused in 1 group; 1 user, 1 application");
    let compared = reported(&replay(policy(RULES), Some(policy(ALL))), &[many.clone(), record("carol", COPY)]);
    assert!(summary(&compared).ends_with("; 1,500 newly refused, 0 newly let through"), "{}", summary(&compared));
    let back = reported(&replay(policy(ALL), Some(policy(RULES))), &[many, record("carol", COPY)]);
    assert!(summary(&back).ends_with("; 0 newly refused, 1,500 newly let through"), "{}", summary(&back));
}

#[test]
fn a_group_for_people() {
    let found = reported(
        &replay(policy(RULES), None),
        &[
            record("bob", COPY),
            record("carol", "copy\n  t\tfrom 's3://b'   iam_role 'arn:aws:iam::123456789012:role/RoleA'"),
        ],
    );
    let text = human(&found);
    let message = |place: usize| found.groups[place].message.clone().unwrap();
    assert_eq!(
        text,
        format!(
            "1 x refused: RG301 {} (rule \"no-bob\")\n  copy on s3://landing by bob, groups etl, applications app-bob\n  \
             chain: arn:aws:iam::123456789012:role/RoleA\n  seen: 2026-01-02T03:04:05Z to 2026-01-02T03:04:05Z\n  \
             week.jsonl:7: {COPY}\n\n\
             1 x annotated: {} {} (rule \"carol\")\n  copy on s3://b by carol, applications app-carol\n  \
             chain: arn:aws:iam::123456789012:role/RoleA\n  seen: 2026-01-02T03:04:05Z to 2026-01-02T03:04:05Z\n  \
             week.jsonl:7: copy t from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA'\n\n{}\n",
            message(0),
            found.groups[1].code.unwrap(),
            message(1),
            summary(&found)
        )
    );
}

/// (what would be, exceptions, word)
#[test]
fn the_word_of_a_group() {
    let row = reported(&replay(policy(RULES), None), &[record("bob", COPY)]).groups.remove(0);
    let excepted = vec!["SEC-1".to_owned(), "SEC-2".to_owned()];
    for (would_be, exceptions, start, end) in [
        (Action::Reject, Vec::new(), "1 x refused: RG301 ", "(rule \"no-bob\")"),
        (
            Action::Reject,
            excepted.clone(),
            "1 x let through by exceptions: RG301 ",
            "; let through by exception SEC-1, SEC-2",
        ),
        (Action::Annotate, Vec::new(), "1 x annotated: RG301 ", "(rule \"no-bob\")"),
        (Action::Forward, Vec::new(), "1 x let through: RG301 ", "(rule \"no-bob\")"),
    ] {
        let mut report = empty();
        report.groups = vec![GroupRow { would_be, let_off: LetOff { exceptions, break_glass: None }, ..row.clone() }];
        let text = human(&report);
        let first = text.lines().next().unwrap();
        assert!(first.starts_with(start) && first.ends_with(end), "{first}");
    }
}

#[test]
fn a_change_for_people() {
    let found = reported(&replay(policy(ALL), Some(policy(RULES))), &[record("bob", COPY)]);
    let text = human(&found);
    assert!(
        text.starts_with("1 x reject -> forward\n  before: RG301: ")
            && text.contains("(rule \"no-bob\")\n  now: nothing stands in its way\n"),
        "{text}"
    );
    let back = human(&reported(&replay(policy(RULES), Some(policy(ALL))), &[record("bob", COPY)]));
    assert!(back.starts_with("1 x forward -> reject\n  before: nothing stands in its way\n  now: RG301: "), "{back}");
}

/// A long example is cut between characters; what is just as long as there is room is not.
#[test]
fn long_examples_are_cut() {
    let mut report = reported(&replay(policy(RULES), None), &[record("bob", COPY)]);
    for (length, is_cut) in
        [(EXAMPLE_CHARACTERS - 1, false), (EXAMPLE_CHARACTERS, false), (EXAMPLE_CHARACTERS + 1, true)]
    {
        report.groups[0].example = "\u{e9}".repeat(length);
        let text = human(&report);
        let line = text.lines().find(|line| line.starts_with("  week.jsonl:7: ")).unwrap();
        assert_eq!(line.ends_with(" ..."), is_cut, "{length}");
        assert_eq!(line.matches('\u{e9}').count(), length.min(EXAMPLE_CHARACTERS));
    }
}

/// What has no time is not said to have been seen, and what has no target is on nothing.
#[test]
fn what_is_not_known_is_left_out() {
    let mut timeless = record("bob", COPY);
    (timeless.time, timeless.application) = (None, None);
    let mut report = reported(&replay(policy(RULES), None), &[timeless]);
    report.groups[0].target = None;
    report.groups[0].group = String::new();
    let text = human(&report);
    assert!(text.contains("  copy by bob\n  chain: ") && !text.contains("seen:"), "{text}");
}

#[test]
fn what_cannot_be_told_for_people() {
    let with = |change: fn(&mut crate::history::StatementRecord<'static>)| {
        let mut record = record("etl", COPY);
        change(&mut record);
        human(&reported(&replay(policy(RULES), None), &[record]))
    };
    let seen = "  seen: 2026-01-02T03:04:05Z to 2026-01-02T03:04:05Z\n\n";
    let last = "0 statements, 0 with roles, 0 would be refused; 1 cannot be told\n";
    assert_eq!(
        with(|record| record.truncated = true),
        format!("1 x cannot be told: part of their text is missing\n  copy on s3://landing by etl\n{seen}{last}")
    );
    let advice = "The cluster blanks roles in its own history. The gate's audit in shadow mode shows them, and the user activity log may.\n";
    assert_eq!(
        with(|record| record.hidden = true),
        format!(
            "1 x cannot be told: the source hides their roles\n  copy on s3://landing by etl\n{seen}{advice}None of the inputs shows a role.\n\n{last}"
        )
    );
}

/// Where the inputs show roles, it is said of how many days.
#[test]
fn advice_names_the_sources_that_show_roles() {
    let mut hidden = record("etl", COPY);
    hidden.hidden = true;
    let replay = replay(policy(RULES), None);
    let mut report = report(&replay, &tallied(&replay, &[hidden]), HistoryCounts::default());
    report.shown = vec![
        ShownRow { source: RecordKind::Audit, days: 1 },
        ShownRow { source: RecordKind::UserActivityLog, days: 1200 },
    ];
    let text = human(&report);
    assert!(
        text.contains("the user activity log may.\nRoles stand in the inputs' audit on 1 day.\nRoles stand in the inputs' user_activity_log on 1,200 days.\n\n"),
        "{text}"
    );
    report.cannot_tell.clear();
    assert!(!human(&report).contains("Roles stand"), "nothing is hidden, so nothing is advised");
}
