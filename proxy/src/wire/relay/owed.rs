//! What the server still owes: a model of its main loop, fed with the types of the messages that pass either way. Pure.
//!
//! The server works through what it is asked in order. An extended message has one completion, a Query or FunctionCall any answer and
//! ReadyForQuery, a Sync ReadyForQuery. After an error in an extended message the server discards all that follows up to the next Sync,
//! and while it takes COPY data it ignores Sync. Source: PostgreSQL, `src/backend/tcop/postgres.c`, `PostgresMain` and
//! `SocketBackend`; `src/backend/commands/copyfromparse.c`, `CopyGetData`; tried on PostgreSQL 15.

mod asked;
mod runs;

use crate::wire::frame::backend;
pub(super) use crate::wire::relay::owed::asked::Asked;
use crate::wire::relay::owed::runs::{Run, Runs};

/// What a message from the backend answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// One extended message is done; within a Query, one of its statements.
    Completion,
    /// Some other part of an answer.
    Part,
    /// The server takes COPY data.
    CopyIn,
    /// ErrorResponse.
    Error,
    /// ReadyForQuery.
    Ready,
}

impl Answer {
    /// What a backend message of this type answers; `None`: nothing, or no more than the messages around it (rows).
    pub(super) fn in_frame(frame_kind: u8) -> Option<Self> {
        match frame_kind {
            backend::PARSE_COMPLETE
            | backend::BIND_COMPLETE
            | backend::CLOSE_COMPLETE
            | backend::NO_DATA
            | backend::ROW_DESCRIPTION
            | backend::COMMAND_COMPLETE
            | backend::PORTAL_SUSPENDED
            | backend::EMPTY_QUERY_RESPONSE => Some(Self::Completion),
            backend::PARAMETER_DESCRIPTION | backend::COPY_OUT_RESPONSE | backend::FUNCTION_CALL_RESPONSE => {
                Some(Self::Part)
            }
            backend::COPY_IN_RESPONSE => Some(Self::CopyIn),
            backend::ERROR_RESPONSE => Some(Self::Error),
            backend::READY_FOR_QUERY => Some(Self::Ready),
            _ => None,
        }
    }
}

/// Statements are the extended messages, the Query and the FunctionCall messages of a session, numbered from 0.
pub type Number = u64;

/// How far the server has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reached {
    /// Statements below this number are answered, or their answer has begun.
    pub answered: Number,
    /// Those from there up to this number were discarded after an error.
    pub skipped: Number,
    /// The last of the answered ones failed.
    pub is_failure: bool,
}

impl Reached {
    const fn up_to(answered: Number) -> Self {
        Self { answered, skipped: answered, is_failure: false }
    }
}

/// Whether the server discards what is sent now, up to the next Sync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Skipping {
    No,
    /// That hangs on a Sync that a failed COPY has or has not read.
    Perhaps,
    Yes,
}

/// A COPY FROM STDIN that the front of the queue runs.
#[derive(Clone, Copy, Debug)]
struct Copying {
    /// Syncs that the server ignores unless the COPY has failed before it read them.
    ignored: u32,
    /// The frontend has ended its data, or sent a statement: the server does not read beyond as COPY data.
    is_ended: bool,
    has_failed: bool,
}

/// What the server owes.
#[derive(Debug)]
pub(super) struct Owed {
    runs: Runs,
    /// The statements of `runs`.
    statements: u32,
    /// The number of the next statement.
    next: Number,
    skipping: Skipping,
    /// So many Syncs at the front may have been ignored by a COPY that then failed.
    doubtful: u32,
    /// What the server ran and what it discarded can no longer be told apart.
    is_lost: bool,
    copying: Option<Copying>,
    /// Extended messages have run since the last ReadyForQuery, so that a transaction is open that no status tells of.
    is_open: bool,
}

impl Owed {
    /// A session whose StartupMessage has been sent.
    pub(super) fn new() -> Self {
        let mut runs = Runs::default();
        runs.push(Asked::Startup);
        Self {
            runs,
            statements: 0,
            next: 0,
            skipping: Skipping::No,
            doubtful: 0,
            is_lost: false,
            copying: None,
            is_open: false,
        }
    }

    /// Whether the server has answered everything. After a COPY that failed it may still answer a Sync.
    pub(super) fn owes_nothing(&self) -> bool {
        let (front, mut runs) = (self.runs.front(), self.runs.iter());
        let is_doubtful = front.is_some_and(|run| run.asked == Asked::Sync && run.count == self.doubtful);
        front.is_none() || (is_doubtful && runs.nth(1).is_none())
    }

