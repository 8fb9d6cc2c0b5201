//! What all sessions of one gate share, and which of it a reload replaces.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::catalog::Catalog;
use crate::coverage::CoverageStanding;
use crate::gate::Gate;
use crate::gate::enforcement::Mode;
use crate::iam::Live;
use crate::net::backend::Backend;
use crate::observe::audit::{AuditEvent, NotRecorded};
use crate::observe::metrics::GateMetrics;
use crate::observe::values::Leg;
use crate::observe::{Audit, Recent};
use crate::session::drift::DriftWatch;
use crate::session::limits::{HolderLimits, SessionLimits};
use crate::session::memory::Memory;
use crate::session::registry::LiveSessions;
use crate::wire::function_call::FunctionCalls;
use crate::wire::startup::Offer;

/// The limits of a gate's sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// The longest message that may carry a statement.
    pub max_statement_bytes: usize,
    /// The most that the texts of a session's prepared statements may hold in total.
    pub max_prepared_bytes: usize,
    /// The longest time from the connection to a successful login.
    pub startup_timeout: Duration,
    /// The most sessions at one time.
    pub max_sessions: usize,
    /// Limits by user and by address, and on connections that are not authenticated.
    pub holders: HolderLimits,
    /// How long a session may be quiet.
    pub idle_timeout: Option<Duration>,
    /// How long a session may last.
    pub session_lifetime: Option<Duration>,
}

/// How an annotation shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Annotations {
    /// The statement carries a comment to the cluster's query history.
    pub comment: bool,
    /// The client is sent a warning.
    pub notice: bool,
}

/// A certificate that a gate shows or trusts, as it was loaded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GateCertificate {
    /// On which leg.
    pub leg: Leg,
    /// Its name in the metrics.
    pub name: String,
    /// When it expires, in Unix seconds; of several authorities, the first of them.
    pub not_after: f64,
    /// Whether clients are shown it.
    pub is_shown: bool,
}

/// What a reload may change for the sessions that start after it. A session keeps the settings that it started with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What clients may cost.
    pub limits: Limits,
    /// What the frontend's leg offers.
    pub offer: Offer,
    /// The backend.
    pub backend: Backend,
    /// The certificates of both legs.
    pub certificates: Vec<GateCertificate>,
    /// Networks whose connections start with a PROXY protocol header.
    pub proxies: Vec<IpNet>,
    /// How an annotation shows while refusals are carried out.
    pub annotations: Annotations,
    /// How an annotation shows in shadow mode.
    pub shadow_annotations: Annotations,
    /// How FunctionCall messages are handled.
    pub function_calls: FunctionCalls,
}

impl Settings {
    /// How an annotation shows under a policy that is carried out or not.
    #[must_use]
    pub(crate) fn annotations_under(&self, mode: Mode) -> Annotations {
        match mode {
            Mode::Enforce => self.annotations,
            Mode::Shadow => self.shadow_annotations,
        }
    }
}

/// What all sessions of one gate share.
#[derive(Debug)]
pub(crate) struct Service {
    /// The gate's name.
    pub name: String,
    /// Judges statements; its policy is replaced independently, for running sessions too.
    pub gate: Gate,
    /// What new sessions start with.
    pub settings: ArcSwap<Settings>,
    /// Looks up roles that the facts do not hold, where facts come from AWS.
    pub live: Option<Arc<Live>>,
    /// Who holds how many sessions.
    pub held: SessionLimits,
    /// The sessions that are open.
    pub sessions: LiveSessions,
    /// How reading the cluster's groups goes.
    pub catalog: ArcSwap<CatalogStatus>,
    /// How looking for what passes the gate by goes; `None` where nobody looks.
    pub coverage: ArcSwapOption<CoverageStanding>,
    /// What statements have stored that the cluster shows nowhere.
    pub remembered: Memory,
    /// Told when a statement may have changed what the cluster stores.
    pub stored_changed: Notify,
    /// What of it changed without a statement that passed.
    pub drift: DriftWatch,
    /// Counts what passes.
    pub metrics: GateMetrics,
    /// Where verdicts are recorded.
    pub audit: Audit,
    /// Keeps what was judged lately.
    pub recent: Recent,
}

