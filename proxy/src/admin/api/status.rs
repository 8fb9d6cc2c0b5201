//! `/api/v1/status`: how the process and its gates stand.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::{AdminState, Check};
use crate::admin::view::status::{CheckView, Readiness, RecentView, StatusView};

/// How the process and its gates stand.
#[utoipa::path(get, path = "/api/v1/status", operation_id = "status", responses((status = 200, body = StatusView)))]
pub(super) async fn status(State(state): State<AdminState>) -> Result<Response, ApiProblem> {
    let standing = *state.readiness.borrow();
    off_thread(move || json(&view(&state, standing))).await
}

fn view(state: &AdminState, standing: Readiness) -> StatusView {
    let (census, limits) = (state.recent.census(), state.recent.limits());
    let checks = state.source.checks();
    StatusView {
        version: env!("CARGO_PKG_VERSION"),
        commit: Some(env!("ROLEGATE_COMMIT")).filter(|commit| *commit != "unknown"),
        started_at: state.started_at,
        now: Timestamp::now(),
        ready: standing == Readiness::Ready && checks.iter().all(|check| check.fault.is_none()),
        standing,
        checks: checks.into_iter().map(|Check { name, fault }| CheckView { name, fault }).collect(),
        gates: state.source.gates(),
        configuration: state.source.configuration(),
        audit: state.source.audit(),
        exceptions: state.source.exceptions(),
        recent: RecentView {
            decisions: census.decisions,
            bytes: census.bytes,
            max_decisions: limits.decisions,
            max_bytes: limits.bytes,
            judged: census.judged,
            since: census.since,
        },
    }
}
