//! Running the gates of a configuration: workers, admin, reload, drain.

mod admin_address;
mod audit;
pub mod build;
pub mod cluster_history;
mod catalog;
mod certificates;
mod coverage;
mod changes;
mod drift;
mod error;
mod files;
mod gates;
mod in_force;
mod inputs;
mod known;
mod live;
mod load;
mod opening;
mod overview;
mod policy;
pub mod pull;
mod readiness;
mod reload;
pub mod secrets;
pub mod service_connection;
mod settings;
pub mod signals;
mod sockets;
mod supervisor;
mod views;
mod worker;

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use crate::admin::Readiness;
use crate::config::Config;
use crate::observe::{logging, panics};
use crate::serve::catalog::Followers;
use crate::serve::opening::{ClosedGates, OpenGates};
use crate::serve::reload::Changes;
use crate::serve::signals::StopSignals;
use crate::wire::relay::Drain;

pub(crate) use crate::serve::catalog::now as catalog_now;
pub use crate::serve::error::ServeError;

/// How long sessions that are told to end may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Loads a configuration, sets up the log and runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`].
pub fn from_file(path: &Path) -> Result<(), ServeError> {
    let runtime = runtime()?;
    let stop = runtime.block_on(async { StopSignals::listen() })?;
    let config = Config::load(path)?;
    panics::watch();
    logging::init(&config.log.level, config.log.format).map_err(|error| ServeError::Logging(error.to_string()))?;
    run_in(runtime, &config, stop.asked())
}

/// Runs the gates until `shutdown` resolves, then drains. Blocks the calling thread and makes threads of its own.
///
/// # Errors
/// [`ServeError`]; everything that can be wrong with the configuration shows before the first connection is taken.
pub fn run(config: &Config, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    run_in(runtime()?, config, shutdown)
}

fn runtime() -> Result<Runtime, ServeError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn run_in(runtime: Runtime, config: &Config, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = serve(config, shutdown) => ended,
            never = supervisor::watchdog() => match never {},
        }
    });
    // Files that are being read still are read for nobody.
    runtime.shutdown_background();
    if ended.is_ok() {
        info!("stopped");
    }
    ended
}

async fn serve(config: &Config, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    // Signals are heard before a socket opens: by default each of them ends the process.
    let changes = Changes::listen(config)?;
    let mut shutdown = pin!(shutdown);
    let closed = ClosedGates::of(config).await?;
    let OpenGates { in_force, running, threads } = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        opened = closed.open(config) => opened?,
    };
    let ClosedGates { shown, readiness, drain, admin, .. } = closed;
    let audit = running.audit.clone();
    supervisor::ready(config.gate.len());
    let followers = Followers::start(&running.gates, &running.metrics, config);
    coverage::start(&running.gates, &running.metrics, config);
    tokio::select! {
        () = &mut shutdown => {}
        () = changes.follow(in_force, running, followers, Arc::clone(&shown)) => {}
    }
    readiness.send_replace(Readiness::Draining);
    supervisor::stopping();
    tokio::time::sleep(shown.config.load().runtime.drain_delay.get()).await;
    drain_sessions(&drain, threads, shown.config.load().runtime.drain_timeout.get()).await;
    sockets::clean_up(config);
    // The last records may take a while, and health is still asked for.
    if let Err(error) = spawn_blocking(move || audit.shutdown()).await {
        error!(%error, "the audit did not stop in good order");
    }
    if let Err(error) = admin.await {
        error!(%error, "the admin server failed");
    }
    Ok(())
}

/// Idle sessions end at once, running ones when they are idle or when the time is over. Until then they can be canceled.
async fn drain_sessions(drain: &watch::Sender<Drain>, mut threads: worker::Threads, limit: Duration) {
    drain.send_replace(Drain::WhenIdle);
    if tokio::time::timeout(limit, threads.drained()).await.is_err() {
        warn!("drain limit reached: ending the remaining sessions");
    }
    drain.send_replace(Drain::Now);
    if tokio::time::timeout(LAST_WORDS, threads.finished()).await.is_err() {
        warn!("some sessions did not end in time");
    }
}
