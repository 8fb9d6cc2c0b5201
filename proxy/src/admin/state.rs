//! What the admin address shows, and what it is read from when somebody asks.

use std::fmt::Debug;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::admin::view::catalog::CatalogDrift;
use crate::admin::view::coverage::GateCoverage;
use crate::admin::view::facts::FactsView;
use crate::admin::view::sessions::SessionView;
use crate::admin::view::status::{AuditView, ConfigurationView, ExceptionView, GateView, Readiness};
use crate::catalog::Catalog;
use crate::gate::policy::Policy;
use crate::observe::{Metrics, Recent};

/// Streams of events at one time.
const MAX_STREAMS: usize = 16;

/// Questions at one time whose answer takes a thread for long.
const MAX_QUESTIONS: usize = 2;

/// What the admin address shows. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct AdminState {
    pub(super) metrics: Metrics,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) recent: Recent,
    pub(super) source: Arc<dyn StatusSource>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) questions: Arc<Semaphore>,
    pub(super) started_at: Timestamp,
}

/// What is read when somebody asks, rather than counted as it happens.
pub(crate) trait StatusSource: Debug + Send + Sync {
    /// Brings the gauges up to date.
    fn measure(&self);
    /// Every cause for which open gates are not ready for sessions, and whether it holds. May block.
    fn checks(&self) -> Vec<Check>;
    /// The IAM facts: accounts, clusters, and how fetching goes.
    fn facts(&self) -> FactsView;
    /// The gates, and how each of them stands. May read files.
    fn gates(&self) -> Vec<GateView>;
    /// How reloading the configuration goes.
    fn configuration(&self) -> ConfigurationView;
    /// How the audit goes.
    fn audit(&self) -> AuditView;
    /// Refusals that are borne with for a while.
    fn exceptions(&self) -> Vec<ExceptionView>;
    /// The sessions that are open, of all gates.
    fn sessions(&self) -> Vec<SessionView>;
    /// What the clusters store, by gate; none of a gate that does not read it.
    fn catalogs(&self) -> Vec<(String, Arc<Catalog>)>;
    /// What of it changed without a statement that passed, for the gate of this name, the newest first.
    fn drift(&self, gate: &str) -> Vec<CatalogDrift>;
    /// What passed the gates by, for each.
    fn coverage(&self) -> Vec<GateCoverage>;
    /// The policies in force, by gate in the order of the configuration; none before the gates are open.
    fn policies(&self) -> Vec<(String, Arc<Policy>)>;
}

/// A cause for which the gates might not be ready.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Check {
    pub(super) name: &'static str,
    pub(super) fault: Option<String>,
}

impl Check {
    /// What is looked at, and what is wrong with it, if anything.
    #[must_use]
    pub(crate) const fn of(name: &'static str, fault: Option<String>) -> Self {
        Self { name, fault }
    }

    pub(super) fn line(&self) -> String {
        match &self.fault {
            None => format!("[+] {}: ok\n", self.name),
            Some(fault) => format!("[-] {}: {fault}\n", self.name),
        }
    }
}

impl AdminState {
    /// Shows these metrics, what was judged lately, and `source`; `readiness` is what `/readyz` answers.
    #[must_use]
    pub(crate) fn new(
        metrics: &Metrics,
        (readiness, recent): (watch::Receiver<Readiness>, &Recent),
        source: Arc<dyn StatusSource>,
    ) -> Self {
        Self {
            metrics: metrics.clone(),
            readiness,
            recent: recent.clone(),
            source,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            questions: Arc::new(Semaphore::new(MAX_QUESTIONS)),
            started_at: Timestamp::now(),
        }
    }
}
