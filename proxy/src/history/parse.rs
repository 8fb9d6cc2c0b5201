//! Blocks of an input become records, rows of tables, or events of connections.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder};
use jiff::SignedDuration;
use memchr::memchr_iter;
use serde::Deserialize;

use crate::history::activity::Entries;
use crate::history::assemble;
use crate::history::block::Block;
use crate::history::connections::ConnectionEvent;
use crate::history::hidden::is_hidden;
use crate::history::news::GateNews;
use crate::history::plain;
use crate::history::problem::{HistoryCounts, HistoryProblem, ProblemKind};
use crate::history::record::{Known, RecordKind, StatementRecord, known, timestamp};
use crate::history::shape::Shape;
use crate::history::sorter::Item;
use crate::history::table::{Column, TableRow, View};
use crate::history::trail::{AssumedRole, assumed_roles};

/// One thing that a block holds.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// A statement.
    Record(StatementRecord<'a>),
    /// A row that waits for the others of its statement.
    Row(Item),
    /// Something that happened to a connection.
    Event(ConnectionEvent),
    /// A user's number and name.
    User(i64, String),
    /// What the gate's audit tells beside statements.
    Gate(Box<GateNews>),
    /// A role that the cluster's service has assumed.
    Assumed(Box<AssumedRole>),
}

/// What is told of a block while it is parsed.
pub trait ParseSink {
    /// Takes one thing that the block holds.
    fn parsed(&mut self, parsed: Parsed<'_>);
    /// Takes what is wrong.
    fn problem(&mut self, problem: HistoryProblem);
}

/// Parses a block of an input, and counts the records that cannot be read.
pub fn parse(shape: &Shape, source: &str, block: &Block, told: &mut impl ParseSink) -> HistoryCounts {
    let mut parser = Parser { source, told, counts: HistoryCounts::default() };
    match shape {
        Shape::ActivityLog => parser.entries(block),
        _ if block.is_too_long => {
            parser.unreadable(block.first_line, "is longer than any record, or opens quotes that nothing closes");
        }
        Shape::Csv(delimiter, columns, view) => parser.csv(block, *delimiter, columns, *view),
        Shape::Empty => {}
        Shape::CloudTrail => parser.trail(block),
        _ => parser.lines(shape, block),
    }
    if let Some(reason) = &block.cut_off {
        let line =
            block.first_line.saturating_add(u64::try_from(memchr_iter(b'\n', &block.bytes).count()).unwrap_or(0));
        let what = format!("the input ends in the middle: {reason}");
        parser.told.problem(HistoryProblem::new(ProblemKind::CutOff, source, line, what));
    }
    parser.counts
}

struct Parser<'p, T> {
    source: &'p str,
    told: &'p mut T,
    counts: HistoryCounts,
}

