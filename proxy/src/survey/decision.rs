//! What a set of rules decides of one request. A forbid whose own mode is shadow annotates, and refuses nothing. Pure.

use std::collections::BTreeMap;

use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::rules::{Hit, RuleEffect, RuleMode, RuleSeverity};
use crate::survey::grid::Cell;

/// What becomes of a request, and the rules that apply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CellDecision {
    /// What enforcement would do.
    pub(crate) action: Action,
    /// Every rule that applies, by `@id`, and what a forbid does under its own mode.
    pub(crate) applied: BTreeMap<String, (RuleEffect, RuleSeverity)>,
}

impl CellDecision {
    /// The rules that refuse.
    pub(crate) fn refusing(&self) -> impl Iterator<Item = &String> {
        let refuses =
            |(_, what): &(&String, &(RuleEffect, RuleSeverity))| **what == (RuleEffect::Forbid, RuleSeverity::Reject);
        self.applied.iter().filter(refuses).map(|(rule, _)| rule)
    }

    /// The rules that permit.
    pub(crate) fn permitting(&self) -> impl Iterator<Item = &String> {
        self.applied.iter().filter(|(_, (effect, _))| *effect == RuleEffect::Permit).map(|(rule, _)| rule)
    }
}

/// Asks a policy's rules. What cannot be evaluated is refused.
#[must_use]
pub(crate) fn decide(policy: &Policy, cell: &Cell<'_>) -> CellDecision {
    let groups = cell.person.groups.clone().unwrap_or_else(|| policy.groups_of(&cell.person.user));
    let Ok(judgement) = policy.rules().judge(&cell.request(&groups)) else {
        return CellDecision { action: Action::Reject, applied: BTreeMap::new() };
    };
    let forbids = judgement.hits.iter().filter(|hit| hit.effect == RuleEffect::Forbid);
    let gravest =
        forbids.map(|hit| if done(hit) == RuleSeverity::Reject { Action::Reject } else { Action::Annotate }).max();
    let action = if judgement.permitted { gravest.unwrap_or(Action::Forward) } else { Action::Reject };
    let applied = judgement.hits.into_iter().map(|hit| (hit.effect, done(&hit), hit.rule));
    CellDecision { action, applied: applied.map(|(effect, done, rule)| (rule, (effect, done))).collect() }
}

/// What a forbid does under its own mode.
fn done(hit: &Hit) -> RuleSeverity {
    if hit.mode == Some(RuleMode::Shadow) { RuleSeverity::Annotate } else { hit.severity }
}

#[cfg(test)]
mod tests;
