//! The policies that questions are asked of.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::admin::reply::ApiProblem;
use crate::admin::state::AdminState;
use crate::gate::policy::{Iam, Policy};
use crate::iam::Cluster;

/// The policy of a gate, of the first one without a name, and the gate's name.
pub(super) fn policy_of(state: &AdminState, gate: Option<&str>) -> Result<(String, Arc<Policy>), ApiProblem> {
    let policies = state.source.policies();
    if policies.is_empty() {
        return Err(ApiProblem::new(StatusCode::SERVICE_UNAVAILABLE, "the gates are not open yet; try again"));
    }
    let is_meant = |name: &String| gate.is_none_or(|gate| gate == name);
    let found = policies.into_iter().find(|(name, _)| is_meant(name));
    found.ok_or_else(|| ApiProblem::not_found("there is no gate of this name"))
}

/// The facts of a policy and a cluster of them: the gate's own without a name.
pub(super) fn facts_of<'p>(policy: &'p Policy, cluster: Option<&str>) -> Result<(&'p Iam, &'p Cluster), ApiProblem> {
    let none = || ApiProblem::not_found("the configuration names no IAM facts; set iam and clusters in [facts]");
    let iam = policy.iam().ok_or_else(none)?;
    let name = cluster.unwrap_or(&iam.cluster);
    let unknown = |error| ApiProblem::not_found(format!("cluster \"{name}\" {error}"));
    Ok((iam, iam.facts.find_cluster(name).map_err(unknown)?))
}
