//! How messages name callers, policies, statements and conditions.

use serde_json::Value as Json;

use crate::chain::AccountId;
use crate::iam::{
    evaluate::{HopRequest, PolicyPlace},
    policy::{condition::Condition, context::KeyValue, document::PolicyStatement, principal::CallingPrincipal},
};

pub(super) fn caller(request: &HopRequest<'_>) -> String {
    match request.caller {
        CallingPrincipal::Service(names) => {
            format!("the service {}", names.first().map_or("redshift.amazonaws.com", String::as_str))
        }
        CallingPrincipal::Session { role, .. } => format!("role {role}"),
    }
}

pub(super) fn caller_account(request: &HopRequest<'_>) -> AccountId {
    match request.caller {
        CallingPrincipal::Service(_) => request.target.account(),
        CallingPrincipal::Session { role, .. } => role.account(),
    }
}

/// The policy at a place.
pub(super) fn place(request: &HopRequest<'_>, place: PolicyPlace<'_>) -> String {
    let who = caller(request);
    match place {
        PolicyPlace::Trust => format!("the trust policy of role {}", request.target),
        PolicyPlace::Identity(name) | PolicyPlace::Session(name) => format!("{} of {who}", policy(name)),
        PolicyPlace::Boundary(name) => format!("permissions boundary, {}, of {who}", policy(name)),
        PolicyPlace::ServiceControl { level, name } => {
            format!("{name} at level {level} over account {}", caller_account(request))
        }
        PolicyPlace::ResourceControl { level, name } => {
            format!("{name} at level {level} over account {}", request.target.account())
        }
    }
}

/// A policy: managed ones have their ARN for a name.
pub(super) fn policy(name: &str) -> String {
    if name.starts_with("arn:") { format!("managed policy {name}") } else { name.to_owned() }
}

/// A statement: its number, and its Sid where it has one.
pub(crate) fn statement(statement: &PolicyStatement) -> String {
    match &statement.sid {
        Some(sid) => format!("statement {} (Sid {})", statement.number, Json::from(sid.as_str())),
        None => format!("statement {}", statement.number),
    }
}

/// A condition, and what the call has for its key.
pub(super) fn condition(request: &HopRequest<'_>, condition: &Condition) -> String {
    let has = match request.context.value(condition.lookup()) {
        KeyValue::Absent => "the call does not carry that key".to_owned(),
        KeyValue::Unknown => "the gate does not know what the call carries".to_owned(),
        KeyValue::Begins(text) => format!("the call has {} and more that is not known", Json::from(text.as_str())),
        KeyValue::One(text) => format!("the call has {}", Json::from(text.as_str())),
        KeyValue::Many(texts) => format!("the call has {}", Json::from(texts.clone())),
    };
    format!("{} {} {} ({has})", condition.name, condition.key, values(condition))
}

/// A condition's values as the policy has them.
pub(super) fn values(condition: &Condition) -> Json {
    match condition.texts.as_slice() {
        [one] => Json::from(one.as_str()),
        several => Json::from(several),
    }
}

pub(super) fn conditions(request: &HopRequest<'_>, conditions: &[&Condition]) -> String {
    conditions.iter().map(|each| condition(request, each)).collect::<Vec<_>>().join("; ")
}
