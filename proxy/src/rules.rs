//! The organisation's own rules, in Cedar: who may use which chain on what. Knows nothing of the wire or of IAM documents.
//!
//! Cedar's decision is one bit, and a deny names only the forbids. So that an annotating forbid hides neither a permit nor
//! a refusal, permits, refusing forbids and annotating forbids are three policy sets and three evaluations.

mod effect;
mod error;
mod help;
mod load;
mod meant;
pub mod names;
pub mod profile;
mod request;
mod vocabulary;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, PolicyId, PolicySet};
use jiff::tz::TimeZone;

use crate::rules::profile::RuleProfile;
use crate::rules::vocabulary::Vocabulary;
pub use effect::{RuleEffect, RuleSeverity};
pub use error::RulesError;
pub use request::{RoleTags, RuleRequest, TargetFacts, TargetKind};
pub use vocabulary::action;

closed_sets! {
    /// Whether a forbid is carried out or only recorded, whatever the mode of others: its `@mode`.
    pub enum RuleMode {
        /// It is carried out.
        Enforce,
        /// It is recorded, and the statement goes on, annotated.
        Shadow,
    }
}

/// A rule that applies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// Its `@id`.
    pub rule: String,
    /// Its `@reason`, or why it could not be evaluated.
    pub reason: Option<String>,
    /// Whether it permits or forbids.
    pub effect: RuleEffect,
    /// What a forbid does to the statement; of no meaning for a permit.
    pub severity: RuleSeverity,
    /// The `@mode` of a forbid.
    pub mode: Option<RuleMode>,
}

/// What the rules say of one credential clause.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// The rules that apply, forbids first.
    pub hits: Vec<Hit>,
    /// A permit applies, or there are no rules at all.
    pub permitted: bool,
    /// A rule of the set looks at the clock.
    pub depends_on_time: bool,
}

/// A set of rules that fits the schema.
#[derive(Clone, Debug)]
pub struct RuleSet {
    permits: PolicySet,
    rejects: PolicySet,
    annotates: PolicySet,
    /// Every rule, in order of `@id`.
    profiles: Arc<[RuleProfile]>,
    vocabulary: Option<Vocabulary>,
    version: String,
}

impl RuleSet {
    /// No rules: everything is permitted.
    #[must_use]
    pub fn none() -> Self {
        let [permits, rejects, annotates] = [PolicySet::new(), PolicySet::new(), PolicySet::new()];
        Self { permits, rejects, annotates, profiles: Arc::default(), vocabulary: None, version: "none".to_owned() }
    }

    /// A hash over the rules' text; the same for the same files, wherever they lie.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same rules, with weekdays and hours of this time zone.
    #[must_use]
    pub fn in_time_zone(mut self, time_zone: TimeZone) -> Self {
        if let Some(vocabulary) = &mut self.vocabulary
            && vocabulary.has_clock()
        {
            self.version = format!("{} {}", self.version, time_zone.iana_name().unwrap_or("UTC"));
            vocabulary.time_zone = time_zone;
        }
        self
    }

    /// Whether some rule looks at the tags of roles, so that a request should hold them.
    #[must_use]
    pub fn look_at_tags(&self) -> bool {
        self.vocabulary.as_ref().is_some_and(Vocabulary::has_tags)
    }

    /// The time zone of weekdays and hours.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        self.vocabulary.as_ref().map_or(TimeZone::UTC, |vocabulary| vocabulary.time_zone.clone())
    }

    /// Whether the action of a statement's kind is this one, or in this group of actions.
    #[must_use]
    pub fn is_action_in(&self, kind: &str, name: &str) -> bool {
        self.vocabulary.as_ref().is_some_and(|vocabulary| vocabulary.is_in(&action(kind), name))
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        [&self.permits, &self.rejects, &self.annotates].iter().map(|set| set.num_of_policies()).sum()
    }

    /// What each rule looks at, in order of `@id`.
    #[must_use]
    pub fn profiles(&self) -> &[RuleProfile] {
        &self.profiles
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules that have a mode of their own, in alphabetical order.
    #[must_use]
    pub fn modes(&self) -> Vec<(String, RuleMode)> {
        let sets = [&self.rejects, &self.annotates].into_iter();
        let of = |set: &PolicySet, id: &PolicyId| Some((id.to_string(), mode(set, id)?));
        let mut modes: Vec<(String, RuleMode)> =
            sets.flat_map(|set| set.policies().filter_map(|rule| of(set, rule.id()))).collect();
        modes.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        modes
    }

    /// Judges one credential clause.
    ///
    /// # Errors
    /// [`RulesError::Request`]: the clause does not fit the schema. The caller refuses the statement then.
    pub fn judge(&self, request: &RuleRequest<'_>) -> Result<Judgement, RulesError> {
        let Some(vocabulary) = &self.vocabulary else {
            return Ok(Judgement { hits: Vec::new(), permitted: true, depends_on_time: false });
        };
        let (query, entities) = request.to_cedar(vocabulary)?;
        let authorizer = Authorizer::new();
        let mut hits = Vec::new();
        let forbids = [(&self.rejects, RuleSeverity::Reject), (&self.annotates, RuleSeverity::Annotate)];
        for (set, severity) in forbids.into_iter().filter(|(set, _)| !set.is_empty()) {
            let response = authorizer.is_authorized(&query, set, &entities);
            let diagnostics = response.diagnostics();
            for id in sorted(diagnostics.reason()) {
                let reason = set.policy(id).and_then(|rule| rule.annotation("reason")).map(str::to_owned);
                let (rule, mode) = (id.to_string(), mode(set, id));
                hits.push(Hit { rule, reason, effect: RuleEffect::Forbid, severity, mode });
            }
            // Cedar skips a policy that fails to evaluate. A forbid that fails might apply, so it counts.
            for error in diagnostics.errors() {
                let cedar_policy::AuthorizationError::PolicyEvaluationError(failed) = error;
                let reason = Some(format!("the rule could not be evaluated: {}", failed.inner()));
                let (rule, mode) = (failed.policy_id().to_string(), mode(set, failed.policy_id()));
                hits.push(Hit { rule, reason, effect: RuleEffect::Forbid, severity, mode });
            }
        }
        let response = authorizer.is_authorized(&query, &self.permits, &entities);
        hits.extend(sorted(response.diagnostics().reason()).into_iter().map(|id| Hit {
            rule: id.to_string(),
            reason: None,
            effect: RuleEffect::Permit,
            severity: RuleSeverity::Annotate,
            mode: None,
        }));
        let permitted = response.decision() == Decision::Allow;
        Ok(Judgement { hits, permitted, depends_on_time: vocabulary.has_clock() })
    }
}

/// The `@mode` of a rule, which was checked when it was read.
fn mode(set: &PolicySet, id: &PolicyId) -> Option<RuleMode> {
    set.policy(id)?.annotation("mode")?.parse().ok()
}

/// Cedar lists policies in no order; sorting makes the same question have the same answer.
fn sorted<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Vec<&'a PolicyId> {
    let mut ids: Vec<&PolicyId> = ids.collect();
    ids.sort_unstable();
    ids
}
