//! What two policies decide differently of recorded statements. Pure.

use std::collections::BTreeSet;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::gate::principal::database_user;
use crate::gate::verdict::Verdict;
use crate::history::StatementRecord;
use crate::replay::groups::{Groups, OTHERS, Shared, example, key_of};
use crate::replay::judged::{Judged, judge};
use crate::replay::let_off::LetOff;
use crate::rules::RuleEffect;
use crate::sql::StatementKind;
use crate::survey::causes::{Applied, RuleCause, RuleChanges};

/// Statements that are decided differently alike.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct RecordedDifference {
    /// What the old policy does.
    pub(crate) from: Action,
    /// What the new policy does.
    pub(crate) to: Action,
    /// The rules that cause it; none where facts, groups or severities do.
    pub(crate) causes: Vec<RuleCause>,
    /// The gravest finding of the stricter policy.
    pub(crate) code: Option<Code>,
    /// Whose they are.
    pub(crate) user: String,
    /// What they are.
    pub(crate) kind: StatementKind,
    /// The chain that the statements use.
    pub(crate) chain: String,
    /// What they read or write.
    pub(crate) target: Option<String>,
}

impl Shared for RecordedDifference {
    fn shared(&mut self) {
        OTHERS.clone_into(&mut self.user);
        OTHERS.clone_into(&mut self.chain);
        self.target = None;
    }
}

/// Two policies that a history is judged by.
#[derive(Debug)]
pub(crate) struct Compared {
    old: Policy,
    new: Policy,
    changes: RuleChanges,
}

/// What differs in a part of a history, or in all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ComparedCount {
    /// Statements that were judged.
    pub(crate) statements: u64,
    /// Statements that could not be judged.
    pub(crate) cannot_tell: u64,
    /// The groups of statements that are decided otherwise.
    pub(crate) differences: Groups<RecordedDifference>,
}

impl ComparedCount {
    /// Adds a later part.
    pub(crate) fn merge(&mut self, later: Self) {
        self.statements = self.statements.saturating_add(later.statements);
        self.cannot_tell = self.cannot_tell.saturating_add(later.cannot_tell);
        self.differences.merge(later.differences);
    }
}

impl Compared {
    /// Compares these policies.
    #[must_use]
    pub(crate) fn new(old: Policy, new: Policy) -> Self {
        let changes = RuleChanges::between(old.rules(), new.rules());
        Self { old, new, changes }
    }

    /// Judges a record under both policies.
    pub(crate) fn take(&self, count: &mut ComparedCount, record: &StatementRecord<'_>) {
        let (old, new) = match (judge(&self.old, record), judge(&self.new, record)) {
            (Judged::CannotTell(_), _) | (_, Judged::CannotTell(_)) => {
                count.cannot_tell = count.cannot_tell.saturating_add(record.count);
                return;
            }
            (old, new) => (verdict(old), verdict(new)),
        };
        count.statements = count.statements.saturating_add(record.count);
        let action = |side: &Option<Box<Verdict>>| side.as_ref().map_or(Action::Forward, |verdict| verdict.decided());
        let (from, to) = (action(&old), action(&new));
        if from == to {
            return;
        }
        let (before, after) = (applied(old.as_deref()), applied(new.as_deref()));
        let causes =
            self.changes.causes(Applied { action: from, rules: &before }, Applied { action: to, rules: &after });
        let stricter = if to > from { new.or(old) } else { old.or(new) };
        let Some(stricter) = stricter else { return };
        let user = record.user.as_deref().map(database_user).unwrap_or_default().to_owned();
        let seen = key_of(&stricter, LetOff::default(), user);
        let code = seen.reason.map(|reason| reason.code);
        let key = RecordedDifference {
            from,
            to,
            causes,
            code,
            user: seen.who,
            kind: seen.kind,
            chain: seen.chain,
            target: seen.target,
        };
        let time = record.timestamp();
        count.differences.add(key, record, time, || example(record, time, stricter.codes()));
    }
}

fn verdict(judged: Judged) -> Option<Box<Verdict>> {
    match judged {
        Judged::Verdict(verdict) => Some(verdict),
        Judged::Plain | Judged::CannotTell(_) => None,
    }
}

fn applied(verdict: Option<&Verdict>) -> BTreeSet<(String, RuleEffect)> {
    let statements = verdict.into_iter().flat_map(|verdict| &verdict.statements);
    statements.flat_map(|statement| statement.rule_hits.iter().cloned()).collect()
}

#[cfg(test)]
mod tests;
