//! Backend to frontend: follows frame boundaries, rewrites the errors that quote a nonce, and puts warnings between frames.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::frame::{self, Header, backend, kind};
use crate::wire::relay::ledger::Ledger;
use crate::wire::relay::owed::{Answer, Reached};
use crate::wire::relay::passage::Passage;
use crate::wire::relay::phase::Phase;
use crate::wire::relay::{Answered, RelayError, RelayObserver};

/// The longest server error that is searched for a nonce; those that answer one quote a short token and are far shorter.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The longest CommandComplete that is read.
const MAX_TAG_BYTES: usize = 1024;

/// The longest ParameterStatus that is read.
const MAX_PARAMETER_BYTES: usize = 8 * 1024;

/// The longest `Authentication…` message that is waited for as a whole; its code comes first.
const MAX_AUTHENTICATION_BYTES: usize = 64 * 1024;

/// Backend to frontend.
pub(super) struct Downward<'a, R, W, T> {
    from: R,
    to: W,
    observer: &'a T,
    ledger: &'a Ledger,
    passage: Passage,
    /// Bytes of a frame that are still to come.
    streaming: usize,
}

/// What to do with the frame ahead.
enum Step {
    /// It goes on as it came.
    Pass,
    /// It was replaced.
    Done,
    /// More of it must be read first.
    Incomplete,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin, T: RelayObserver> Downward<'a, R, W, T> {
    /// A direction in which nothing has been read yet.
    pub(super) fn new(from: R, to: W, observer: &'a T, ledger: &'a Ledger) -> Self {
        Self { from, to, observer, ledger, passage: Passage::default(), streaming: 0 }
    }

    /// Runs until the backend closes, passing on every read at once. Not cancel safe.
    pub(super) async fn run(&mut self) -> Result<(), RelayError> {
        while self.passage.fill(&mut self.from, 0).await.map_err(RelayError::Backend)? > 0 {
            let decided = self.decide();
            self.write().await?;
            decided?;
        }
        Ok(())
    }

    /// Deals with everything that is there.
    fn decide(&mut self) -> Result<(), RelayError> {
        loop {
            self.streaming = self.streaming.saturating_sub(self.passage.pass(self.streaming));
            if self.streaming > 0 {
                return Ok(());
            }
            let Some(header) = frame::header(self.passage.ahead()).map_err(RelayError::BackendFrame)? else {
                return Ok(());
            };
            match self.frame(header)? {
                Step::Pass => self.streaming = header.frame_bytes(),
                Step::Done => {}
                Step::Incomplete => return Ok(()),
            }
        }
    }

    fn frame(&mut self, header: Header) -> Result<Step, RelayError> {
        match header.kind {
            backend::READY_FOR_QUERY => self.ready(header),
            backend::ERROR_RESPONSE => self.error(header),
            backend::PARAMETER_STATUS => Ok(self.parameter(header)),
            backend::COMMAND_COMPLETE if self.observer.wants_answers() => self.complete(header),
            backend::KEY_DATA if !self.ledger.is_ready() => Ok(self.key_data(header)),
            backend::AUTHENTICATION if !self.ledger.is_ready() => Ok(self.authentication(header)),
            compressed if kind::COMPRESSED.contains(&compressed) => Err(RelayError::Compressed("the backend")),
            other => {
                if let Some(answer) = Answer::in_frame(other) {
                    self.hear(answer)?;
                }
                Ok(Step::Pass)
            }
        }
    }

    /// The frame ahead answers something: how far the server has come with it.
    fn hear(&mut self, answer: Answer) -> Result<Reached, RelayError> {
        let reached = self.ledger.hear(answer, &mut self.passage)?;
        self.ledger.tidy();
        self.observer.reached(reached);
        Ok(reached)
    }

    fn ready(&mut self, header: Header) -> Result<Step, RelayError> {
        let Some(body) = self.passage.body(header) else { return Ok(Step::Incomplete) };
        self.ledger.status.set(body.first().copied().unwrap_or_default());
        if self.ledger.phase.replace(Phase::Ready) != Phase::Ready {
            self.observer.let_in();
        }
        let reached = self.hear(Answer::Ready)?;
        self.observer.ready(self.ledger.status.get(), self.ledger.owes_nothing());
        if self.observer.wants_answers() {
            self.observer.answered(Answered::Ready, reached);
        }
        // A portal lives as long as its transaction, and what is bound already may still be run.
        if self.ledger.is_settled() {
            self.observer.settled();
        }
        Ok(Step::Pass)
    }

