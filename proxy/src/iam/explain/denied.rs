//! Explains calls that are denied.

use super::{
    outcome::{Addition, AdditionPlace, Cause, Refusal},
    remedy::{self, Beside},
    words,
};
use crate::chain::{Likeness, alike};
use crate::iam::{
    evaluate::{EXTERNAL_ID, HopRequest, Levels, NearMiss, Obstacle, PolicyInForce, PolicyPlace},
    policy::{
        context::KeyValue,
        document::{ACTION, PolicyStatement, StatementEffect},
        principal::CallingPrincipal,
    },
};

pub(super) fn refusal(request: &HopRequest<'_>, obstacle: &Obstacle<'_>) -> Refusal {
    match obstacle {
        Obstacle::AcrossPartitions => across_partitions(request),
        Obstacle::Deny(place, statement) => explicit_deny(request, *place, statement),
        Obstacle::NotTrusted => not_trusted(request),
        Obstacle::TrustCondition(near) => excluded(request, near),
        Obstacle::NoPermission(near) => no_permission(request, near.as_ref()),
        Obstacle::Boundary(name) => silent(
            request,
            &format!("permissions boundary of {}, {},", words::caller(request), words::policy(name)),
            request.boundary.as_slice(),
            AdditionPlace::Boundary,
        ),
        Obstacle::SessionPolicy(name) => silent(
            request,
            &format!("session policy of {}, {name},", words::caller(request)),
            request.session_policy.as_slice(),
            AdditionPlace::SessionPolicy,
        ),
        Obstacle::ServiceControl(level) => outside_service_control(request, level),
    }
}

fn with(
    cause: Cause,
    message: String,
    evidence: String,
    proposal: Option<(String, Addition)>,
    otherwise: impl FnOnce() -> String,
) -> Refusal {
    match proposal {
        Some((remedy, addition)) => {
            Refusal { cause, message, evidence, remedy: Some(remedy), addition: Some(addition) }
        }
        None => Refusal { cause, message, evidence, remedy: Some(otherwise()), addition: None },
    }
}

fn across_partitions(request: &HopRequest<'_>) -> Refusal {
    Refusal {
        cause: Cause::NotTrusted,
        message: format!(
            "role {} cannot be assumed by {}, which is of another AWS partition",
            request.target,
            words::caller(request)
        ),
        evidence: format!("no role can be assumed from outside partition {}", request.target.partition()),
        remedy: Some(format!("use a role of partition {} from the first on", request.target.partition())),
        addition: None,
    }
}

fn explicit_deny(request: &HopRequest<'_>, place: PolicyPlace<'_>, statement: &PolicyStatement) -> Refusal {
    let conditions: Vec<_> = statement.conditions.iter().map(|each| words::condition(request, each)).collect();
    let under = if conditions.is_empty() { String::new() } else { format!(" under {}", conditions.join(" and ")) };
    let (place, name) = (words::place(request, place), words::statement(statement));
    Refusal {
        cause: Cause::ExplicitDeny,
        message: format!("an explicit deny keeps {} from assuming role {}", words::caller(request), request.target),
        evidence: format!("{place}, {name} denies {ACTION}{under}"),
        remedy: Some(format!(
            "no added statement gets around a deny: ask the owner of {place} whether {name} is meant for this call, or use another role"
        )),
        addition: None,
    }
}

fn not_trusted(request: &HopRequest<'_>) -> Refusal {
    let count = request.trust.statements.len();
    let mut evidence =
        format!("none of the statements ({count}) of its trust policy allows {ACTION} to {}", words::caller(request));
    for hint in misses(request) {
        evidence.push_str("; ");
        evidence.push_str(&hint);
    }
    let message = format!("role {} does not trust {}", request.target, words::caller(request));
    if request.target.is_service_linked() {
        let remedy = "it is a service-linked role, which its service alone can assume: use another role".to_owned();
        return Refusal { cause: Cause::NotTrusted, message, evidence, remedy: Some(remedy), addition: None };
    }
    with(Cause::NotTrusted, message, evidence, remedy::trust(request, beside_likes(request)), || ask_owner(request))
}

