//! `/api/v1/facts`: the IAM facts in force, and what the cluster says of groups.

use axum::extract::State;
use axum::response::Response;

use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::facts::FactsView;

/// The IAM facts in force: accounts with their age, clusters, and how reading them goes.
#[utoipa::path(get, path = "/api/v1/facts", operation_id = "facts", responses((status = 200, body = FactsView)))]
pub(super) async fn facts(State(state): State<AdminState>) -> Result<Response, ApiProblem> {
    off_thread(move || json(&state.source.facts())).await
}
