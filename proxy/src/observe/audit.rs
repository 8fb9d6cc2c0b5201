//! The audit: one JSON line for each statement that carries credentials or is refused, and for what happens to the gate. The lines
//! are a log that shows whether it was tampered with.

pub mod chain;
pub mod checkpoint;
pub mod event;
pub mod file;
mod fold;
mod line;
mod log;
pub mod ocsf;
pub mod prove;
mod record;
mod resume;
mod rotate;
mod settings;
#[cfg(test)]
mod tests;
pub mod verify;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::error;

use crate::gate::enforcement::Action;
use crate::observe::Metrics;
use crate::observe::audit::event::Queued;
use crate::observe::audit::writer::Writer;

pub use event::AuditEvent;
pub use record::{AuditRecord, Circumstances};
pub use rotate::Retention;
pub use settings::{AuditSettings, Destination, OnFailure};

/// Records that may wait to be written; more are dropped and counted, because no session waits for a disk without end.
const QUEUE_RECORDS: usize = 8192;

/// What refusals may take of the queue: one who is refused must not keep out the record of a statement that will run.
const QUEUE_REFUSALS: usize = QUEUE_RECORDS / 2;

/// How long stopping may wait for the last records.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// How long a statement may wait for its record.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What the writer is asked for.
#[derive(Debug)]
enum Job {
    Record(Box<Queued>, Option<oneshot::Sender<()>>),
    Settings(Box<AuditSettings>),
    Reopen(SyncSender<io::Result<()>>),
    Stop(SyncSender<()>),
}

/// What sessions and the writer both know.
#[derive(Debug, Default)]
struct Shared {
    /// The last record could not be written.
    failing: AtomicBool,
    /// Records that found no place in the queue, and are in no gap yet.
    dropped: AtomicU64,
    /// Records in the queue.
    waiting: AtomicUsize,
    next: AtomicU64,
    /// What the ids of this process's events begin with.
    prefix: String,
}

impl Shared {
    fn queued(&self, event: AuditEvent) -> Queued {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Queued { id: format!("{}-{number}", self.prefix), time: Timestamp::now(), event }
    }

    fn taken(&self, metrics: &Metrics) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        metrics.audit_taken();
    }
}

/// A record that has to be there could not be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct NotRecorded;

#[derive(Debug)]
struct Handle {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    on_failure: OnFailure,
    records_sessions: bool,
    destination: Destination,
}

/// What [`Audit::renew`] can put in force without fail.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a reload, and taken apart at once")]
pub enum NewAudit {
    /// Records go on where they go, by other settings.
    Here(Box<AuditSettings>),
    /// Records go elsewhere.
    Elsewhere(Audit),
}

/// Where records go. Clones share one writer.
#[derive(Clone, Debug)]
pub struct Audit {
    /// `None`: nothing is recorded.
    handle: Arc<ArcSwapOption<Handle>>,
    metrics: Metrics,
}

impl Audit {
    /// Opens the audit and writes the record of the start. A file is appended to, and readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn open(settings: AuditSettings, metrics: Metrics) -> io::Result<Self> {
        if settings.destination == Destination::Off {
            return Ok(Self { handle: Arc::default(), metrics });
        }
        let (jobs, queue) = sync_channel(QUEUE_RECORDS);
        metrics.audit_queue_limit(QUEUE_RECORDS);
        let shared = Arc::new(Shared { prefix: log::new_id()?, ..Shared::default() });
        let (on_failure, records_sessions) = (settings.on_failure, settings.sessions);
        let destination = settings.destination.clone();
        let handle = Handle { jobs, shared: Arc::clone(&shared), on_failure, records_sessions, destination };
        let mut writer = Writer::begin(settings, shared, metrics.clone())?;
        thread::Builder::new().name("rolegate-audit".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(Self { handle: Arc::new(ArcSwapOption::from_pointee(handle)), metrics })
    }

    /// Queues an event. Never waits.
    pub fn record(&self, event: AuditEvent) {
        if let Some(handle) = &*self.handle.load()
            && handle.send(event, None, &self.metrics).is_err()
        {
            handle.drop_one(&self.metrics);
        }
    }

    /// Records what must be there before a statement goes on: with [`OnFailure::Refuse`], it is written when this resolves, and
    /// with [`OnFailure::Continue`] it is queued. Cancel safe: the events are recorded all the same.
    ///
    /// # Errors
    /// [`NotRecorded`], with [`OnFailure::Refuse`] alone: the statement must not go on.
    pub async fn require(&self, events: Vec<AuditEvent>) -> Result<(), NotRecorded> {
        let handle = self.handle.load_full();
        let Some(handle) = handle.filter(|handle| handle.on_failure == OnFailure::Refuse) else {
            for event in events {
                self.record(event);
            }
            return Ok(());
        };
        let result = tokio::time::timeout(LONGEST_WAIT, handle.require(events, &self.metrics)).await;
        result.unwrap_or(Err(NotRecorded)).inspect_err(|_| self.metrics.audit_refused())
    }

