//! `/api/v1/decisions`: what was judged lately, and all that is known of one statement.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admin::api::asked::QueriesOf;
use crate::admin::api::policies::policy_of;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::decision::{DecisionView, RecordView};
use crate::admin::view::filter::DecisionFilter;
use crate::observe::Recent;

/// Entries of a page: as many as are asked for, up to the second.
const PAGE: (usize, usize) = (100, 500);

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DecisionPaging {
    /// `next` of the page before.
    before: Option<u64>,
    /// The most entries; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Judged statements, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Decisions)]
pub(super) struct DecisionPage {
    items: Vec<DecisionView>,
    /// What to hand over as `before` for the page after this one; none after the last.
    next: Option<u64>,
}

/// Statements that carried roles or were refused, the newest first, as far as the gate keeps them.
#[utoipa::path(
    get,
    path = "/api/v1/decisions",
    operation_id = "decisions",
    params(DecisionFilter, DecisionPaging),
    responses((status = 200, body = DecisionPage), (status = 400, body = ApiProblem))
)]
pub(super) async fn list(
    State(state): State<AdminState>,
    QueriesOf(filter, paging): QueriesOf<DecisionFilter, DecisionPaging>,
) -> Result<Response, ApiProblem> {
    let limit = limit(paging.limit, PAGE)?;
    off_thread(move || json(&page(&state.recent, &filter, paging.before, limit))).await
}

/// A number of entries within bounds.
pub(super) fn limit(asked: Option<usize>, (usual, most): (usize, usize)) -> Result<usize, ApiProblem> {
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(ApiProblem::of("limit", format!("out of range; write 1 to {most}"))),
    }
}

fn page(recent: &Recent, filter: &DecisionFilter, before: Option<u64>, limit: usize) -> DecisionPage {
    let mut fitting = recent.newest(before).filter(|decision| filter.fits(&decision.record));
    let items: Vec<DecisionView> =
        fitting.by_ref().take(limit).map(|decision| DecisionView::listed(&decision)).collect();
    let next = fitting.next().and_then(|_more| items.last().map(|last| last.seq));
    DecisionPage { items, next }
}

/// All that is known of one judged statement.
#[utoipa::path(
    get,
    path = "/api/v1/decisions/{id}",
    operation_id = "decision",
    params(("id" = String, Path, description = "The id of the statement")),
    responses((status = 200, body = RecordView), (status = 404, body = ApiProblem))
)]
pub(super) async fn one(
    State(state): State<AdminState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiProblem> {
    let decision = id.ok().and_then(|Path(id)| state.recent.find(&id));
    let decision =
        decision.ok_or_else(|| ApiProblem::not_found("no statement of this id is kept; the audit may hold it"))?;
    off_thread(move || {
        let policy = policy_of(&state, Some(&decision.record.gate)).ok();
        json(&RecordView::of(&decision, policy.as_ref().map(|(_, policy)| &**policy)))
    })
    .await
}
