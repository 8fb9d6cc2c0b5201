//! Frontend to backend: stops at messages that carry statements, and streams everything else.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::wire::answer::{Refusal, Report, sqlstate};
use crate::wire::frame::{self, HEADER_BYTES, Header, kind};
use crate::wire::message::{self, Bind};
use crate::wire::relay::buffer::{Buffer, READ_BYTES};
use crate::wire::relay::{Inspector, Ledger, RelayError, RelayObserver, Ruling};

/// Frontend to backend.
pub(super) struct Upward<'a, R, W, I, T> {
    from: R,
    to: W,
    inspector: &'a mut I,
    observer: &'a T,
    ledger: &'a Ledger,
    max_statement_bytes: usize,
    buffer: Buffer,
    /// What is written when some frame of a read was changed.
    out: Vec<u8>,
    /// Bytes of an uninspected frame that are still to come.
    streaming: usize,
    /// Bytes of a refused, oversize frame that are still to come.
    discarding: usize,
}

/// How far the buffer has been worked off.
#[derive(Default)]
struct Progress {
    /// Up to here it is decided.
    decided: usize,
    /// Up to here it is in `out`, or was left out.
    copied: usize,
    /// The whole length of the frame that is not complete yet.
    wanted: usize,
}

impl<'a, R, W, I, T> Upward<'a, R, W, I, T> {
    /// Nothing read yet.
    pub(super) fn new(
        from: R,
        to: W,
        inspector: &'a mut I,
        observer: &'a T,
        ledger: &'a Ledger,
        max_statement_bytes: usize,
    ) -> Self {
        let (buffer, out) = (Buffer::default(), Vec::new());
        Self { from, to, inspector, observer, ledger, max_statement_bytes, buffer, out, streaming: 0, discarding: 0 }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, I: Inspector, T: RelayObserver> Upward<'_, R, W, I, T> {
    /// Runs until the frontend says Terminate or closes. Not cancel safe.
    pub(super) async fn run(&mut self) -> Result<(), RelayError> {
        let mut wanted = 0;
        loop {
            if self.buffer.fill(&mut self.from, wanted).await.map_err(RelayError::Frontend)? == 0 {
                self.ledger.terminated.set(true);
                return self.to.shutdown().await.map_err(RelayError::Backend);
            }
            self.ledger.activity.set(self.ledger.activity.get().wrapping_add(1));
            let progress = self.decide().await?;
            self.write(&progress).await?;
            self.buffer.advance(progress.decided);
            wanted = progress.wanted;
        }
    }

    /// Works off all whole frames, and as much of streamed ones as is there.
    async fn decide(&mut self) -> Result<Progress, RelayError> {
        let mut progress = Progress::default();
        loop {
            let rest = self.buffer.unread().len().saturating_sub(progress.decided);
            if self.streaming > 0 {
                let passed = self.streaming.min(rest);
                self.streaming = self.streaming.saturating_sub(passed);
                progress.decided = progress.decided.saturating_add(passed);
            } else if self.discarding > 0 {
                let dropped = self.discarding.min(rest);
                self.discarding = self.discarding.saturating_sub(dropped);
                self.keep_until(&mut progress);
                progress.decided = progress.decided.saturating_add(dropped);
                progress.copied = progress.decided;
            }
            if self.streaming > 0 || self.discarding > 0 {
                return Ok(progress);
            }
            let unread = self.buffer.unread().get(progress.decided..).unwrap_or_default();
            let Some(header) = frame::header(unread)? else { return Ok(progress) };
            self.account(header)?;
            if !self.is_held(header.kind) {
                self.streaming = header.frame_bytes();
            } else if header.body_bytes > self.max_statement_bytes {
                self.refuse_oversize(header, &mut progress);
            } else if unread.len() < header.frame_bytes() {
                progress.wanted = header.frame_bytes();
                self.unaccount(header);
                return Ok(progress);
            } else {
                self.rule(header, &mut progress).await;
            }
        }
    }

    /// Types that must be complete before their first byte is forwarded.
    fn is_held(&self, frame_kind: u8) -> bool {
        match frame_kind {
            kind::QUERY | kind::PARSE => true,
            kind::BIND | kind::CLOSE => self.inspector.watches_prepared(),
            _ => false,
        }
    }

    fn account(&self, header: Header) -> Result<(), RelayError> {
        match header.kind {
            kind::QUERY | kind::SYNC | kind::FUNCTION_CALL => {
                self.ledger.unanswered.set(self.ledger.unanswered.get().saturating_add(1));
            }
            kind::TERMINATE => self.ledger.terminated.set(true),
            compressed if kind::COMPRESSED.contains(&compressed) => return Err(RelayError::Compressed("the frontend")),
            _ => {}
        }
        Ok(())
    }

    /// An incomplete frame is met again with the next read.
    fn unaccount(&self, header: Header) {
        if header.kind == kind::QUERY {
            self.ledger.unanswered.set(self.ledger.unanswered.get().saturating_sub(1));
        }
    }

    fn refuse_oversize(&mut self, header: Header, progress: &mut Progress) {
        let limit = self.max_statement_bytes;
        let report = Report::new(
            sqlstate::PROGRAM_LIMIT_EXCEEDED,
            format!("message of {} bytes is above the gate's limit of {limit}", header.body_bytes),
        );
        let refusal =
            self.inspector.refuse(report.hint("split the statement, or raise max_statement_bytes of [gate.limits]"));
        self.keep_until(progress);
        self.discarding = header.frame_bytes();
        self.substitute(header.kind, None, refusal);
    }

    /// Rules on the whole frame at `progress.decided`.
    async fn rule(&mut self, header: Header, progress: &mut Progress) {
        let start = progress.decided;
        let end = start.saturating_add(header.frame_bytes());
        let body = self.buffer.unread().get(start.saturating_add(HEADER_BYTES)..end).unwrap_or_default();
        let (ruling, name, text) = match header.kind {
            // Boxed: it is only done for statements that carry roles, and would take room in every session.
            kind::BIND => (Box::pin(rule_bind(self.inspector, body)).await, None, 0..0),
            kind::CLOSE => (rule_close(self.inspector, body), None, 0..0),
            frame_kind => {
                let read = if frame_kind == kind::QUERY { message::query(body) } else { message::parse(body) };
                match read {
                    Ok(read) => {
                        let name = read.name.map(|name| body.get(name).unwrap_or_default());
                        let ruling =
                            self.inspector.statement(name, body.get(read.text.clone()).unwrap_or_default()).await;
                        (ruling, name, read.text)
                    }
                    Err(malformed) => (malformed_ruling(self.inspector, malformed), None, 0..0),
                }
            }
        };
        progress.decided = end;
        match ruling {
            Ruling::Forward => {}
            Ruling::Annotate { comment, warning } => {
                self.ledger.warnings.borrow_mut().extend(warning.map(|warning| warning.warning()));
                if let Some(comment) = comment {
                    let (before, after) = body.split_at_checked(text.end).unwrap_or_default();
                    let before_frame = self.buffer.unread().get(progress.copied..start).unwrap_or_default();
                    let rollback = self.out.len();
                    self.out.extend_from_slice(before_frame);
                    let parts = [before, b"\n", comment.as_bytes(), after];
                    if frame::append(&mut self.out, header.kind, &parts) {
                        progress.copied = end;
                    } else {
                        self.out.truncate(rollback);
                    }
                }
            }
            Ruling::Refuse(refusal) => {
                let name = name.map(<[u8]>::to_vec);
                self.out.extend_from_slice(self.buffer.unread().get(progress.copied..start).unwrap_or_default());
                progress.copied = end;
                self.substitute(header.kind, name, refusal);
            }
        }
    }

    /// Puts the nonce in the place of a message.
    fn substitute(&mut self, frame_kind: u8, name: Option<Vec<u8>>, refusal: Refusal) {
        // A nonce is far below the length limit, so the frame is always appended.
        let _appended = match (frame_kind, name) {
            (kind::QUERY, _) => refusal.replace_query(&mut self.out),
            (kind::PARSE, Some(name)) => refusal.replace_parse(&name, &mut self.out),
            _ => refusal.replace_other(&mut self.out),
        };
        self.ledger.remember(refusal);
    }

    /// Copies what is decided and not yet copied.
    fn keep_until(&mut self, progress: &mut Progress) {
        self.out.extend_from_slice(self.buffer.unread().get(progress.copied..progress.decided).unwrap_or_default());
        progress.copied = progress.decided;
    }

    /// One write for a read: the buffer itself when nothing was changed.
    async fn write(&mut self, progress: &Progress) -> Result<(), RelayError> {
        let unchanged = self.buffer.unread().get(progress.copied..progress.decided).unwrap_or_default();
        let bytes = if self.out.is_empty() && progress.copied == 0 {
            unchanged
        } else {
            self.out.extend_from_slice(unchanged);
            &self.out
        };
        if bytes.is_empty() {
            return Ok(());
        }
        self.to.write_all(bytes).await.map_err(RelayError::Backend)?;
        self.to.flush().await.map_err(RelayError::Backend)?;
        self.observer.to_backend(bytes.len());
        self.out.clear();
        self.out.shrink_to(READ_BYTES);
        Ok(())
    }
}

async fn rule_bind<I: Inspector>(inspector: &mut I, body: &[u8]) -> Ruling {
    match message::bind(body) {
        Ok(Bind { statement, values }) => {
            let values: Vec<&[u8]> = values.into_iter().filter_map(|value| body.get(value)).collect();
            inspector.bind(body.get(statement).unwrap_or_default(), &values).await
        }
        Err(malformed) => malformed_ruling(inspector, malformed),
    }
}

fn rule_close<I: Inspector>(inspector: &mut I, body: &[u8]) -> Ruling {
    match message::close(body) {
        Ok(Some(statement)) => inspector.close(body.get(statement).unwrap_or_default()),
        Ok(None) => {}
        Err(malformed) => return malformed_ruling(inspector, malformed),
    }
    Ruling::Forward
}

/// What the server would say too; but the server must not be shown a body that the gate reads otherwise.
fn malformed_ruling<I: Inspector>(inspector: &mut I, malformed: message::Malformed) -> Ruling {
    Ruling::Refuse(inspector.refuse(Report::new(sqlstate::PROTOCOL_VIOLATION, malformed.to_string())))
}