impl Service {
    /// An id for the record of a verdict; `None`: nothing is recorded or kept.
    #[must_use]
    pub(crate) fn next_id(&self) -> Option<Arc<str>> {
        self.audit.next_id().or_else(|| self.recent.next_id())
    }

    /// Records an event, and keeps what it tells of a statement.
    pub(crate) fn tell(&self, event: AuditEvent) {
        self.recent.hear(&event);
        self.audit.record(event);
    }

    /// Records what must be there before a statement goes on, and keeps it once it is.
    ///
    /// # Errors
    /// [`NotRecorded`]: the statement must not go on.
    pub(crate) async fn require(&self, events: Vec<AuditEvent>) -> Result<(), NotRecorded> {
        let told = events.clone();
        self.audit.require(events).await?;
        for event in &told {
            self.recent.hear(event);
        }
        Ok(())
    }
}

/// How the last readings of a cluster's groups went, for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatalogStatus {
    /// When they were last read; `None` if never.
    pub read_at: Option<Timestamp>,
    /// How many groups there are.
    pub groups: usize,
    /// The last error since then.
    pub last_error: Option<String>,
    /// What was read last; empty if never.
    pub catalog: Arc<Catalog>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::gate::cache::CacheSettings;
    use crate::gate::policy::{Parts, Policy};
    use crate::observe::Metrics;
    use crate::observe::audit::{AuditSettings, Destination};
    use crate::observe::recent::RecentLimits;

    /// What a configuration says that says nothing, but for the backend: there is none.
    pub(crate) fn settings() -> Settings {
        Settings {
            limits: Limits {
                max_statement_bytes: 16 * 1024 * 1024,
                max_prepared_bytes: 1024 * 1024,
                startup_timeout: Duration::from_secs(30),
                max_sessions: 2,
                holders: HolderLimits {
                    total: Some(2),
                    per_user: Some(1),
                    per_address: Some(1),
                    ..HolderLimits::default()
                },
                idle_timeout: None,
                session_lifetime: None,
            },
            offer: Offer { tls: None, tls_required: false },
            backend: Backend { address: "127.0.0.1:1".to_owned(), tls: None, timeout: Duration::from_secs(1) },
            certificates: Vec::new(),
            proxies: Vec::new(),
            annotations: Annotations { comment: true, notice: true },
            shadow_annotations: Annotations { comment: false, notice: false },
            function_calls: FunctionCalls::Refuse,
        }
    }

    /// A gate that listens nowhere and keeps no audit.
    pub(crate) fn service(parts: Parts, settings: Settings) -> Arc<Service> {
        let metrics = Metrics::new();
        Arc::new(Service {
            name: "g".to_owned(),
            gate: Gate::new(Policy::new(parts), CacheSettings { capacity: 100, ttl: Duration::from_mins(1) }, |_| ()),
            settings: ArcSwap::from_pointee(settings),
            live: None,
            held: SessionLimits::default(),
            sessions: LiveSessions::default(),
            catalog: ArcSwap::default(),
            coverage: ArcSwapOption::empty(),
            remembered: Memory::default(),
            stored_changed: Notify::new(),
            drift: DriftWatch::default(),
            metrics: metrics.gate("g"),
            audit: Audit::open(AuditSettings::to(Destination::Off), metrics).unwrap(),
            recent: Recent::new(RecentLimits { decisions: 10, bytes: 1024 * 1024 }),
        })
    }

    #[test]
    fn shadow_mode_has_annotations_of_its_own() {
        let settings = settings();
        assert_eq!(settings.annotations_under(Mode::Enforce), Annotations { comment: true, notice: true });
        assert_eq!(settings.annotations_under(Mode::Shadow), Annotations { comment: false, notice: false });
    }
}
