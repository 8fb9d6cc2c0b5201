//! The graph as it grows from judged statements and possible steps, and how it is cut to its bound.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::admin::view::graph::model::{
    EdgeCounts, EdgeKind, EdgeUser, EdgeVerdict, GraphEdge, GraphNode, GraphSource, GraphView, LeftOut, NodeKind,
};
use crate::admin::view::graph::possible::PossibleStep;
use crate::admin::view::graph::uses::{NodeName, UsedStep, cluster, edge_id, role, steps, stored_object};
use crate::catalog::{StoredCredential, StoredObject};
use crate::chain::RoleArn;
use crate::iam::Facts;
use crate::observe::recent::RecentDecision;

/// Users that are listed of an edge.
const LISTED_USERS: usize = 10;

/// Users that are counted of an edge.
const COUNTED_USERS: usize = 1_000;

/// A graph that grows.
#[derive(Debug, Default)]
pub(in crate::admin) struct GrowingGraph {
    nodes: HashMap<String, GraphNode>,
    edges: HashMap<String, GrowingEdge>,
    decisions: u64,
    since: Option<Timestamp>,
}

#[derive(Debug)]
struct GrowingEdge {
    edge: GraphEdge,
    users: BTreeMap<String, u64>,
    /// Users beyond those that are counted.
    more_users: BTreeSet<u64>,
    codes: BTreeSet<String>,
}

impl GrowingGraph {
    /// Adds what a statement used.
    pub(in crate::admin) fn add(&mut self, decision: &RecentDecision) {
        let record = &decision.record;
        self.decisions = self.decisions.saturating_add(1);
        self.since = Some(self.since.map_or(decision.time, |since| since.min(decision.time)));
        let mut touched = BTreeSet::new();
        for step in steps(record) {
            for node in [&step.from, &step.to] {
                let is_first = touched.insert(node.id.clone());
                self.used(node, decision.time, is_first);
            }
            self.stepped(step, decision.time, &record.user);
        }
    }

    /// Adds a step that is possible, unless it was used.
    pub(in crate::admin) fn add_possible(&mut self, gate: &str, of_cluster: &str, step: &PossibleStep) {
        let from = step.from.as_ref().map_or_else(|| cluster(gate, Some(of_cluster)), |from| role(from.as_str()));
        let to = role(step.to.as_str());
        let kind = if step.from.is_none() { EdgeKind::Attachment } else { EdgeKind::Hop };
        self.node(&from);
        self.node(&to);
        self.unused((&from, &to), kind, step.doubt.clone());
    }

    /// Adds an object that keeps chains, and their steps, unless they were used; of one chain alone where it is given.
    pub(in crate::admin) fn add_stored(&mut self, object: &StoredObject, only: Option<&[&str]>) {
        for stored in &object.roles {
            let StoredCredential::Chain(chain) = &stored.credential else { continue };
            let is_it = |only: &[&str]| chain.roles().iter().map(RoleArn::as_str).eq(only.iter().copied());
            if !only.is_none_or(is_it) {
                continue;
            }
            let mut from = stored_object(&object.name.to_string());
            self.node(&from).owner = object.owner.as_deref().map(str::to_owned);
            for (number, arn) in chain.roles().iter().enumerate() {
                let (to, kind) = (role(arn.as_str()), if number == 0 { EdgeKind::Stores } else { EdgeKind::Hop });
                self.node(&to);
                self.unused((&from, &to), kind, None);
                from = to;
            }
        }
    }

    /// Adds an edge that nobody has used, unless there is one.
    fn unused(&mut self, (from, to): (&NodeName, &NodeName), kind: EdgeKind, doubt: Option<String>) {
        let id = edge_id(from, to, kind);
        self.edges
            .entry(id.clone())
            .or_insert_with(|| GrowingEdge::new(GraphEdge { doubt, ..new_edge(id, (from, to), kind) }));
    }

    fn node(&mut self, name: &NodeName) -> &mut GraphNode {
        let node = self.nodes.entry(name.id.clone()).or_insert_with(|| GraphNode {
            id: name.id.clone(),
            kind: name.kind,
            name: name.name.clone(),
            account: name.account.clone(),
            arn: None,
            owner: None,
            known: None,
            uses: 0,
            first_seen: None,
            last_seen: None,
        });
        if node.arn.is_none() {
            node.arn.clone_from(&name.arn);
        }
        node
    }

    fn used(&mut self, name: &NodeName, time: Timestamp, is_first: bool) {
        let node = self.node(name);
        node.uses = node.uses.saturating_add(u64::from(is_first));
        node.first_seen = Some(node.first_seen.map_or(time, |seen| seen.min(time)));
        node.last_seen = Some(node.last_seen.map_or(time, |seen| seen.max(time)));
    }

