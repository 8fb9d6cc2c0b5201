//! The queue between sessions and the thread that writes: what may wait in it, and what both ends know.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::error;

use crate::observe::Metrics;
use crate::observe::audit::event::{AuditEvent, Queued};
use crate::observe::audit::settings::{AuditSettings, Destination, OnFailure, StoredRecords};

/// Records that may wait to be written; more are dropped and counted, because no session waits for a disk without end.
pub(super) const QUEUE_RECORDS: usize = 8192;

/// What refusals and failed logins may take of the queue: one who is refused must not keep out the record of a statement that will run.
const QUEUE_REFUSALS: usize = QUEUE_RECORDS / 2;

/// How long a statement may wait for its record.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long stopping may wait for the last records.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// What the writer is asked for.
#[derive(Debug)]
pub(super) enum Job {
    Start,
    Record(Box<Queued>, Option<oneshot::Sender<()>>),
    Settings(Box<AuditSettings>),
    Reopen(SyncSender<io::Result<()>>),
    Stop(SyncSender<()>),
}

/// What sessions and the writer both know.
#[derive(Debug, Default)]
pub(super) struct QueueState {
    /// The last record could not be written.
    pub(super) failing: AtomicBool,
    /// A record was waited for in vain, and none has been written since.
    pub(super) stalled: AtomicBool,
    /// Records that found no place in the queue, and are in no gap yet.
    pub(super) dropped: AtomicU64,
    /// Records in the queue.
    waiting: AtomicUsize,
    next: AtomicU64,
    /// What the ids of this process's events begin with: its own name.
    pub(super) prefix: String,
}

impl QueueState {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix, ..Self::default() }
    }

    pub(super) fn next_id(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.prefix)
    }

    pub(super) fn queued(&self, event: AuditEvent) -> Queued {
        let own = match &event {
            AuditEvent::Verdict(record) | AuditEvent::BreakGlass(record) => record.id.as_deref().map(str::to_owned),
            _ => None,
        };
        Queued { id: own.unwrap_or_else(|| self.next_id()), time: Timestamp::now(), event }
    }

    /// A record is written: storage answers.
    pub(super) fn wrote(&self, metrics: &Metrics) {
        if self.stalled.swap(false, Ordering::Relaxed) {
            metrics.audit_failing(self.failing.load(Ordering::Relaxed));
        }
    }

    pub(super) fn taken(&self, metrics: &Metrics) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        metrics.audit_taken();
    }
}

/// A record that has to be there could not be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct NotRecorded;

/// The sessions' end of the queue.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) jobs: SyncSender<Job>,
    pub(super) shared: Arc<QueueState>,
    pub(super) on_failure: OnFailure,
    pub(super) records_sessions: bool,
    pub(super) stored_uses: StoredRecords,
    pub(super) destination: Destination,
}

impl Handle {
    pub(super) fn under(&self, settings: &AuditSettings) -> Self {
        let (jobs, shared, destination) = (self.jobs.clone(), Arc::clone(&self.shared), self.destination.clone());
        let (on_failure, records_sessions) = (settings.on_failure, settings.sessions);
        Self { jobs, shared, destination, on_failure, records_sessions, stored_uses: settings.stored_uses }
    }

    pub(super) fn start(&self) {
        if self.jobs.send(Job::Start).is_err() {
            error!("the audit cannot be started: its writer is gone");
        }
    }

    pub(super) fn adopt(&self, settings: Box<AuditSettings>) {
        if self.jobs.send(Job::Settings(settings)).is_err() {
            error!("the audit's settings cannot be changed: its writer is gone");
        }
    }

    pub(super) fn finish(&self) {
        if self.ask(Job::Stop).is_err() {
            error!("the last audit records could not be written in time");
        }
    }

    pub(super) fn ask<T>(&self, job: impl FnOnce(SyncSender<T>) -> Job) -> io::Result<T> {
        let gone = || io::Error::other("the audit writer does not answer");
        let (answer, answered) = sync_channel(1);
        self.jobs.try_send(job(answer)).map_err(|_full| gone())?;
        answered.recv_timeout(LAST_RECORDS).map_err(|_gone| gone())
    }

