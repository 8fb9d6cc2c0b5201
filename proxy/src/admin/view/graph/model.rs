//! The graph as it is answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who assumes whom and what is reached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Graph)]
pub(in crate::admin) struct GraphView {
    pub gate: Option<String>,
    /// When the oldest statement was judged that counts.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Statements that count.
    pub decisions: u64,
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<GraphEdge>,
    pub left_out: LeftOut,
    /// What the graph was made from.
    pub sources: Vec<GraphSource>,
}

/// What the graph does not hold, since it has a bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub(in crate::admin) struct LeftOut {
    /// The least used nodes.
    pub nodes: usize,
    /// Edges to and from them.
    pub edges: usize,
    /// Whether there are possible steps that were not looked for.
    pub possible: bool,
}

/// Something that the graph was made from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) struct GraphSource {
    pub source: SourceKind,
    pub available: bool,
    /// Why it is not, or what it lacks.
    pub note: Option<String>,
}

/// What a graph is made from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum SourceKind {
    /// What was judged lately.
    Recent,
    /// The IAM facts.
    Facts,
    /// What the clusters store.
    Catalog,
}

/// How an edge stands: the gravest of its uses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum EdgeVerdict {
    /// It is possible, and nobody has used it lately.
    Unused,
    /// Nothing refuses it.
    Allowed,
    /// The facts do not tell.
    Undecided,
    /// Enforcement would refuse it.
    WouldBeRefused,
    /// It was refused.
    Refused,
}

closed_sets! {
    /// What a node is.
    #[derive(Ord, PartialOrd, utoipa::ToSchema)]
    pub(in crate::admin) enum NodeKind {
        /// A cluster, or a gate whose cluster has no name.
        Cluster,
        /// A role.
        Role,
        /// A bucket, and the first part of the path in it.
        Bucket,
        /// A Lambda function.
        Function,
        /// A SageMaker endpoint.
        Model,
        /// A database of the data catalog.
        Catalog,
        /// A secret.
        Secret,
        /// An object of the cluster that keeps a chain.
        StoredObject,
        /// Another source or destination.
        Other,
    }

    /// What an edge is.
    #[derive(Ord, PartialOrd, utoipa::ToSchema)]
    pub(in crate::admin) enum EdgeKind {
        /// The cluster assumes a role.
        Attachment,
        /// A role assumes a role.
        Hop,
        /// A role, or the caller's own identity, is used on something.
        Reach,
        /// An object of the cluster keeps a chain that begins with a role.
        Stores,
    }
}

/// A node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) struct GraphNode {
    /// Unique in the graph, and the same from one answer to the next.
    pub id: String,
    pub kind: NodeKind,
    pub name: String,
    /// The AWS account, where it has one.
    pub account: Option<String>,
    pub arn: Option<String>,
    /// Who owns the object.
    pub owner: Option<String>,
    /// Whether the facts hold the role; none for what is no role, or without facts.
    pub known: Option<bool>,
    /// Statements that used it.
    pub uses: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
}

/// An edge.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) struct GraphEdge {
    pub id: String,
    pub from: String,
    pub to: String,
    pub kind: EdgeKind,
    pub verdict: EdgeVerdict,
    pub counts: EdgeCounts,
    pub uses: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
    /// Those who used it most.
    pub users: Vec<EdgeUser>,
    /// Users who are not listed.
    pub users_left_out: usize,
    /// Codes of findings about it.
    pub codes: Vec<String>,
    /// What cannot be told of a possible step.
    pub doubt: Option<String>,
}

/// Uses of an edge by how they stood.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub(in crate::admin) struct EdgeCounts {
    pub allowed: u64,
    pub would_be_refused: u64,
    pub refused: u64,
    pub undecided: u64,
}

/// Who used an edge.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(in crate::admin) struct EdgeUser {
    pub name: String,
    pub uses: u64,
}
