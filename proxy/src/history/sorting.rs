//! Records that wait for others: pieces of a text, the events of a session, the same statement in another source. Each is a sort
//! with bounded memory, and takes place only where the inputs ask for it.

use std::io;
use std::mem::take;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::history::assemble::{assemble, ordered};
use crate::history::block::Block;
use crate::history::combine;
use crate::history::connections::{ConnectionEvent, OpenSession};
use crate::history::news::SideNews;
use crate::history::parse::{ParseSink, Parsed, parse};
use crate::history::problem::{HistoryCounts, HistoryProblem};
use crate::history::record::StatementRecord;
use crate::history::shape::Shape;
use crate::history::sorter::{Item, Sorter, key};
use crate::history::table::View;

/// Where records go when nothing more is to be learned about them.
pub trait RecordSink {
    /// Gives the user a name where only a number is known. Whether the record is a statement of somebody's.
    fn complete(&self, record: &mut StatementRecord<'_>, counts: &mut HistoryCounts) -> bool;
    /// Takes a record.
    ///
    /// # Errors
    /// It cannot be handed on.
    fn record(&mut self, record: StatementRecord<'static>) -> io::Result<()>;
    /// Takes what is wrong.
    fn problem(&mut self, problem: HistoryProblem);
    /// Takes what is told beside statements.
    fn news(&mut self, news: SideNews);
}

/// What of a block is kept until all is read.
#[derive(Debug, Default)]
pub struct Kept {
    records: Vec<StatementRecord<'static>>,
    rows: Vec<Item>,
    events: Vec<ConnectionEvent>,
    news: Vec<SideNews>,
    problems: Vec<HistoryProblem>,
    counts: HistoryCounts,
}

impl Kept {
    /// What a block of an input of this name and shape holds.
    #[must_use]
    pub fn of(source: Option<&(String, Shape)>, block: &Block) -> Self {
        let mut kept = Self::default();
        if let Some((name, shape)) = source {
            kept.counts = parse(shape, name, block, &mut kept);
        }
        kept
    }
}

impl ParseSink for Kept {
    fn parsed(&mut self, parsed: Parsed<'_>) {
        match parsed {
            Parsed::Record(record) => self.records.push(record.into_owned()),
            Parsed::Row(row) => self.rows.push(row),
            Parsed::Event(event) => self.events.push(event),
            Parsed::Gate(news) => self.news.push(SideNews::Gate(news)),
            Parsed::Assumed(role) => self.news.push(SideNews::Assumed(role)),
            Parsed::User(..) => {}
        }
    }

    fn problem(&mut self, problem: HistoryProblem) {
        self.problems.push(problem);
    }
}

#[derive(Deserialize, Serialize)]
enum SessionItem<'a> {
    Event(ConnectionEvent),
    #[serde(borrow)]
    Record(Box<StatementRecord<'a>>),
}

/// The sorts that the inputs ask for, one after the other.
#[derive(Debug)]
pub struct Sorting {
    /// Rows of tables of texts, by statement.
    rows: Sorter,
    /// By process and time, among the events of connections.
    sessions: Option<Sorter>,
    /// By text and time.
    same: Option<Sorter>,
    by_time: Option<Sorter>,
    counts: HistoryCounts,
}

impl Sorting {
    /// The sorts for inputs of these shapes.
    pub fn new<'s>(shapes: impl Iterator<Item = &'s Shape> + Clone, by_time: bool) -> Self {
        let has_events = shapes.clone().any(|shape| shape.view() == Some(View::ConnectionLog));
        // The activity log holds what JDBC sends twice.
        let holds_doubles = shapes.clone().any(|shape| *shape == Shape::ActivityLog);
        let mut kinds: Vec<_> = shapes.filter(|shape| shape.holds_statements()).map(Shape::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self {
            rows: Sorter::default(),
            sessions: has_events.then(Sorter::default),
            same: (holds_doubles || kinds.len() > 1).then(Sorter::default),
            by_time: by_time.then(Sorter::default),
            counts: HistoryCounts::default(),
        }
    }

    /// Takes what a block holds.
    ///
    /// # Errors
    /// A temporary file cannot be written, or the sink fails.
    pub fn keep(&mut self, kept: Kept, sink: &mut dyn RecordSink) -> io::Result<()> {
        self.counts.add(kept.counts);
        for problem in kept.problems {
            sink.problem(problem);
        }
        for news in kept.news {
            sink.news(news);
        }
        kept.rows.into_iter().try_for_each(|(key, value)| self.rows.push(key, value))?;
        if let Some(sessions) = &mut self.sessions {
            for event in kept.events {
                sink.news(SideNews::Connection(event.clone()));
                let key = session_key(&event.session, Some(event.time), 0);
                sessions.push(key, serde_json::to_vec(&SessionItem::Event(event))?)?;
            }
        }
        kept.records.into_iter().try_for_each(|record| self.arrive(record, sink))
    }

    /// Hands over what waited, and says how many records there were.
    ///
    /// # Errors
    /// A temporary file cannot be used, or the sink fails.
    pub fn finish(mut self, sink: &mut dyn RecordSink) -> io::Result<HistoryCounts> {
        let mut problems = Vec::new();
        let rows = take(&mut self.rows).finish()?;
        assemble(rows, |record| self.arrive(record, sink), |problem| problems.push(problem))?;
        for problem in problems {
            sink.problem(problem);
        }
        self.complete_by_sessions(sink)?;
        if let Some(same) = self.same.take() {
            self.counts.combined = combine::combine(same.finish()?, |record| self.order(record, sink))?;
        }
        if let Some(by_time) = self.by_time.take() {
            by_time.finish()?.try_for_each(|item| sink.record(read_back(&item?.1)?))?;
        }
        Ok(self.counts)
    }

    fn arrive(&mut self, mut record: StatementRecord<'static>, sink: &mut dyn RecordSink) -> io::Result<()> {
        if !sink.complete(&mut record, &mut self.counts) {
            return Ok(());
        }
        match &mut self.sessions {
            Some(sessions) => {
                let key = session_key(record.session.as_deref().unwrap_or_default(), record.timestamp(), 1);
                sessions.push(key, serde_json::to_vec(&SessionItem::Record(Box::new(record)))?)
            }
            None => self.find_same(record, sink),
        }
    }

    /// Completes every record by the events of its session.
    fn complete_by_sessions(&mut self, sink: &mut dyn RecordSink) -> io::Result<()> {
        let Some(sessions) = self.sessions.take() else { return Ok(()) };
        let mut session = OpenSession::default();
        for item in sessions.finish()? {
            let (_, value) = item?;
            match serde_json::from_slice::<SessionItem<'_>>(&value)? {
                SessionItem::Event(event) => session.event(&event),
                SessionItem::Record(mut record) => {
                    // The gate numbers its sessions itself.
                    if record.from.is_clusters() {
                        session.complete(&mut record);
                    }
                    self.find_same(record.into_owned(), sink)?;
                }
            }
        }
        Ok(())
    }

    fn find_same(&mut self, record: StatementRecord<'static>, sink: &mut dyn RecordSink) -> io::Result<()> {
        match &mut self.same {
            Some(same) => {
                let (key, value) = combine::item(&record)?;
                same.push(key, value)
            }
            None => self.order(record, sink),
        }
    }

    fn order(&mut self, record: StatementRecord<'static>, sink: &mut dyn RecordSink) -> io::Result<()> {
        match &mut self.by_time {
            Some(by_time) => {
                let time = ordered(micros(record.timestamp()));
                let key = key(&[&time, record.source.as_bytes(), &record.line.to_be_bytes()]);
                by_time.push(key, serde_json::to_vec(&record)?)
            }
            None => sink.record(record),
        }
    }
}

fn read_back(value: &[u8]) -> io::Result<StatementRecord<'static>> {
    Ok(serde_json::from_slice::<StatementRecord<'_>>(value)?.into_owned())
}

/// Orders by process, then time; at the same time events come before statements.
fn session_key(session: &str, time: Option<Timestamp>, place: u8) -> Vec<u8> {
    key(&[session.as_bytes(), &ordered(micros(time)), &[place]])
}

fn micros(time: Option<Timestamp>) -> i64 {
    time.map_or(i64::MIN, Timestamp::as_microsecond)
}
