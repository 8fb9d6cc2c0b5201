//! What is wrong with an input, and how much there is of everything.

use serde::Serialize;

closed_sets! {
    /// What can be wrong with a record, as the counts of a run name it.
    #[derive(Ord, PartialOrd)]
    pub enum ProblemKind {
        /// A record, or a whole file, that cannot be parsed: it is not judged.
        Unreadable,
        /// The input ends in the middle.
        CutOff,
        /// Bytes that are no UTF-8 were replaced; what decides a verdict is ASCII and stays.
        NotUtf8,
        /// Pieces of a text are missing, or belong to more than one statement.
        Pieces,
        /// What looks like the head of an entry stands within a literal or comment of the entry before.
        Doubtful,
        /// A file that holds something other than statements.
        Skipped,
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HistoryProblem {
    /// What it is.
    pub kind: ProblemKind,
    /// The file, or `-`.
    pub source: String,
    /// The line of the file, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong, in words.
    pub what: String,
}

impl HistoryProblem {
    /// A problem at this place.
    #[must_use]
    pub fn new(kind: ProblemKind, source: &str, line: u64, what: impl Into<String>) -> Self {
        Self { kind, source: source.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for HistoryProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.source, self.what),
            line => write!(formatter, "{}:{line}: {}", self.source, self.what),
        }
    }
}

/// How many records a run met. Nothing is lost: `records` is the sum of what was handed on and of the others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct HistoryCounts {
    /// Records in all sources.
    pub records: u64,
    /// Records that could not be parsed.
    pub unreadable: u64,
    /// Records that another source, or the same one twice, holds too.
    pub combined: u64,
    /// Statements of the cluster itself.
    pub internal: u64,
    /// Statements handed on.
    pub statements: u64,
}

impl HistoryCounts {
    /// The sum of both.
    pub fn add(&mut self, other: Self) {
        self.records = self.records.saturating_add(other.records);
        self.unreadable = self.unreadable.saturating_add(other.unreadable);
        self.combined = self.combined.saturating_add(other.combined);
        self.internal = self.internal.saturating_add(other.internal);
        self.statements = self.statements.saturating_add(other.statements);
    }
}
