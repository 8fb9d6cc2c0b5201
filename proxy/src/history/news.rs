//! What sources tell beside statements: sessions of the gate and of the cluster, and roles that were assumed.

use jiff::{SignedDuration, Timestamp};

use crate::history::connections::ConnectionEvent;
use crate::history::trail::AssumedRole;

/// An event of the gate's audit that is no statement.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GateNews {
    /// Which, as the audit names it.
    pub event: String,
    /// When it was written.
    pub time: Option<Timestamp>,
    /// The gate that it is about.
    pub gate: Option<String>,
    /// The session's number.
    pub session: Option<String>,
    /// The user who logs in.
    pub user: Option<String>,
    /// The process that serves the session in the cluster.
    pub backend_pid: Option<String>,
    /// Where the gate connected from.
    pub gate_address: Option<String>,
    /// Its port there.
    pub gate_port: Option<u16>,
    /// How long a session lasted that is over.
    pub lasted: Option<SignedDuration>,
    /// How many records are missing.
    pub lost: Option<u64>,
}

/// What is told beside statements.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SideNews {
    /// By the gate's audit.
    Gate(Box<GateNews>),
    /// By the cluster's connection log.
    Connection(ConnectionEvent),
    /// By `CloudTrail`.
    Assumed(Box<AssumedRole>),
}
