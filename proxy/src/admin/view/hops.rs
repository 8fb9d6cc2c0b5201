//! A chain hop by hop, each with what speaks for or against it. Pure.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::view::chain::hops_by_place;
use crate::admin::view::words;
use crate::chain::RoleArn;
use crate::gate::policy::{Iam, Policy};
use crate::gate::verdict::{HopResult, JudgedHop, JudgedUse};
use crate::iam::{self, Caller};
use crate::observe::audit::AuditRecord;

/// One step of a chain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = Hop)]
pub(in crate::admin) struct HopView {
    /// The role use that it is of, by its place in `role_uses`.
    pub role_use: Option<usize>,
    /// 0 for the attachment, which is the cluster's.
    pub number: usize,
    /// The ARN of the role that assumes, or `cluster` and its name.
    pub from: String,
    /// The ARN of the role that is assumed.
    pub to: String,
    #[schema(schema_with = words::hop_result)]
    pub result: HopResult,
    /// Why it is not allowed, in one sentence.
    pub message: Option<String>,
    /// What decides it: document, statement and condition.
    pub evidence: Vec<String>,
    /// What would allow it.
    pub remedy: Option<String>,
    /// What it was judged without.
    pub unseen: Option<String>,
}

/// The steps of a record's chains. What speaks for an allowed step is read from the facts of `policy`, where they are those that judged.
pub(in crate::admin) fn hops(record: &AuditRecord, policy: Option<&Policy>) -> Vec<HopView> {
    let by_place = hops_by_place(record);
    let mut hops = Vec::new();
    for (number, role_use) in record.role_uses.iter().enumerate() {
        let steps = by_place.get(&role_use.span.start).into_iter().flatten().enumerate();
        hops.extend(steps.map(|(step, hop)| {
            let told = of_finding(record, role_use, step, hop, number);
            if told.result == HopResult::Allowed { with_grants(told, record, policy) } else { told }
        }));
    }
    hops
}

/// A step as it was judged, with what its finding says.
fn of_finding(record: &AuditRecord, role_use: &JudgedUse, step: usize, hop: &JudgedHop, number: usize) -> HopView {
    let arn = |place: Option<usize>| place.and_then(|place| role_use.roles.get(place)).cloned();
    let cluster = || format!("cluster {}", record.cluster.as_deref().unwrap_or_default());
    let from = if step == 0 { cluster() } else { arn(step.checked_sub(1)).unwrap_or_else(|| hop.source.clone()) };
    let found = record.findings.iter().find(|finding| finding.hop == Some(step) && finding.at == role_use.span.start);
    let found = found.filter(|_| hop.result != HopResult::Allowed);
    HopView {
        role_use: Some(number),
        number: step,
        from,
        to: arn(Some(step)).unwrap_or_else(|| hop.target.clone()),
        result: hop.result,
        message: found.map(|finding| finding.message.clone()),
        evidence: found.and_then(|finding| finding.detail.clone()).into_iter().collect(),
        remedy: found.and_then(|finding| finding.hint.clone()),
        unseen: None,
    }
}

/// Whether the facts of a policy are those that a record was judged by.
pub(in crate::admin) fn is_current(record: &AuditRecord, policy: Option<&Policy>) -> bool {
    policy.is_some_and(|policy| policy.version() == record.policy_version)
}

fn with_grants(hop: HopView, record: &AuditRecord, policy: Option<&Policy>) -> HopView {
    let iam = policy.filter(|policy| is_current(record, Some(policy))).and_then(Policy::iam);
    let (Some(iam), Ok(to)) = (iam, RoleArn::parse(&hop.to)) else { return hop };
    let from = RoleArn::parse(&hop.from).ok();
    let Ok(cluster) = iam.facts.find_cluster(&iam.cluster) else { return hop };
    let caller = iam.caller(cluster, &record.user, None);
    let evidence = grants(iam, from.as_ref(), &to, &caller);
    HopView { evidence, unseen: iam::unseen_policies(&iam.facts, from.as_ref(), &to), ..hop }
}

/// What lets a step through: the attachment, and statements with their documents and conditions.
pub(in crate::admin) fn grants(iam: &Iam, from: Option<&RoleArn>, to: &RoleArn, caller: &Caller<'_>) -> Vec<String> {
    let attached = from.is_none().then(|| format!("the role is attached to cluster {}", caller.cluster.name()));
    attached.into_iter().chain(iam::grants(&iam.facts, from, to, caller)).collect()
}
