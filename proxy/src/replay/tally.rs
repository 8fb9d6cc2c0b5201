//! What a whole history would have met: counts, groups and changes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::gate::verdict::Verdict;
use crate::history::{RecordKind, StatementRecord};
use crate::replay::groups::{GroupKey, Groups, MAX_GROUPS, Reason, Shared, example, key_of};
use crate::replay::judged::{CannotTell, Judged, judge, kind_and_target, principal};
use crate::replay::let_off::LetOff;
use crate::sql::StatementKind;

/// By whom refused statements are grouped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum GroupBy {
    /// By user.
    #[default]
    User,
    /// By the user's groups; by user where there are none.
    Group,
}

/// The policies that a history is judged by.
#[derive(Debug)]
pub(crate) struct Replay {
    /// What is asked about.
    pub new: Policy,
    /// What it is compared with.
    pub old: Option<Policy>,
    /// How the statements are grouped.
    pub by: GroupBy,
}

/// What of a statement changes with the policy.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ChangeKey {
    /// What enforcement of the old policy would do.
    pub from: Action,
    /// What of the old policy lets it through all the same.
    pub from_let_off: LetOff,
    /// Why.
    pub from_reason: Option<Reason>,
    /// What that of the new one would do, and why.
    pub to: GroupKey,
}

impl ChangeKey {
    /// It is refused now and was not.
    #[must_use]
    pub(crate) fn is_newly_refused(&self) -> bool {
        self.to.is_refused() && !self.was_refused()
    }

    /// It was refused and is not now.
    #[must_use]
    pub(crate) fn is_newly_let_through(&self) -> bool {
        self.was_refused() && !self.to.is_refused()
    }

    fn was_refused(&self) -> bool {
        self.from == Action::Reject && self.from_let_off.is_nothing()
    }
}

impl Shared for ChangeKey {
    fn shared(&mut self) {
        self.from_reason = None;
        self.to.shared();
    }
}

/// Statements that cannot be judged, alike.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct UnknownKey {
    /// Why.
    pub why: CannotTell,
    /// Whose they are.
    pub who: String,
    /// What they are.
    pub kind: StatementKind,
    /// What they are about.
    pub target: Option<String>,
}

impl Shared for UnknownKey {
    fn shared(&mut self) {
        self.who.clear();
        self.target = None;
    }
}

