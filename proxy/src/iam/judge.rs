//! Attachment and hops: picks documents and context out of the facts and hands them to the core.

use jiff::Timestamp;

use super::{
    evaluate::{EvaluationMode, HopRequest, evaluate},
    explain::{self, Cause, Outcome, Refusal},
    facts::{Cluster, Facts, IN_SYNC, Origin, Role, RolePolicy},
    policy::{
        context::{KeyValue, RequestContext, Unlisted},
        document::StatementEffect,
        principal,
    },
};
use crate::chain::{AccountId, RoleArn};

/// The session name that Redshift gives. Source: seen in an AWS error text, Database Developer Guide, "External tables".
const SESSION_NAME: &str = "RedshiftIamRoleSession";

/// On which steps Redshift sends the database user as `sts:ExternalId`. The documents show the first only.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum ExternalIdOn {
    /// The same value on every step.
    #[default]
    Same,
    /// When the cluster assumes the first role; role steps carry none.
    FirstOnly,
    /// When the cluster assumes the first role; for role steps it cannot be told.
    Unknown,
}

/// The judgement of one step of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was found.
    pub outcome: Outcome,
    /// The time of day had a part in it: a verdict with it may not be cached.
    pub depends_on_time: bool,
}

/// On whose behalf a chain is walked, and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The cluster, or serverless workgroup.
    pub cluster: &'a Cluster,
    /// The current database user.
    pub database_user: &'a str,
    /// An external id to assume in place of the database user's ARN.
    pub external_id: Option<&'a str>,
    /// Which steps carry the external id.
    pub external_id_on: ExternalIdOn,
    /// Whose rules count inside one account.
    pub mode: EvaluationMode,
    /// The time of the call.
    pub now: Timestamp,
}

/// Hop 0: is the role attached to the cluster, and does it trust the Redshift service?
#[must_use]
pub fn attachment(facts: &Facts, role: &RoleArn, caller: &Caller<'_>) -> Step {
    let cluster = caller.cluster;
    let status =
        cluster.roles.iter().find(|(attached, _)| attached == role.as_str()).map(|(_, status)| status.as_str());
    if status != Some(IN_SYNC) {
        return step_without_time(Outcome::Denied(not_attached(role, cluster, status)));
    }
    match asked(facts, None, role, caller, outcome) {
        Ok((outcome, depends_on_time)) => Step { outcome, depends_on_time },
        Err(unknown) => step_without_time(unknown_role(facts, unknown)),
    }
}

/// Hop `number`, counted from 1: may a session of `source` assume `target`?
#[must_use]
pub fn hop(facts: &Facts, source: &RoleArn, target: &RoleArn, number: usize, caller: &Caller<'_>) -> Step {
    match asked(facts, Some(source), target, caller, outcome) {
        Ok((outcome, depends_on_time)) => Step { outcome: numbered(outcome, number), depends_on_time },
        Err(unknown) => step_without_time(numbered(unknown_role(facts, unknown), number)),
    }
}

/// The statements of a role's trust policy that grant something, by number from 1, each with what messages call it.
#[must_use]
pub fn trust_statements(facts: &Facts, role: &RoleArn) -> Vec<(usize, String)> {
    let statements = facts.role(role).map(|role| role.trust.statements.as_slice()).unwrap_or_default();
    let grants = statements.iter().filter(|statement| statement.effect != StatementEffect::Deny);
    grants.map(|statement| (statement.number, explain::name(statement))).collect()
}

/// Those of them that let a step through, or may do so: of the attachment without `source`, of a hop with it.
#[must_use]
pub fn granting_statements(
    facts: &Facts,
    source: Option<&RoleArn>,
    target: &RoleArn,
    caller: &Caller<'_>,
) -> Vec<usize> {
    let granting = |request: &HopRequest<'_>| {
        let statements = request.trust.statements.iter().filter(|statement| statement.effect != StatementEffect::Deny);
        let applying = statements.filter(|statement| !request.applies(statement).at_all().is_false());
        applying.map(|statement| statement.number).collect()
    };
    asked(facts, source, target, caller, granting).map_or_else(|_unknown| Vec::new(), |(numbers, _time)| numbers)
}