    /// Whether the server has answered everything and holds no transaction of extended messages without their Sync.
    pub(super) fn is_at_rest(&self) -> bool {
        self.owes_nothing() && !self.is_open && self.skipping != Skipping::Yes
    }

    /// Whether it is known, too, that no answer to a Sync is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.is_at_rest() && self.runs.is_empty()
    }

    /// Whether a ReadyForQuery is due for something that was sent.
    pub(super) fn owes_ready(&self) -> bool {
        let is_due = |run: Run| matches!(run.asked, Asked::Startup | Asked::Query | Asked::Sync);
        !self.owes_nothing() && self.runs.iter().any(is_due)
    }

    /// Whether the server reads COPY data whose end has not been sent: any statement now ends the session.
    pub(super) fn takes_copy_data(&self) -> bool {
        self.copying.is_some_and(|copying| !copying.is_ended)
    }

    /// Statements of the unfinished extended segment stand at the end of the queue, or have run already.
    pub(super) fn is_in_segment(&self) -> bool {
        let last = self.runs.iter().rfind(|run| run.asked != Asked::CopyEnd);
        last.map_or(self.is_open || self.skipping != Skipping::No, |last| last.asked == Asked::Extended)
    }

    /// What the server has run cannot be told any more: the frontend sent statements behind COPY data that failed.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The number that the next statement gets.
    pub(super) fn next(&self) -> Number {
        self.next
    }

    /// A message is sent to the server.
    pub(super) fn ask(&mut self, asked: Asked) {
        if asked.is_statement() {
            self.next = self.next.saturating_add(1);
            self.is_lost |= self.skipping == Skipping::Perhaps;
            if let Some(copying) = &mut self.copying {
                copying.is_ended = true;
            }
        }
        match asked {
            _ if self.skipping == Skipping::Yes && asked != Asked::Sync => {}
            Asked::Sync => self.ask_sync(),
            Asked::CopyEnd => self.ask_copy_end(),
            Asked::Startup => self.runs.push(asked),
            Asked::Extended | Asked::Query => {
                self.statements = self.statements.saturating_add(1);
                self.runs.push(asked);
            }
        }
    }

    fn ask_sync(&mut self) {
        match &mut self.copying {
            Some(copying) if !copying.is_ended && !copying.has_failed => {
                copying.ignored = copying.ignored.saturating_add(1);
            }
            _ => {
                self.skipping = Skipping::No;
                self.runs.push(Asked::Sync);
            }
        }
    }

    fn ask_copy_end(&mut self) {
        match &mut self.copying {
            Some(copying) if !copying.is_ended => copying.is_ended = true,
            // With no statement before it that could take COPY data, the server ignores it.
            _ if self.statements > 0 => self.runs.push(Asked::CopyEnd),
            _ => {}
        }
    }

    /// A message has come from the server.
    pub(super) fn hear(&mut self, answer: Answer) -> Reached {
        if answer != Answer::Ready && self.doubtful > 0 {
            self.dismiss_doubt();
        }
        match answer {
            Answer::Completion => self.complete(),
            Answer::CopyIn => self.begin_copy(),
            Answer::Error => return self.fail(),
            Answer::Ready => return self.ready(),
            Answer::Part => {}
        }
        self.pass_copy_ends();
        let begun = u64::from(self.runs.front().is_some_and(|run| run.asked == Asked::Query));
        Reached::up_to(self.passed().saturating_add(begun))
    }

    /// Statements below are answered or skipped.
    pub(super) fn passed(&self) -> Number {
        self.next.saturating_sub(u64::from(self.statements))
    }

    fn complete(&mut self) {
        self.copying = None;
        if self.runs.front().is_some_and(|run| run.asked == Asked::Extended) {
            self.pop();
            self.is_open = true;
        }
    }

    /// The server reads on as COPY data: Syncs up to the end of the data are nothing to it.
    fn begin_copy(&mut self) {
        let Some(front) = self.runs.front().filter(|run| run.asked.is_statement()) else { return };
        let mut copying = Copying { ignored: 0, is_ended: front.count > 1, has_failed: false };
        if !copying.is_ended {
            self.runs.pop_run();
            self.read_copy(&mut copying);
            self.runs.push_front(front);
        }
        self.copying = Some(copying);
    }

    /// Takes off the queue what the server reads, or has read, as a part of COPY data.
    fn read_copy(&mut self, copying: &mut Copying) {
        while let Some(run) = self.runs.front().filter(|_| !copying.is_ended) {
            match run.asked {
                Asked::Sync => {
                    copying.ignored = copying.ignored.saturating_add(run.count);
                    self.runs.pop_run();
                }
                Asked::CopyEnd => {
                    self.runs.pop();
                    copying.is_ended = true;
                }
                // The server ends the session when it comes to it.
                Asked::Startup | Asked::Extended | Asked::Query => copying.is_ended = true,
            }
        }
    }

    fn fail(&mut self) -> Reached {
        let front = self.runs.front().map(|run| run.asked);
        match (front, &mut self.copying) {
            (Some(Asked::Extended), _) => self.fail_extended(),
            (Some(Asked::Query), copying) => {
                if let Some(copying) = copying {
                    copying.has_failed = true;
                }
                Reached { is_failure: true, ..Reached::up_to(self.passed().saturating_add(1)) }
            }
            _ => Reached::up_to(self.passed()),
        }
    }

    fn fail_extended(&mut self) -> Reached {
        self.pop();
        self.is_open = true;
        let answered = self.passed();
        let ignored = self.copying.take().map(|copying| copying.ignored).unwrap_or_default();
        while let Some(run) = self.runs.front().filter(|run| run.asked != Asked::Sync) {
            self.is_lost |= ignored > 0 && run.asked.is_statement();
            self.pop_run();
        }
        let is_sync_sent = !self.runs.is_empty();
        let skipped = self.passed();
        self.skipping = match ignored {
            _ if is_sync_sent => Skipping::No,
            0 => Skipping::Yes,
            _ => Skipping::Perhaps,
        };
        self.doubt(ignored);
        Reached { answered, skipped, is_failure: true }
    }

    fn ready(&mut self) -> Reached {
        self.is_open = false;
        while let Some(asked) = self.pop() {
            if matches!(asked, Asked::Startup | Asked::Query | Asked::Sync) {
                self.count_ready(asked);
                break;
            }
        }
        self.pass_copy_ends();
        Reached::up_to(self.passed())
    }

    fn count_ready(&mut self, asked: Asked) {
        let copying = if asked == Asked::Query { self.copying.take() } else { None };
        if asked == Asked::Sync && self.doubtful > 0 {
            let left = self.runs.front().filter(|run| run.asked == Asked::Sync).map_or(0, |run| run.count);
            self.doubtful = self.doubtful.min(left);
            if self.doubtful == 0 {
                self.skipping = Skipping::No;
            }
        }
        self.doubt(copying.filter(|copying| copying.has_failed).map_or(0, |copying| copying.ignored));
    }

    /// Syncs that a failed COPY may or may not have read are answered before all else, or never.
    fn doubt(&mut self, syncs: u32) {
        if syncs == 0 {
            return;
        }
        let mut count = syncs;
        while let Some(front) = self.runs.front().filter(|run| matches!(run.asked, Asked::Sync | Asked::CopyEnd)) {
            self.runs.pop_run();
            // No statement stands before this end of COPY data any more.
            count = count.saturating_add(if front.asked == Asked::Sync { front.count } else { 0 });
        }
        self.runs.push_front(Run { asked: Asked::Sync, count });
        self.doubtful = self.doubtful.saturating_add(syncs);
    }

    /// The server answers what was sent after them: it has not seen them as Syncs.
    fn dismiss_doubt(&mut self) {
        for _ in 0..std::mem::take(&mut self.doubtful) {
            if self.runs.front().is_some_and(|run| run.asked == Asked::Sync) {
                self.runs.pop();
            }
        }
    }

    /// Stray ends of COPY data at the front are nothing to the server.
    fn pass_copy_ends(&mut self) {
        while self.runs.front().is_some_and(|run| run.asked == Asked::CopyEnd) {
            self.runs.pop_run();
        }
    }

    fn pop(&mut self) -> Option<Asked> {
        let asked = self.runs.pop()?;
        if asked.is_statement() {
            self.statements = self.statements.saturating_sub(1);
        }
        Some(asked)
    }

    fn pop_run(&mut self) {
        if let Some(run) = self.runs.pop_run()
            && run.asked.is_statement()
        {
            self.statements = self.statements.saturating_sub(run.count);
        }
    }
}

#[cfg(test)]
mod tests;
