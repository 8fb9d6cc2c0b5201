//! What stands in the way of a call, or leaves it open: the policy, statement and conditions that matter most.

use super::{
    request::{HopRequest, Levels, PolicyPlace},
    weighing::{Said, Weighing},
};
use crate::iam::policy::{
    condition::Condition,
    document::{Document, PolicyStatement, StatementEffect},
    truth::Truth,
};

/// The condition key that tells database users apart.
pub(crate) const EXTERNAL_ID: &str = "sts:externalid";

/// Why a call is denied.
#[derive(Debug)]
pub(crate) enum Obstacle<'a> {
    /// Caller and target are of different partitions.
    AcrossPartitions,
    /// A Deny statement applies.
    Deny(PolicyPlace<'a>, &'a PolicyStatement),
    /// No statement of the trust policy names the caller.
    NotTrusted,
    /// A statement of the trust policy names the caller, and its conditions keep the call out.
    TrustCondition(NearMiss<'a>),
    /// No permissions policy of the caller allows the call; one may come near.
    NoPermission(Option<(PolicyPlace<'a>, NearMiss<'a>)>),
    /// The caller's permissions boundary is silent.
    Boundary(&'a str),
    /// The session policy is silent.
    SessionPolicy(&'a str),
    /// The service control policies of a level are silent.
    ServiceControl(&'a str),
}

/// A statement that would allow the call but for some of its conditions.
#[derive(Debug)]
pub(crate) struct NearMiss<'a> {
    pub(crate) statement: &'a PolicyStatement,
    /// The conditions that certainly do not hold; never empty.
    pub(crate) failing: Vec<&'a Condition>,
}

/// Why a call cannot be decided.
#[derive(Debug)]
pub(crate) enum Doubt<'a> {
    /// A policy is in force whose document is not at hand.
    MissingDocument(PolicyPlace<'a>),
    /// An account of the call is not in the organisation's file, or is listed there without its policies.
    UnlistedAccount,
    /// A statement may apply or not.
    Statement(PolicyPlace<'a>, &'a PolicyStatement),
    /// A whole document cannot be used.
    Faulty(PolicyPlace<'a>, &'a str),
    /// None of these by itself.
    Open,
}

impl<'a> Obstacle<'a> {
    pub(super) fn find(request: &HopRequest<'a>, weighing: &Weighing, by_deny: Truth) -> Self {
        if by_deny.is_true()
            && let Some((place, statement)) = deny(request, Truth::True)
        {
            return Self::Deny(place, statement);
        }
        if weighing.trust.allows.at_all().is_false() {
            return near_miss(request, request.trust).map_or(Self::NotTrusted, Self::TrustCondition);
        }
        let needs_account_side = request.needs_identity() || weighing.trust.allows.by_role.is_false();
        if request.is_role() && needs_account_side && weighing.identity.allows.at_all().is_false() {
            let near = |(place, document): (PolicyPlace<'a>, Option<&'a Document>)| {
                near_miss(request, document?).map(|near| (place, near))
            };
            let own = request.policies().into_iter().filter(|(place, _)| matches!(place, PolicyPlace::Identity(_)));
            return Self::NoPermission(own.filter_map(near).min_by_key(|(_, near)| rank(request, near)));
        }
        let silent = |said: Option<Said>| said.is_some_and(|said| said.allows.at_all().is_false());
        if let Some(boundary) = request.boundary.filter(|_| silent(weighing.boundary)) {
            return Self::Boundary(boundary.name);
        }
        if let Some(policy) = request.session_policy.filter(|_| silent(weighing.session_policy)) {
            return Self::SessionPolicy(policy.name);
        }
        let level = weighing.service_control.iter().position(|said| said.allows.at_all().is_false());
        Self::ServiceControl(match &request.service_control {
            Levels::Known(levels) => level.and_then(|level| levels.get(level)).map_or("unnamed", |level| level.name),
            Levels::Unknown => "unnamed",
        })
    }
}

impl<'a> Doubt<'a> {
    pub(super) fn find(request: &HopRequest<'a>, weighing: &Weighing, by_deny: Truth) -> Self {
        let policies = request.policies();
        if let Some((place, _)) = policies.iter().find(|(_, document)| document.is_none()) {
            return Self::MissingDocument(*place);
        }
        let levels = [request.binding_service_control(), request.binding_resource_control()];
        if levels.into_iter().flatten().any(|levels| matches!(levels, Levels::Unknown)) {
            return Self::UnlistedAccount;
        }
        let by_deny = deny(request, Truth::Unknown).filter(|_| by_deny == Truth::Unknown);
        if let Some((place, statement)) = by_deny.or_else(|| open_allow(request, weighing)) {
            return Self::Statement(place, statement);
        }
        let faulty = policies.iter().find_map(|(place, document)| Some((*place, document.as_ref()?.fault.as_deref()?)));
        faulty.map_or(Self::Open, |(place, fault)| Self::Faulty(place, fault))
    }
}

/// The Allow statement in doubt that comes nearest, of a set of policies that is in doubt itself.
fn open_allow<'a>(request: &HopRequest<'a>, weighing: &Weighing) -> Option<(PolicyPlace<'a>, &'a PolicyStatement)> {
    let is_open = |place: &PolicyPlace<'_>| match place {
        PolicyPlace::Trust => weighing.trust.allows.at_all() == Truth::Unknown,
        PolicyPlace::Identity(_) => weighing.identity.allows.at_all() == Truth::Unknown,
        _ => true,
    };
    let in_doubt = |statement: &PolicyStatement| {
        statement.effect != StatementEffect::Deny && request.applies(statement).at_all() == Truth::Unknown
    };
    let every = statements(request).into_iter().filter(|(_, statement)| in_doubt(statement));
    let mut found: Vec<_> = every.collect();
    found.sort_by_key(|(place, statement)| (!is_open(place), statement.closeness(request.caller)));
    found.into_iter().next()
}

