//! Reload at SIGHUP and when a file changes: rules, IAM facts, certificates and the configuration itself. A version with a mistake
//! is refused with its reason, and what is in force stays. The work is done on a thread of its own: the one that answers for
//! health and hears signals never waits for it.

mod report;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{error, warn};

use crate::config::Config;
use crate::observe::values::ReloadCause;
use crate::serve::catalog::Followers;
use crate::serve::error::BuildError;
use crate::serve::files::{Events, FileWatch};
use crate::serve::in_force::{InForce, Looked, RunningGates};
use crate::serve::reload::report::Reports;
pub(super) use crate::serve::reload::report::Shown;

/// How soon files that had a mistake or were missing are read again: the folder of a missing file cannot be watched.
const AGAIN: Duration = Duration::from_secs(10);

/// What asks for a reload.
#[derive(Debug)]
pub(super) struct Changes {
    hangup: Signal,
    /// `None`: files cannot be watched.
    files: Option<(FileWatch, Events)>,
}

impl Changes {
    /// Starts listening for signals and changes.
    ///
    /// # Errors
    /// The operating system refuses the signal handler.
    pub(super) fn listen(config: &Config) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let files = FileWatch::start(config)
            .inspect_err(|error| warn!(%error, "files are not watched for changes; send SIGHUP after a change"))
            .ok();
        Ok(Self { hangup, files })
    }

    /// Reloads until the process ends; never resolves. What is in force is shown in `shown`.
    pub(super) async fn follow(
        self,
        in_force: InForce,
        running: RunningGates,
        mut followers: Followers,
        shown: Arc<Shown>,
    ) {
        let Self { mut hangup, files } = self;
        let (watch, mut events) = files.unzip();
        let mut reports = Reports::new(running.metrics.clone(), shown);
        let mut reloader = Reloader { in_force, running: Arc::new(running), watch, is_watched: true };
        let mut is_settled = true;
        loop {
            let why = tokio::select! {
                _ = hangup.recv() => ReloadCause::Sighup,
                () = settled(events.as_mut()) => ReloadCause::Files,
                () = tokio::time::sleep(AGAIN), if !is_settled => ReloadCause::Retry,
            };
            let Ok((back, looked)) = spawn_blocking(move || reloader.look(why)).await else {
                error!("a reload failed in a way that was not foreseen; the gate runs on and reloads no more");
                reports.broken_off();
                return std::future::pending().await;
            };
            reloader = back;
            is_settled = reloader.is_watched && looked.is_ok();
            if let Some(result) = reports.tell(why, &looked, &reloader.in_force) {
                reloader.running.record_reload(result, why, looked.as_ref().err());
            }
            if let Ok(Looked::Renewed(renewal)) = &looked {
                followers.renew(reloader.in_force.config(), renewal);
            }
        }
    }
}

/// What a reload works with, handed to the thread that does it and back.
struct Reloader {
    in_force: InForce,
    running: Arc<RunningGates>,
    watch: Option<FileWatch>,
    /// Whether every change to the files in force will be noticed.
    is_watched: bool,
}

impl Reloader {
    fn look(mut self, why: ReloadCause) -> (Self, Result<Looked, BuildError>) {
        if why == ReloadCause::Sighup
            && let Err(error) = self.running.audit.reopen()
        {
            error!(%error, "the audit file cannot be reopened");
        }
        let looked = self.in_force.look(&self.running, why == ReloadCause::Sighup);
        // After every reading: a link may lead elsewhere, to files that hold the same.
        self.is_watched = self.watch.as_mut().is_none_or(|watch| watch.follow(self.in_force.config()));
        (self, looked)
    }
}

async fn settled(events: Option<&mut Events>) {
    match events {
        Some(events) => events.settled().await,
        None => std::future::pending().await,
    }
}