/// Puts the question of one step to `ask`: the service's without a source, a role's with one. Says whether the time of
/// day was looked at.
///
/// # Errors
/// The role that the facts do not hold.
fn asked<'r, T>(
    facts: &Facts,
    source: Option<&'r RoleArn>,
    target: &'r RoleArn,
    caller: &Caller<'_>,
    ask: impl FnOnce(&HopRequest<'_>) -> T,
) -> Result<(T, bool), &'r RoleArn> {
    let from = source.map(|source| facts.role(source).map(|from| (source, from)).ok_or(source)).transpose()?;
    let to = facts.role(target).ok_or(target)?;
    let names = caller.cluster.service_names();
    let context = match from {
        None => service_context(target, to, caller, &names),
        Some(from) => role_context(facts, from, (target, to), caller),
    };
    let who = match from {
        None => principal::CallingPrincipal::Service(&names),
        Some((role, from)) => {
            principal::CallingPrincipal::Session { role, id: from.id.as_deref(), session: SESSION_NAME }
        }
    };
    let (source_account, policies) =
        from.map_or((target.account(), [].as_slice()), |(source, from)| (source.account(), &from.policies));
    let answer = ask(&HopRequest {
        caller: who,
        target,
        identity: policies.iter().map(RolePolicy::in_force).collect(),
        boundary: from.and_then(|(_, from)| from.boundary.as_ref()).map(RolePolicy::in_force),
        session_policy: None,
        service_control: facts.service_control(source_account),
        resource_control: facts.resource_control(target.account()),
        trust: &to.trust,
        context: &context,
        mode: caller.mode,
    });
    Ok((answer, context.depends_on_time()))
}

fn outcome(request: &HopRequest<'_>) -> Outcome {
    explain::outcome(request, &evaluate(request))
}

fn step_without_time(outcome: Outcome) -> Step {
    Step { outcome, depends_on_time: false }
}

fn numbered(outcome: Outcome, number: usize) -> Outcome {
    let number_it = |refusal: Refusal| Refusal { message: format!("hop {number}: {}", refusal.message), ..refusal };
    match outcome {
        Outcome::Allowed => Outcome::Allowed,
        Outcome::Denied(refusal) => Outcome::Denied(number_it(refusal)),
        Outcome::Unknown(refusal) => Outcome::Unknown(number_it(refusal)),
    }
}

fn not_attached(role: &RoleArn, cluster: &Cluster, status: Option<&str>) -> Refusal {
    let name = &cluster.name;
    let message = match status {
        None => format!("role {role} is not attached to cluster {name}"),
        Some(status) => format!("role {role} is not ready on cluster {name}: its status is {status}, not {IN_SYNC}"),
    };
    let attached: Vec<_> = cluster.attached_roles().iter().map(RoleArn::to_string).collect();
    let list = if attached.is_empty() { "none".to_owned() } else { attached.join(", ") };
    Refusal {
        cause: Cause::NotAttached,
        message,
        evidence: format!("roles attached to cluster {name} and {IN_SYNC}: {list}"),
        remedy: Some(match status {
            Some("adding") => "wait until the role is in-sync, then load the cluster facts again".to_owned(),
            _ => format!("aws redshift modify-cluster-iam-roles --cluster-identifier {name} --add-iam-roles {role}"),
        }),
    }
}

/// A role that its account's snapshot does not hold cannot be assumed; of an account without snapshot nothing can be told.
fn unknown_role(facts: &Facts, role: &RoleArn) -> Outcome {
    let account = role.account();
    let refusal = |evidence, remedy| {
        let message = format!("role {role} is unknown to the IAM facts");
        Refusal { cause: Cause::UnknownRole, message, evidence, remedy: Some(remedy) }
    };
    let Some(known) = facts.accounts.get(&account).filter(|known| known.is_complete) else {
        return Outcome::Unknown(refusal(
            format!("the roles of account {account} were not read"),
            format!(
                "add a snapshot: aws iam get-account-authorization-details > {account}.json, run in account {account}; \
                 or name the account in [[facts.aws.account]]"
            ),
        ));
    };
    let origin = match known.origin {
        Origin::Snapshot => format!("the snapshot of account {account}"),
        Origin::Aws => format!("AWS account {account}"),
    };
    let is_alike = |other: &&RoleArn| other.name().eq_ignore_ascii_case(role.name());
    Outcome::Denied(match known.roles.keys().find(is_alike) {
        Some(alike) => {
            refusal(format!("{origin} has {alike}; path and case count"), format!("write the role as {alike}"))
        }
        None => refusal(
            format!("{origin} was read and has no such role"),
            match known.origin {
                Origin::Snapshot => format!(
                    "correct the role's ARN, or take the snapshot of account {account} again if the role is new"
                ),
                Origin::Aws => "correct the role's ARN, or create the role".to_owned(),
            },
        ),
    })
}