impl<T: ParseSink> Parser<'_, T> {
    fn unreadable(&mut self, line: u64, what: impl Into<String>) {
        self.counts.records = self.counts.records.saturating_add(1);
        self.counts.unreadable = self.counts.unreadable.saturating_add(1);
        self.told.problem(HistoryProblem::new(ProblemKind::Unreadable, self.source, line, what));
    }

    fn not_utf8(&mut self, line: u64) {
        let what = "bytes that are not UTF-8 were replaced";
        self.told.problem(HistoryProblem::new(ProblemKind::NotUtf8, self.source, line, what));
    }

    fn entries(&mut self, block: &Block) {
        let is_cut = block.is_too_long || block.cut_off.is_some();
        let (told, counts) = (std::cell::RefCell::new(&mut *self.told), &mut self.counts);
        Entries::new(self.source, &block.bytes, block.first_line, is_cut).read(
            |mut record| {
                record.hidden = is_hidden(record.text.as_bytes());
                told.borrow_mut().parsed(Parsed::Record(record));
            },
            |problem| {
                if problem.kind == ProblemKind::Unreadable {
                    counts.records = counts.records.saturating_add(1);
                    counts.unreadable = counts.unreadable.saturating_add(1);
                }
                told.borrow_mut().problem(problem);
            },
        );
    }

    fn trail(&mut self, block: &Block) {
        let mut roles = Vec::new();
        let read = assumed_roles(&block.bytes, |role| roles.push(role));
        for role in roles {
            self.told.parsed(Parsed::Assumed(Box::new(role)));
        }
        match read {
            Ok(events) => self.counts.records = self.counts.records.saturating_add(events),
            Err(error) => self.unreadable(block.first_line, error),
        }
    }

    fn lines(&mut self, shape: &Shape, block: &Block) {
        let mut number = block.first_line;
        let mut rest = block.bytes.as_slice();
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default().trim_ascii();
            let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            if !line.is_empty() {
                self.line(shape, line, number);
            }
            rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
            number = number.saturating_add(1);
        }
    }

    fn line(&mut self, shape: &Shape, line: &[u8], number: u64) {
        let Err(error) = self.read_line(shape, line, number) else { return };
        let text = String::from_utf8_lossy(line);
        match &text {
            Cow::Owned(text) if self.read_line(shape, text.as_bytes(), number).is_ok() => self.not_utf8(number),
            _ => self.unreadable(number, error),
        }
    }

    fn read_line(&mut self, shape: &Shape, line: &[u8], number: u64) -> Result<(), String> {
        let of_json = |error: serde_json::Error| format!("cannot be read: {error}");
        match shape {
            Shape::Records => {
                let record = plain::record(line).map_or_else(|| serde_json::from_slice(line), Ok).map_err(of_json)?;
                self.told.parsed(Parsed::Record(record));
            }
            Shape::Audit => {
                let audited: AuditLine<'_> = serde_json::from_slice(line).map_err(of_json)?;
                match audited.news() {
                    Some(news) => self.told.parsed(Parsed::Gate(Box::new(news))),
                    None => self.told.parsed(Parsed::Record(audited.record(self.source, number)?)),
                }
            }
            Shape::JsonRows(view) => {
                let row: TableRow<'_> = serde_json::from_slice(line).map_err(of_json)?;
                self.row(row, *view, number)?;
            }
            Shape::ConnectionLog => {
                let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
                let event = ConnectionEvent::of_line(line).ok_or("is not a line of a connection log")?;
                self.told.parsed(Parsed::Event(event));
            }
            Shape::Csv(..) | Shape::ActivityLog | Shape::CloudTrail | Shape::Empty => {}
        }
        Ok(())
    }

    fn row(&mut self, row: TableRow<'_>, view: View, line: u64) -> Result<(), String> {
        match view {
            View::Users => {
                let number = row.user_id.as_deref().and_then(|text| text.trim().parse().ok());
                let name = row.user.as_deref().map(str::trim).filter(|name| !name.is_empty());
                let (number, name) = number.zip(name).ok_or("has no user's number and name")?;
                self.told.parsed(Parsed::User(number, name.to_owned()));
            }
            View::ConnectionLog => {
                let event = ConnectionEvent::of_row(&row).ok_or("has no time that can be read")?;
                self.told.parsed(Parsed::Event(event));
            }
            _ => {
                let item = assemble::item(row, view, self.source, line)?;
                self.told.parsed(Parsed::Row(item));
            }
        }
        Ok(())
    }

    fn csv(&mut self, block: &Block, delimiter: u8, columns: &[Option<Column>], view: View) {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(block.bytes.as_slice());
        let mut fields = ByteRecord::new();
        let mut is_header = block.first_line == 1;
        loop {
            let before = block.first_line.saturating_add(reader.position().line()).saturating_sub(1);
            match reader.read_byte_record(&mut fields) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.unreadable(before, error.to_string()),
            }
            if std::mem::take(&mut is_header) {
                continue;
            }
            let within = fields.position().map_or(1, csv::Position::line);
            let line = block.first_line.saturating_add(within).saturating_sub(1);
            if fields.len() != columns.len() {
                self.unreadable(line, format!("has {} fields, and the header {}", fields.len(), columns.len()));
                continue;
            }
            let mut row = TableRow::default();
            let mut is_utf8 = true;
            for (column, field) in columns.iter().zip(&fields) {
                let text = String::from_utf8_lossy(field);
                is_utf8 &= matches!(text, Cow::Borrowed(_));
                if let Some(column) = column {
                    row.set(*column, Some(text));
                }
            }
            match self.row(row, view, line) {
                Err(error) => self.unreadable(line, error),
                Ok(()) if !is_utf8 => self.not_utf8(line),
                Ok(()) => {}
            }
        }
    }
}

/// A line of the gate's audit, of every version of its schema: versions without events hold verdicts only.
#[derive(Deserialize)]
struct AuditLine<'a> {
    #[serde(borrow, default, deserialize_with = "known")]
    event: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    time: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    session: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    user: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    database: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    application: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    client_address: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    statement: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    id: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    nonce: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    gate: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    backend_pid: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    gate_address: Known<'a>,
    #[serde(default)]
    gate_port: Option<u16>,
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    lost: Option<u64>,
    #[serde(borrow, default, deserialize_with = "known")]
    action: Known<'a>,
    /// What older versions have in its place, and newer ones beside it.
    #[serde(borrow, default, deserialize_with = "known")]
    verdict: Known<'a>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    count: Option<u64>,
}

impl<'a> AuditLine<'a> {
    /// What the line tells, where that is no statement.
    fn news(&self) -> Option<GateNews> {
        let event = self.event.as_deref().filter(|event| !matches!(*event, "verdict" | "folded" | "break_glass"))?;
        let own = |known: &Known<'_>| known.as_deref().map(str::to_owned);
        Some(GateNews {
            event: event.to_owned(),
            time: self.time.as_deref().and_then(timestamp),
            gate: own(&self.gate),
            session: own(&self.session),
            user: own(&self.user),
            backend_pid: own(&self.backend_pid),
            gate_address: own(&self.gate_address),
            gate_port: self.gate_port,
            lasted: self.seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok()),
            lost: self.lost,
        })
    }

    /// The statement of the line.
    fn record(self, source: &'a str, line: u64) -> Result<StatementRecord<'a>, String> {
        let statement = self.statement.ok_or("holds no statement")?;
        let mut record = StatementRecord::new(source, line, RecordKind::Audit, statement);
        record.time = self.time;
        record.session = self.session;
        record.user = self.user;
        record.database = self.database;
        record.application = self.application;
        record.client_address = self.client_address;
        record.verdict_id = self.id;
        record.nonce = self.nonce;
        record.gate = self.gate;
        record.backend_pid = self.backend_pid;
        record.outcome = self.action.or(self.verdict);
        record.truncated = self.truncated;
        record.count = self.count.unwrap_or(1).max(1);
        Ok(record)
    }
}
