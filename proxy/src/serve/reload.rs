//! Reload on SIGHUP and when a file changes: rules, IAM facts, certificates and the configuration itself. A bad new
//! version is refused with its reason, and the old one stays in force.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify_debouncer_mini::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::iam::Live;
use crate::observe::values::{ReloadResult, Reloaded};
use crate::observe::{Audit, Metrics};
use crate::serve::build::{self, BuildError};
use crate::serve::gates::Gates;

/// Editors and deployments write files in several steps; a reload waits until they are quiet.
const QUIET: Duration = Duration::from_millis(500);

/// What asks for a reload.
#[derive(Debug)]
pub(super) struct Changes {
    hangup: Signal,
    files: mpsc::Receiver<()>,
    /// Kept for as long as files are watched.
    watcher: Option<Debouncer<RecommendedWatcher>>,
}

impl Changes {
    /// Listens from now on.
    ///
    /// # Errors
    /// The operating system refuses the signal handler.
    pub(super) fn listen(config: &Config) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let (due, files) = mpsc::channel(1);
        let watcher = watch(config, due)
            .inspect_err(|error| warn!(%error, "files are not watched for changes; send SIGHUP after a change"))
            .ok();
        Ok(Self { hangup, files, watcher })
    }

    /// Reloads until the process ends; never resolves.
    pub(super) async fn follow(
        mut self,
        config: &Config,
        live: Option<&Live>,
        gates: &Gates,
        metrics: &Metrics,
        audit: &Audit,
    ) {
        loop {
            let why = tokio::select! {
                _ = self.hangup.recv() => {
                    if let Err(error) = audit.reopen() {
                        error!(%error, "the audit file cannot be reopened");
                    }
                    "SIGHUP"
                }
                Some(()) = self.files.recv(), if self.watcher.is_some() => "a file changed",
            };
            reload(config, live, gates, metrics, why);
        }
    }
}

fn reload(config: &Config, live: Option<&Live>, gates: &Gates, metrics: &Metrics, why: &str) {
    let applied = Config::load(config.source()).map_err(BuildError::from).and_then(|fresh| {
        restart_only(config, &fresh);
        refresh(&fresh, live, gates)
    });
    let result = if applied.is_ok() { ReloadResult::Applied } else { ReloadResult::Refused };
    metrics.reload(Reloaded::Config, result, now());
    match applied {
        Ok(()) => info!(why, "reloaded"),
        Err(error) => error!(why, %error, "reload refused; the old configuration, rules and facts stay in force"),
    }
}

/// Puts a new version of the configuration in force in running services: all of it, or nothing.
fn refresh(config: &Config, live: Option<&Live>, gates: &Gates) -> Result<(), BuildError> {
    let fresh = build::all(config, live)?;
    for (gate, fresh) in config.gate.iter().zip(fresh.gates) {
        if let Some(service) = gates.service(&gate.name) {
            // What the cluster said of groups stays known; a gate that asks it from now on takes that up at its next start.
            gates.exchange(service, |policy| fresh.policy.with_catalog(policy.catalog().clone()));
            service.settings.store(Arc::new(fresh.settings));
        }
    }
    if let Some(live) = live {
        live.set_base(fresh.loaded.base);
        // What AWS told in the meantime stands on the old files still.
        live.tell();
    }
    Ok(())
}

/// Seconds since 1970, as the metrics show moments.
fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// Says so when a change needs a restart.
fn restart_only(old: &Config, new: &Config) {
    let addresses =
        |config: &Config| config.gate.iter().map(|gate| (gate.name.clone(), gate.listen)).collect::<Vec<_>>();
    if old.facts.aws != new.facts.aws {
        warn!("[facts.aws] changed in the configuration: this takes effect at the next start");
    }
    if addresses(old) != addresses(new) || old.admin.listen != new.admin.listen {
        warn!("gates or their addresses changed in the configuration: this takes effect at the next start");
    }
}

/// Watches the folders of all files that the configuration names: a file may be replaced rather than written.
fn watch(
    config: &Config,
    changed: mpsc::Sender<()>,
) -> Result<Debouncer<RecommendedWatcher>, notify_debouncer_mini::notify::Error> {
    let mut debouncer = new_debouncer(QUIET, move |events: DebounceEventResult| {
        let concerns_us = events.is_ok_and(|events| events.iter().any(|event| is_ours(&event.path)));
        // A full channel means that a reload is due anyway.
        if concerns_us && changed.try_send(()).is_err() {
            tracing::debug!("a reload is due already");
        }
    })?;
    for folder in folders(config) {
        debouncer.watcher().watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(debouncer)
}

/// Whether a changed file is of a kind that the configuration names: an audit file beside it must not cause reloads.
/// Kubernetes exchanges mounted files by the link `..data`.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    name.starts_with("..") || ["toml", "cedar", "json", "pem", "crt", "key"].contains(&extension.as_ref())
}

fn folders(config: &Config) -> BTreeSet<PathBuf> {
    let mut files: Vec<&Path> = vec![config.source()];
    files.extend(config.policy.rules.iter().map(PathBuf::as_path));
    files.extend(
        config
            .facts
            .iam
            .iter()
            .chain(&config.facts.clusters)
            .chain(&config.facts.service_control)
            .map(PathBuf::as_path),
    );
    for gate in &config.gate {
        if let Some(tls) = &gate.tls {
            files.extend([tls.certificate.as_path(), tls.key.as_path()].into_iter().chain(tls.client_ca.as_deref()));
            files.extend(tls.also.iter().flat_map(|also| [also.certificate.as_path(), also.key.as_path()]));
        }
        files.extend(gate.upstream.ca.as_deref());
    }
    let here = Path::new(".");
    let folder = |file: &Path| file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(here).to_owned();
    files.into_iter().map(folder).collect()
}