/// What holds for every call. Keys that Redshift never sends are absent, those of the network path unknown.
fn common_context(target: &RoleArn, to: &Role, now: Timestamp) -> RequestContext {
    let mut context = RequestContext::new(Unlisted::ByPrefix);
    context.set_text("aws:CurrentTime", now.to_string());
    context.set_text("aws:EpochTime", now.as_second().to_string());
    context.set_text("aws:SecureTransport", "true");
    context.set_text("aws:ResourceAccount", target.account().to_string());
    context.set_text("sts:RoleSessionName", SESSION_NAME);
    for key in [
        "aws:MultiFactorAuthPresent",
        "aws:MultiFactorAuthAge",
        "aws:username",
        "aws:FederatedProvider",
        "aws:SourceIdentity",
        "aws:TagKeys",
        "aws:SourceOwner",
    ] {
        context.set(key, KeyValue::Absent);
    }
    for (name, value) in &to.tags {
        context.set_text(&format!("aws:ResourceTag/{name}"), value);
        context.set_text(&format!("iam:ResourceTag/{name}"), value);
    }
    context
}

fn service_context(role: &RoleArn, target: &Role, caller: &Caller<'_>, names: &[String]) -> RequestContext {
    let mut context = common_context(role, target, caller.now);
    let cluster = caller.cluster;
    context.set("sts:ExternalId", external_id(caller));
    context.set_text("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", KeyValue::known(names.first()));
    context.set("aws:PrincipalServiceNamesList", KeyValue::Many(names.to_vec()));
    context.set("aws:SourceAccount", KeyValue::known(cluster.account.map(|account| account.to_string())));
    context.set("aws:SourceArn", KeyValue::known(cluster.arn()));
    for key in ["aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:TokenIssueTime"] {
        context.set(key, KeyValue::Absent);
    }
    context
}

fn role_context(
    facts: &Facts,
    (source, from): (&RoleArn, &Role),
    (target, to): (&RoleArn, &Role),
    caller: &Caller<'_>,
) -> RequestContext {
    let mut context = common_context(target, to, caller.now);
    let external_id = match caller.external_id_on {
        ExternalIdOn::Same => external_id(caller),
        ExternalIdOn::FirstOnly => KeyValue::Absent,
        ExternalIdOn::Unknown => KeyValue::Unknown,
    };
    context.set("sts:ExternalId", external_id);
    context.set_text("aws:PrincipalArn", source.as_str());
    context.set_text("aws:PrincipalAccount", source.account().to_string());
    context.set_text("aws:PrincipalType", "AssumedRole");
    context.set("aws:userid", KeyValue::known(from.id.as_ref().map(|id| format!("{id}:{SESSION_NAME}"))));
    context.set_text("aws:PrincipalIsAWSService", "false");
    context.set_text("aws:TokenIssueTime", caller.now.to_string());
    for key in [
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
    ] {
        context.set(key, KeyValue::Absent);
    }
    context.set("aws:PrincipalOrgID", organisation(facts, source.account()));
    context.set("aws:ResourceOrgID", organisation(facts, target.account()));
    if organisation(facts, source.account()) == KeyValue::Absent {
        context.set("aws:PrincipalOrgPaths", KeyValue::Absent);
    }
    for (name, value) in &from.tags {
        context.set_text(&format!("aws:PrincipalTag/{name}"), value);
    }
    context
}

fn external_id(caller: &Caller<'_>) -> KeyValue {
    match caller.external_id {
        Some(text) => KeyValue::One(text.to_owned()),
        None => KeyValue::known(caller.cluster.database_user_arn(caller.database_user)),
    }
}

fn organisation(facts: &Facts, account: AccountId) -> KeyValue {
    match facts.organisation.as_ref().and_then(|accounts| accounts.get(&account)) {
        None => KeyValue::Unknown,
        Some(membership) => membership.organisation.clone().map_or(KeyValue::Absent, KeyValue::One),
    }
}
