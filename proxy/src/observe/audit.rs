//! The audit: one JSON line for each statement that carries credentials or is refused, and for what happens to the gate. The lines
//! are a log that shows whether it was tampered with.

pub mod chain;
pub mod checkpoint;
pub mod event;
pub mod file;
mod fingerprint;
mod fold;
mod line;
mod log;
pub mod ocsf;
pub mod prove;
mod queue;
mod record;
mod resume;
mod rotate;
mod settings;
mod successor;
#[cfg(test)]
mod tests;
pub mod verify;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use arc_swap::ArcSwapOption;

use crate::observe::Metrics;
use crate::observe::audit::queue::{Handle, Job, QUEUE_RECORDS, QueueState};
use crate::observe::audit::writer::Writer;

pub use event::AuditEvent;
pub use queue::NotRecorded;
#[cfg(test)]
pub(in crate::observe) use record::tests::record as record_of;
pub use record::{AuditRecord, Circumstances};
pub use rotate::Retention;
pub use settings::{AuditSettings, Destination, OnFailure, StoredRecords};

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
    /// Opens the audit and writes the record of the start.
    ///
    /// # Errors
    /// As [`Audit::opened`].
    pub fn open(settings: AuditSettings, metrics: Metrics) -> io::Result<Self> {
        let audit = Self::opened(settings, metrics)?;
        audit.start();
        Ok(audit)
    }

    /// Opens the audit and writes nothing before [`Audit::start`]. A file is appended to, and readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread can be started.
    pub fn opened(settings: AuditSettings, metrics: Metrics) -> io::Result<Self> {
        if settings.destination == Destination::Off {
            return Ok(Self { handle: Arc::default(), metrics });
        }
        let (jobs, queue) = sync_channel(QUEUE_RECORDS);
        metrics.audit_queue_limit(QUEUE_RECORDS);
        let shared = Arc::new(QueueState::new(log::new_id()?));
        let (on_failure, records_sessions) = (settings.on_failure, settings.sessions);
        let (destination, stored_uses) = (settings.destination.clone(), settings.stored_uses);
        let shared_too = Arc::clone(&shared);
        let handle = Handle { jobs, shared: shared_too, on_failure, records_sessions, stored_uses, destination };
        let mut writer = Writer::begin(settings, shared, metrics.clone())?;
        thread::Builder::new().name("rolegate-audit".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(Self { handle: Arc::new(ArcSwapOption::from_pointee(handle)), metrics })
    }

    /// Queues the record of the start, which stands before all others. A process that never came so far has left no trace.
    pub fn start(&self) {
        if let Some(handle) = &*self.handle.load() {
            handle.start();
        }
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
        handle.require_soon(events, &self.metrics).await.inspect_err(|_| self.metrics.audit_refused())
    }

    /// An id for the record of a verdict; `None`: nothing is recorded.
    #[must_use]
    pub fn next_id(&self) -> Option<Arc<str>> {
        self.handle.load().as_ref().map(|handle| handle.shared.next_id().into())
    }

    /// Why no statement with a role may go on now, if so.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.handle.load().as_ref().is_some_and(|handle| handle.on_failure == OnFailure::Refuse && handle.is_failing())
    }

    /// Whether the last record could not be written, how many wait, and how many were lost that no gap tells of yet; `None`: nothing is
    /// recorded.
    #[must_use]
    pub fn health(&self) -> Option<(bool, usize, u64)> {
        self.handle.load().as_ref().map(|handle| handle.health())
    }

    /// Whether logins and ends of sessions are recorded.
    #[must_use]
    pub fn records_sessions(&self) -> bool {
        self.handle.load().as_ref().is_some_and(|handle| handle.records_sessions)
    }

    /// Which uses of stored credentials are recorded; without an audit those that it would record if nothing were said.
    #[must_use]
    pub fn stored_uses(&self) -> StoredRecords {
        self.handle.load().as_ref().map_or_else(StoredRecords::default, |handle| handle.stored_uses)
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
        Self::opened(settings, self.metrics.clone()).map(NewAudit::Elsewhere)
    }

    /// Puts other settings in force, for all clones. What is queued is written where it would have been.
    pub fn renew(&self, new: NewAudit) {
        let old = match new {
            NewAudit::Elsewhere(other) => {
                other.start();
                self.handle.swap(other.handle.load_full())
            }
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
