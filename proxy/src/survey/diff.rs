//! What two policies' rules decide differently over a grid. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::rules::RuleEffect;
use crate::survey::causes::{Applied, RuleCause, RuleChanges};
use crate::survey::decision::{CellDecision, decide};
use crate::survey::grid::{Cell, Survey};

/// Names of each kind that a difference lists.
const MAX_NAMES: usize = 12;

/// What differences have in common.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct DifferenceKey {
    /// What the old rules do.
    pub(crate) from: Action,
    /// What the new rules do.
    pub(crate) to: Action,
    /// The rules that cause it.
    pub(crate) causes: Vec<RuleCause>,
}

/// Requests that differ alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Difference {
    /// How many requests of the grid differ alike.
    pub(crate) count: u64,
    /// By whom; some, where there are many.
    pub(crate) people: BTreeSet<String>,
    /// What they are.
    pub(crate) kinds: BTreeSet<&'static str>,
    /// The chains of these requests.
    pub(crate) chains: BTreeSet<String>,
    /// What these requests read or write.
    pub(crate) targets: BTreeSet<String>,
    /// The first of them, in words.
    pub(crate) example: Option<(usize, u64, String)>,
}

/// Differences by what they have in common.
pub(crate) type Differences = BTreeMap<DifferenceKey, Difference>;

/// Everything in a survey that two policies decide differently.
#[must_use]
pub(crate) fn differences(old: &Policy, new: &Policy, survey: &Survey) -> Differences {
    let changes = RuleChanges::between(old.rules(), new.rules());
    let mut all = Differences::new();
    for (place, (grid, numbers)) in survey.parts.iter().enumerate() {
        let add = |mut found: Differences, number: &u64| {
            if let Some(cell) = grid.cell(*number) {
                look(&mut found, &changes, [decide(old, &cell), decide(new, &cell)], &cell, (place, *number));
            }
            found
        };
        let found = numbers.par_iter().fold(Differences::new, add).reduce(Differences::new, merged);
        all = merged(all, found);
    }
    all
}

fn look(found: &mut Differences, changes: &RuleChanges, sides: [CellDecision; 2], cell: &Cell<'_>, at: (usize, u64)) {
    let [old, new] = sides;
    if old.action == new.action {
        return;
    }
    let names = |side: &CellDecision| -> BTreeSet<(String, RuleEffect)> {
        side.applied.iter().map(|(rule, (effect, _))| (rule.clone(), *effect)).collect()
    };
    let (before, after) = (names(&old), names(&new));
    let causes =
        changes.causes(Applied { action: old.action, rules: &before }, Applied { action: new.action, rules: &after });
    let one = found.entry(DifferenceKey { from: old.action, to: new.action, causes }).or_default();
    one.count = one.count.saturating_add(1);
    keep(&mut one.people, || cell.person.label.clone());
    one.kinds.extend(cell.kinds.iter().map(|kind| kind.as_str()));
    keep(&mut one.chains, || cell.credential.label());
    keep(&mut one.targets, || cell.thing.label());
    if one.example.as_ref().is_none_or(|(place, number, _)| at < (*place, *number)) {
        one.example = Some((at.0, at.1, cell.to_string()));
    }
}

fn keep(names: &mut BTreeSet<String>, name: impl FnOnce() -> String) {
    names.insert(name());
    // The last in order goes, so that which stay does not depend on the order in which they came.
    while names.len() > MAX_NAMES {
        names.pop_last();
    }
}

fn merged(mut one: Differences, other: Differences) -> Differences {
    for (key, more) in other {
        let held = one.entry(key).or_default();
        held.count = held.count.saturating_add(more.count);
        held.kinds.extend(more.kinds);
        for (names, more) in
            [(&mut held.people, more.people), (&mut held.chains, more.chains), (&mut held.targets, more.targets)]
        {
            for name in more {
                keep(names, || name);
            }
        }
        held.example = [held.example.take(), more.example].into_iter().flatten().min();
    }
    one
}