    /// Why no statement with a role may go on now, if so.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.handle.load().as_ref().is_some_and(|handle| handle.on_failure == OnFailure::Refuse && handle.is_failing())
    }

    /// Whether logins and ends of sessions are recorded.
    #[must_use]
    pub fn records_sessions(&self) -> bool {
        self.handle.load().as_ref().is_some_and(|handle| handle.records_sessions)
    }

    /// Opens the file anew, after log rotation has moved it.
    ///
    /// # Errors
    /// The file cannot be opened; records go on to the old one.
    pub fn reopen(&self) -> io::Result<()> {
        match self.handle.load_full() {
            Some(handle) => handle.ask(Job::Reopen)?,
            None => Ok(()),
        }
    }

    /// Writes what is queued and the record of the stop, and returns when that is done or after five seconds.
    pub fn shutdown(&self) {
        if let Some(handle) = self.handle.load_full() {
            handle.finish();
        }
    }

    /// Opens what other settings ask for, and changes nothing yet.
    ///
    /// # Errors
    /// As [`Audit::open`].
    pub fn prepare(&self, settings: AuditSettings) -> io::Result<NewAudit> {
        let is_here = self.handle.load().as_ref().is_some_and(|handle| handle.destination == settings.destination);
        if is_here {
            return Ok(NewAudit::Here(Box::new(settings)));
        }
        Self::open(settings, self.metrics.clone()).map(NewAudit::Elsewhere)
    }

    /// Puts other settings in force, for all clones. What is queued is written where it would have been.
    pub fn renew(&self, new: NewAudit) {
        let old = match new {
            NewAudit::Elsewhere(other) => self.handle.swap(other.handle.load_full()),
            NewAudit::Here(settings) => {
                if let Some(handle) = self.handle.load_full() {
                    self.handle.store(Some(Arc::new(handle.under(&settings))));
                    handle.adopt(settings);
                }
                None
            }
        };
        if let Some(old) = old {
            old.finish();
        }
    }
}

impl Handle {
    fn under(&self, settings: &AuditSettings) -> Self {
        let (jobs, shared, destination) = (self.jobs.clone(), Arc::clone(&self.shared), self.destination.clone());
        Self { jobs, shared, destination, on_failure: settings.on_failure, records_sessions: settings.sessions }
    }

    fn adopt(&self, settings: Box<AuditSettings>) {
        if self.jobs.send(Job::Settings(settings)).is_err() {
            error!("the audit's settings cannot be changed: its writer is gone");
        }
    }

    fn finish(&self) {
        if self.ask(Job::Stop).is_err() {
            error!("the last audit records could not be written in time");
        }
    }

    fn ask<T>(&self, job: impl FnOnce(SyncSender<T>) -> Job) -> io::Result<T> {
        let gone = || io::Error::other("the audit writer does not answer");
        let (answer, answered) = sync_channel(1);
        self.jobs.try_send(job(answer)).map_err(|_full| gone())?;
        answered.recv_timeout(LAST_RECORDS).map_err(|_gone| gone())
    }

    fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    fn send(
        &self,
        event: AuditEvent,
        answer: Option<oneshot::Sender<()>>,
        metrics: &Metrics,
    ) -> Result<(), NotRecorded> {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        if waiting >= QUEUE_REFUSALS && is_refusal(&event) {
            return Err(NotRecorded);
        }
        // Counted first, so that the writer never takes one that is not.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        metrics.audit_queued();
        match self.jobs.try_send(Job::Record(Box::new(self.shared.queued(event)), answer)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.taken(metrics);
                Err(NotRecorded)
            }
        }
    }

    fn drop_one(&self, metrics: &Metrics) {
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        metrics.audit_dropped(1);
    }

    /// Resolves when all events are written.
    async fn require(&self, events: Vec<AuditEvent>, metrics: &Metrics) -> Result<(), NotRecorded> {
        if self.is_failing() {
            return Err(NotRecorded);
        }
        let mut answers = Vec::new();
        for event in events {
            let (answer, answered) = oneshot::channel();
            self.send(event, Some(answer), metrics)?;
            answers.push(answered);
        }
        for answered in answers {
            answered.await.map_err(|_dropped| NotRecorded)?;
        }
        Ok(())
    }
}

fn is_refusal(event: &AuditEvent) -> bool {
    matches!(event, AuditEvent::Verdict(record) if record.action == Action::Reject)
}
