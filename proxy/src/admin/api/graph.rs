//! `/api/v1/graph`: who assumes whom and what is reached, of what was judged lately; on demand, what is possible and was not used.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::admin::api::asked::QueriesOf;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::filter::DecisionFilter;
use crate::admin::view::graph::{GraphSource, GraphView, GrowingGraph, PossibleStep, SourceKind, possible};
use crate::gate::policy::Policy;

/// Nodes of a graph: as many as are asked for, up to the second.
const NODES: (usize, usize) = (2_000, 5_000);

/// Steps that are looked for of those that are possible.
const POSSIBLE: usize = 5_000;

/// Which graph.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GraphQuery {
    /// Whether steps that are possible and were not used are in it.
    #[serde(default)]
    unused: bool,
    /// The most nodes; 2,000 when not given.
    #[param(minimum = 1, maximum = 5000)]
    nodes: Option<usize>,
}

/// Who assumes whom and what is reached, of the statements that the gate keeps and that fit. Steps that nobody used fit no user, group,
/// code, kind, verdict, rule or application.
#[utoipa::path(
    get,
    path = "/api/v1/graph",
    operation_id = "graph",
    params(DecisionFilter, GraphQuery),
    responses((status = 200, body = GraphView), (status = 400, body = ApiProblem), (status = 429, body = ApiProblem))
)]
pub(super) async fn graph(
    State(state): State<AdminState>,
    QueriesOf(filter, query): QueriesOf<DecisionFilter, GraphQuery>,
) -> Result<Response, ApiProblem> {
    let most = query.nodes.unwrap_or(NODES.0);
    if !(1..=NODES.1).contains(&most) {
        return Err(ApiProblem::of("nodes", format!("out of range; write 1 to {}", NODES.1)));
    }
    let turn = Arc::clone(&state.questions);
    let unused = query.unused && !filter.is_of_statements();
    let turn = unused.then(|| turn.try_acquire_owned().map_err(|_none| ApiProblem::busy())).transpose()?;
    off_thread(move || {
        let graph = view(&state, &filter, unused, most);
        drop(turn);
        json(&graph)
    })
    .await
}

fn view(state: &AdminState, filter: &DecisionFilter, unused: bool, most: usize) -> GraphView {
    let mut graph = GrowingGraph::default();
    for decision in state.recent.newest(None).filter(|decision| filter.fits(&decision.record)) {
        graph.add(&decision);
    }
    let (policies, chain) = (state.source.policies(), filter.chain());
    let mut is_cut = false;
    for (gate, policy) in policies.iter().filter(|(gate, _)| unused && filter.fits_gate(gate)) {
        is_cut |= add_possible(&mut graph, gate, policy, chain.as_deref());
    }
    let catalogs = state.source.catalogs();
    for (_, catalog) in catalogs.iter().filter(|(gate, _)| !filter.is_of_statements() && filter.fits_gate(gate)) {
        for object in catalog.objects() {
            graph.add_stored(object, chain.as_deref());
        }
    }
    let facts = policies.iter().find_map(|(_, policy)| policy.iam()).map(|iam| &*iam.facts);
    let sources = vec![
        source(SourceKind::Recent, state.recent.limits().decisions > 0, "[admin] recent is 0: nothing is kept"),
        source(SourceKind::Facts, facts.is_some(), "the configuration names no IAM facts"),
        source(SourceKind::Catalog, !catalogs.is_empty(), "no gate reads what its cluster stores"),
    ];
    graph.finish((filter.gate().map(str::to_owned), Timestamp::now()), most, facts, (sources, is_cut))
}

/// Adds what the facts allow, of a chain alone where one is given; whether there is more of it.
fn add_possible(graph: &mut GrowingGraph, gate: &str, policy: &Policy, chain: Option<&[&str]>) -> bool {
    let Some(iam) = policy.iam() else { return false };
    let Ok(cluster) = iam.facts.find_cluster(&iam.cluster) else { return false };
    let (steps, is_cut) = possible(&iam.facts, iam.caller(cluster, "", None), POSSIBLE);
    for step in steps.iter().filter(|step| chain.is_none_or(|chain| is_of(step, chain))) {
        graph.add_possible(gate, &iam.cluster, step);
    }
    is_cut
}

/// Whether a step is one of a chain.
fn is_of(step: &PossibleStep, chain: &[&str]) -> bool {
    match &step.from {
        None => chain.first() == Some(&step.to.as_str()),
        Some(from) => chain.windows(2).any(|pair| pair == [from.as_str(), step.to.as_str()]),
    }
}

fn source(source: SourceKind, available: bool, note: &str) -> GraphSource {
    GraphSource { source, available, note: (!available).then(|| note.to_owned()) }
}