    fn stepped(&mut self, step: UsedStep, time: Timestamp, user: &str) {
        let id = step.id();
        let edge = || GrowingEdge::new(new_edge(id.clone(), (&step.from, &step.to), step.kind));
        let growing = self.edges.entry(id.clone()).or_insert_with(edge);
        let edge = &mut growing.edge;
        edge.uses = edge.uses.saturating_add(1);
        edge.verdict = edge.verdict.max(step.verdict);
        edge.first_seen = Some(edge.first_seen.map_or(time, |seen| seen.min(time)));
        edge.last_seen = Some(edge.last_seen.map_or(time, |seen| seen.max(time)));
        if let Some(count) = count_of(&mut edge.counts, step.verdict) {
            *count = count.saturating_add(1);
        }
        growing.codes.extend(step.codes);
        growing.count_user(user);
    }

    /// The graph of at most so many nodes, the most used first. `facts` say which roles are known.
    pub(in crate::admin) fn finish(
        self,
        (gate, until): (Option<String>, Timestamp),
        most: usize,
        facts: Option<&Facts>,
        (sources, is_possible_cut): (Vec<GraphSource>, bool),
    ) -> GraphView {
        let mut nodes: Vec<GraphNode> = self.nodes.into_values().collect();
        nodes.sort_by(|one, other| (other.uses, one.kind, &one.id).cmp(&(one.uses, other.kind, &other.id)));
        // A cluster is where everything begins.
        nodes.sort_by_key(|node| node.kind != NodeKind::Cluster);
        let too_many = nodes.len().saturating_sub(most);
        nodes.truncate(most);
        for node in nodes.iter_mut().filter(|node| node.kind == NodeKind::Role) {
            let arn = node.arn.as_deref().and_then(|arn| RoleArn::parse(arn).ok());
            node.known = facts.zip(arn).map(|(facts, arn)| facts.knows(&arn));
        }
        let kept: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let all_edges = self.edges.len();
        let held = |growing: &GrowingEdge| {
            kept.contains(growing.edge.from.as_str()) && kept.contains(growing.edge.to.as_str())
        };
        let mut edges: Vec<GraphEdge> = self.edges.into_values().filter(held).map(GrowingEdge::finish).collect();
        edges.sort_by(|one, other| (other.uses, &one.id).cmp(&(one.uses, &other.id)));
        let left_out =
            LeftOut { nodes: too_many, edges: all_edges.saturating_sub(edges.len()), possible: is_possible_cut };
        GraphView { gate, since: self.since, until, decisions: self.decisions, nodes, edges, left_out, sources }
    }
}

impl GrowingEdge {
    fn new(edge: GraphEdge) -> Self {
        Self { edge, users: BTreeMap::new(), more_users: BTreeSet::new(), codes: BTreeSet::new() }
    }

    fn count_user(&mut self, user: &str) {
        if let Some(uses) = self.users.get_mut(user) {
            *uses = uses.saturating_add(1);
        } else if self.users.len() < COUNTED_USERS {
            self.users.insert(user.to_owned(), 1);
        } else {
            // Their number is all that is told of them.
            self.more_users.insert(hash(user));
        }
    }

    fn finish(self) -> GraphEdge {
        let mut users: Vec<EdgeUser> = self.users.into_iter().map(|(name, uses)| EdgeUser { name, uses }).collect();
        users.sort_by_key(|user| std::cmp::Reverse(user.uses));
        let beyond = users.len().saturating_sub(LISTED_USERS);
        users.truncate(LISTED_USERS);
        GraphEdge {
            users,
            users_left_out: beyond.saturating_add(self.more_users.len()),
            codes: self.codes.into_iter().collect(),
            ..self.edge
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn count_of(counts: &mut EdgeCounts, verdict: EdgeVerdict) -> Option<&mut u64> {
    match verdict {
        EdgeVerdict::Unused => None,
        EdgeVerdict::Allowed => Some(&mut counts.allowed),
        EdgeVerdict::Undecided => Some(&mut counts.undecided),
        EdgeVerdict::WouldBeRefused => Some(&mut counts.would_be_refused),
        EdgeVerdict::Refused => Some(&mut counts.refused),
    }
}

fn new_edge(id: String, (from, to): (&NodeName, &NodeName), kind: EdgeKind) -> GraphEdge {
    GraphEdge {
        id,
        from: from.id.clone(),
        to: to.id.clone(),
        kind,
        verdict: EdgeVerdict::Unused,
        counts: EdgeCounts::default(),
        uses: 0,
        first_seen: None,
        last_seen: None,
        users: Vec::new(),
        users_left_out: 0,
        codes: Vec::new(),
        doubt: None,
    }
}