/// The statements of the trust policy that trust callers of this kind: whoever comes by them meets their conditions.
fn beside_likes<'d>(request: &HopRequest<'d>) -> Beside<'d> {
    let trusts_likes = |statement: &&PolicyStatement| {
        let (accounts, services) = statement.principal_texts();
        statement.effect == StatementEffect::Allow
            && match request.caller {
                CallingPrincipal::Service(_) => !services.is_empty(),
                CallingPrincipal::Session { .. } => !accounts.is_empty(),
            }
    };
    Beside::all(request.trust.statements.iter().filter(trusts_likes))
}

/// What statements of the trust policy name instead of the caller.
fn misses(request: &HopRequest<'_>) -> Vec<String> {
    let CallingPrincipal::Session { role, .. } = request.caller else { return Vec::new() };
    let mut found = Vec::new();
    for statement in request.trust.statements.iter().filter(|each| each.effect == StatementEffect::Allow) {
        let name = words::statement(statement);
        let (accounts, services) = statement.principal_texts();
        for text in accounts {
            if let Some(likeness) = alike(text, role).filter(|likeness| is_miss(*likeness)) {
                found.push(format!("{name} names {text}, which differs in its {}", likeness.difference()));
            } else if is_unique_id(text) {
                found.push(format!(
                    "{name} names {text}, the id of a role that was deleted: one that is made again under the same name must be \
                     named again"
                ));
            } else if text == role.as_str() && !statement.covers_action() {
                found.push(format!("{name} names it and does not allow {ACTION}"));
            }
        }
        if let Some(service) = services.iter().find(|service| service.starts_with("redshift")) {
            found.push(format!(
                "{name} trusts the service {service}, and a service counts for the first role of a chain only"
            ));
        }
    }
    found
}

/// A slightly different spelling may well be the name of another role.
fn is_miss(likeness: Likeness) -> bool {
    likeness != Likeness::Spelling
}

fn is_unique_id(text: &str) -> bool {
    text.starts_with("AROA") && text.len() > 4 && !text.contains(':')
}

/// A statement of the trust policy names the caller, and its conditions keep the call out.
fn excluded(request: &HopRequest<'_>, near: &NearMiss<'_>) -> Refusal {
    let (place, name) = (words::place(request, PolicyPlace::Trust), words::statement(near.statement));
    let by_user = near.failing.iter().all(|condition| condition.lookup() == EXTERNAL_ID);
    let message = match request.context.value(EXTERNAL_ID) {
        KeyValue::One(text) if by_user => {
            format!("role {} does not trust {} for the database user {text}", request.target, words::caller(request))
        }
        _ => format!("a condition in the trust policy of role {} keeps {} out", request.target, words::caller(request)),
    };
    let evidence = format!("{place}, {name}: {}", words::conditions(request, &near.failing));
    with(
        Cause::Condition,
        message,
        evidence,
        remedy::trust(request, Beside::One(near.statement)).map(|(remedy, addition)| {
            let keep = format!(
                "if the owner of role {} means this caller to pass, leave {name} as it is and {remedy}",
                request.target
            );
            (if by_user { remedy } else { keep }, addition)
        }),
        || {
            match request.context.value(EXTERNAL_ID) {
        KeyValue::Absent if by_user => {
            "this step carries no external id (external_id in [facts] or [gate.iam]): restrict database users in the trust policy \
             of the chain's first role"
                .to_owned()
        }
        _ => ask_owner(request),
    }
        },
    )
}

fn ask_owner(request: &HopRequest<'_>) -> String {
    format!("ask the owner of role {} for a statement that fits this call, or use another role", request.target)
}