    pub(super) fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed) || self.shared.stalled.load(Ordering::Relaxed)
    }

    /// Whether the last record could not be written, how many wait, and how many were dropped.
    pub(super) fn health(&self) -> (bool, usize, u64) {
        let shared = &self.shared;
        (self.is_failing(), shared.waiting.load(Ordering::Relaxed), shared.dropped.load(Ordering::Relaxed))
    }

    pub(super) fn send(
        &self,
        event: AuditEvent,
        answer: Option<oneshot::Sender<()>>,
        metrics: &Metrics,
    ) -> Result<(), NotRecorded> {
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        if waiting >= QUEUE_REFUSALS && event.is_refusal() {
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

    pub(super) fn drop_one(&self, metrics: &Metrics) {
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        metrics.audit_dropped(1);
    }

    /// Resolves when all events are written, or not within the longest wait: then nothing is waited for any more until something is.
    pub(super) async fn require_soon(&self, events: Vec<AuditEvent>, metrics: &Metrics) -> Result<(), NotRecorded> {
        let waited = tokio::time::timeout(LONGEST_WAIT, self.require(events, metrics)).await;
        waited.unwrap_or_else(|_elapsed| {
            if !self.shared.stalled.swap(true, Ordering::Relaxed) {
                metrics.audit_failing(true);
                error!("the audit has not been written for {} s: its storage does not answer", LONGEST_WAIT.as_secs());
            }
            Err(NotRecorded)
        })
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::gate::enforcement::Action;
    use crate::observe::audit::AuditRecord;
    use crate::observe::audit::event::{AuditedSession, FailedLogin, StopEvent};
    use crate::observe::audit::record::tests::record;
    use crate::observe::values::{LoginResult, SessionEnd};

    fn handle(on_failure: OnFailure, places: usize) -> (Handle, Receiver<Job>) {
        let (jobs, queue) = sync_channel(places);
        let shared = Arc::new(QueueState::new("p".to_owned()));
        (
            Handle {
                jobs,
                shared,
                on_failure,
                records_sessions: true,
                stored_uses: StoredRecords::First,
                destination: Destination::Stdout,
            },
            queue,
        )
    }

    fn event() -> AuditEvent {
        AuditEvent::Stop(StopEvent {})
    }

    #[test]
    fn a_record_that_finds_no_place_is_counted_and_waits_for_nothing() {
        let (handle, _queue) = handle(OnFailure::Continue, 1);
        let metrics = Metrics::new();
        assert!(handle.send(event(), None, &metrics).is_ok());
        assert!(handle.send(event(), None, &metrics).is_err(), "there is no room");
        handle.drop_one(&metrics);
        assert_eq!(handle.shared.waiting.load(Ordering::Relaxed), 1);
        assert_eq!(handle.shared.dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn neither_refusals_nor_failed_logins_keep_out_what_will_run() {
        let (handle, _queue) = handle(OnFailure::Refuse, 4);
        handle.shared.waiting.store(QUEUE_REFUSALS, Ordering::Relaxed);
        let verdict = |action| AuditEvent::Verdict(Arc::new(AuditRecord { action, ..record("etl", "select 'x'") }));
        let failed = FailedLogin::one(AuditedSession::default(), SessionEnd::Upstream, LoginResult::Password);
        for (name, event, is_taken) in [
            ("a refusal", verdict(Action::Reject), false),
            ("a failed login", AuditEvent::LoginFailed(Box::new(failed)), false),
            ("a statement that will run", verdict(Action::Annotate), true),
            ("a login", AuditEvent::Login(Box::default()), true),
        ] {
            assert_eq!(handle.send(event, None, &Metrics::new()).is_ok(), is_taken, "{name}");
        }
    }

    #[test]
    fn every_event_has_a_number_of_its_own() {
        let state = QueueState::new("p".to_owned());
        let ids: Vec<_> = (0..3).map(|_| state.queued(event()).id).collect();
        assert_eq!(ids, ["p-0", "p-1", "p-2"]);
    }

    #[tokio::test]
    async fn what_must_be_recorded_is_not_when_the_writer_fails_or_is_gone() {
        let metrics = Metrics::new();
        let (failing, _queue) = handle(OnFailure::Refuse, 4);
        failing.shared.failing.store(true, Ordering::Relaxed);
        assert_eq!(failing.require(vec![event()], &metrics).await, Err(NotRecorded));
        assert_eq!(failing.shared.waiting.load(Ordering::Relaxed), 0, "nothing is queued for a disk that is full");
        let (gone, queue) = handle(OnFailure::Refuse, 4);
        drop(queue);
        assert_eq!(gone.require(vec![event()], &metrics).await, Err(NotRecorded));
        let (written, queue) = handle(OnFailure::Refuse, 4);
        let answers = std::thread::spawn(move || {
            for job in queue {
                if let Job::Record(_, Some(answer)) = job {
                    answer.send(()).unwrap();
                }
            }
        });
        assert_eq!(written.require(vec![event(), event()], &metrics).await, Ok(()));
        drop(written);
        answers.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn storage_that_does_not_answer_is_waited_for_once() {
        let (handle, _queue) = handle(OnFailure::Refuse, 4);
        let metrics = Metrics::new();
        let began = tokio::time::Instant::now();
        assert_eq!(handle.require_soon(vec![event()], &metrics).await, Err(NotRecorded));
        assert!(handle.is_failing() && began.elapsed() >= LONGEST_WAIT);
        assert!(metrics.render().contains("\nrolegate_audit_failing 1\n"));
        let began = tokio::time::Instant::now();
        assert_eq!(handle.require_soon(vec![event()], &metrics).await, Err(NotRecorded));
        assert!(began.elapsed() < LONGEST_WAIT, "what follows is refused at once");
        handle.shared.wrote(&metrics);
        assert!(!handle.is_failing());
        assert!(metrics.render().contains("\nrolegate_audit_failing 0\n"));
    }

    #[test]
    fn a_writer_that_is_gone_answers_no_question() {
        let (handle, queue) = handle(OnFailure::Continue, 1);
        drop(queue);
        assert!(handle.ask(Job::Reopen).is_err());
    }
}
