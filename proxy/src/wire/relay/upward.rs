//! Frontend to backend: stops at messages that carry statements, and streams everything else.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::wire::answer::{Rejection, Report, sqlstate};
use crate::wire::frame::{self, Header, kind};
use crate::wire::message::{self, Malformed};
use crate::wire::relay::ledger::Ledger;
use crate::wire::relay::owed::{Asked, Number};
use crate::wire::relay::passage::Passage;
use crate::wire::relay::phase::{Admission, Phase};
use crate::wire::relay::{Inspector, RelayError, RelayObserver, Ruling};

/// Frontend to backend.
pub(super) struct Upward<'a, R, W, I, T> {
    from: R,
    to: W,
    inspector: &'a mut I,
    observer: &'a T,
    ledger: &'a Ledger,
    max_statement_bytes: usize,
    passage: Passage,
    rest: Rest,
    /// A refusal in the unfinished extended segment is certain to be answered before any later one, which never is.
    is_doomed: bool,
    /// What a FunctionCall does to the session shows only in its answer.
    is_behind_function: bool,
}

/// What to do with the rest of a frame whose start has been dealt with.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// They pass as they come.
    Pass(usize),
    /// They are dropped: something else was sent in their place.
    LeaveOut(usize),
}

/// What the bytes ahead wait for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wait {
    /// More of them: a frame of so many bytes is not complete.
    Bytes(usize),
    /// The first ReadyForQuery.
    LetIn,
    /// The answers to all that was sent before.
    Answers,
    /// The answers to refused statements: there is no room for more of them.
    Refusals,
}