fn no_permission(request: &HopRequest<'_>, near: Option<&(PolicyPlace<'_>, NearMiss<'_>)>) -> Refusal {
    let mut evidence = match near {
        Some((place, near)) => format!(
            "{}, {}: {}",
            words::place(request, *place),
            words::statement(near.statement),
            words::conditions(request, &near.failing)
        ),
        None => format!("none of its permissions policies ({}) has a statement that does", request.identity.len()),
    };
    let misses = resource_misses(request);
    for (_, hint) in &misses {
        evidence.push_str("; ");
        evidence.push_str(hint);
    }
    let message = format!(
        "the permissions policies of {} do not allow {ACTION} on role {}",
        words::caller(request),
        request.target
    );
    let beside = near.map_or_else(
        || Beside::all(misses.iter().map(|(statement, _)| *statement)),
        |(_, near)| Beside::One(near.statement),
    );
    let proposal = remedy::permission(request, beside);
    with(Cause::NoPermission, message, evidence, proposal, || {
        format!("ask the owner of {} for a statement that fits this call", words::caller(request))
    })
}

/// Statements whose resources come near the target, and what is told of them.
fn resource_misses<'d>(request: &HopRequest<'d>) -> Vec<(&'d PolicyStatement, String)> {
    let mut found = Vec::new();
    for policy in &request.identity {
        let statements = policy.document.map(|document| document.statements.as_slice()).unwrap_or_default();
        for statement in statements.iter().filter(|each| each.effect == StatementEffect::Allow) {
            for text in statement.resource_texts() {
                if let Some(likeness) = alike(&text, request.target).filter(|likeness| is_miss(*likeness)) {
                    let hint = format!(
                        "{} of {} names {text}, which differs in its {}",
                        words::statement(statement),
                        words::policy(policy.name),
                        likeness.difference()
                    );
                    found.push((statement, hint));
                }
            }
        }
    }
    found
}

/// A policy that limits others says nothing about the call.
fn silent(request: &HopRequest<'_>, policy: &str, documents: &[PolicyInForce<'_>], to: AdditionPlace) -> Refusal {
    let message = format!("the {policy} does not allow {ACTION} on role {}", request.target);
    let policy = format!("the {}", policy.trim_end_matches(','));
    limited(request, message, format!("no statement of {policy} allows it"), &policy, documents, to)
}

/// Statements of a policy whose conditions are told.
const SHOWN_GUARDS: usize = 3;

/// A policy that limits others, in whose documents nothing allows the call. Where a statement would, but for its conditions, those are
/// the owner's guard, and no statement is proposed that gets around it.
fn limited(
    request: &HopRequest<'_>,
    message: String,
    evidence: String,
    policy: &str,
    documents: &[PolicyInForce<'_>],
    to: AdditionPlace,
) -> Refusal {
    let mut guards = Vec::new();
    for each in documents {
        let statements = each.document.map(|document| document.statements.as_slice()).unwrap_or_default();
        let speaks = |statement: &&PolicyStatement| {
            statement.effect == StatementEffect::Allow && !request.addressed_by(statement).at_all().is_false()
        };
        guards.extend(statements.iter().filter(speaks).map(|statement| {
            let conditions: Vec<_> = statement.conditions.iter().collect();
            let name = words::policy(each.name);
            format!("{} of {name}: {}", words::statement(statement), words::conditions(request, &conditions))
        }));
    }
    if guards.is_empty() {
        let proposal = remedy::guard(request, to, policy);
        return with(Cause::ExplicitDeny, message, evidence, proposal, String::new);
    }
    guards.truncate(SHOWN_GUARDS);
    let evidence = format!("{evidence}; {}", guards.join("; "));
    with(Cause::ExplicitDeny, message, evidence, None, || {
        format!("ask the owner of {policy} whether this call is meant to pass; its conditions keep it out")
    })
}

fn outside_service_control(request: &HopRequest<'_>, level: &str) -> Refusal {
    let account = words::caller_account(request);
    let message =
        format!("a service control policy keeps {} from assuming role {}", words::caller(request), request.target);
    let evidence = format!("nothing at level {level} over account {account} allows it");
    let policy = format!("a service control policy at level {level} over account {account}");
    let levels = match &request.service_control {
        Levels::Known(levels) => levels.as_slice(),
        Levels::Unknown => &[],
    };
    let documents = levels.iter().find(|one| one.name == level).map(|one| one.policies.as_slice()).unwrap_or_default();
    limited(request, message, evidence, &policy, documents, AdditionPlace::ServiceControl)
}
