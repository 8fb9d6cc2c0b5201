//! `/api/v1/refusals`: what is refused, or would be, in groups; as a table and as cases too.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::api::asked::QueriesOf;
use crate::admin::reply::{ApiProblem, guarded, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::export;
use crate::admin::view::filter::DecisionFilter;
use crate::admin::view::refusals::{GroupedBy, RefusalView, RefusalsView, grouped};

/// Buckets of a trend: as many as are asked for, up to the second.
const BUCKETS: (usize, usize) = (24, 200);

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefusalFormat {
    /// As the rest of the API.
    #[default]
    Json,
    /// The groups as comma-separated values.
    Csv,
    /// The statements as a file of cases for `rolegate policy test`.
    Cases,
}

/// Which refusals, and how.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RefusalQuery {
    /// What they are grouped by.
    #[serde(default)]
    by: GroupedBy,
    /// Those that were carried out, or those that enforcement would carry out.
    #[serde(default)]
    view: RefusalView,
    /// Buckets of the trend; 24 when not given.
    #[param(minimum = 1, maximum = 200)]
    buckets: Option<usize>,
    /// The form of the answer.
    #[serde(default)]
    format: RefusalFormat,
}

/// Refusals that fit in groups, the largest first.
#[utoipa::path(
    get,
    path = "/api/v1/refusals",
    operation_id = "refusals",
    params(DecisionFilter, RefusalQuery),
    responses(
        (status = 200, content(
            (RefusalsView = "application/json"),
            (String = "text/csv"),
            (String = "text/plain"),
        )),
        (status = 400, body = ApiProblem),
    )
)]
pub(super) async fn refusals(
    State(state): State<AdminState>,
    QueriesOf(filter, query): QueriesOf<DecisionFilter, RefusalQuery>,
) -> Result<Response, ApiProblem> {
    let buckets = query.buckets.unwrap_or(BUCKETS.0);
    if !(1..=BUCKETS.1).contains(&buckets) {
        return Err(ApiProblem::of("buckets", format!("out of range; write 1 to {}", BUCKETS.1)));
    }
    off_thread(move || answer(&state, &filter, &query, buckets)).await
}

fn answer(state: &AdminState, filter: &DecisionFilter, query: &RefusalQuery, buckets: usize) -> Response {
    let fitting = state.recent.newest(None).filter(|decision| filter.fits(&decision.record));
    let period = (state.recent.census().since, Timestamp::now());
    match query.format {
        RefusalFormat::Json => json(&grouped(fitting, (query.by, query.view), period, buckets)),
        RefusalFormat::Csv => {
            let table = export::csv(&grouped(fitting, (query.by, query.view), period, buckets));
            attached("text/csv; charset=utf-8", "attachment; filename=\"refusals.csv\"", table)
        }
        RefusalFormat::Cases => {
            let cases = export::cases(fitting.filter(|decision| query.view.holds(&decision.record)));
            attached("text/plain; charset=utf-8", "attachment; filename=\"refusals.test.toml\"", cases)
        }
    }
}

fn attached(content_type: &'static str, disposition: &'static str, text: String) -> Response {
    ([(header::CONTENT_DISPOSITION, disposition)], guarded(content_type, text)).into_response()
}
