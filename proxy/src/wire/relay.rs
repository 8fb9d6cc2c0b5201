//! The relay of one session: two directions in one task, each forwarding what it has read at once. The frontend's
//! direction stops at messages that carry statements and asks the [`Inspector`]; everything else streams through.

mod buffer;
mod downward;
mod ending;
mod hanging;
mod ledger;
mod owed;
mod passage;
mod phase;
mod shared;
mod upward;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::answer::{Nonce, Refusal, Report};
use crate::wire::close::close_with;
use crate::wire::frame::BadLength;
use crate::wire::relay::downward::Downward;
pub use crate::wire::relay::ending::Bounds;
use crate::wire::relay::ending::{LAST_WORDS, abandoned, drained, overdue};
use crate::wire::relay::ledger::Ledger;
pub use crate::wire::relay::owed::{Number, Reached};
use crate::wire::relay::shared::Shared;
use crate::wire::relay::upward::Upward;

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
    /// It is asked about again when the server has answered all that was sent before; only where [`Standing::is_behind`].
    Wait,
}

/// Where a message stands among those that the server has not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Its number among the session's statements.
    pub number: Number,
    /// The server is yet to answer, with ReadyForQuery, something that was sent before: what it has reported of the session may be
    /// out of date when it comes to this message.
    pub is_behind: bool,
    /// It belongs to extended messages whose Sync has not been sent: what they do to the session is not reported before it.
    pub is_in_segment: bool,
}

/// Decides about statements. Called in the order of the frontend's messages.
pub trait Inspector {
    /// Rules on the text of a `Query` (`name` is `None`) or a `Parse`.
    fn statement(&mut self, name: Option<&[u8]>, text: &[u8], standing: Standing) -> impl Future<Output = Ruling>;
    /// Whether `Bind` and `Close` must be shown: some prepared statement depends on them.
    fn watches_prepared(&self) -> bool;
    /// Rules on a `Bind` of the named statement with these parameter values.
    fn bind(&mut self, statement: &[u8], values: &[&[u8]], standing: Standing) -> impl Future<Output = Ruling>;
    /// A prepared statement is to be closed.
    fn close(&mut self, statement: &[u8], standing: Standing);
    /// Rules on a FunctionCall with these arguments. What follows it waits until the server has answered it.
    fn function_call(&mut self, values: &[&[u8]]) -> impl Future<Output = Ruling>;
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
    /// The server has come so far with the statements that it was sent.
    fn reached(&self, reached: Reached);
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
    /// A client that is not let in sends something else than what it is asked for.
    #[error("{}", .0.message)]
    NotLetIn(Report),
    /// Statements stand behind the data of an extended COPY that has failed: which of them the server runs cannot be told.
    #[error("statements were sent behind the data of a COPY that failed")]
    Lost,
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
    let ledger = Ledger::new();
    let (frontend, backend) = (|| Shared::new(&legs.frontend), || Shared::new(&legs.backend));
    let ended = {
        let mut upward = Upward::new(frontend(), backend(), inspector, observer, &ledger, bounds.max_statement_bytes);
        // Pinned where they are made: a move would keep the room of both places for the whole session.
        let mut up = pin!(upward.run());
        let mut downward = Downward::new(backend(), frontend(), observer, &ledger);
        let mut down = pin!(downward.run());
        let mut late = pin!(overdue(bounds, &ledger));
        let mut frontend_open = true;
        loop {
            tokio::select! {
                biased;
                ended = &mut down => break ended.map(|()| if ledger.is_terminated.get() { Ended::Frontend } else { Ended::Backend }),
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
    let last_words = ended.as_ref().map_or_else(RelayError::last_words, |ended| ended.last_words());
    let last_words = last_words.filter(|_| ledger.is_at_boundary.get());
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
