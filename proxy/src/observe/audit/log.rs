//! One log and the file that it is written to: appends records, and keeps to what stands there when a write fails within one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::warn;

use crate::observe::audit::chain::LogHead;
use crate::observe::audit::checkpoint::{self, SigningKey};
use crate::observe::audit::event::{AuditEvent, CheckpointEvent, Queued, StartOf, Torn, WrittenBy, write_line};
use crate::observe::audit::file::{FileStanding, LogFile, Sink, WriteFailure};
use crate::observe::audit::resume::{Found, Resumed, resume};
use crate::observe::audit::rotate::old_path;
use crate::observe::audit::settings::Destination;
use crate::observe::audit::successor;
use crate::observe::values::NewAuditFile;

/// Events of which the first ones are written and the rest is not.
#[derive(Debug)]
pub(super) struct AppendFailure {
    /// How many are.
    pub(super) written: usize,
    /// Why the rest is not.
    pub(super) error: io::Error,
}

impl AppendFailure {
    fn nothing(error: io::Error) -> Self {
        Self { written: 0, error }
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct AuditLog {
    id: String,
    by: WrittenBy,
    head: LogHead,
    sink: Sink,
    is_synced: bool,
    /// What is there does not end with a line feed.
    needs_line_feed: bool,
    /// What is there holds parts of lines, which the next record has to own up to.
    pub(super) torn: Vec<Torn>,
    /// The first record of the file: its log and number.
    first: (String, u64),
}

/// Lines that are written in one piece.
struct Lines {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    ends: Vec<(usize, usize)>,
    /// The head of the log after them.
    head: LogHead,
}

/// How a log came to be.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) log: AuditLog,
    pub(super) log_is: StartOf,
    pub(super) detail: Option<String>,
}

impl AuditLog {
    /// Goes on with the log in a file, or begins one.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub(super) fn begin(destination: &Destination, is_synced: bool, by: WrittenBy) -> io::Result<Begun> {
        let sink = match destination {
            Destination::Off | Destination::Stdout => Sink::Stdout,
            Destination::File(path) => {
                // Where the folder cannot be read, the file alone says how the log goes on.
                successor::finish(path)
                    .unwrap_or_else(|error| warn!(%error, "files that a rotation left cannot be put in order"));
                Sink::File(LogFile::open(path)?)
            }
        };
        let mut log = Self {
            id: new_id()?,
            by,
            head: LogHead::default(),
            sink,
            is_synced,
            needs_line_feed: false,
            torn: Vec::new(),
            first: (String::new(), 0),
        };
        log.first.0.clone_from(&log.id);
        let is_alone = log.sink.file().is_none_or(LogFile::lock);
        if !is_alone {
            return Ok(Begun { log, log_is: StartOf::Beside, detail: None });
        }
        let found = log.sink.file().map_or(Ok(Found::Empty), |file| resume(file.path()))?;
        Ok(match found {
            Found::Empty => Begun { log, log_is: StartOf::New, detail: None },
            Found::Unreadable(why) => {
                log.needs_line_feed = true;
                Begun { log, log_is: StartOf::Unreadable, detail: Some(why.to_owned()) }
            }
            Found::Log(resumed) => Begun { log: log.resumed(*resumed), log_is: StartOf::Continued, detail: None },
        })
    }

    fn resumed(self, resumed: Resumed) -> Self {
        let Resumed { log: id, head, torn, needs_line_feed, first } = resumed;
        Self { first: first.unwrap_or_else(|| (id.clone(), head.tree.size())), id, head, torn, needs_line_feed, ..self }
    }

    /// Whether a record counts as written only when it outlives the machine, from now on.
    pub(super) fn set_synced(&mut self, is_synced: bool) {
        self.is_synced = is_synced;
    }

    /// The hashes of the tree's whole subtrees.
    pub(super) fn subtrees(&self) -> Vec<String> {
        self.head.tree.hashes()
    }

    /// The number of the record that the file begins with, if it is one of this log.
    pub(super) fn file_begins(&self, log: &str) -> Option<u64> {
        (self.first.0 == log).then_some(self.first.1)
    }

    /// The file's size; 0 of what is no regular file.
    pub(super) fn file_size(&mut self) -> u64 {
        self.sink.file().map_or(0, |file| file.size())
    }

    /// The path of a regular file.
    pub(super) fn file_path(&mut self) -> Option<PathBuf> {
        self.sink.file().map(|file| file.path().to_owned())
    }

    /// Takes the file for this process alone, once the process before is gone.
    pub(super) fn lock(&mut self) {
        if let Some(file) = self.sink.file() {
            file.lock();
        }
    }

