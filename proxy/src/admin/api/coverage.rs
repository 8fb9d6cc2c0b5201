//! `/api/v1/coverage`: statements with roles that clusters ran and that did not pass their gates.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::api::asked::QueryOf;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::coverage::CoverageView;

/// Which gates.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CoverageAsked {
    /// The gate; all when not given.
    gate: Option<String>,
}

/// Statements with roles that clusters ran and that did not pass their gates, as far as the gates look for them.
#[utoipa::path(
    get,
    path = "/api/v1/coverage",
    operation_id = "coverage",
    params(CoverageAsked),
    responses((status = 200, body = CoverageView), (status = 400, body = ApiProblem))
)]
pub(super) async fn coverage(
    State(state): State<AdminState>,
    QueryOf(asked): QueryOf<CoverageAsked>,
) -> Result<Response, ApiProblem> {
    off_thread(move || {
        let mut gates = state.source.coverage();
        gates.retain(|gate| asked.gate.as_ref().is_none_or(|wanted| *wanted == gate.gate));
        json(&CoverageView { gates })
    })
    .await
}
