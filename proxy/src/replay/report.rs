//! The report on a history, in the order of what hurts most: one value that every form of output writes.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::gate::principal::database_user;
use crate::history::{HistoryCounts, RecordKind};
use crate::replay::groups::{Example, GroupCount, GroupKey, Groups, Reason};
use crate::replay::judged::CannotTell;
use crate::replay::let_off::LetOff;
use crate::replay::tally::{ChangeKey, GroupBy, Replay, Tally};
use crate::sql::StatementKind;

/// A whole report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplayReport {
    /// Counts over the whole history.
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
    /// The version of the policy that judged.
    pub policy_version: String,
    /// The version of the policy that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_policy_version: Option<String>,
    /// Records in all sources.
    pub records: u64,
    /// Statements that were judged.
    pub statements: u64,
    /// Those that carry credentials.
    pub with_roles: u64,
    /// What would become of them.
    pub would_be: ActionCounts,
    /// Those of the refused that exceptions let through.
    pub excepted: u64,
    /// Those of the refused that a group breaks the glass for.
    pub break_glass: u64,
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
    /// How many would be forwarded.
    pub forward: u64,
    /// Goes on, annotated.
    pub annotate: u64,
    /// How many would be refused.
    pub reject: u64,
}

/// A group of statements.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GroupRow {
    /// What enforcement would do.
    pub would_be: Action,
    /// What lets it through all the same: exceptions, or the group that breaks the glass.
    #[serde(flatten)]
    pub let_off: LetOff,
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
    /// The applications that sent them.
    pub application: String,
    /// The applications one by one; some, where there are many.
    pub applications: Vec<String>,
    /// The kind of statement.
    pub kind: StatementKind,
    /// The bucket or other target.
    pub target: Option<String>,
    /// How many statements there are.
    pub count: u64,
    /// When the first of them was run.
    pub first_seen: Option<String>,
    /// When the last of them was run.
    pub last_seen: Option<String>,
    /// One of them, secrets masked.
    pub example: String,
    /// What changes with the policy; only of changes.
    #[serde(flatten)]
    pub change: Option<RowChange>,
    /// Everything about the example.
    #[serde(skip)]
    pub whole_example: Example,
}

/// What of a group of statements changes with the policy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RowChange {
    /// What the old policy would do.
    pub from: Action,
    /// What the new policy would do.
    pub to: Action,
    /// Why the old policy would do so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_reason: Option<String>,
    /// Why the new policy would do so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_reason: Option<String>,
    /// The exceptions of the old policy that let it through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_exceptions: Vec<String>,
    /// The group that breaks the glass for it under the old policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_break_glass: Option<String>,
    /// Both of them.
    #[serde(skip)]
    pub from_let_off: LetOff,
    /// It is refused now and was not.
    #[serde(skip)]
    pub is_newly_refused: bool,
    /// It was refused and is not now.
    #[serde(skip)]
    pub is_newly_let_through: bool,
}

impl GroupRow {
    /// Whether enforcement would refuse it, and nothing lets it off.
    #[must_use]
    pub(crate) fn is_refused(&self) -> bool {
        self.let_off.leaves_refused(self.would_be)
    }

    /// How grave it is, in a word: what would be done, or that something lets it off.
    #[must_use]
    pub(crate) fn gravity(&self) -> &'static str {
        if self.let_off.is_nothing() { self.would_be.as_str() } else { "excepted" }
    }
}

/// Statements that cannot be judged.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UnknownRow {
    /// Why nothing can be told of them.
    pub reason: CannotTell,
    /// Whose they are.
    pub user: String,
    /// What they are.
    pub kind: StatementKind,
    /// What they are about.
    pub target: Option<String>,
    /// How many statements there are.
    pub count: u64,
    /// When the first of them was run.
    pub first_seen: Option<String>,
    /// When the last of them was run.
    pub last_seen: Option<String>,
}

/// What happened on one day.
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
    /// The kind of source that the records came from.
    pub source: RecordKind,
    /// Days with statements that show their roles.
    pub days: usize,
}

/// The report of a tally.
#[must_use]
pub(crate) fn report(replay: &Replay, tally: &Tally, counts: HistoryCounts) -> ReplayReport {
    let groups = sorted(&tally.groups, |key| (Reverse(key.would_be), !key.let_off.is_nothing()));
    let rows: Vec<GroupRow> = groups.iter().map(|(key, count)| group_row(replay, key, count)).collect();
    let changes = replay.old.as_ref().map(|_| {
        let changes = sorted(&tally.changes, |key| (!key.is_newly_refused(), !key.is_newly_let_through()));
        changes.iter().map(|(key, count)| change_row(replay, key, count)).collect()
    });
    let summary = ReplaySummary {
        policy_version: replay.new.version().to_owned(),
        old_policy_version: replay.old.as_ref().map(|old| old.version().to_owned()),
        records: counts.records,
        statements: tally.statements,
        with_roles: tally.with_roles,
        would_be: ActionCounts {
            forward: tally.count(Action::Forward),
            annotate: tally.count(Action::Annotate),
            reject: tally.count(Action::Reject),
        },
        excepted: tally.excepted,
        break_glass: tally.break_glass,
        cannot_tell: tally.cannot_tell,
        unreadable: counts.unreadable,
        combined: counts.combined,
        internal: counts.internal,
        users: tally.refused_users.len(),
        applications: tally.refused_applications.len(),
    };
    let unknown = sorted(&tally.unknown, |_key| ());
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

/// Groups by rank, the largest first.
fn sorted<K: Ord + Clone, R: Ord>(groups: &Groups<K>, rank: impl Fn(&K) -> R) -> Vec<(&K, &GroupCount)> {
    let mut rows: Vec<(&K, &GroupCount)> = groups.0.iter().collect();
    rows.sort_by_cached_key(|(key, group)| (rank(key), Reverse(group.count), (*key).clone()));
    rows
}

fn group_row(replay: &Replay, key: &GroupKey, count: &GroupCount) -> GroupRow {
    let GroupKey { would_be, let_off, reason, chain, who, kind, target } = key.clone();
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
    let (users, applications) = (list(&count.users), list(&count.applications));
    let (user, group) = match replay.by {
        GroupBy::User => {
            let group = replay.new.groups_of(database_user(&who)).join(",");
            (who, group)
        }
        GroupBy::Group => (users.join(", "), who),
    };
    GroupRow {
        would_be,
        let_off,
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
        change: None,
        whole_example: count.example.clone(),
    }
}

fn change_row(replay: &Replay, key: &ChangeKey, count: &GroupCount) -> GroupRow {
    let mut row = group_row(replay, &key.to, count);
    row.change = Some(RowChange {
        from: key.from,
        to: key.to.would_be,
        from_reason: key.from_reason.as_ref().map(Reason::words),
        to_reason: key.to.reason.as_ref().map(Reason::words),
        from_exceptions: key.from_let_off.exceptions.clone(),
        from_break_glass: key.from_let_off.break_glass.clone(),
        from_let_off: key.from_let_off.clone(),
        is_newly_refused: key.is_newly_refused(),
        is_newly_let_through: key.is_newly_let_through(),
    });
    // What is newly let through is named by what stood in its way.
    if let (None, Some(reason)) = (row.code, &key.from_reason) {
        row.code = Some(reason.code);
        row.rule.clone_from(&reason.rule);
        row.message = Some(reason.message.clone());
    }
    row
}

#[cfg(test)]
mod tests;
