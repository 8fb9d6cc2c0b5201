//! What was judged lately, for those who look at the gate now: a bounded store in memory of what the audit tells, each statement with
//! what became of it. A session holds its lock for the time of one push; whoever reads takes a few entries at a time.

mod entry;
mod held;
mod short;
mod weight;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::observe::audit::event::OutcomeEvent;
use crate::observe::audit::{AuditEvent, AuditRecord};
use crate::observe::recent::held::Held;
use crate::observe::recent::short::in_short;
use crate::observe::recent::weight::weight;

pub use entry::{RecentBatch, RecentCensus, RecentDecision, RecentEvent, RecentLimits, RecentOutcome};

/// A record that takes more than this part of all is kept in short.
const SHARE: usize = 64;

/// Entries that are read under one taking of the lock.
const READ_AT_ONCE: usize = 128;

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Recent(Arc<Store>);

#[derive(Debug)]
struct Store {
    limits: RecentLimits,
    held: Mutex<Held>,
    /// What the ids that it gives begin with.
    prefix: String,
    next_id: AtomicU64,
    /// The cursor behind the last event.
    changed: watch::Sender<u64>,
}

impl Recent {
    /// An empty store within these limits.
    #[must_use]
    pub fn new(limits: RecentLimits) -> Self {
        let prefix = format!("recent-{:x}", Timestamp::now().as_microsecond());
        let (held, changed) = (Mutex::default(), watch::channel(0).0);
        Self(Arc::new(Store { limits, held, prefix, next_id: AtomicU64::new(0), changed }))
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> RecentLimits {
        self.0.limits
    }

    /// An id for a statement that the audit gives none; `None`: nothing is kept.
    #[must_use]
    pub fn next_id(&self) -> Option<Arc<str>> {
        let number = (self.0.limits.decisions > 0).then(|| self.0.next_id.fetch_add(1, Ordering::Relaxed))?;
        Some(format!("{}-{number}", self.0.prefix).into())
    }

    /// Keeps what an event tells of a statement.
    pub fn hear(&self, event: &AuditEvent) {
        if self.0.limits.decisions == 0 {
            return;
        }
        match event {
            AuditEvent::Verdict(record) | AuditEvent::BreakGlass(record) => self.judged(record),
            AuditEvent::Outcome(event) => self.went(event),
            _ => {}
        }
    }

    fn judged(&self, record: &Arc<AuditRecord>) {
        let Some(id) = record.id.clone() else { return };
        let (time, mut bytes, mut record) = (Timestamp::now(), weight(record), Arc::clone(record));
        if bytes > self.0.limits.bytes / SHARE {
            // One statement as long as messages may be must not push out everything else.
            record = Arc::new(in_short(&record));
            bytes = weight(&record);
        }
        let decision = RecentDecision { number: 0, time, record, outcome: None, runs: 0 };
        let cursor = self.with(|held| held.judged(id, decision, bytes, self.0.limits));
        self.0.changed.send_replace(cursor);
    }

    fn went(&self, event: &OutcomeEvent) {
        let OutcomeEvent { outcome, rows, ref error, seconds, .. } = *event;
        let outcome = RecentOutcome { time: Timestamp::now(), outcome, rows, error: error.clone(), seconds };
        if let Some(cursor) = self.with(|held| held.went(&event.of, Arc::new(outcome), self.0.limits)) {
            self.0.changed.send_replace(cursor);
        }
    }

    /// The statement with this id, while it is kept.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<RecentDecision> {
        self.with(|held| held.find(id))
    }

    /// All that is kept, or what was judged before the statement of this number, the newest first.
    pub fn newest(&self, before: Option<u64>) -> impl Iterator<Item = RecentDecision> {
        let (mut before, mut page) = (before.unwrap_or(u64::MAX), Vec::new().into_iter());
        std::iter::from_fn(move || {
            if page.len() == 0 {
                page = self.with(|held| held.before(before, READ_AT_ONCE)).into_iter();
            }
            let next: RecentDecision = page.next()?;
            before = next.number;
            Some(next)
        })
    }

    /// What happened from this cursor on, as far as it is kept.
    #[must_use]
    pub fn events_from(&self, cursor: u64) -> RecentBatch {
        self.with(|held| held.events_from(cursor, READ_AT_ONCE))
    }

    /// Tells of changes: the cursor behind the last event.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// How much is kept, and since when.
    #[must_use]
    pub fn census(&self) -> RecentCensus {
        self.with(|held| held.census())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.0.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
