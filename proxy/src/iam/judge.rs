//! Attachment and hops: picks documents and context out of the facts and has them evaluated.

mod caller;
mod context;
mod identity;
mod keys;
mod presence;
mod stated;
mod unknown;

use super::{
    evaluate::{Evaluation, HopRequest, binds_caller, binds_target, evaluate},
    explain::{self, Decision, Outcome, Refusal},
    facts::Facts,
    policy::{
        document::{PolicyStatement, StatementEffect},
        principal::CallingPrincipal,
    },
};
use crate::chain::{AccountId, RoleArn};

pub use caller::{Caller, ExternalIdOn};
use context::Sides;
use identity::Identity;
pub use stated::StatedContext;
use unknown::Lack;
pub(crate) use unknown::{age_of, nearest};

/// The judgement of one step of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was found.
    pub outcome: Outcome,
    /// It depends on the time of day, so a verdict with it must not be cached.
    pub depends_on_time: bool,
}

/// Hop 0, an attached role given: does it trust the Redshift service?
pub(crate) fn service_step(facts: &Facts, role: &RoleArn, caller: &Caller<'_>) -> Step {
    under_each_name(caller, |caller| {
        let identities = identity::identities(caller.cluster);
        let judged: Result<Vec<_>, _> = identities.iter().map(|each| by_service(facts, role, caller, each)).collect();
        match judged {
            Ok(steps) => Step {
                depends_on_time: steps.iter().any(|(_, depends_on_time)| *depends_on_time),
                outcome: agreed(steps.into_iter().map(|(outcome, _)| outcome).collect())
                    .map(|refusal| identity::for_all(refusal, role, &identities)),
            },
            Err(lack) => Step { depends_on_time: lack.depends_on_time(), outcome: unknown::outcome(facts, lack) },
        }
    })
}

/// One way in which the service may call. What only a region that is not known leaves open says so.
fn by_service<'r>(
    facts: &Facts,
    role: &'r RoleArn,
    caller: &Caller<'_>,
    identity: &Identity,
) -> Result<(Outcome, bool), Lack<'r>> {
    let (found, depends_on_time) = asked(facts, (None, role), caller, identity, outcome)?;
    if let Outcome::Unknown(refusal) = &found
        && let Some(without) = identity.without_region()
        && asked(facts, (None, role), caller, &without, outcome)?.0.decision() != Decision::Unknown
    {
        return Ok((Outcome::Unknown(identity::of_unknown_region(refusal.clone(), caller.cluster)), depends_on_time));
    }
    Ok((found, depends_on_time))
}

/// Judges a step under each name that may be sent for the user: where they do not agree, it is undecided.
fn under_each_name(caller: &Caller<'_>, judge: impl Fn(&Caller<'_>) -> Step) -> Step {
    let step = judge(caller);
    let Some(other) = caller.under_other_name() else { return step };
    let other_step = judge(&other);
    if step.outcome.decision() == other_step.outcome.decision() {
        return Step { depends_on_time: step.depends_on_time || other_step.depends_on_time, ..step };
    }
    let depends_on_time = step.depends_on_time || other_step.depends_on_time;
    let refusal = [step.outcome, other_step.outcome].into_iter().find_map(|outcome| outcome.refusal().cloned());
    let outcome =
        refusal.map_or(Outcome::Allowed, |refusal| Outcome::Unknown(caller::in_doubt(&refusal, caller, &other)));
    Step { outcome, depends_on_time }
}

/// Hop `number`, counted from 1: may a session of `source` assume `target`?
#[must_use]
pub fn hop(facts: &Facts, source: &RoleArn, target: &RoleArn, number: usize, caller: &Caller<'_>) -> Step {
    let step = under_each_name(caller, |caller| {
        let (outcome, depends_on_time) =
            match asked(facts, (Some(source), target), caller, &Identity::default(), outcome) {
                Ok(judged) => judged,
                Err(lack) => (unknown::outcome(facts, lack), lack.depends_on_time()),
            };
        Step { outcome, depends_on_time }
    });
    let numbered = |refusal: Refusal| Refusal { message: format!("hop {number}: {}", refusal.message), ..refusal };
    Step { outcome: step.outcome.map(numbered), ..step }
}

/// The same without words, for searches over many hops.
pub(crate) fn hop_decision(facts: &Facts, source: &RoleArn, target: &RoleArn, caller: &Caller<'_>) -> Decision {
    let decide = |request: &HopRequest<'_>| match evaluate(request) {
        Evaluation::Allowed => Decision::Allowed,
        Evaluation::Denied { .. } => Decision::Denied,
        Evaluation::Undecided(_) => Decision::Unknown,
    };
    let under = |caller: &Caller<'_>| {
        asked(facts, (Some(source), target), caller, &Identity::default(), decide)
            .map_or_else(|lack| unknown::outcome(facts, lack).decision(), |(decision, _)| decision)
    };
    let decision = under(caller);
    let is_agreed = caller.under_other_name().is_none_or(|other| under(&other) == decision);
    if is_agreed { decision } else { Decision::Unknown }
}

/// What an allowed step was judged without: policies of an organisation over the accounts of its two sides that no file tells of.
#[must_use]
pub fn unseen_policies(facts: &Facts, source: Option<&RoleArn>, target: &RoleArn) -> Option<String> {
    let caller = source.filter(|_| binds_caller(source)).map(RoleArn::account);
    let caller = caller.filter(|account| !facts.knows_service_control(*account));
    let caller = caller.map(|account| format!("service control policies over account {account}"));
    let own = Some(target.account()).filter(|_| binds_target(source, target));
    let own = own.filter(|account| !facts.knows_resource_control(*account));
    let own = own.map(|account| format!("resource control policies over account {account}"));
    let unseen: Vec<String> = caller.into_iter().chain(own).collect();
    (!unseen.is_empty()).then(|| format!("{} are not known (facts.service_control)", unseen.join(" and ")))
}