    /// Writes events in one piece.
    ///
    /// # Errors
    /// [`AppendFailure`]: the log goes on after those that are written.
    pub(super) fn append<'q>(&mut self, events: impl IntoIterator<Item = &'q Queued>) -> Result<(), AppendFailure> {
        let Lines { bytes, ends, head } = self.lines(events, self.needs_line_feed).map_err(AppendFailure::nothing)?;
        match self.sink.append(&bytes, self.is_synced) {
            Ok(()) => {
                self.head = head;
                self.needs_line_feed = false;
                self.torn.clear();
                Ok(())
            }
            Err(failure) => Err(self.append_part(&bytes, &ends, failure)),
        }
    }

    /// The lines of events, and the head after them.
    fn lines<'q>(&self, events: impl IntoIterator<Item = &'q Queued>, needs_line_feed: bool) -> io::Result<Lines> {
        let mut lines = Lines { bytes: Vec::new(), ends: Vec::new(), head: self.head.clone() };
        if needs_line_feed {
            lines.bytes.push(b'\n');
        }
        for queued in events {
            let from = lines.bytes.len();
            write_line(&mut lines.bytes, (&self.id, &self.by), &lines.head, queued)?;
            lines.head.append(lines.bytes.get(from..).unwrap_or_default()).map_err(io::Error::other)?;
            lines.ends.push((from, lines.bytes.len()));
            lines.bytes.push(b'\n');
        }
        Ok(lines)
    }

    /// Keeps to what was written of some lines.
    fn append_part(&mut self, bytes: &[u8], lines: &[(usize, usize)], failure: WriteFailure) -> AppendFailure {
        let WriteFailure { written, error } = failure;
        let whole: Vec<_> = lines.iter().take_while(|(_, end)| *end <= written).collect();
        for (from, end) in &whole {
            // An error has shown before anything was written.
            if self.head.append(bytes.get(*from..*end).unwrap_or_default()).is_err() {
                return AppendFailure { written: 0, error };
            }
        }
        if !whole.is_empty() {
            self.torn.clear();
        }
        if written > 0 {
            let after =
                whole.last().map_or(lines.first().map_or(0, |(from, _)| *from), |(_, end)| end.saturating_add(1));
            let fragment = bytes.get(after..written).unwrap_or_default();
            self.needs_line_feed = bytes.get(written.saturating_sub(1)) != Some(&b'\n');
            if !fragment.is_empty() {
                self.torn.push(Torn::of(fragment));
            }
        }
        AppendFailure { written: whole.len(), error }
    }

    /// Opens the file anew if its path names another one, or begins at its start again if it was cut. Says why, if so.
    ///
    /// # Errors
    /// The file cannot be opened; the old one is kept.
    pub(super) fn follow_file(&mut self) -> io::Result<Option<NewAuditFile>> {
        let Sink::File(file) = &mut self.sink else { return Ok(None) };
        let reason = match file.standing() {
            FileStanding::Same => return Ok(None),
            FileStanding::Truncated => {
                file.begin_again();
                NewAuditFile::Truncated
            }
            FileStanding::Replaced => {
                *file = LogFile::open(file.path())?;
                NewAuditFile::Replaced
            }
        };
        // A new file that is not empty is another's to end with a line feed; an empty line is no record and does no harm.
        self.needs_line_feed = file.is_regular() && file.size() > 0;
        self.first = (self.id.clone(), self.head.tree.size());
        Ok(Some(reason))
    }

    /// Where the file would be moved to now; nowhere, where it is no regular file.
    pub(super) fn path_when_moved(&mut self, now: Timestamp) -> Option<PathBuf> {
        let (log, number) = self.first.clone();
        self.sink.file().map(|file| old_path(file.path(), now, &log, number))
    }

    /// Moves the file out of the way and goes on in another, which begins with `first`. Whether that is written: where another process
    /// has taken the path meanwhile, the log goes on in its file, and `first` is still to be written.
    ///
    /// # Errors
    /// Nothing can be moved or begun, and the log goes on where it was; or no other file can be opened after it was moved:
    /// [`AuditLog::follow_file`] tries again.
    pub(super) fn rotate(&mut self, old: &Path, first: &Queued) -> io::Result<bool> {
        let Lines { bytes, head, .. } = self.lines([first], false)?;
        let Some(path) = self.file_path() else { return Ok(true) };
        let begun = successor::beside(&path, &self.id);
        let mut next = Sink::File(LogFile::begin(&path, &begun)?);
        let moved = next.append(&bytes, self.is_synced).map_err(|failure| failure.error);
        if let Err(error) = moved.and_then(|()| fs::rename(&path, old)) {
            fs::remove_file(&begun)?;
            return Err(error);
        }
        self.needs_line_feed = false;
        self.first = (self.id.clone(), self.head.tree.size());
        if successor::put_in_place(&begun, &path).is_ok() {
            (self.sink, self.head) = (next, head);
            self.torn.clear();
            return Ok(true);
        }
        // The record in it counts for nothing; what is left of it goes with the next rotation or start.
        _ = fs::remove_file(&begun);
        self.sink = Sink::File(LogFile::open(&path)?);
        self.needs_line_feed = self.file_size() > 0;
        Ok(false)
    }

    /// The checkpoint over all records so far.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn checkpoint(&self, key: Option<&SigningKey>) -> io::Result<AuditEvent> {
        let root = self.head.tree.root().map_err(io::Error::other)?;
        let text = checkpoint::write(&self.id, self.head.tree.size(), root, key).map_err(io::Error::other)?;
        let (signed, subtrees) = (key.is_some(), self.subtrees());
        Ok(AuditEvent::Checkpoint(Box::new(CheckpointEvent { checkpoint: text, signed, subtrees })))
    }
}

/// A name that no other log has.
pub(super) fn new_id() -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
