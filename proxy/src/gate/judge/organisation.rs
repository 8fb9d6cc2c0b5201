//! A role use against the organisation's rules.

use crate::chain::Chain;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Mode;
use crate::gate::finding::Finding;
use crate::gate::judge::context::JudgeContext;
use crate::iam::Cluster;
use crate::rules::profile::{RuleProfile, Subject, Test};
use crate::rules::{Hit, Judgement, RoleTags, RuleEffect, RuleRequest, RuleSeverity, TargetFacts};
use crate::sql::{Method, RoleUse, StatementKind, Target};

/// What the rules say of one role use.
#[derive(Default)]
pub(super) struct RuleFindings {
    pub(super) hits: Vec<(String, RuleEffect)>,
    pub(super) findings: Vec<Finding>,
    pub(super) depends_on_time: bool,
}

impl RuleFindings {
    fn only(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// A use of a credential as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuledUse<'a> {
    /// The kind by which the rules name the action.
    pub(super) kind: &'a str,
    pub(super) method: &'a str,
    pub(super) clause: &'a str,
    pub(super) target: Option<&'a Target>,
    /// The byte of the text that a finding points at.
    pub(super) at: usize,
}

impl<'a> RuledUse<'a> {
    /// A clause of a statement of this kind.
    pub(super) fn of_clause(role_use: &'a RoleUse, kind: StatementKind) -> Self {
        Self {
            kind: kind.as_str(),
            method: role_use.method.as_str(),
            clause: role_use.clause.as_str(),
            target: role_use.target.as_ref(),
            at: role_use.span.start,
        }
    }
}

/// Whether some rule would forbid such an action of this user with one chain or another: where the chain is not known, that is all that
/// can be told.
pub(super) fn could_forbid(context: &JudgeContext<'_>, kind: &str) -> bool {
    let (policy, principal) = (context.policy, context.principal);
    let groups = policy.groups_of_principal(principal);
    let rules = &policy.parts.rules;
    let known = |subject: &Subject, test: &Test| match (subject, test) {
        (Subject::Action, Test::Any(names)) => Some(names.iter().any(|name| rules.is_action_in(kind, name))),
        (Subject::User, Test::Any(names)) => Some(names.contains(&principal.user)),
        (Subject::Group, Test::Any(names)) if !policy.groups_are_unknown(principal) => {
            Some(names.iter().any(|name| groups.contains(name)))
        }
        _ => None,
    };
    let could = |rule: &RuleProfile| {
        rule.effect == RuleEffect::Forbid
            && rule.severity == RuleSeverity::Reject
            && rule.condition.weigh(&known) != Some(false)
    };
    rules.profiles().iter().any(could)
}

/// Judges a use of a credential; `chain` is that of its literal, or the role that `default` stands for.
pub(super) fn judge_use(context: &JudgeContext<'_>, role_use: RuledUse<'_>, chain: Option<&Chain>) -> RuleFindings {
    let at = role_use.at;
    if groups_are_unknown(context) {
        let hint = "try again; the gate's log says why [gate.catalog] cannot be read".to_owned();
        let finding = context
            .finding(Code::Rg302, at)
            .message("the groups of the database users are not known yet, so no rule can permit it")
            .detail("the cluster's catalogue was not read yet");
        return RuleFindings::only(finding.hint(Some(hint)));
    }
    match judgement(context, role_use, chain) {
        Ok(judgement) => said(context, judgement, role_use, chain),
        Err(error) => {
            let finding = context.finding(Code::Rg301, at).message("the rules cannot be evaluated").detail(error);
            RuleFindings::only(finding.hint(None))
        }
    }
}

fn groups_are_unknown(context: &JudgeContext<'_>) -> bool {
    context.policy.groups_are_unknown(context.principal) && !context.policy.parts.rules.is_empty()
}

fn judgement(context: &JudgeContext<'_>, role_use: RuledUse<'_>, chain: Option<&Chain>) -> Result<Judgement, String> {
    let (policy, principal) = (context.policy, context.principal);
    let role_tags = role_tags(context, chain);
    let request = RuleRequest {
        user: &principal.user,
        groups: context.groups,
        database: &principal.database,
        application: &principal.application,
        client_address: principal.client_address,
        tls_subject: principal.tls_subject.as_deref(),
        tls_names: &principal.tls_names,
        now: context.now,
        gate: &policy.parts.gate,
        cluster: policy.iam().map_or("", |iam| &iam.cluster),
        cluster_account: context.cluster().and_then(Cluster::account),
        kind: role_use.kind,
        method: role_use.method,
        clause: role_use.clause,
        roles: chain.map(Chain::roles).unwrap_or_default(),
        role_tags: role_tags.as_deref(),
        target: role_use.target.map(target_facts),
    };
    policy.parts.rules.judge(&request).map_err(|error| error.to_string())
}

/// The tags of each role of the chain, where rules look at them and the facts tell all.
fn role_tags(context: &JudgeContext<'_>, chain: Option<&Chain>) -> Option<Vec<RoleTags>> {
    let facts = &context.policy.iam().filter(|_| context.policy.parts.rules.look_at_tags())?.facts;
    chain.map(Chain::roles).unwrap_or_default().iter().map(|role| facts.tag_words(role)).collect()
}

fn said(
    context: &JudgeContext<'_>,
    judgement: Judgement,
    role_use: RuledUse<'_>,
    chain: Option<&Chain>,
) -> RuleFindings {
    let mut ruled = RuleFindings { depends_on_time: judgement.depends_on_time, ..RuleFindings::default() };
    for hit in judgement.hits {
        ruled.hits.push((hit.rule.clone(), hit.effect));
        if hit.effect == RuleEffect::Forbid {
            ruled.findings.push(forbidden(context, hit, role_use, chain));
        }
    }
    if !judgement.permitted {
        let finding = context.finding(Code::Rg302, role_use.at);
        ruled.findings.push(finding.detail(circumstances(context, role_use, chain)));
    }
    ruled
}

fn forbidden(context: &JudgeContext<'_>, hit: Hit, role_use: RuledUse<'_>, chain: Option<&Chain>) -> Finding {
    let mut finding = context.finding(Code::Rg301, role_use.at);
    if hit.severity == RuleSeverity::Annotate {
        finding.severity = finding.severity.min(Severity::Annotate);
    }
    finding.rule_mode = hit.mode.map(Mode::from);
    finding.rule = Some(hit.rule.clone());
    if let Some(reason) = hit.reason {
        finding.message = reason;
    }
    finding
        .detail(format!("rule \"{}\"; {}", hit.rule, circumstances(context, role_use, chain)))
        .hint(Some(format!("ask the owner of rule \"{}\"", hit.rule)))
}

fn circumstances(context: &JudgeContext<'_>, role_use: RuledUse<'_>, chain: Option<&Chain>) -> String {
    let method = role_use.method;
    let what = match chain {
        None => method.to_owned(),
        Some(role) if method == Method::Default.as_str() => format!("{method}, which stands for role {role}"),
        Some(chain) => format!("chain {chain}"),
    };
    format!("user \"{}\", database \"{}\", {what}", context.principal.user, context.principal.database)
}

fn target_facts(target: &Target) -> TargetFacts<'_> {
    let mut facts = TargetFacts::default();
    match target {
        Target::S3Uri(_) => (facts.bucket, facts.prefix) = target.bucket_and_path().unzip(),
        Target::Lambda(function) | Target::SageMaker(function) => facts.function = Some(function),
        Target::CatalogDatabase(database) => facts.catalog_database = Some(database),
        Target::Secret(secret) => facts.secret = Some(secret),
        Target::Grantee(grantee) => facts.grantee = Some(grantee),
        Target::Other(other) => facts.other = Some(other),
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::target_facts;
    use crate::sql::Target;

    #[test]
    fn a_bucket_is_one_however_its_scheme_is_written() {
        for (uri, want) in [
            ("s3://b/a/c", (Some("b"), Some("a/c"))),
            ("S3://b/a/c", (Some("b"), Some("a/c"))),
            ("s3://b", (Some("b"), Some(""))),
        ] {
            let target = Target::from_uri(uri);
            let facts = target_facts(&target);
            assert_eq!((facts.bucket, facts.prefix, facts.other), (want.0, want.1, None), "{uri}");
        }
    }
}
