//! The start: the admin address answers first, then everything that the configuration names is loaded, then the gates open.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::info;

use crate::admin::{self, AdminState, Readiness};
use crate::config::Config;
use crate::iam::Live;
use crate::observe::recent::RecentLimits;
use crate::observe::{Audit, Metrics, Recent};
use crate::serve::admin_address;
use crate::serve::build::{self, BuildError, Built};
use crate::serve::error::ServeError;
use crate::serve::gates::{self, Gates};
use crate::serve::in_force::{InForce, RunningGates};
use crate::serve::inputs::Contents;
use crate::serve::known::WarnedNames;
use crate::serve::overview::Overview;
use crate::serve::reload::Shown;
use crate::serve::{audit, live, sockets, worker};
use crate::wire::relay::Drain;

/// A process of which only the admin address is open.
#[derive(Debug)]
pub(super) struct ClosedGates {
    metrics: Metrics,
    audit: Audit,
    recent: Recent,
    counts: gates::Counts,
    overview: Arc<Overview>,
    pub(super) shown: Arc<Shown>,
    pub(super) readiness: watch::Sender<Readiness>,
    pub(super) drain: watch::Sender<Drain>,
    pub(super) admin: JoinHandle<()>,
}

/// Gates that are open.
pub(super) struct OpenGates {
    pub(super) in_force: InForce,
    pub(super) running: RunningGates,
    pub(super) threads: worker::Threads,
}

impl ClosedGates {
    /// Opens the audit and the admin address.
    pub(super) async fn of(config: &Config) -> Result<Self, ServeError> {
        let metrics = Metrics::bounded(config.metrics.max_series);
        let audit = Audit::opened(audit::settings(config)?, metrics.clone());
        let audit = audit.map_err(audit::unwritable(&config.audit.path))?;
        let address = admin_address::open(config).await?;
        let counts = gates::counts(config, &metrics);
        let shown = Arc::new(Shown::new(config));
        metrics.config_info(&config.version());
        let recent = Recent::new(RecentLimits { decisions: config.admin.recent, bytes: config.admin.recent_bytes });
        let overview = Arc::new(Overview::new(&metrics, &shown));
        let (drain, drained) = watch::channel(Drain::Running);
        let (readiness, ready) = watch::channel(Readiness::Starting);
        let state = AdminState::new(&metrics, (ready, &recent), overview.clone());
        let admin = tokio::spawn(admin::serve(address, state, until_ended(drained)));
        Ok(Self { metrics, audit, recent, counts, overview, shown, readiness, drain, admin })
    }

    /// Loads everything that the configuration names, and opens the gates. None listens before all of it is loaded.
    pub(super) async fn open(&self, config: &Config) -> Result<OpenGates, ServeError> {
        let live = live::start(config, &self.metrics).await?;
        let Read { contents, built, warned } = load(config, live.as_ref()).await?;
        if let Some(live) = &live {
            live.set_base(Arc::clone(&built.loaded.base));
        }
        let (metrics, audit) = (self.metrics.clone(), self.audit.clone());
        let sinks = (&audit, &self.recent);
        let gates = Arc::new(Gates::new(config, built.gates, &self.counts, live.as_ref(), &metrics, sinks));
        if let Some(live) = &live {
            live::connect(live, &gates);
            tokio::spawn(Arc::clone(live).follow());
        }
        let workers = config.runtime.workers.unwrap_or_else(worker::cores).max(1);
        let sockets = sockets::bind(config, gates.services(), workers)?;
        self.audit.start();
        let threads = worker::start(workers, sockets, &self.drain.subscribe())?;
        self.overview.open(&gates, live.as_ref());
        self.readiness.send_replace(Readiness::Ready);
        for gate in &config.gate {
            info!(gate = %gate.name, listen = %gate.listen, upstream = %gate.upstream.address, "gate open");
        }
        let in_force = InForce::new(config.clone(), contents, built.loaded, warned);
        Ok(OpenGates { in_force, running: RunningGates { gates, live, metrics, audit }, threads })
    }
}

/// What the files of a configuration hold.
struct Read {
    contents: Contents,
    built: Built,
    warned: WarnedNames,
}

/// Loads on a thread of its own, so that a signal is heard meanwhile. What the files hold is read before they are loaded: a change in
/// between shows as one.
async fn load(config: &Config, live: Option<&Arc<Live>>) -> Result<Read, ServeError> {
    let (config, live) = (config.clone(), live.cloned());
    let loading = spawn_blocking(move || {
        let contents = Contents::read(&config, &Contents::default(), Timestamp::now());
        let (built, mut warned) = (build::all(&config, live.as_deref())?, WarnedNames::default());
        warned.warn(&config, &built.loaded.rules, &built.loaded.base);
        Ok::<_, BuildError>(Read { contents, built, warned })
    });
    Ok(loading.await.map_err(io::Error::other)??)
}

/// Resolves when sessions are over.
async fn until_ended(mut drained: watch::Receiver<Drain>) {
    // An error means that the sender is gone, and the process with it.
    if drained.wait_for(|drain| *drain == Drain::Now).await.is_err() {
        info!("stopping");
    }
}
