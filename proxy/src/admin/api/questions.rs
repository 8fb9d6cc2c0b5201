//! `/api/v1/can-assume` and `/api/v1/paths`: questions to the IAM facts in force.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::api::asked::QueryOf;
use crate::admin::api::decisions::limit;
use crate::admin::api::policies::{facts_of, policy_of};
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::hops::{HopView, grants};
use crate::admin::view::words;
use crate::chain::{MAX_ROLES, RoleArn};
use crate::gate::policy::Policy;
use crate::gate::verdict::HopResult;
use crate::iam::{self, Decision, Explorer, Outcome};

/// Chains that are listed: as many as are asked for, up to the second.
const CHAINS: (usize, usize) = (100, 1_000);

/// Roles of a chain that is looked for, when the question does not say.
const USUAL_ROLES: usize = 5;

/// Stands for the cluster in place of a role.
const CLUSTER: &str = "cluster";

/// One step of a chain.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StepQuery {
    /// The ARN of the role that assumes, or `cluster`.
    from: String,
    /// The ARN of the role that is assumed.
    to: String,
    /// The gate whose policy and cluster are meant; the first when not given.
    gate: Option<String>,
    /// Another cluster of the facts.
    cluster: Option<String>,
    /// The database user whose ARN is sent as `sts:ExternalId`.
    user: Option<String>,
    /// The external id that is sent instead of the database user's ARN.
    external_id: Option<String>,
}

/// Whether a role may be assumed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CanAssume)]
pub(super) struct StepAnswer {
    cluster: String,
    #[schema(schema_with = words::iam_decision)]
    decision: Decision,
    steps: Vec<HopView>,
}

/// Whether a role, or the cluster, may assume a role, and what decides it.
#[utoipa::path(
    get,
    path = "/api/v1/can-assume",
    operation_id = "can_assume",
    params(StepQuery),
    responses(
        (status = 200, body = StepAnswer),
        (status = 400, body = ApiProblem),
        (status = 404, body = ApiProblem),
        (status = 503, body = ApiProblem),
    )
)]
pub(super) async fn can_assume(
    State(state): State<AdminState>,
    QueryOf(query): QueryOf<StepQuery>,
) -> Result<Response, ApiProblem> {
    let (_, policy) = policy_of(&state, query.gate.as_deref())?;
    off_thread(move || step(&policy, &query).map(|answer| json(&answer))).await?
}

fn role(field: &str, text: &str) -> Result<RoleArn, ApiProblem> {
    RoleArn::parse(text).map_err(|why| ApiProblem::of(field, why.to_string()))
}

fn step(policy: &Policy, query: &StepQuery) -> Result<StepAnswer, ApiProblem> {
    let from = (query.from != CLUSTER).then(|| role("from", &query.from)).transpose()?;
    let to = role("to", &query.to)?;
    let (iam, cluster) = facts_of(policy, query.cluster.as_deref())?;
    let caller = iam.caller(cluster, query.user.as_deref().unwrap_or_default(), query.external_id.as_deref());
    let (number, outcome) = match &from {
        None => (0, iam::attachment(&iam.facts, std::slice::from_ref(&to), &caller).outcome),
        Some(from) => (1, iam::hop(&iam.facts, from, &to, 1, &caller).outcome),
    };
    let refusal = outcome.refusal();
    let evidence = match refusal {
        None => grants(iam, from.as_ref(), &to, &caller),
        Some(refusal) => vec![refusal.evidence.clone()],
    };
    let hop = HopView {
        role_use: None,
        number,
        from: from.as_ref().map_or_else(|| format!("cluster {}", cluster.name()), ToString::to_string),
        to: to.to_string(),
        result: match outcome {
            Outcome::Allowed => HopResult::Allowed,
            Outcome::Denied(_) => HopResult::Denied,
            Outcome::Unknown(_) => HopResult::Unknown,
        },
        message: refusal.map(|refusal| refusal.message.clone()),
        evidence,
        remedy: refusal.and_then(|refusal| refusal.remedy.clone()),
        unseen: iam::unseen_policies(&iam.facts, from.as_ref(), &to),
    };
    Ok(StepAnswer { cluster: cluster.name().to_owned(), decision: outcome.decision(), steps: vec![hop] })
}

/// Which chains.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PathQuery {
    /// The ARN of the role that is to be reached.
    to: String,
    /// The gate whose policy and cluster are meant; the first when not given.
    gate: Option<String>,
    /// Another cluster of the facts.
    cluster: Option<String>,
    /// The database user whose ARN is sent as `sts:ExternalId`.
    user: Option<String>,
    /// The most roles of a chain; 5 when not given.
    #[param(minimum = 1, maximum = 10)]
    max_roles: Option<usize>,
    /// The most chains; 100 when not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The chains that reach a role, the shortest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Paths)]
pub(super) struct PathAnswer {
    cluster: String,
    to: String,
    chains: Vec<FoundChain>,
    /// There are more than were asked for.
    is_cut: bool,
}

/// A chain that reaches a role.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundChain {
    roles: Vec<String>,
    /// What cannot be told of its steps.
    doubts: Vec<String>,
}

/// The chains by which the cluster reaches a role, the shortest first.
#[utoipa::path(
    get,
    path = "/api/v1/paths",
    operation_id = "paths",
    params(PathQuery),
    responses(
        (status = 200, body = PathAnswer),
        (status = 400, body = ApiProblem),
        (status = 404, body = ApiProblem),
        (status = 429, body = ApiProblem),
        (status = 503, body = ApiProblem),
    )
)]
pub(super) async fn paths(
    State(state): State<AdminState>,
    QueryOf(query): QueryOf<PathQuery>,
) -> Result<Response, ApiProblem> {
    let turn = Arc::clone(&state.questions).try_acquire_owned().map_err(|_none| ApiProblem::busy())?;
    let (_, policy) = policy_of(&state, query.gate.as_deref())?;
    off_thread(move || {
        let found = found(&policy, &query);
        drop(turn);
        found.map(|answer| json(&answer))
    })
    .await?
}

fn found(policy: &Policy, query: &PathQuery) -> Result<PathAnswer, ApiProblem> {
    let to = role("to", &query.to)?;
    let limit = limit(query.limit, CHAINS)?;
    let max_roles = query.max_roles.unwrap_or(USUAL_ROLES);
    if !(1..=MAX_ROLES).contains(&max_roles) {
        return Err(ApiProblem::of("max_roles", format!("out of range; write 1 to {MAX_ROLES}")));
    }
    let (iam, cluster) = facts_of(policy, query.cluster.as_deref())?;
    if !iam.facts.knows(&to) {
        return Err(ApiProblem::not_found("the role is not in the IAM facts"));
    }
    let user = query.user.as_deref().unwrap_or_default();
    let found = Explorer::new(&iam.facts, iam.caller(cluster, user, None)).chains_to(&to, max_roles, limit);
    let chains = found.chains.iter().map(|chain| FoundChain {
        roles: chain.iter().map(|link| link.role.to_string()).collect(),
        doubts: chain.iter().filter_map(|link| link.doubt.clone()).collect(),
    });
    Ok(PathAnswer {
        cluster: cluster.name().to_owned(),
        to: to.to_string(),
        chains: chains.collect(),
        is_cut: found.is_cut,
    })
}
