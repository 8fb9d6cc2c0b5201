//! `/api/v1/catalog`: what the clusters store, where gates read it.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::api::asked::QueryOf;
use crate::admin::api::decisions::limit;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::catalog::{CatalogObject, CatalogReading, CatalogView};
use crate::admin::view::facts::GroupsView;
use crate::admin::view::words;
use crate::catalog::{Catalog, ObjectKind};

const PAGE: (usize, usize) = (100, 500);

/// Which objects.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CatalogQuery {
    /// The gate.
    gate: Option<String>,
    /// What the object is.
    #[param(schema_with = words::object_kind)]
    kind: Option<ObjectKind>,
    /// `next` of the page before.
    after: Option<usize>,
    /// The most objects; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// What the clusters store: objects that keep roles, and how reading them goes.
#[utoipa::path(
    get,
    path = "/api/v1/catalog",
    operation_id = "catalog",
    params(CatalogQuery),
    responses((status = 200, body = CatalogView), (status = 400, body = ApiProblem))
)]
pub(super) async fn catalog(
    State(state): State<AdminState>,
    QueryOf(query): QueryOf<CatalogQuery>,
) -> Result<Response, ApiProblem> {
    let limit = limit(query.limit, PAGE)?;
    off_thread(move || json(&view(&state, &query, limit))).await
}

fn view(state: &AdminState, query: &CatalogQuery, limit: usize) -> CatalogView {
    let mut catalogs = state.source.catalogs();
    let (available, readings) = (!catalogs.is_empty(), state.source.facts().catalogs);
    let read = |gate: &String| readings.iter().find(|read| read.gate == *gate);
    catalogs.retain(|(gate, _)| query.gate.as_ref().is_none_or(|wanted| wanted == gate));
    let objects =
        catalogs.iter().flat_map(|(gate, catalog)| catalog.objects().iter().map(move |object| (gate, object)));
    let fitting: Vec<_> = objects.filter(|(_, object)| query.kind.is_none_or(|kind| kind == object.kind)).collect();
    let (total, start) = (fitting.len(), query.after.unwrap_or_default());
    let page = fitting.into_iter().skip(start).take(limit);
    let items: Vec<_> = page.map(|(gate, object)| CatalogObject::of(gate, object)).collect();
    let end = start.saturating_add(items.len());
    CatalogView {
        available,
        reason: (!available).then(|| "no gate reads what its cluster stores; set [gate.catalog]".to_owned()),
        gates: catalogs.iter().map(|(gate, catalog)| reading(state, gate, catalog, read(gate))).collect(),
        items,
        total,
        next: (end < total).then_some(end),
    }
}

fn reading(state: &AdminState, gate: &str, catalog: &Catalog, read: Option<&GroupsView>) -> CatalogReading {
    CatalogReading { drift: state.source.drift(gate), ..CatalogReading::of(gate, catalog, read) }
}
