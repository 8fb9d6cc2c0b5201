//! The rules that make two sets decide one request differently. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::gate::enforcement::Action;
use crate::rules::{RuleEffect, RuleSet};

/// What happened to a rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleChange {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
    /// It says the same, and applies to others: groups, facts or the gate differ.
    Unchanged,
}

/// A rule that causes a difference.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct RuleCause {
    /// Its `@id`.
    pub(crate) rule: String,
    /// Whether it permits or forbids.
    pub(crate) effect: RuleEffect,
    /// What happened to it.
    pub(crate) change: RuleChange,
}

/// What happened to every rule of two sets, by `@id`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleChanges(BTreeMap<String, RuleChange>);

/// What one set of rules does with a request: the action, and the rules that apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied<'a> {
    /// What enforcement would do.
    pub(crate) action: Action,
    /// The rules that apply.
    pub(crate) rules: &'a BTreeSet<(String, RuleEffect)>,
}

impl RuleChanges {
    /// Compares two sets, rule by rule.
    #[must_use]
    pub(crate) fn between(old: &RuleSet, new: &RuleSet) -> Self {
        let forms = |rules: &RuleSet| -> BTreeMap<String, String> {
            rules.profiles().iter().map(|rule| (rule.id.clone(), rule.form.clone())).collect()
        };
        let (old, new) = (forms(old), forms(new));
        let change = |rule: &String| match (old.get(rule), new.get(rule)) {
            (None, _) => RuleChange::Added,
            (_, None) => RuleChange::Removed,
            (old, new) if old == new => RuleChange::Unchanged,
            _ => RuleChange::Changed,
        };
        Self(old.keys().chain(new.keys()).map(|rule| (rule.clone(), change(rule))).collect())
    }

    fn of(&self, rule: &str) -> RuleChange {
        self.0.get(rule).copied().unwrap_or(RuleChange::Unchanged)
    }

    /// The rules that cause a difference: what is stricter is due to a forbid that applies now or a permit that does not; what is more
    /// lenient, to the opposite. Empty when no rule does.
    #[must_use]
    pub(crate) fn causes(&self, old: Applied<'_>, new: Applied<'_>) -> Vec<RuleCause> {
        let is_stricter = new.action > old.action;
        let (stricter, other) = if is_stricter { (new, old) } else { (old, new) };
        let forbids = |applied: Applied<'_>| -> BTreeSet<(String, RuleEffect)> {
            applied.rules.iter().filter(|(_, effect)| *effect == RuleEffect::Forbid).cloned().collect()
        };
        let (all, others) = (forbids(stricter), forbids(other));
        let mut causes: Vec<(String, RuleEffect)> = all
            .iter()
            .filter(|one| !others.contains(*one) || self.of(&one.0) == RuleChange::Changed)
            .cloned()
            .collect();
        let is_permit = |one: &&(String, RuleEffect)| one.1 == RuleEffect::Permit;
        if !stricter.rules.iter().any(|one| one.1 == RuleEffect::Permit) {
            causes.extend(other.rules.iter().filter(is_permit).cloned());
        }
        let cause = |(rule, effect): (String, RuleEffect)| RuleCause { change: self.of(&rule), rule, effect };
        causes.into_iter().map(cause).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn rules(text: &str) -> RuleSet {
        RuleSet::from_text(Path::new("r.cedar"), text.to_owned()).unwrap()
    }

    type Side<'s> = (Action, &'s [&'s str]);

    /// (old action and rules, new action and rules, causes)
    #[test]
    fn table() {
        let old = rules(
            "@id(\"all\") permit (principal, action, resource); @id(\"gone\") forbid (principal, action, resource);
             @id(\"other\") forbid (principal, action, resource);",
        );
        let new = rules(
            "// the same\n@id(\"all\")   permit (principal, action, resource); @id(\"new\") forbid (principal, action, resource);
             @id(\"other\") @severity(\"annotate\") forbid (principal, action, resource);",
        );
        let changes = RuleChanges::between(&old, &new);
        let all = ["all", "gone", "new", "other"].map(|rule| changes.of(rule));
        assert_eq!(all, [RuleChange::Unchanged, RuleChange::Removed, RuleChange::Added, RuleChange::Changed]);
        let rows: &[(Side<'_>, Side<'_>, &[&str])] = &[
            ((Action::Forward, &["all"]), (Action::Reject, &["all", "new"]), &["new"]),
            ((Action::Reject, &["all", "gone"]), (Action::Forward, &["all"]), &["gone"]),
            ((Action::Forward, &["all"]), (Action::Reject, &[]), &["all"]),
            ((Action::Reject, &[]), (Action::Forward, &["all"]), &["all"]),
            ((Action::Reject, &["all", "other"]), (Action::Annotate, &["all", "other"]), &["other"]),
            ((Action::Reject, &["gone"]), (Action::Forward, &["all"]), &["gone", "all"]),
            ((Action::Forward, &["all"]), (Action::Reject, &["all"]), &[]),
        ];
        for ((from, before), (to, after), want) in rows {
            let set = |names: &[&str]| -> BTreeSet<(String, RuleEffect)> {
                let effect = |name: &str| if name == "all" { RuleEffect::Permit } else { RuleEffect::Forbid };
                names.iter().map(|name| ((*name).to_owned(), effect(name))).collect()
            };
            let (before, after) = (set(before), set(after));
            let found =
                changes.causes(Applied { action: *from, rules: &before }, Applied { action: *to, rules: &after });
            assert_eq!(
                found.iter().map(|cause| cause.rule.as_str()).collect::<Vec<_>>(),
                *want,
                "{before:?} {after:?}"
            );
        }
    }
}
