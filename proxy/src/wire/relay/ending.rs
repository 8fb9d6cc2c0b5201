//! When the gate itself ends a session: the drain, and the limits on its time.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::wire::answer::{Report, sqlstate};
use crate::wire::relay::ledger::Ledger;
use crate::wire::relay::{Drain, Ended, RelayError};

/// How often a session that is to end once it is idle is checked.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a backend that owes nothing may take to close once its frontend has left.
const BACKEND_CLOSES: Duration = Duration::from_secs(10);

/// How long a client may take to read why its session ends.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often the end of a session's lifetime is looked for at most, and how often once it is past.
const EXPIRY_LOOK: Duration = Duration::from_secs(1);

/// How many checks in a row must find a session quiet before it counts as idle.
const LOOKS: u32 = 4;

/// The limits of one session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// The longest frontend message that may carry a statement; a longer one is refused, and the session goes on.
    pub max_statement_bytes: usize,
    /// The backend must have let the user in by then.
    pub authenticated_by: Instant,
    /// A session that is outside a transaction and quiet for this long ends.
    pub idle: Option<Duration>,
    /// A session older than this ends as soon as it is idle.
    pub lifetime: Option<Duration>,
}

/// Boxed, as every timer here: a session keeps room for one only while it runs.
async fn pause(period: Duration) {
    Box::pin(sleep(period)).await;
}

/// Resolves when the session should end because of the drain.
pub(super) async fn drained(drain: &mut watch::Receiver<Drain>, ledger: &Ledger) {
    loop {
        let wanted = *drain.borrow_and_update();
        match wanted {
            Drain::Now => return,
            Drain::WhenIdle if ledger.is_idle() => return,
            Drain::WhenIdle => pause(LOOK_AGAIN).await,
            Drain::Running => {
                if drain.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// Resolves when the frontend has left, the backend owes it no answer, and still does not close: it cannot be reached any more.
/// A statement that runs goes on to its end, as it would without the gate.
pub(super) async fn abandoned(ledger: &Ledger) {
    let mut quiet = 0_u32;
    while quiet < LOOKS {
        pause(BACKEND_CLOSES / LOOKS).await;
        quiet = if ledger.owes_nothing() && ledger.is_at_boundary.get() { quiet.saturating_add(1) } else { 0 };
    }
}

/// Resolves with the time limit that the session has reached.
pub(super) async fn overdue(bounds: &Bounds, ledger: &Ledger) -> Ended {
    let began = Instant::now();
    let is_let_in = || ledger.is_ready();
    let mut late = Box::pin(sleep_until(bounds.authenticated_by));
    // Polled whenever something has passed, so that the timer is given back once the user is let in.
    poll_fn(|context| if is_let_in() { Poll::Ready(()) } else { late.as_mut().poll(context) }).await;
    if !is_let_in() {
        return Ended::Unauthenticated;
    }
    drop(late);
    let expires = bounds.lifetime.map(|lifetime| began + lifetime);
    let Some(look) = bounds.idle.map(|idle| idle / LOOKS).or(bounds.lifetime.map(|_| EXPIRY_LOOK)) else {
        return std::future::pending().await;
    };
    let (mut seen, mut quiet) = (ledger.activity.get(), 0_u32);
    loop {
        // The end of the lifetime is met on time, however seldom idleness is looked for.
        let left = expires.map(|expires| expires.saturating_duration_since(Instant::now()).max(EXPIRY_LOOK));
        let is_cut = left.is_some_and(|left| left < look);
        pause(left.map_or(look, |left| look.min(left)).max(LOOK_AGAIN)).await;
        if expires.is_some_and(|expires| Instant::now() >= expires) && ledger.is_idle() {
            return Ended::Expired;
        }
        if is_cut {
            continue;
        }
        let now = ledger.activity.get();
        quiet = if now == seen && ledger.is_idle() { quiet.saturating_add(1) } else { 0 };
        seen = now;
        if bounds.idle.is_some() && quiet >= LOOKS {
            return Ended::Idle;
        }
    }
}

impl Ended {
    /// What the client is told when the gate ends its session.
    pub(super) fn last_words(self) -> Option<Report> {
        match self {
            Self::Frontend | Self::Backend => None,
            Self::Drained => Some(
                Report::new(sqlstate::ADMIN_SHUTDOWN, "terminating connection: the gate is being stopped")
                    .hint("connect again; another gate, or this one restarted, will answer"),
            ),
            Self::Unauthenticated => {
                Some(Report::new(sqlstate::QUERY_CANCELED, "canceling authentication due to timeout"))
            }
            Self::Idle => Some(
                Report::new(sqlstate::IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout")
                    .hint("the gate's idle_timeout ends sessions in which nothing happens; connect again"),
            ),
            Self::Expired => Some(
                Report::new(
                    sqlstate::ADMIN_SHUTDOWN,
                    "terminating connection: the session is at the end of its lifetime",
                )
                .hint("the gate's session_lifetime bounds every session; connect again"),
            ),
        }
    }
}

impl RelayError {
    /// What the client is told when its session breaks off.
    pub(super) fn last_words(&self) -> Option<Report> {
        match self {
            Self::Frontend(_) | Self::Backend(_) => None,
            Self::NotLetIn(report) => Some(report.clone()),
            Self::FrontendFrame(_) | Self::BackendFrame(_) | Self::Compressed(_) | Self::Lost => {
                Some(Report::new(sqlstate::PROTOCOL_VIOLATION, format!("terminating connection: {self}")))
            }
        }
    }
}
