//! Floods of like refusals: after a number of them in a period, one record stands for the rest, so that no user can fill a disk.
//! Pure: time is an argument. What was not refused has run, and is never folded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::observe::audit::event::{AuditEvent, FailedLogin, FoldedRefusals, Queued};

/// Users and reasons that are told apart; those above share one place, for a client can invent users.
const MAX_KEYS: usize = 1024;

/// What makes refusals alike. Nothing in it is a client's to choose but the name it logs in by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Alike {
    Refusal { gate: String, user: String, code: Option<Code> },
    FailedLogin { gate: String },
    Rest,
}

/// One period of like refusals.
#[derive(Debug)]
struct FoldPeriod {
    began: Instant,
    recorded: u64,
    folded: Option<Folded>,
}

#[derive(Debug)]
struct Folded {
    count: u64,
    since: Timestamp,
    last: Queued,
}

/// Folds refusals.
#[derive(Debug)]
pub(super) struct Fold {
    after: u64,
    every: Duration,
    periods: HashMap<Alike, FoldPeriod>,
}

impl Fold {
    /// Leaves `after` refusals of a kind their own record, in each `every`.
    pub(super) fn new(after: u64, every: Duration) -> Self {
        Self { after, every, periods: HashMap::new() }
    }

    /// Other bounds, also for what is being folded.
    pub(super) fn set(&mut self, after: u64, every: Duration) {
        (self.after, self.every) = (after, every);
    }

    /// Gives the event back, unless a later record will stand for it.
    pub(super) fn take(&mut self, queued: Queued, now: Instant) -> Option<Queued> {
        let Some(alike) = alike(&queued.event) else { return Some(queued) };
        let is_known = self.periods.contains_key(&alike);
        let alike = if is_known || self.periods.len() < MAX_KEYS { alike } else { Alike::Rest };
        let period = self.periods.entry(alike).or_insert_with(|| FoldPeriod { began: now, recorded: 0, folded: None });
        if period.recorded < self.after {
            period.recorded = period.recorded.saturating_add(1);
            return Some(queued);
        }
        match &mut period.folded {
            Some(folded) => {
                folded.count = folded.count.saturating_add(1);
                folded.last = queued;
            }
            none => *none = Some(Folded { count: 1, since: queued.time, last: queued }),
        }
        None
    }

    /// The records of the periods that are over.
    pub(super) fn over(&mut self, now: Instant) -> Vec<Queued> {
        let every = self.every;
        self.end(|period| now.saturating_duration_since(period.began) >= every)
    }

    /// The records of all periods: nothing follows.
    pub(super) fn all(&mut self) -> Vec<Queued> {
        self.end(|_| true)
    }

    fn end(&mut self, is_over: impl Fn(&FoldPeriod) -> bool) -> Vec<Queued> {
        let ended = self.periods.extract_if(|_, period| is_over(period));
        ended.filter_map(|(_, period)| period.folded).filter_map(record).collect()
    }
}

fn alike(event: &AuditEvent) -> Option<Alike> {
    match event {
        _ if !event.is_refusal() => None,
        AuditEvent::Verdict(record) => Some(Alike::Refusal {
            gate: record.gate.clone(),
            user: record.login_user.clone(),
            code: record.findings.first().map(|finding| finding.code),
        }),
        // A client chooses the name that it fails to log in by.
        AuditEvent::LoginFailed(failed) => Some(Alike::FailedLogin { gate: failed.who.gate.clone() }),
        _ => None,
    }
}

fn record(folded: Folded) -> Option<Queued> {
    let Folded { count, since, last } = folded;
    let Queued { id, time, event } = last;
    let event = match event {
        AuditEvent::Verdict(last) => AuditEvent::Folded(Box::new(FoldedRefusals { count, since, last })),
        AuditEvent::LoginFailed(last) => AuditEvent::LoginFailed(Box::new(FailedLogin { count, since, ..*last })),
        _ => return None,
    };
    Some(Queued { id, time, event })
}
