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

/// Folds like refusals that come faster than a rate into one record with their count.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gate::enforcement::Action;
    use crate::observe::audit::event::{AuditedSession, StopEvent};
    use crate::observe::audit::record::AuditRecord;
    use crate::observe::audit::record::tests::record as verdict;
    use crate::observe::values::{LoginResult, SessionEnd};

    const PERIOD: Duration = Duration::from_mins(1);

    fn queued(event: AuditEvent) -> Queued {
        Queued { id: "i".to_owned(), time: Timestamp::UNIX_EPOCH, event }
    }

    fn refusal(user: &str) -> Queued {
        let login_user = user.to_owned();
        let record = AuditRecord { action: Action::Reject, login_user, ..verdict(user, "select 'x'") };
        queued(AuditEvent::Verdict(Arc::new(record)))
    }

    fn failed_login(user: &str) -> Queued {
        let who = AuditedSession { user: user.to_owned(), ..AuditedSession::default() };
        queued(AuditEvent::LoginFailed(Box::new(FailedLogin::one(who, SessionEnd::Upstream, LoginResult::Password))))
    }

    /// Whose record stands for how many.
    fn told(records: Vec<Queued>) -> Vec<(String, u64)> {
        let one = |queued: Queued| match queued.event {
            AuditEvent::Folded(folded) => (folded.last.login_user.clone(), folded.count),
            AuditEvent::LoginFailed(failed) => ("logins".to_owned(), failed.count),
            other => panic!("{other:?}"),
        };
        let mut told: Vec<_> = records.into_iter().map(one).collect();
        told.sort();
        told
    }

    #[test]
    fn refusals_above_the_rate_have_one_record_a_user_and_period() {
        let (mut fold, now) = (Fold::new(2, PERIOD), Instant::now());
        let mut kept = |user, at| fold.take(refusal(user), at).is_some();
        assert_eq!([0; 5].map(|_| kept("a", now)), [true, true, false, false, false]);
        assert!(kept("b", now), "another user's are not alike");
        assert!(fold.over(now + PERIOD / 2).is_empty(), "the period goes on");
        assert_eq!(told(fold.over(now + PERIOD)), [("a".to_owned(), 3)]);
        assert!(fold.take(refusal("a"), now + PERIOD).is_some(), "the next period");
        assert!(told(fold.all()).is_empty(), "what has its own record is told");
    }

    #[test]
    fn failed_logins_are_alike_whatever_name_a_client_invents() {
        let (mut fold, now) = (Fold::new(1, PERIOD), Instant::now());
        let kept: Vec<bool> =
            (0..4).map(|number| fold.take(failed_login(&format!("u{number}")), now).is_some()).collect();
        assert_eq!(kept, [true, false, false, false]);
        assert_eq!(told(fold.all()), [("logins".to_owned(), 3)]);
    }

    #[test]
    fn what_was_not_refused_is_never_folded() {
        let (mut fold, now) = (Fold::new(0, PERIOD), Instant::now());
        let ran = |action| queued(AuditEvent::Verdict(Arc::new(AuditRecord { action, ..verdict("a", "select 'x'") })));
        for event in [ran(Action::Forward), ran(Action::Annotate), queued(AuditEvent::Stop(StopEvent {}))] {
            assert!(fold.take(event, now).is_some());
        }
        assert!(fold.take(refusal("a"), now).is_none(), "a rate of none leaves none its own");
    }

    #[test]
    fn users_without_end_share_one_place() {
        let (mut fold, now) = (Fold::new(1, PERIOD), Instant::now());
        for number in 0..MAX_KEYS * 3 {
            drop(fold.take(refusal(&format!("u{number}")), now));
        }
        assert!(fold.periods.len() <= MAX_KEYS + 1, "{}", fold.periods.len());
        let folded: u64 = told(fold.all()).into_iter().map(|(_, count)| count).sum();
        let own = u64::try_from(MAX_KEYS + 1).unwrap();
        assert_eq!(folded, u64::try_from(MAX_KEYS * 3).unwrap() - own, "none is forgotten");
    }
}
