//! The report on a history, in the order of what hurts most: one value that every form of output writes.

use serde::Serialize;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::history::{HistoryCounts, RecordKind};
use crate::replay::groups::{Example, GroupCount, GroupKey, Groups, Reason};
use crate::replay::judged::CannotTell;
use crate::replay::tally::{GroupBy, Replay, Tally};
use crate::sql::StatementKind;

/// A whole report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplayReport {
    /// Counts.
    pub summary: ReplaySummary,
    /// What would be refused or annotated.
    pub groups: Vec<GroupRow>,
    /// What changes with the policy; only when two were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<GroupRow>>,
    /// What cannot be told.
    pub cannot_tell: Vec<UnknownRow>,
    /// Refused and annotated statements of each day.
    pub days: Vec<DayRow>,
    /// Sources that show roles, and the days of which they do.
    pub shown: Vec<ShownRow>,
}

/// Counts of a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplaySummary {
    /// Records in all sources.
    pub records: u64,
    /// Statements that were judged.
    pub statements: u64,
    /// Those that carry credentials.
    pub with_roles: u64,
    /// What would become of them.
    pub would_be: ActionCounts,
    /// Statements that cannot be judged: cut or masked.
    pub cannot_tell: u64,
    /// Records that could not be parsed.
    pub unreadable: u64,
    /// Records that stand for a statement which another holds too.
    pub combined: u64,
    /// Statements of the cluster itself, which are not judged.
    pub internal: u64,
    /// Users of refused statements.
    pub users: usize,
    /// Applications that sent them.
    pub applications: usize,
}

/// Counts by what would be done.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ActionCounts {
    /// Goes on.
    pub forward: u64,
    /// Goes on, annotated.
    pub annotate: u64,
    /// Is refused.
    pub reject: u64,
}

/// A group of statements.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GroupRow {
    /// What enforcement would do.
    pub would_be: Action,
    /// The gravest finding's code.
    pub code: Option<Code>,
    /// The rule that forbids it.
    pub rule: Option<String>,
    /// Why, in words.
    pub message: Option<String>,
    /// The chain, or the word for another credential.
    pub chain: String,
    /// The user; several names where they are grouped by group.
    pub user: String,
    /// The users one by one; some, where there are many.
    pub users: Vec<String>,
    /// The user's groups.
    pub group: String,
    /// The applications.
    pub application: String,
    /// The applications one by one; some, where there are many.
    pub applications: Vec<String>,
    /// The kind of statement.
    pub kind: StatementKind,
    /// The bucket or other target.
    pub target: Option<String>,
    /// How many.
    pub count: u64,
    /// The earliest.
    pub first_seen: Option<String>,
    /// The latest.
    pub last_seen: Option<String>,
    /// One of them, secrets masked.
    pub example: String,
    /// Of a change: what the old policy would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Action>,
    /// Of a change: what the new policy would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Action>,
    /// Of a change: why the old policy would do so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_reason: Option<String>,
    /// Of a change: why the new policy would do so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_reason: Option<String>,
    /// Everything about the example.
    #[serde(skip)]
    pub whole_example: Example,
}

/// Statements that cannot be judged.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UnknownRow {
    /// Why.
    pub reason: CannotTell,
    /// Whose they are.
    pub user: String,
    /// What they are.
    pub kind: StatementKind,
    /// What they are about.
    pub target: Option<String>,
    /// How many.
    pub count: u64,
    /// The earliest.
    pub first_seen: Option<String>,
    /// The latest.
    pub last_seen: Option<String>,
}

/// A day.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DayRow {
    /// The day, UTC.
    pub day: String,
    /// Statements that would be refused.
    pub refused: u64,
    /// Statements that would be annotated.
    pub annotated: u64,
}

/// A source in which roles stand.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownRow {
    /// Which.
    pub source: RecordKind,
    /// Days with statements that show their roles.
    pub days: usize,
}

