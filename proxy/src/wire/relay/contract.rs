//! What the relay asks of its caller and tells it: rulings on statements, what passes, why a session ends.

use std::future::Future;
use std::io;

use crate::wire::answer::{Rejection, Report};
use crate::wire::frame::BadLength;
use crate::wire::relay::owed::{Number, Reached};

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
    Refuse(Rejection),
    /// The inspector is asked again once the server has answered everything sent before; only where [`Standing::is_behind`].
    Wait,
}

/// Where a message stands among those that the server has not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Its number among the session's statements.
    pub number: Number,
    /// The server has yet to answer, with ReadyForQuery, something that was sent before: what it has reported of the session may be
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
    fn refuse(&mut self, report: Report) -> Rejection;
}

/// How the server answers a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answered<'a> {
    /// CommandComplete, with its tag.
    Complete(&'a [u8]),
    /// ErrorResponse, with its SQLSTATE.
    Error(&'a [u8]),
    /// ReadyForQuery.
    Ready,
}

/// Learns what passes through the relay.
pub trait RelayObserver {
    /// `bytes` went to the backend.
    fn to_backend(&self, bytes: usize);
    /// `bytes` went to the frontend.
    fn to_frontend(&self, bytes: usize);
    /// The server reports the session's user.
    fn session_authorization(&self, user: &[u8]);
    /// The server reports the encoding in which it reads what the client sends.
    fn client_encoding(&self, encoding: &[u8]);
    /// The server is ready for the first time: the user is let in.
    fn let_in(&self);
    /// The server has got this far with the statements that it was sent.
    fn reached(&self, reached: Reached);
    /// The server has answered everything that it was sent, and no transaction is open.
    fn settled(&self);
    /// The server is ready, with this transaction status; `is_quiet`: nothing more is due.
    fn ready(&self, _status: u8, _is_quiet: bool) {}
    /// The process that serves the session.
    fn backend_pid(&self, _pid: u32) {}
    /// The server does not let the user in.
    fn login_refused(&self, _sqlstate: &[u8]) {}
    /// Whether answers are to be told.
    fn wants_answers(&self) -> bool {
        false
    }
    /// The server has answered, and come so far.
    fn answered(&self, _answered: Answered<'_>, _reached: Reached) {}
}

/// Which side ended the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The frontend sent Terminate or closed.
    Frontend,
    /// The backend closed.
    Backend,
    /// The gate is draining and the session was idle, or the time for the drain is over.
    Drained,
    /// The backend did not let the user in within the time for it.
    Unauthenticated,
    /// Nothing happened for too long.
    Idle,
    /// The session was idle at the end of its lifetime.
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
    /// A client that is not logged in sends something other than what it is asked for.
    #[error("{}", .0.message)]
    NotLetIn(Report),
    /// Statements stand behind the data of an extended COPY that has failed: which of them the server runs cannot be told.
    #[error("statements were sent behind the data of a COPY that failed")]
    Lost,
}

/// Whether sessions should end, and how soon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Drain {
    /// Sessions go on.
    Running,
    /// Each session ends as soon as it is idle.
    WhenIdle,
    /// Every session ends at once.
    Now,
}
