//! The API under `/api/v1`: its routes, and the description of them that is made from the code. Reads only: what is asked of
//! `/api/v1/explain` changes nothing.

mod asked;
mod catalog;
mod chains;
mod coverage;
mod decisions;
mod explain;
mod facts;
mod graph;
mod policies;
mod questions;
mod refusals;
mod sessions;
mod status;
mod stream;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use utoipa::OpenApi;

use crate::admin::reply::{ApiProblem, guarded};
use crate::admin::state::AdminState;
use crate::admin::view::events::{EndEvent, LostEvent, OpenEvent, OutcomeTold};

/// The description of the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "rolegate",
        description = "What a rolegate gate sees and decides. Nothing here changes its state.",
        version = "1",
        license(name = "Apache-2.0"),
    ),
    paths(
        status::status,
        facts::facts,
        catalog::catalog,
        chains::chains,
        coverage::coverage,
        sessions::list,
        decisions::list,
        decisions::one,
        stream::stream,
        refusals::refusals,
        graph::graph,
        explain::explain,
        questions::can_assume,
        questions::paths,
    ),
    components(schemas(OpenEvent, OutcomeTold, LostEvent, EndEvent, refusals::RefusalFormat))
)]
struct Description;

/// The description as JSON, the same for the same code.
static DESCRIPTION: LazyLock<String> =
    LazyLock::new(|| Description::openapi().to_pretty_json().unwrap_or_default() + "\n");

/// The routes of the API.
pub(super) fn router() -> Router<AdminState> {
    let asked = |route: MethodRouter<AdminState>| route.fallback(not_that_way);
    Router::new()
        .route("/api/v1/status", asked(get(status::status)))
        .route("/api/v1/facts", asked(get(facts::facts)))
        .route("/api/v1/catalog", asked(get(catalog::catalog)))
        .route("/api/v1/chains", asked(get(chains::chains)))
        .route("/api/v1/coverage", asked(get(coverage::coverage)))
        .route("/api/v1/sessions", asked(get(sessions::list)))
        .route("/api/v1/decisions", asked(get(decisions::list)))
        .route("/api/v1/decisions/stream", asked(get(stream::stream)))
        .route("/api/v1/decisions/{id}", asked(get(decisions::one)))
        .route("/api/v1/refusals", asked(get(refusals::refusals)))
        .route("/api/v1/graph", asked(get(graph::graph)))
        .route("/api/v1/explain", asked(post(explain::explain)).layer(DefaultBodyLimit::max(explain::MAX_BODY_BYTES)))
        .route("/api/v1/can-assume", asked(get(questions::can_assume)))
        .route("/api/v1/paths", asked(get(questions::paths)))
        .route("/api/v1/openapi.json", asked(get(description)))
}

async fn description() -> Response {
    guarded("application/json", DESCRIPTION.as_str())
}

/// Reads what was sent, so that the connection can be used again.
async fn not_that_way(_sent: Result<Bytes, BytesRejection>) -> ApiProblem {
    ApiProblem::new(StatusCode::METHOD_NOT_ALLOWED, "not asked in this way; GET, or POST for /api/v1/explain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_that_the_console_is_built_from_is_current() {
        expect_test::expect_file!["../../console/openapi.json"].assert_eq(&DESCRIPTION);
    }
}