/// The Allow statement of a document that would apply but for its conditions: the one that names this caller most closely.
fn near_miss<'a>(request: &HopRequest<'a>, document: &'a Document) -> Option<NearMiss<'a>> {
    let allows = document.statements.iter().filter(|statement| statement.effect == StatementEffect::Allow);
    let near = |statement: &'a PolicyStatement| {
        let fails = |condition: &&Condition| condition.holds(request.context).is_false();
        let failing: Vec<_> = statement.conditions.iter().filter(fails).collect();
        let is_near = request.addressed_by(statement).at_all().is_true() && !failing.is_empty();
        is_near.then_some(NearMiss { statement, failing })
    };
    allows.filter_map(near).min_by_key(|near| rank(request, near))
}

/// The nearer, the smaller: a role before an account before everybody, then fewer failing conditions, then another key than
/// the external id.
fn rank(request: &HopRequest<'_>, near: &NearMiss<'_>) -> (u8, usize, bool) {
    let by_user = near.failing.iter().any(|condition| condition.lookup() == EXTERNAL_ID);
    (near.statement.closeness(request.caller), near.failing.len(), by_user)
}

/// The first Deny statement that applies with the given certainty, and where it stands.
fn deny<'a>(request: &HopRequest<'a>, certainty: Truth) -> Option<(PolicyPlace<'a>, &'a PolicyStatement)> {
    let applies = |statement: &PolicyStatement| match statement.effect {
        StatementEffect::Allow => Truth::False,
        StatementEffect::Deny => request.applies(statement).at_all(),
        StatementEffect::Unclear => request.applies(statement).at_all().doubted(),
    };
    statements(request).into_iter().find(|(_, statement)| applies(statement) == certainty)
}

fn statements<'a>(request: &HopRequest<'a>) -> Vec<(PolicyPlace<'a>, &'a PolicyStatement)> {
    let policies = request.policies().into_iter();
    let held = policies.filter_map(|(place, document)| document.map(|document| (place, document)));
    held.flat_map(|(place, document)| document.statements.iter().map(move |statement| (place, statement))).collect()
}
