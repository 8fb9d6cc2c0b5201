//! What passed the gates by, as `/api/v1/coverage` says it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Statements with roles that clusters ran and that did not pass their gates.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Coverage)]
pub(in crate::admin) struct CoverageView {
    pub gates: Vec<GateCoverage>,
}

/// How looking for them goes at a gate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateCoverage {
    pub gate: String,
    /// Whether anybody looks.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
    /// When the last look ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub looked_at: Option<Timestamp>,
    /// Back to when it looked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Statements with roles that passed the gate, in the last look.
    pub seen: u64,
    /// Those of which it cannot be told, in the last look.
    pub cannot_tell: u64,
    /// Those that did not pass it, since the start.
    pub unseen: u64,
    /// The last of these, the newest first.
    pub statements: Vec<UnseenStatement>,
    /// What was not there to be read.
    pub gaps: Vec<String>,
    /// Why the last look broke off.
    pub fault: Option<String>,
}

/// A statement that did not pass the gate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UnseenStatement {
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    pub user: Option<String>,
    pub client_address: Option<String>,
    pub application: Option<String>,
    /// The process of the cluster; of a role that was assumed, the name of its session.
    pub session: Option<String>,
    /// The statement kind, or `assume_role`.
    pub kind: String,
    pub target: Option<String>,
    /// The text, secrets masked, and cut; of a role that was assumed, the role.
    pub statement: String,
    /// Why it counts as unseen.
    pub reason: String,
}
