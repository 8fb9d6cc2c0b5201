//! Rules without effect, over a grid: that never apply, that others make needless, or that others always overrule. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::Serialize;

use crate::gate::policy::Policy;
use crate::rules::{RuleEffect, RuleSeverity};
use crate::survey::decision::{CellDecision, decide};
use crate::survey::grid::Survey;

closed_sets! {
    /// What is wrong with a rule.
    #[derive(Ord, PartialOrd)]
    pub(crate) enum LintKind {
        /// It applies to no request.
        NeverApplies,
        /// Wherever it applies, others decide the same without it.
        Shadowed,
        /// It permits what a forbid refuses, always.
        Contradicted,
        /// It holds a name that is nowhere known.
        UnknownName,
    }
}

/// A rule without effect.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct LintFinding {
    /// What is wrong.
    pub(crate) kind: LintKind,
    /// The rule's `@id`.
    pub(crate) rule: String,
    /// File, line and column.
    pub(crate) place: String,
    /// What is wrong with the rule, in words.
    pub(crate) what: String,
    /// The rules that each by itself make it so; empty where it takes several.
    pub(crate) by: Vec<String>,
}

/// What was seen of one rule.
#[derive(Clone, Debug, Default)]
struct RuleSight {
    /// Requests that it applies to.
    applies: u64,
    /// Those that would be decided otherwise without it.
    decides: u64,
    /// Those that it permits and a forbid refuses.
    overruled: u64,
    /// The rules of the same effect that apply wherever it does.
    always_with: Option<BTreeSet<String>>,
    /// The refusing rules that apply wherever it does.
    always_refused_by: Option<BTreeSet<String>>,
}

type Sights = BTreeMap<String, RuleSight>;

/// The rules of a policy that have no effect on any request of a survey.
#[must_use]
pub(crate) fn lint(policy: &Policy, survey: &Survey) -> Vec<LintFinding> {
    let mut sights = Sights::new();
    for (grid, numbers) in &survey.parts {
        let add = |mut seen: Sights, number: &u64| {
            if let Some(cell) = grid.cell(*number) {
                see(&mut seen, &decide(policy, &cell));
            }
            seen
        };
        sights = merged(sights, numbers.par_iter().fold(Sights::new, add).reduce(Sights::new, merged));
    }
    let asked = survey.asked();
    let finding = |rule: &crate::rules::profile::RuleProfile| {
        let sight = sights.remove(&rule.id).unwrap_or_default();
        let (kind, what, by) = sight.verdict(rule.effect, asked)?;
        Some(LintFinding { kind, rule: rule.id.clone(), place: rule.place.clone(), what, by })
    };
    policy.rules().profiles().iter().filter_map(finding).collect()
}

fn see(sights: &mut Sights, decided: &CellDecision) {
    let refusing: BTreeSet<String> = decided.refusing().cloned().collect();
    let permitting: BTreeSet<String> = decided.permitting().cloned().collect();
    for (rule, what) in &decided.applied {
        let is_permit = what.0 == RuleEffect::Permit;
        let alike: BTreeSet<String> = match what {
            (RuleEffect::Permit, _) => permitting.clone(),
            (RuleEffect::Forbid, RuleSeverity::Reject) => refusing.clone(),
            (RuleEffect::Forbid, RuleSeverity::Annotate) => {
                let same = decided.applied.iter().filter(|(_, other)| *other == what).map(|(rule, _)| rule.clone());
                same.chain(refusing.iter().cloned()).collect()
            }
        };
        let others: BTreeSet<String> = alike.into_iter().filter(|other| other != rule).collect();
        let is_overruled = is_permit && !refusing.is_empty();
        let one = RuleSight {
            applies: 1,
            decides: u64::from(others.is_empty() && !is_overruled),
            overruled: u64::from(is_overruled),
            always_with: Some(others),
            always_refused_by: Some(refusing.clone()),
        };
        sights.entry(rule.clone()).or_default().add(one);
    }
}

fn merged(mut one: Sights, other: Sights) -> Sights {
    for (rule, sight) in other {
        one.entry(rule).or_default().add(sight);
    }
    one
}

impl RuleSight {
    fn add(&mut self, other: Self) {
        self.applies = self.applies.saturating_add(other.applies);
        self.decides = self.decides.saturating_add(other.decides);
        self.overruled = self.overruled.saturating_add(other.overruled);
        self.always_with = both(self.always_with.take(), other.always_with);
        self.always_refused_by = both(self.always_refused_by.take(), other.always_refused_by);
    }

    fn verdict(self, effect: RuleEffect, asked: u64) -> Option<(LintKind, String, Vec<String>)> {
        let names = |rules: &[String]| rules.iter().map(|rule| format!("\"{rule}\"")).collect::<Vec<_>>().join(", ");
        if self.applies == 0 {
            return Some((LintKind::NeverApplies, format!("applies to none of {asked} requests"), Vec::new()));
        }
        if self.decides > 0 {
            return None;
        }
        let by = |rules: Option<BTreeSet<String>>| Vec::from_iter(rules.unwrap_or_default());
        if effect == RuleEffect::Permit && self.overruled == self.applies {
            let by = by(self.always_refused_by);
            let who = if by.is_empty() { "some forbid".to_owned() } else { names(&by) };
            return Some((LintKind::Contradicted, format!("all that it permits is refused by {who}"), by));
        }
        let by = by(self.always_with);
        let what = match effect {
            RuleEffect::Permit => "all that it permits is permitted or refused without it",
            RuleEffect::Forbid => "all that it forbids is forbidden without it",
        };
        let who = if by.is_empty() { "by several rules together".to_owned() } else { format!("by {}", names(&by)) };
        Some((LintKind::Shadowed, format!("{what}, {who}"), by))
    }
}

/// What both hold; all of one where the other is nothing yet.
fn both(one: Option<BTreeSet<String>>, other: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
        (one, other) => one.or(other),
    }
}
