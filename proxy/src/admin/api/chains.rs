//! `/api/v1/chains`: how often each chain was used since the start, as the metrics count it.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;

/// How often each chain was used since the start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chains)]
pub(super) struct ChainsAnswer {
    chains: Vec<ChainCount>,
}

/// Uses of a chain by one user, as the metric `rolegate_chain_uses_total` counts them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChainCount {
    gate: String,
    /// `account/name` of each role, joined by `>`.
    chain: String,
    user: String,
    kind: String,
    /// What was done.
    verdict: String,
    would_be: String,
    /// How the statement names it: `statement`, or what stores it.
    via: String,
    uses: u64,
}

/// How often each chain was used since the start.
#[utoipa::path(get, path = "/api/v1/chains", operation_id = "chains", responses((status = 200, body = ChainsAnswer)))]
pub(super) async fn chains(State(state): State<AdminState>) -> Result<Response, ApiProblem> {
    let row = |([gate, chain, user, kind, verdict, would_be, via], uses): ([String; 7], u64)| ChainCount {
        gate,
        chain,
        user,
        kind,
        verdict,
        would_be,
        via,
        uses,
    };
    off_thread(move || json(&ChainsAnswer { chains: state.metrics.chain_uses().into_iter().map(row).collect() })).await
}
