//! The relay of one session: two directions in one task, each forwarding what it has read at once. The frontend's
//! direction stops at messages that carry statements and asks the [`Inspector`]; everything else streams through.

mod buffer;
mod downward;
mod ending;
mod shared;
mod upward;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::answer::{Nonce, Refusal, Report};
use crate::wire::close::close_with;
use crate::wire::frame::BadLength;
use crate::wire::relay::downward::downward;
pub use crate::wire::relay::ending::Bounds;
use crate::wire::relay::ending::{LAST_WORDS, abandoned, drained, overdue};
use crate::wire::relay::shared::Shared;
use crate::wire::relay::upward::Upward;

/// Refusals whose error has not come back: the server skips some after an earlier error, and those never come.
const MAX_PENDING: usize = 256;

/// What is decided about a statement.
#[derive(Debug)]
pub enum Ruling {
    /// It goes on as it came.
    Forward,
    /// It goes on with a comment appended, and the client is warned.
    Annotate {
        /// Appended after a newline.
        comment: Option<String>,
        /// Sent as a NoticeResponse.
        warning: Option<Report>,
    },
    /// The nonce goes on in its place, and the server's error is rewritten.
    Refuse(Refusal),
}

/// Decides about statements. Called in the order of the frontend's messages.
pub trait Inspector {
    /// Rules on the text of a `Query` (`name` is `None`) or a `Parse`.
    fn statement(&mut self, name: Option<&[u8]>, text: &[u8]) -> impl Future<Output = Ruling>;
    /// Whether `Bind` and `Close` must be shown: some prepared statement depends on them.
    fn watches_prepared(&self) -> bool;
    /// Rules on a `Bind` of the named statement with these parameter values.
    fn bind(&mut self, statement: &[u8], values: &[&[u8]]) -> impl Future<Output = Ruling>;
    /// A prepared statement is closed.
    fn close(&mut self, statement: &[u8]);
    /// A refusal for a message that broke a rule of the wire and was shown to nobody.
    fn refuse(&mut self, report: Report) -> Refusal;
}

/// Is told what passes.
pub trait RelayObserver {
    /// `bytes` went to the backend.
    fn to_backend(&self, bytes: usize);
    /// `bytes` went to the frontend.
    fn to_frontend(&self, bytes: usize);
    /// The server reports the session's user.
    fn session_authorization(&self, user: &[u8]);
    /// The server reports the encoding in which it reads what the client sends.
    fn client_encoding(&self, encoding: &[u8]);
    /// The server has answered everything that it was sent, and no transaction is open.
    fn settled(&self);
}

/// Which side ended the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The frontend said Terminate or closed.
    Frontend,
    /// The backend closed.
    Backend,
    /// The gate is draining and the session was idle, or the drain's time is over.
    Drained,
    /// The backend did not let the user in within the time for it.
    Unauthenticated,
    /// Nothing happened for too long.
    Idle,
    /// The session was idle after its lifetime.
    Expired,
}

/// Why a session breaks off.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Reading from or writing to the frontend.
    #[error("frontend: {0}")]
    Frontend(#[source] io::Error),
    /// Reading from or writing to the backend.
    #[error("backend: {0}")]
    Backend(#[source] io::Error),
    /// A frontend frame that cannot be followed.
    #[error("frontend: {0}")]
    FrontendFrame(#[from] BadLength),
    /// A backend frame that cannot be followed.
    #[error("backend: {0}")]
    BackendFrame(#[source] BadLength),
    /// A compressed frame: what is inside cannot be inspected.
    #[error("{0} sent a compressed frame, and wire compression does not pass this gate")]
    Compressed(&'static str),
}

/// When a session should end on its own account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drain {
    /// Not at all.
    Running,
    /// As soon as it is idle.
    WhenIdle,
    /// Now.
    Now,
}

/// What the two directions tell each other.
#[derive(Debug, Default)]
struct Ledger {
    pending: RefCell<VecDeque<Refusal>>,
    warnings: RefCell<VecDeque<Vec<u8>>>,
    /// Messages that the server answers with ReadyForQuery, less those answers.
    unanswered: Cell<usize>,
    /// The status byte of the last ReadyForQuery; 0 before the first.
    status: Cell<u8>,
    /// Whether the frontend stands between two server frames.
    at_boundary: Cell<bool>,
    terminated: Cell<bool>,
    /// Counts reads from the frontend.
    activity: Cell<u64>,
}

impl Ledger {
    fn remember(&self, refusal: Refusal) {
        let mut pending = self.pending.borrow_mut();
        if pending.len() >= MAX_PENDING {
            pending.pop_front();
        }
        pending.push_back(refusal);
    }

    /// The server has answered everything, and no transaction is open.
    fn is_settled(&self) -> bool {
        self.unanswered.get() == 0 && self.status.get() == b'I'
    }

    fn is_idle(&self) -> bool {
        self.is_settled() && self.at_boundary.get()
    }
}

/// The two legs of a session: the client's and the cluster's.
#[derive(Debug)]
pub struct Legs<F, B> {
    frontend: RefCell<F>,
    backend: RefCell<B>,
}

impl<F, B> Legs<F, B> {
    /// These two.
    pub const fn new(frontend: F, backend: B) -> Self {
        Self { frontend: RefCell::new(frontend), backend: RefCell::new(backend) }
    }
}

/// Relays until one side ends, a bound is reached or the gate drains. Not cancel safe: a frame may be half written.
///
/// # Errors
/// [`RelayError`]; its variant names the side.
pub async fn relay<F, B, I, T>(
    legs: &Legs<F, B>,
    inspector: &mut I,
    observer: &T,
    bounds: &Bounds,
    drain: &mut tokio::sync::watch::Receiver<Drain>,
) -> Result<Ended, RelayError>
where
    F: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
    I: Inspector,
    T: RelayObserver,
{
    let ledger = Ledger::default();
    let (frontend, backend) = (|| Shared::new(&legs.frontend), || Shared::new(&legs.backend));
    let ended = {
        let mut upward = Upward::new(frontend(), backend(), inspector, observer, &ledger, bounds.max_statement_bytes);
        // Pinned where they are made: a move would keep the room of both places for the whole session.
        let mut up = pin!(upward.run());
        let mut down = pin!(downward(backend(), frontend(), &ledger, observer));
        let mut late = pin!(overdue(bounds, &ledger));
        let mut frontend_open = true;
        loop {
            tokio::select! {
                biased;
                ended = &mut down => break ended.map(|()| if ledger.terminated.get() { Ended::Frontend } else { Ended::Backend }),
                ended = &mut up, if frontend_open => match ended {
                    Ok(()) => frontend_open = false,
                    Err(error) => break Err(error),
                },
                () = abandoned(&ledger), if !frontend_open => break Ok(Ended::Frontend),
                () = drained(drain, &ledger) => break Ok(Ended::Drained),
                ended = &mut late => break Ok(ended),
            }
        }
    };
    let last_words = ended.as_ref().ok().and_then(|ended| ended.last_words());
    let last_words = last_words.filter(|_| ledger.at_boundary.get() || ledger.status.get() == 0);
    // A client that has gone, or does not read, learns nothing more; that the session is over is known already.
    // Boxed, since only a session that is over needs its room.
    match Box::pin(close_with(frontend(), last_words.as_ref(), LAST_WORDS)).await {
        Ok(()) | Err(_) => ended,
    }
}

/// A nonce from the operating system's random source.
///
/// # Errors
/// The source fails, which on a running system it does not.
pub fn nonce() -> io::Result<Nonce> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(Nonce::new(random))
}

#[cfg(test)]
mod tests;
