//! What is kept of a statement, and what readers are handed.

use std::sync::Arc;

use jiff::Timestamp;

use crate::observe::audit::AuditRecord;
use crate::observe::values::StatementOutcome;

/// How much is kept; without decisions nothing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecentLimits {
    /// Statements.
    pub decisions: usize,
    /// Bytes of what is kept of them, about.
    pub bytes: usize,
}

/// A judged statement, and what became of it.
#[derive(Clone, Debug)]
pub struct RecentDecision {
    /// Its place among all of this process, from 0.
    pub number: u64,
    /// When it was judged.
    pub time: Timestamp,
    /// What the audit says of it.
    pub record: Arc<AuditRecord>,
    /// How it went last, once the cluster has answered.
    pub outcome: Option<Arc<RecentOutcome>>,
    /// How often the cluster has answered: a prepared statement is judged once and run many times.
    pub runs: u64,
}

/// How a statement went.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentOutcome {
    /// When the cluster answered.
    pub time: Timestamp,
    /// What it made of the statement.
    pub outcome: StatementOutcome,
    /// The rows that it tells of.
    pub rows: Option<u64>,
    /// The SQLSTATE of its error.
    pub error: Option<String>,
    /// From sending the message to its answer.
    pub seconds: f64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum RecentEvent {
    /// The statement was judged.
    Judged(RecentDecision),
    /// The cluster has answered it.
    Went(RecentDecision),
}

/// What happened from a cursor on.
#[derive(Clone, Debug, Default)]
pub struct RecentBatch {
    /// Events that are kept no longer.
    pub lost: u64,
    /// Events in their order.
    pub events: Vec<RecentEvent>,
    /// The cursor behind them.
    pub next: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RecentCensus {
    /// Statements.
    pub decisions: usize,
    /// Bytes, about.
    pub bytes: usize,
    /// When the oldest of them was judged.
    pub since: Option<Timestamp>,
    /// Statements that were judged since the start.
    pub judged: u64,
}