/// A frame's body, taken apart.
enum Content<'a> {
    Statement { name: Option<&'a [u8]>, text: &'a [u8], end: usize },
    Bind { statement: &'a [u8], values: Vec<&'a [u8]> },
    Close { statement: Option<&'a [u8]> },
    Function { values: Vec<&'a [u8]> },
}

impl<'a, R, W, I, T> Upward<'a, R, W, I, T> {
    /// A direction in which nothing has been read yet.
    pub(super) fn new(
        from: R,
        to: W,
        inspector: &'a mut I,
        observer: &'a T,
        ledger: &'a Ledger,
        max_statement_bytes: usize,
    ) -> Self {
        Self {
            from,
            to,
            inspector,
            observer,
            ledger,
            max_statement_bytes,
            passage: Passage::default(),
            rest: Rest::Pass(0),
            is_doomed: false,
            is_behind_function: false,
        }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, I: Inspector, T: RelayObserver> Upward<'_, R, W, I, T> {
    /// Runs until the frontend sends Terminate or closes. Not cancel safe.
    pub(super) async fn run(&mut self) -> Result<(), RelayError> {
        loop {
            let decided = self.decide().await;
            self.write().await?;
            let is_open = match decided? {
                Wait::Bytes(wanted) => self.read(wanted).await?,
                wait => self.held(wait).await,
            };
            if !is_open {
                self.ledger.is_terminated.set(true);
                return self.to.shutdown().await.map_err(RelayError::Backend);
            }
        }
    }

    /// Reads more; `false` at the end of the stream.
    async fn read(&mut self, wanted: usize) -> Result<bool, RelayError> {
        let count = self.passage.fill(&mut self.from, wanted).await.map_err(RelayError::Frontend)?;
        self.ledger.activity.set(self.ledger.activity.get().wrapping_add(1));
        Ok(count > 0)
    }

    /// What is read stays where it is, and nothing more is read meanwhile.
    async fn held(&self, wait: Wait) -> bool {
        match wait {
            Wait::LetIn => {
                self.ledger.is_held_out.set(true);
                self.ledger.until(|ledger| matches!(ledger.phase.get(), Phase::Asked | Phase::Ready)).await;
                self.ledger.is_held_out.set(false);
            }
            Wait::Answers => self.ledger.until(|ledger| !ledger.standing().is_behind).await,
            Wait::Refusals => self.ledger.until(Ledger::has_room).await,
            Wait::Bytes(_) => {}
        }
        true
    }

    /// Deals with all complete frames, and with as much of streamed ones as is there, up to one that must wait.
    async fn decide(&mut self) -> Result<Wait, RelayError> {
        loop {
            if !self.pass_rest() {
                return Ok(Wait::Bytes(0));
            }
            let Some(header) = frame::header(self.passage.ahead())? else { return Ok(Wait::Bytes(0)) };
            if let Some(wait) = self.must_wait(header)? {
                return Ok(wait);
            }
            if !self.is_read(header.kind) {
                self.account(header.kind)?;
                self.rest = Rest::Pass(header.frame_bytes());
            } else if header.body_bytes > self.max_statement_bytes {
                self.refuse_oversize(header)?;
            } else if self.passage.body(header).is_none() {
                return Ok(Wait::Bytes(header.frame_bytes()));
            } else if !self.rule(header).await? {
                return Ok(Wait::Answers);
            }
        }
    }

    /// Deals with the rest of a frame; whether it is complete.
    fn pass_rest(&mut self) -> bool {
        let (left, rest) = match self.rest {
            Rest::Pass(0) | Rest::LeaveOut(0) => return true,
            Rest::Pass(left) => {
                let left = left.saturating_sub(self.passage.pass(left));
                (left, Rest::Pass(left))
            }
            Rest::LeaveOut(left) => {
                let left = left.saturating_sub(self.passage.leave_out(left));
                (left, Rest::LeaveOut(left))
            }
        };
        self.rest = rest;
        left == 0
    }

    /// What a frame must wait for before anything is done about it.
    fn must_wait(&mut self, header: Header) -> Result<Option<Wait>, RelayError> {
        if kind::COMPRESSED.contains(&header.kind) {
            return Err(RelayError::Compressed("the frontend"));
        }
        match self.ledger.phase.get().admits(header.kind) {
            Admission::Pass => {}
            Admission::Hold => return Ok(Some(Wait::LetIn)),
            Admission::Cut(report) => return Err(RelayError::NotLetIn(report)),
        }
        if self.is_behind_function {
            if self.ledger.standing().is_behind {
                return Ok(Some(Wait::Answers));
            }
            self.is_behind_function = false;
        }
        Ok((!self.ledger.has_room()).then_some(Wait::Refusals))
    }

    /// Types that must be complete before their first byte is forwarded.
    fn is_read(&self, frame_kind: u8) -> bool {
        match frame_kind {
            kind::QUERY | kind::PARSE | kind::FUNCTION_CALL => true,
            kind::BIND | kind::CLOSE => self.inspector.watches_prepared(),
            _ => false,
        }
    }

    /// Notes that a message is sent to the server; its number, if it is a statement.
    fn account(&mut self, frame_kind: u8) -> Result<Number, RelayError> {
        match frame_kind {
            kind::SYNC => self.is_doomed = false,
            kind::TERMINATE => self.ledger.is_terminated.set(true),
            _ if !self.ledger.is_ready() => {
                self.ledger.phase.set(self.ledger.phase.get().after_sending(frame_kind));
                return Ok(0);
            }
            _ => {}
        }
        Asked::by(frame_kind).map_or(Ok(0), |asked| self.ledger.ask(asked))
    }

    fn refuse_oversize(&mut self, header: Header) -> Result<(), RelayError> {
        let limit = self.max_statement_bytes;
        let report = Report::new(
            sqlstate::PROGRAM_LIMIT_EXCEEDED,
            format!("message of {} bytes is above the gate's limit of {limit}", header.body_bytes),
        );
        let hint = "split the statement, or raise max_statement_bytes of [gate.limits]";
        let refusal = self.inspector.refuse(report.hint(hint));
        let number = self.account(header.kind)?;
        self.substitute(header.kind, None, number, refusal);
        self.rest = Rest::LeaveOut(header.frame_bytes());
        Ok(())
    }

    /// Rules on the complete frame ahead; `false` if it has to wait for the answers to what was sent before.
    async fn rule(&mut self, header: Header) -> Result<bool, RelayError> {
        let standing = self.ledger.standing();
        let body = self.passage.body(header).unwrap_or_default();
        let content = content(header.kind, body);
        let (ruling, name, end) = match content {
            Ok(Content::Statement { name, text, end }) => {
                (self.inspector.statement(name, text, standing).await, name, end)
            }
            // Boxed: these are rare, and would take room in every session.
            Ok(Content::Bind { statement, values }) => {
                (Box::pin(self.inspector.bind(statement, &values, standing)).await, None, 0)
            }
            Ok(Content::Close { statement }) => {
                if let Some(statement) = statement {
                    self.inspector.close(statement, standing);
                }
                (Ruling::Forward, None, 0)
            }
            Ok(Content::Function { values }) => {
                self.is_behind_function = true;
                (Box::pin(self.inspector.function_call(&values)).await, None, 0)
            }
            // The server would say so too; but it must not be shown a body that the gate reads differently.
            Err(malformed) => {
                let report = Report::new(sqlstate::PROTOCOL_VIOLATION, malformed.to_string());
                (Ruling::Refuse(self.inspector.refuse(report)), None, 0)
            }
        };
        if matches!(ruling, Ruling::Wait) {
            return Ok(false);
        }
        let name = if matches!(ruling, Ruling::Refuse(_)) { name.map(<[u8]>::to_vec) } else { None };
        let number = self.account(header.kind)?;
        self.carry_out(header, ruling, name, end, number);
        Ok(true)
    }

    fn carry_out(&mut self, header: Header, ruling: Ruling, name: Option<Vec<u8>>, end: usize, number: Number) {
        match ruling {
            Ruling::Forward | Ruling::Wait => {
                self.passage.pass(header.frame_bytes());
            }
            Ruling::Annotate { comment, warning } => {
                if let Some(warning) = warning {
                    self.ledger.warn(number, &warning);
                }
                match comment {
                    Some(comment) => self.passage.pass_with(header, end, format!("\n{comment}").as_bytes()),
                    None => drop(self.passage.pass(header.frame_bytes())),
                }
            }
            Ruling::Refuse(refusal) => {
                self.passage.leave_out(header.frame_bytes());
                self.substitute(header.kind, name, number, refusal);
            }
        }
    }

    /// Puts the nonce in the place of a message.
    fn substitute(&mut self, frame_kind: u8, name: Option<Vec<u8>>, number: Number, refusal: Rejection) {
        let out = self.passage.insert();
        // A nonce is far below the length limit, so the frame is always appended.
        let _appended = match (frame_kind, name) {
            (kind::QUERY | kind::FUNCTION_CALL, _) => refusal.replace_query(out),
            (kind::PARSE, Some(name)) => refusal.replace_parse(&name, out),
            _ => refusal.replace_other(out),
        };
        if !self.is_doomed {
            self.ledger.refuse(number, refusal);
        }
        self.is_doomed |= !matches!(frame_kind, kind::QUERY | kind::FUNCTION_CALL);
    }

    /// One write for each read: the buffer itself if nothing was changed.
    async fn write(&mut self) -> Result<(), RelayError> {
        let written = self.passage.write(&mut self.to).await.map_err(RelayError::Backend)?;
        if written > 0 {
            self.observer.to_backend(written);
        }
        Ok(())
    }
}

/// Reads the fields of a message that the gate looks into.
fn content(frame_kind: u8, body: &[u8]) -> Result<Content<'_>, Malformed> {
    let part = |range| body.get(range).unwrap_or_default();
    Ok(match frame_kind {
        kind::BIND => {
            let bind = message::bind(body)?;
            Content::Bind { statement: part(bind.statement), values: bind.values.into_iter().map(part).collect() }
        }
        kind::CLOSE => Content::Close { statement: message::close(body)?.map(part) },
        kind::FUNCTION_CALL => {
            Content::Function { values: message::function_call(body)?.into_iter().map(part).collect() }
        }
        _ => {
            let read = if frame_kind == kind::QUERY { message::query(body)? } else { message::parse(body)? };
            let end = read.text.end;
            Content::Statement { name: read.name.map(part), text: part(read.text), end }
        }
    })
}