/// The statements of a role's trust policy that may let a step of a chain through, by number from 1, each with what messages call
/// it: those that name a Redshift service, a known role, its account or its session, or everybody.
#[must_use]
pub fn trust_statements(facts: &Facts, role: &RoleArn) -> Vec<(usize, String)> {
    let statements = facts.role(role).map(|role| role.trust.document().statements.as_slice()).unwrap_or_default();
    let grants = statements.iter().filter(|statement| statement.effect != StatementEffect::Deny);
    let of_chains = grants.filter(|statement| serves_chains(facts, statement));
    of_chains.map(|statement| (statement.number, explain::statement_name(statement))).collect()
}

fn serves_chains(facts: &Facts, statement: &PolicyStatement) -> bool {
    let Some(accounts) = statement.grants_to() else { return true };
    let (_, services) = statement.principal_texts();
    let is_known = |text: &String| match named(text) {
        Some((account, None)) => facts.accounts.contains_key(&account),
        Some((_, Some(_))) => {
            RoleArn::parse(text).map_or_else(|_session| text.contains(":assumed-role/"), |role| facts.knows(&role))
        }
        None => false,
    };
    services.iter().any(|service| service.starts_with("redshift")) || accounts.iter().any(is_known)
}

/// The account that a text under `AWS` names, and the role, if it is one or a session of one.
pub(crate) fn named(text: &str) -> Option<(AccountId, Option<&str>)> {
    if let Some(account) = AccountId::parse(text) {
        return Some((account, None));
    }
    let mut fields = text.splitn(6, ':').skip(4);
    let account = fields.next().and_then(AccountId::parse)?;
    let resource = fields.next().unwrap_or_default();
    let role = match resource.split_once('/') {
        Some(("role", path_and_name)) => path_and_name.rsplit('/').next(),
        Some(("assumed-role", rest)) => rest.split('/').next(),
        _ => None,
    };
    Some((account, role))
}

/// Those statements of a trust policy that let a step through, or may do so: of the attachment without `source`, of a hop with it.
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
        applying.map(|statement| statement.number).collect::<Vec<_>>()
    };
    let identities = if source.is_some() { vec![Identity::default()] } else { identity::identities(caller.cluster) };
    let each = identities.iter().filter_map(|identity| asked(facts, (source, target), caller, identity, granting).ok());
    let mut numbers: Vec<usize> = each.flat_map(|(numbers, _time)| numbers).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What lets a step through, or may do so, in words: statements with their documents and conditions. Of the attachment without
/// `source`, of a hop with it.
#[must_use]
pub fn grants(facts: &Facts, source: Option<&RoleArn>, target: &RoleArn, caller: &Caller<'_>) -> Vec<String> {
    let identities = if source.is_some() { vec![Identity::default()] } else { identity::identities(caller.cluster) };
    let mut each =
        identities.iter().filter_map(|each| asked(facts, (source, target), caller, each, explain::grants).ok());
    each.next().map(|(grants, _time)| grants).unwrap_or_default()
}

/// Asks `ask` about one step: the service's without a source, a role's with one. Also says whether the time of
/// day mattered.
///
/// # Errors
/// What the facts lack.
fn asked<'r, T>(
    facts: &Facts,
    (source, target): (Option<&'r RoleArn>, &'r RoleArn),
    caller: &Caller<'_>,
    identity: &Identity,
    ask: impl FnOnce(&HopRequest<'_>) -> T,
) -> Result<(T, bool), Lack<'r>> {
    let known = |role: &'r RoleArn| match facts.outdated(role.account(), caller.now) {
        Some(outdated) => Err(Lack::Outdated(role, outdated)),
        None => facts.role(role).ok_or(Lack::Role(role)),
    };
    let from = source.map(|source| known(source).map(|from| (source, from))).transpose()?;
    let to = known(target)?;
    let context = Sides { facts, caller, identity, source: from, target: (target, to) }.context();
    let who = match from {
        None => CallingPrincipal::Service(&identity.names),
        Some((role, from)) => CallingPrincipal::Session { role, id: from.id.as_deref(), session: None },
    };
    let (account, own) = from.map_or((target.account(), None), |(source, from)| (source.account(), Some(from)));
    let answer = ask(&HopRequest {
        caller: who,
        target,
        identity: own.map(|role| facts.identity_policies(account, role)).unwrap_or_default(),
        boundary: own.and_then(|role| facts.boundary(account, role)),
        session_policy: None,
        service_control: facts.service_control(account),
        resource_control: facts.resource_control(target.account()),
        trust: to.trust.document(),
        context: &context,
        mode: caller.mode,
    });
    Ok((answer, context.depends_on_time()))
}

fn outcome(request: &HopRequest<'_>) -> Outcome {
    explain::outcome(request, &evaluate(request))
}

pub(crate) fn step_without_time(outcome: Outcome) -> Step {
    Step { outcome, depends_on_time: false }
}

/// What all the ways in which the service may call agree on.
fn agreed(outcomes: Vec<Outcome>) -> Outcome {
    let first = outcomes.first().map(Outcome::decision);
    if outcomes.iter().all(|outcome| Some(outcome.decision()) == first) {
        return outcomes.into_iter().next().unwrap_or(Outcome::Allowed);
    }
    let refused = outcomes.into_iter().find_map(|outcome| outcome.refusal().cloned());
    refused.map_or(Outcome::Allowed, |refusal| Outcome::Unknown(identity::in_doubt(refusal)))
}
