//! What all sessions of one gate share, and what of it a reload exchanges.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::gate::Gate;
use crate::gate::enforcement::Mode;
use crate::iam::Live;
use crate::net::backend::Backend;
use crate::observe::Audit;
use crate::observe::metrics::GateMetrics;
use crate::session::limits::{HolderLimits, SessionLimits};
use crate::wire::function_call::FunctionCalls;
use crate::wire::startup::Offer;

/// The bounds of a gate's sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The longest message that may carry a statement.
    pub max_statement_bytes: usize,
    /// What the texts of a session's prepared statements may hold together.
    pub max_prepared_bytes: usize,
    /// From the connection to the backend's word that the user is let in.
    pub startup_timeout: Duration,
    /// Sessions at once.
    pub max_sessions: usize,
    /// Sessions of one user, sessions from one address, and what is not let in yet.
    pub holders: HolderLimits,
    /// How long nothing may happen in a session.
    pub idle_timeout: Option<Duration>,
    /// How long a session may last.
    pub session_lifetime: Option<Duration>,
}

/// How an annotation shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Annotations {
    /// The statement carries a comment to the cluster's query history.
    pub comment: bool,
    /// The client is sent a warning.
    pub notice: bool,
}

/// What a reload may change for the sessions that start after it. A session keeps what it found at its start.
#[derive(Debug)]
pub struct Settings {
    /// What clients may cost.
    pub limits: Limits,
    /// What the frontend's leg offers.
    pub offer: Offer,
    /// The backend.
    pub backend: Backend,
    /// Networks whose connections start with a PROXY protocol header.
    pub proxies: Vec<IpNet>,
    /// How an annotation shows while refusals are carried out.
    pub annotations: Annotations,
    /// How an annotation shows in shadow mode.
    pub shadow_annotations: Annotations,
    /// What becomes of a FunctionCall message.
    pub function_calls: FunctionCalls,
}

impl Settings {
    /// How an annotation shows under a policy that is carried out or not.
    #[must_use]
    pub fn annotations_under(&self, mode: Mode) -> Annotations {
        match mode {
            Mode::Enforce => self.annotations,
            Mode::Shadow => self.shadow_annotations,
        }
    }
}

/// What all sessions of one gate share.
#[derive(Debug)]
pub struct Service {
    /// The gate's name.
    pub name: String,
    /// Judges statements; its policy is exchanged on its own, also under running sessions.
    pub gate: Gate,
    /// What sessions find at their start.
    pub settings: ArcSwap<Settings>,
    /// Looks up roles that the facts do not hold, where facts come from AWS.
    pub live: Option<Arc<Live>>,
    /// Who holds how many sessions.
    pub held: SessionLimits,
    /// How reading the cluster's groups goes.
    pub catalog: ArcSwap<CatalogStatus>,
    /// Counts what passes.
    pub metrics: GateMetrics,
    /// Records verdicts.
    pub audit: Audit,
}

/// How reading the groups of a cluster goes, for people.
#[derive(Clone, Debug, Default)]
pub struct CatalogStatus {
    /// When it was read last; `None` when it never was.
    pub read_at: Option<Timestamp>,
    /// The groups that it holds.
    pub groups: usize,
    /// What went wrong since.
    pub last_error: Option<String>,
}
