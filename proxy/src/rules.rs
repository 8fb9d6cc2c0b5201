//! The organisation's own rules, in Cedar: who may use which chain on what. Knows nothing of the wire or of IAM documents.
//!
//! Cedar's decision is one bit, and a deny names only the forbids. So that an annotating forbid hides neither a permit nor
//! a refusal, permits, refusing forbids and annotating forbids are three policy sets and three evaluations.

mod error;
mod load;
mod request;
#[cfg(test)]
mod tests;

use cedar_policy::{Authorizer, Decision, PolicyId, PolicySet};

use crate::rules::request::Vocabulary;
pub use error::RulesError;
pub use request::{RuleRequest, TargetFacts};

/// What a rule says.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// It permits.
    Permit,
    /// It forbids.
    Forbid,
}

/// What a forbid does to the statement: its `@severity`.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RuleSeverity {
    /// It is refused.
    Reject,
    /// It goes on, annotated.
    Annotate,
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
    vocabulary: Option<Vocabulary>,
    version: String,
}

impl RuleSet {
    /// No rules: everything is permitted.
    #[must_use]
    pub fn none() -> Self {
        let [permits, rejects, annotates] = [PolicySet::new(), PolicySet::new(), PolicySet::new()];
        Self { permits, rejects, annotates, vocabulary: None, version: "none".to_owned() }
    }

    /// A hash over the rules' text; the same for the same files, wherever they lie.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        [&self.permits, &self.rejects, &self.annotates].iter().map(|set| set.num_of_policies()).sum()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
                hits.push(Hit { rule: id.to_string(), reason, effect: RuleEffect::Forbid, severity });
            }
            // Cedar skips a policy that fails to evaluate. A forbid that fails might apply, so it counts.
            for error in diagnostics.errors() {
                let cedar_policy::AuthorizationError::PolicyEvaluationError(failed) = error;
                let reason = Some(format!("the rule could not be evaluated: {}", failed.inner()));
                hits.push(Hit { rule: failed.policy_id().to_string(), reason, effect: RuleEffect::Forbid, severity });
            }
        }
        let response = authorizer.is_authorized(&query, &self.permits, &entities);
        hits.extend(sorted(response.diagnostics().reason()).into_iter().map(|id| Hit {
            rule: id.to_string(),
            reason: None,
            effect: RuleEffect::Permit,
            severity: RuleSeverity::Annotate,
        }));
        let permitted = response.decision() == Decision::Allow;
        Ok(Judgement { hits, permitted, depends_on_time: vocabulary.has_clock() })
    }
}

/// Cedar lists policies in no order; sorting makes the same question have the same answer.
fn sorted<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Vec<&'a PolicyId> {
    let mut ids: Vec<&PolicyId> = ids.collect();
    ids.sort_unstable();
    ids
}