/// The report of a tally.
#[must_use]
pub(crate) fn report(replay: &Replay, tally: &Tally, counts: HistoryCounts) -> ReplayReport {
    let groups = sorted(&tally.groups, |key| (std::cmp::Reverse(key.would_be), key.clone()));
    let rows: Vec<GroupRow> = groups.iter().map(|(key, count)| group_row(replay, key, count)).collect();
    let changes = replay.old.as_ref().map(|_| {
        let changes = sorted(&tally.changes, |key| (std::cmp::Reverse(key.to.would_be), key.clone()));
        changes.iter().map(|(key, count)| change_row(replay, key, count)).collect()
    });
    let summary = ReplaySummary {
        records: counts.records,
        statements: tally.statements,
        with_roles: tally.with_roles,
        would_be: ActionCounts {
            forward: tally.count(Action::Forward),
            annotate: tally.count(Action::Annotate),
            reject: tally.count(Action::Reject),
        },
        cannot_tell: tally.cannot_tell,
        unreadable: counts.unreadable,
        combined: counts.combined,
        internal: counts.internal,
        users: tally.refused_users.len(),
        applications: tally.refused_applications.len(),
    };
    let unknown = sorted(&tally.unknown, Clone::clone);
    ReplayReport {
        summary,
        groups: rows,
        changes,
        cannot_tell: unknown
            .into_iter()
            .map(|(key, count)| UnknownRow {
                reason: key.why,
                user: key.who.clone(),
                kind: key.kind,
                target: key.target.clone(),
                count: count.count,
                first_seen: count.first_seen.map(|time| time.to_string()),
                last_seen: count.last_seen.map(|time| time.to_string()),
            })
            .collect(),
        days: tally
            .days
            .iter()
            .map(|(day, [refused, annotated])| DayRow {
                day: day.to_string(),
                refused: *refused,
                annotated: *annotated,
            })
            .collect(),
        shown: tally.shown.iter().map(|(source, days)| ShownRow { source: *source, days: days.len() }).collect(),
    }
}

/// Groups, the gravest first, then the largest.
fn sorted<K, O>(groups: &Groups<K>, order: impl Fn(&K) -> O) -> Vec<(&K, &GroupCount)>
where
    O: GravestFirst + Ord,
{
    let mut rows: Vec<(&K, &GroupCount)> = groups.0.iter().collect();
    rows.sort_by_cached_key(|(key, group)| {
        let order = order(key);
        (order.gravity(), std::cmp::Reverse(group.count), order)
    });
    rows
}

/// What of a key comes before its count.
trait GravestFirst {
    fn gravity(&self) -> Option<std::cmp::Reverse<Action>>;
}

impl<K> GravestFirst for (std::cmp::Reverse<Action>, K) {
    fn gravity(&self) -> Option<std::cmp::Reverse<Action>> {
        Some(self.0)
    }
}

impl GravestFirst for crate::replay::tally::UnknownKey {
    fn gravity(&self) -> Option<std::cmp::Reverse<Action>> {
        None
    }
}

fn words(reason: &Reason) -> String {
    let rule = reason.rule.as_ref().map(|rule| format!(" (rule \"{rule}\")")).unwrap_or_default();
    format!("{}: {}{rule}", reason.code, reason.message)
}

fn group_row(replay: &Replay, key: &GroupKey, count: &GroupCount) -> GroupRow {
    let GroupKey { would_be, reason, chain, who, kind, target } = key.clone();
    let list = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
    let (users, applications) = (list(&count.users), list(&count.applications));
    let (user, group) = match replay.by {
        GroupBy::User => {
            let group = replay.new.groups_of(crate::gate::principal::database_user(&who)).join(",");
            (who, group)
        }
        GroupBy::Group => (users.join(", "), who),
    };
    GroupRow {
        would_be,
        code: reason.as_ref().map(|reason| reason.code),
        rule: reason.as_ref().and_then(|reason| reason.rule.clone()),
        message: reason.map(|reason| reason.message),
        chain,
        user,
        users,
        group,
        application: applications.join(", "),
        applications,
        kind,
        target,
        count: count.count,
        first_seen: count.first_seen.map(|time| time.to_string()),
        last_seen: count.last_seen.map(|time| time.to_string()),
        example: count.example.text.clone(),
        from: None,
        to: None,
        from_reason: None,
        to_reason: None,
        whole_example: count.example.clone(),
    }
}

fn change_row(replay: &Replay, key: &crate::replay::tally::ChangeKey, count: &GroupCount) -> GroupRow {
    let mut row = group_row(replay, &key.to, count);
    row.from = Some(key.from);
    row.to = Some(key.to.would_be);
    row.from_reason = key.from_reason.as_ref().map(words);
    row.to_reason = key.to.reason.as_ref().map(words);
    // What is newly let through is named by what stood in its way.
    if let (None, Some(reason)) = (row.code, &key.from_reason) {
        row.code = Some(reason.code);
        row.rule.clone_from(&reason.rule);
        row.message = Some(reason.message.clone());
    }
    row
}
