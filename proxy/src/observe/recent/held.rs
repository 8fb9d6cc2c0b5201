//! What the store holds: statements in the order in which they were judged, and events that refer to them. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::observe::recent::entry::{
    RecentBatch, RecentCensus, RecentDecision, RecentEvent, RecentLimits, RecentOutcome,
};

/// Events that are kept for each statement that may be: it is judged, and it goes somehow.
const EVENTS_OF_ONE: usize = 2;

/// Statements and events of one process.
#[derive(Debug, Default)]
pub(super) struct Held {
    decisions: VecDeque<(RecentDecision, usize)>,
    numbers: HashMap<Arc<str>, u64>,
    bytes: usize,
    /// Statements that were judged so far: the next one's number.
    judged: u64,
    events: VecDeque<Noted>,
    /// Events that happened so far: the cursor behind the last one.
    happened: u64,
}

/// What happened to the statement of a number.
#[derive(Clone, Copy, Debug)]
enum Noted {
    Judged(u64),
    Went(u64),
}

impl Held {
    /// Keeps one more, and lets go of as many as the limits ask for. The cursor behind it.
    pub(super) fn judged(&mut self, id: Arc<str>, decision: RecentDecision, bytes: usize, limits: RecentLimits) -> u64 {
        let number = self.judged;
        self.judged = number.saturating_add(1);
        self.numbers.insert(id, number);
        self.bytes = self.bytes.saturating_add(bytes);
        self.decisions.push_back((RecentDecision { number, ..decision }, bytes));
        while self.decisions.len() > limits.decisions || self.bytes > limits.bytes {
            let Some((gone, bytes)) = self.decisions.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
            if let Some(id) = &gone.record.id {
                self.numbers.remove(id);
            }
        }
        self.note(Noted::Judged(number), limits)
    }

    /// Joins an outcome to its statement; `None`: that is kept no longer.
    pub(super) fn went(&mut self, of: &str, outcome: Arc<RecentOutcome>, limits: RecentLimits) -> Option<u64> {
        let number = *self.numbers.get(of)?;
        let place = self.place(number)?;
        let (decision, _) = self.decisions.get_mut(place)?;
        decision.runs = decision.runs.saturating_add(1);
        decision.outcome = Some(outcome);
        Some(self.note(Noted::Went(number), limits))
    }

    fn note(&mut self, noted: Noted, limits: RecentLimits) -> u64 {
        self.events.push_back(noted);
        while self.events.len() > limits.decisions.saturating_mul(EVENTS_OF_ONE) {
            self.events.pop_front();
        }
        self.happened = self.happened.saturating_add(1);
        self.happened
    }

    fn place(&self, number: u64) -> Option<usize> {
        let first = self.decisions.front()?.0.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }

    fn of(&self, number: u64) -> Option<&RecentDecision> {
        self.decisions.get(self.place(number)?).map(|(decision, _)| decision)
    }

    pub(super) fn find(&self, id: &str) -> Option<RecentDecision> {
        self.of(*self.numbers.get(id)?).cloned()
    }

    /// At most so many that were judged before the statement of this number, the newest first.
    pub(super) fn before(&self, number: u64, most: usize) -> Vec<RecentDecision> {
        let first = self.decisions.front().map(|(decision, _)| decision.number).unwrap_or_default();
        let count = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX).min(self.decisions.len());
        self.decisions.range(..count).rev().take(most).map(|(decision, _)| decision.clone()).collect()
    }

    /// At most so many events from a cursor on. One that is ahead of all events is taken for the one behind them.
    pub(super) fn events_from(&self, cursor: u64, most: usize) -> RecentBatch {
        let kept = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let first = self.happened.saturating_sub(kept);
        let from = cursor.clamp(first, self.happened);
        let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX).min(self.events.len());
        let mut batch = RecentBatch { lost: first.saturating_sub(cursor), events: Vec::new(), next: from };
        for noted in self.events.range(skipped..).take(most) {
            batch.next = batch.next.saturating_add(1);
            let event = match *noted {
                Noted::Judged(number) => self.of(number).cloned().map(RecentEvent::Judged),
                Noted::Went(number) => self.of(number).cloned().map(RecentEvent::Went),
            };
            match event {
                Some(event) => batch.events.push(event),
                None => batch.lost = batch.lost.saturating_add(1),
            }
        }
        batch
    }

    pub(super) fn census(&self) -> RecentCensus {
        let since = self.decisions.front().map(|(decision, _)| decision.time);
        RecentCensus { decisions: self.decisions.len(), bytes: self.bytes, since, judged: self.judged }
    }
}