    fn error(&mut self, header: Header) -> Result<Step, RelayError> {
        let (has_refusals, is_told) =
            (self.ledger.has_refusals(), self.observer.wants_answers() || !self.ledger.is_ready());
        let is_read = (has_refusals || is_told) && header.body_bytes <= MAX_ERROR_BYTES;
        let body = match self.passage.body(header) {
            None if is_read => return Ok(Step::Incomplete),
            body => body.filter(|_| is_read),
        };
        // One that is too long to be read is an answer too.
        let sqlstate = is_told.then(|| body.map_or_else(Vec::new, sqlstate_of));
        let refusal = body.filter(|_| has_refusals).and_then(|body| Some(self.ledger.quoted(body)?.rewrite(body)));
        let is_ready = self.ledger.is_ready();
        let reached = self.hear(Answer::Error)?;
        match sqlstate {
            Some(sqlstate) if is_ready => self.observer.answered(Answered::Error(&sqlstate), reached),
            Some(sqlstate) => self.observer.login_refused(&sqlstate),
            None => {}
        }
        let Some(rewritten) = refusal else { return Ok(Step::Pass) };
        self.passage.insert().extend_from_slice(&rewritten);
        self.passage.leave_out(header.frame_bytes());
        Ok(Step::Done)
    }

    /// An answer whose tag somebody wants to know.
    fn complete(&mut self, header: Header) -> Result<Step, RelayError> {
        let tag = match self.passage.body(header) {
            None if header.body_bytes <= MAX_TAG_BYTES => return Ok(Step::Incomplete),
            body => body.unwrap_or_default().to_vec(),
        };
        let reached = self.hear(Answer::Completion)?;
        self.observer.answered(Answered::Complete(&tag), reached);
        Ok(Step::Pass)
    }

    fn key_data(&mut self, header: Header) -> Step {
        match self.passage.body(header) {
            None if header.body_bytes <= MAX_TAG_BYTES => Step::Incomplete,
            body => {
                if let Some(pid) = body.and_then(<[u8]>::first_chunk) {
                    self.observer.backend_pid(u32::from_be_bytes(*pid));
                }
                Step::Pass
            }
        }
    }

    fn parameter(&mut self, header: Header) -> Step {
        let Some(body) = self.passage.body(header) else {
            return if header.body_bytes <= MAX_PARAMETER_BYTES { Step::Incomplete } else { Step::Pass };
        };
        let value = |name: &[u8]| body.strip_prefix(name).and_then(|value| value.strip_suffix(b"\0"));
        if let Some(user) = value(b"session_authorization\0") {
            self.observer.session_authorization(user);
        } else if let Some(encoding) = value(b"client_encoding\0") {
            self.observer.client_encoding(encoding);
        }
        Step::Pass
    }

    fn authentication(&mut self, header: Header) -> Step {
        match self.passage.body(header) {
            None if header.body_bytes <= MAX_AUTHENTICATION_BYTES => Step::Incomplete,
            body => {
                let code = body.and_then(<[u8]>::first_chunk).map_or(u32::MAX, |code| u32::from_be_bytes(*code));
                self.ledger.phase.set(self.ledger.phase.get().after_authentication(code));
                Step::Pass
            }
        }
    }

    async fn write(&mut self) -> Result<(), RelayError> {
        let is_boundary = self.streaming == 0;
        // While a write waits for a client that does not read, a frame may be half written.
        self.ledger.is_at_boundary.set(false);
        let written = self.passage.write(&mut self.to).await.map_err(RelayError::Frontend)?;
        if written > 0 {
            self.observer.to_frontend(written);
        }
        self.ledger.is_at_boundary.set(is_boundary);
        Ok(())
    }
}

/// The SQLSTATE of an ErrorResponse. Source: PostgreSQL documentation, "Error and Notice Message Fields".
fn sqlstate_of(body: &[u8]) -> Vec<u8> {
    let mut fields = body.split(|byte| *byte == 0);
    fields.find_map(|field| field.strip_prefix(b"C")).unwrap_or_default().to_vec()
}