/// What was counted of a part of a history, or of all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Statements that were judged.
    pub statements: u64,
    /// Those that carry credentials.
    pub with_roles: u64,
    /// What would become of them.
    pub would_be: BTreeMap<Action, u64>,
    /// Statements that could not be judged.
    pub cannot_tell: u64,
    /// What would not merely be forwarded, and what carries credentials.
    pub groups: Groups<GroupKey>,
    /// Statements that would be refused, if exceptions did not let them through.
    pub excepted: u64,
    /// Statements that would be refused, if a group did not break the glass for them.
    pub break_glass: u64,
    /// Users of refused statements; as many as there may be groups.
    pub refused_users: BTreeSet<String>,
    /// Applications that sent them; as many as there may be groups.
    pub refused_applications: BTreeSet<String>,
    /// What the other policy decides otherwise.
    pub changes: Groups<ChangeKey>,
    /// What could not be judged.
    pub unknown: Groups<UnknownKey>,
    /// Refused and annotated statements, by day.
    pub days: BTreeMap<Date, [u64; 2]>,
    /// The days of which a kind of record shows roles.
    pub shown: BTreeMap<RecordKind, BTreeSet<Date>>,
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// Adds a name of which memory must not grow without end.
fn note(names: &mut BTreeSet<String>, name: &str) {
    if !name.is_empty() && names.len() < MAX_GROUPS && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

impl Tally {
    /// Adds the tally of a later part.
    pub(crate) fn merge(&mut self, later: Self) {
        add(&mut self.statements, later.statements);
        add(&mut self.with_roles, later.with_roles);
        add(&mut self.cannot_tell, later.cannot_tell);
        add(&mut self.excepted, later.excepted);
        add(&mut self.break_glass, later.break_glass);
        for (action, count) in later.would_be {
            add(self.would_be.entry(action).or_default(), count);
        }
        self.groups.merge(later.groups);
        later.refused_users.iter().for_each(|name| note(&mut self.refused_users, name));
        later.refused_applications.iter().for_each(|name| note(&mut self.refused_applications, name));
        self.changes.merge(later.changes);
        self.unknown.merge(later.unknown);
        for (day, [refused, annotated]) in later.days {
            let [all_refused, all_annotated] = self.days.entry(day).or_default();
            add(all_refused, refused);
            add(all_annotated, annotated);
        }
        for (kind, days) in later.shown {
            self.shown.entry(kind).or_default().extend(days);
        }
    }

    /// How many would be forwarded, annotated or refused.
    #[must_use]
    pub(crate) fn count(&self, action: Action) -> u64 {
        self.would_be.get(&action).copied().unwrap_or_default()
    }

    /// Whether the new policy refuses what the old one let through; without an old one, whether it refuses anything.
    #[must_use]
    pub(crate) fn refuses_more(&self, is_compared: bool) -> bool {
        if is_compared {
            self.changes.0.keys().any(ChangeKey::is_newly_refused)
        } else {
            self.count(Action::Reject) > self.excepted.saturating_add(self.break_glass)
        }
    }
}

impl Replay {
    /// Judges a record and counts what would become of it.
    pub(crate) fn take(&self, tally: &mut Tally, record: &StatementRecord<'_>) {
        let new = match judge(&self.new, record) {
            Judged::CannotTell(why) => return self.cannot_tell(tally, record, why),
            Judged::Plain => None,
            Judged::Verdict(verdict) => Some(verdict),
        };
        // What is plain to one policy is to the other, if both read the same dialect.
        let is_plain = |old: &&Policy| new.is_none() && old.dialect() == self.new.dialect();
        let old = match self.old.as_ref().filter(|old| !is_plain(old)).map(|old| judge(old, record)) {
            Some(Judged::CannotTell(why)) => return self.cannot_tell(tally, record, why),
            Some(Judged::Verdict(verdict)) => Some(verdict),
            Some(Judged::Plain) | None => None,
        };
        add(&mut tally.statements, record.count);
        let would_be = new.as_ref().map_or(Action::Forward, |verdict| verdict.would_be);
        add(tally.would_be.entry(would_be).or_default(), record.count);
        if new.is_none() && old.is_none() {
            return;
        }
        let time = record.timestamp();
        let side = |policy: &Policy, verdict: Option<&Verdict>| {
            verdict.map_or((Action::Forward, LetOff::default()), |verdict| {
                (verdict.would_be, LetOff::of(policy, verdict, || principal(record)))
            })
        };
        let now = side(&self.new, new.as_deref());
        if let Some(verdict) = &new {
            self.verdict(tally, record, (verdict, &now.1), time);
        }
        if let Some(policy) = &self.old {
            let before = side(policy, old.as_deref());
            let outcome = |(would_be, let_off): &(Action, LetOff)| (*would_be, let_off.is_nothing());
            if outcome(&before) != outcome(&now) {
                self.change(tally, record, [(old.as_deref(), before.1), (new.as_deref(), now.1)], time);
            }
        }
    }

    fn verdict(
        &self,
        tally: &mut Tally,
        record: &StatementRecord<'_>,
        (verdict, let_off): (&Verdict, &LetOff),
        time: Option<Timestamp>,
    ) {
        let has_roles = verdict.statements.iter().any(|statement| !statement.uses.is_empty());
        if has_roles {
            add(&mut tally.with_roles, record.count);
        }
        if let Some(time) = time.filter(|_| has_roles) {
            tally.shown.entry(record.from).or_default().insert(day(time));
        }
        if verdict.would_be == Action::Forward {
            return;
        }
        let is_refused = let_off.leaves_refused(verdict.would_be);
        if let Some(time) = time {
            let [refused, annotated] = tally.days.entry(day(time)).or_default();
            let count = if is_refused { refused } else { annotated };
            add(count, record.count);
        }
        if let_off.break_glass.is_some() {
            add(&mut tally.break_glass, record.count);
        } else if !let_off.is_nothing() {
            add(&mut tally.excepted, record.count);
        } else if is_refused {
            note(&mut tally.refused_users, record.user.as_deref().unwrap_or_default());
            note(&mut tally.refused_applications, record.application.as_deref().unwrap_or_default());
        }
        let key = key_of(verdict, let_off.clone(), self.who(record));
        tally.groups.add(key, record, time, || example(record, time, verdict.codes()));
    }

    fn change(
        &self,
        tally: &mut Tally,
        record: &StatementRecord<'_>,
        [(old, old_let_off), (new, new_let_off)]: [(Option<&Verdict>, LetOff); 2],
        time: Option<Timestamp>,
    ) {
        let key = |verdict: Option<&Verdict>, let_off| verdict.map(|one| key_of(one, let_off, self.who(record)));
        let (old_key, new_key) = (key(old, old_let_off), key(new, new_let_off));
        let old_side = |key: &GroupKey| (key.would_be, key.let_off.clone(), key.reason.clone());
        let (from, from_let_off, from_reason) =
            old_key.as_ref().map_or((Action::Forward, LetOff::default(), None), old_side);
        // What the new policy says nothing of is described as the old one saw it.
        let to = new_key.or(old_key.map(GroupKey::let_through));
        if let Some((to, verdict)) = to.zip(new.or(old)) {
            let key = ChangeKey { from, from_let_off, from_reason, to };
            tally.changes.add(key, record, time, || example(record, time, verdict.codes()));
        }
    }

    fn cannot_tell(&self, tally: &mut Tally, record: &StatementRecord<'_>, why: CannotTell) {
        add(&mut tally.cannot_tell, record.count);
        let (kind, target) = kind_and_target(&self.new, &record.text);
        let time = record.timestamp();
        let key = UnknownKey { why, who: self.who(record), kind, target };
        tally.unknown.add(key, record, time, || example(record, time, Vec::new()));
    }

    /// Whose a record is.
    fn who(&self, record: &StatementRecord<'_>) -> String {
        let user = record.user.as_deref().unwrap_or_default();
        let groups = match self.by {
            GroupBy::User => Vec::new(),
            GroupBy::Group => self.new.groups_of(crate::gate::principal::database_user(user)),
        };
        match (groups.is_empty(), record.user_id) {
            (false, _) => groups.join(","),
            (true, Some(number)) if user.is_empty() => format!("user {number}"),
            (true, _) => user.to_owned(),
        }
    }
}
