//! Reading all inputs: blocks are parsed side by side, and what came of them is handed on in the order of the input, whatever the
//! number of threads. What belongs together is sorted first, with bounded memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::marker::PhantomData;
use std::mem::take;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::history::block::{Block, Blocks};
use crate::history::input::HistoryInput;
use crate::history::news::SideNews;
use crate::history::outcomes::{self, FailedVerdicts};
use crate::history::parse::{ParseSink, Parsed, parse};
use crate::history::problem::{HistoryCounts, HistoryProblem, ProblemKind};
use crate::history::record::StatementRecord;
use crate::history::shape::Shape;
use crate::history::sorting::{Kept, RecordSink, Sorting};
use crate::history::stream::{self, ByteStream, BytesRead};
use crate::history::table::View;

/// Batches of blocks that wait to be parsed.
const WAITING_BATCHES: usize = 2;

/// Blocks of a batch, for each thread: many, so that no thread waits long for the last of the others.
const BLOCKS_PER_THREAD: usize = 16;

/// Parts of sorted records that are judged side by side, for each thread.
const PARTS_PER_THREAD: usize = 4;

/// Records that are handed on together, once they were sorted.
const RECORDS_PER_PART: usize = 1024;

/// The number of the cluster's own user.
const INTERNAL_USER: i64 = 1;

/// An input and what it holds.
struct Source {
    name: String,
    shape: Shape,
    input: HistoryInput,
    /// Standard input, of which the first bytes were looked at.
    opened: Option<ByteStream>,
}

/// All inputs, looked at but not read.
pub struct History {
    sources: Vec<Source>,
    problems: Vec<HistoryProblem>,
    read: BytesRead,
    joins_outcomes: bool,
}

/// Takes what is read, in order.
pub trait RecordReader<P> {
    /// Takes what came of one part of the records.
    ///
    /// # Errors
    /// It cannot be handed on.
    fn part(&mut self, part: P) -> io::Result<()>;
    /// Takes what is wrong.
    fn problem(&mut self, problem: HistoryProblem);
    /// Takes what is told beside statements. Most readers do not ask.
    fn news(&mut self, _news: SideNews) {}
}

impl std::fmt::Debug for History {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources = self.sources.iter().map(|source| (&source.name, &source.shape));
        formatter.debug_map().entries(sources).finish()
    }
}

impl History {
    /// Looks at the start of every input. What cannot be told is among the problems, and is not read.
    #[must_use]
    pub fn open(inputs: Vec<HistoryInput>) -> Self {
        let mut history =
            Self { sources: Vec::new(), problems: Vec::new(), read: BytesRead::default(), joins_outcomes: false };
        for input in inputs {
            let name = input.name();
            // What was looked at is read again, and counted then.
            let bytes = match stream::open(&input, &BytesRead::default()) {
                Ok(bytes) => bytes,
                Err(error) => {
                    history.skip(ProblemKind::Unreadable, &name, format!("cannot be read: {error}"));
                    continue;
                }
            };
            let (head, bytes) = stream::head(bytes);
            let opened = (input == HistoryInput::Stdin).then_some(bytes);
            match Shape::of(&head) {
                Some(shape) => history.sources.push(Source { name, shape, input, opened }),
                None if name.contains("_userlog_") => {
                    history.skip(ProblemKind::Skipped, &name, "a user log holds no statements");
                }
                None => history.skip(
                    ProblemKind::Unreadable,
                    &name,
                    "holds no audit, no export of a query history with the names of its columns, and no audit log of Redshift",
                ),
            }
        }
        history
    }

    fn skip(&mut self, kind: ProblemKind, name: &str, what: impl Into<String>) {
        self.problems.push(HistoryProblem::new(kind, name, 0, what));
    }

    /// Joins the statements of audits with what became of them, as far as to say which failed. The files are read twice for that;
    /// standard input cannot be.
    #[must_use]
    pub fn with_outcomes(self) -> Self {
        Self { joins_outcomes: true, ..self }
    }

    /// The inputs that are the gate's audit, and all others.
    #[must_use]
    pub fn split(mut self) -> (Self, Self) {
        let is_audit = |source: &mut Source| source.shape == Shape::Audit;
        let sources = self.sources.extract_if(.., is_audit).collect();
        let audit = Self {
            sources,
            problems: Vec::new(),
            read: BytesRead::clone(&self.read),
            joins_outcomes: self.joins_outcomes,
        };
        (audit, self)
    }

    /// Whether any of the inputs is the cluster's own history.
    #[must_use]
    pub fn holds_clusters(&self) -> bool {
        self.sources.iter().any(|source| source.shape.holds_statements() && source.shape != Shape::Audit)
    }

    /// Whether any of the inputs is the gate's audit.
    #[must_use]
    pub fn holds_audit(&self) -> bool {
        self.sources.iter().any(|source| source.shape == Shape::Audit)
    }

    /// The length of all inputs, where it is known.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.sources.iter().map(|source| source.input.length()).fold(0, u64::saturating_add)
    }

    /// Counts the bytes that were read of the inputs, while they are read.
    #[must_use]
    pub fn progress(&self) -> BytesRead {
        BytesRead::clone(&self.read)
    }

    /// Whether any of the inputs can hold statements.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether each record stands for itself, so that none waits for another.
    fn is_plain(&self) -> bool {
        let all =
            |shape: &Shape| self.sources.iter().all(|source| source.shape == *shape || source.shape == Shape::Empty);
        all(&Shape::Audit) || all(&Shape::Records)
    }

    /// Reads everything. `fold` takes the records of a part one by one, many parts at once; the reader gets the parts in order.
    /// That is the order of the input where each record stands for itself; else, with `by_time`, of the records' times.
    ///
    /// # Errors
    /// A temporary file cannot be used, or the reader fails. What is wrong with an input is a problem, and no error.
    pub fn read<P: Default + Send>(
        mut self,
        by_time: bool,
        fold: impl Fn(&mut P, &StatementRecord<'_>) + Sync,
        reader: &mut impl RecordReader<P>,
    ) -> io::Result<HistoryCounts> {
        let mut counts = HistoryCounts::default();
        for problem in take(&mut self.problems) {
            if problem.kind == ProblemKind::Unreadable {
                counts.add(HistoryCounts { records: 1, unreadable: 1, ..HistoryCounts::default() });
            }
            reader.problem(problem);
        }
        let is_plain = self.is_plain();
        let (users, failed) = (self.users(), self.failed());
        let folder = Folder { fold, users: &users, failed: &failed };
        if is_plain {
            counts.add(folder.plain(&mut self, reader)?);
        } else {
            counts.add(folder.sorted(&mut self, by_time, reader)?);
        }
        Ok(counts)
    }

    /// The verdicts of audits whose statements did not succeed.
    fn failed(&self) -> FailedVerdicts {
        let mut failed = FailedVerdicts::new();
        let audits = self.sources.iter().filter(|source| self.joins_outcomes && source.shape == Shape::Audit);
        for source in audits.filter(|source| source.opened.is_none()) {
            if let Ok(bytes) = stream::open(&source.input, &BytesRead::default()) {
                outcomes::add_failed(bytes, &mut failed);
            }
        }
        failed
    }

    /// Names of users by number, from the inputs that hold them.
    fn users(&mut self) -> HashMap<i64, String> {
        struct Names(HashMap<i64, String>);
        impl ParseSink for Names {
            fn parsed(&mut self, parsed: Parsed<'_>) {
                if let Parsed::User(number, name) = parsed {
                    self.0.insert(number, name);
                }
            }
            // Told when the input is read with the others.
            fn problem(&mut self, _problem: HistoryProblem) {}
        }
        let mut names = Names(HashMap::new());
        for source in self.sources.iter_mut().filter(|source| source.shape.view() == Some(View::Users)) {
            let Some(bytes) = source.opened.take().or_else(|| stream::open(&source.input, &self.read).ok()) else {
                continue;
            };
            let mut blocks = Blocks::new(bytes, source.shape.framing());
            while let Some(block) = blocks.next_block() {
                parse(&source.shape, &source.name, &block, &mut names);
            }
        }
        names.0
    }
}

/// Blocks of an input, with its place among the sources.
type Batch = Vec<(usize, Block)>;

/// Sends the blocks of all inputs, in batches.
fn send(sources: &mut [Source], read: &BytesRead, batches: &SyncSender<Batch>) {
    let size = rayon::current_num_threads().saturating_mul(BLOCKS_PER_THREAD);
    let mut batch = Batch::new();
    for (place, source) in sources.iter_mut().enumerate() {
        let bytes = source.opened.take().map_or_else(|| stream::open(&source.input, read), Ok);
        let mut blocks = match bytes {
            Ok(bytes) => Blocks::new(bytes, source.shape.framing()),
            Err(error) => {
                batch.push((place, Block { is_last: true, cut_off: Some(error.to_string()), ..Block::default() }));
                continue;
            }
        };
        while let Some(block) = blocks.next_block() {
            batch.push((place, block));
            if batch.len() >= size && batches.send(take(&mut batch)).is_err() {
                return;
            }
        }
    }
    // When nobody takes batches any more, nobody misses the last.
    let _taken = batches.send(batch).is_ok();
}

/// Runs `parse` over batches while the next are read.
fn with_batches<T>(
    history: &mut History,
    parse: impl FnOnce(Receiver<Batch>, &[(String, Shape)]) -> io::Result<T>,
) -> io::Result<T> {
    let shapes: Vec<(String, Shape)> =
        history.sources.iter().map(|source| (source.name.clone(), source.shape.clone())).collect();
    let (sender, batches) = sync_channel(WAITING_BATCHES);
    let (sources, read) = (&mut history.sources, BytesRead::clone(&history.read));
    thread::scope(|scope| {
        scope.spawn(move || send(sources, &read, &sender));
        parse(batches, &shapes)
    })
}

/// Does with a record what is asked.
struct Folder<'u, F> {
    fold: F,
    users: &'u HashMap<i64, String>,
    failed: &'u FailedVerdicts,
}

impl<F> Folder<'_, F> {
    /// Gives the user a name where only a number is known, and the statement the cluster's answer. Whether the record is a statement of somebody's.
    fn complete(&self, record: &mut StatementRecord<'_>, counts: &mut HistoryCounts) -> bool {
        counts.records = counts.records.saturating_add(1);
        if record.user.is_none() {
            let name = record.user_id.and_then(|number| self.users.get(&number));
            record.user = name.map(|name| Cow::Owned(name.clone()));
        }
        if record.verdict_id.as_deref().is_some_and(|id| self.failed.contains(id)) {
            record.outcome = Some(Cow::Borrowed("failed"));
        }
        let is_internal = record.user_id == Some(INTERNAL_USER) || record.user.as_deref() == Some("rdsdb");
        if is_internal {
            counts.internal = counts.internal.saturating_add(1);
        }
        !is_internal
    }

    fn plain<P>(&self, history: &mut History, reader: &mut impl RecordReader<P>) -> io::Result<HistoryCounts>
    where
        P: Default + Send,
        F: Fn(&mut P, &StatementRecord<'_>) + Sync,
    {
        with_batches(history, |batches, shapes| {
            let mut counts = HistoryCounts::default();
            for batch in batches {
                let parts: Vec<_> = batch.par_iter().map(|(place, block)| self.block(*place, block, shapes)).collect();
                for Parts { part, problems, news, counts: part_counts } in parts {
                    counts.add(part_counts);
                    for problem in problems {
                        reader.problem(problem);
                    }
                    for news in news {
                        reader.news(news);
                    }
                    reader.part(part)?;
                }
            }
            Ok(counts)
        })
    }

    fn sorted<P, R>(&self, history: &mut History, by_time: bool, reader: &mut R) -> io::Result<HistoryCounts>
    where
        P: Default + Send,
        F: Fn(&mut P, &StatementRecord<'_>) + Sync,
        R: RecordReader<P>,
    {
        let mut sorting = Sorting::new(history.sources.iter().map(|source| &source.shape), by_time);
        let mut out = Out { folder: self, reader, held: Vec::new(), written: 0, part: PhantomData };
        with_batches(history, |batches, shapes| {
            for batch in batches {
                let kept = batch.par_iter().map(|(place, block)| Kept::of(shapes.get(*place), block));
                let kept: Vec<Kept> = kept.collect();
                kept.into_iter().try_for_each(|kept| sorting.keep(kept, &mut out))?;
            }
            Ok(())
        })?;
        let mut counts = sorting.finish(&mut out)?;
        out.flush()?;
        counts.statements = out.written;
        Ok(counts)
    }

    fn block<P>(&self, place: usize, block: &Block, shapes: &[(String, Shape)]) -> Parts<P>
    where
        P: Default,
        F: Fn(&mut P, &StatementRecord<'_>),
    {
        struct Folding<'f, 'u, F, P> {
            folder: &'f Folder<'u, F>,
            parts: Parts<P>,
        }
        impl<P, F: Fn(&mut P, &StatementRecord<'_>)> ParseSink for Folding<'_, '_, F, P> {
            fn parsed(&mut self, parsed: Parsed<'_>) {
                match parsed {
                    Parsed::Record(mut record) => {
                        let counts = &mut self.parts.counts;
                        if self.folder.complete(&mut record, counts) {
                            counts.statements = counts.statements.saturating_add(1);
                            (self.folder.fold)(&mut self.parts.part, &record);
                        }
                    }
                    Parsed::Gate(news) => self.parts.news.push(SideNews::Gate(news)),
                    Parsed::Assumed(_) | Parsed::Row(_) | Parsed::Event(_) | Parsed::User(..) => {}
                }
            }
            fn problem(&mut self, problem: HistoryProblem) {
                self.parts.problems.push(problem);
            }
        }
        let Some((name, shape)) = shapes.get(place) else { return Parts::default() };
        let mut told = Folding { folder: self, parts: Parts::default() };
        let unreadable = parse(shape, name, block, &mut told);
        told.parts.counts.add(unreadable);
        told.parts
    }
}

/// What a block holds, once its records are folded.
#[derive(Default)]
struct Parts<P> {
    part: P,
    problems: Vec<HistoryProblem>,
    news: Vec<SideNews>,
    counts: HistoryCounts,
}

/// Where sorted records go.
struct Out<'o, 'u, P, F, R> {
    folder: &'o Folder<'u, F>,
    reader: &'o mut R,
    held: Vec<StatementRecord<'static>>,
    written: u64,
    part: PhantomData<P>,
}

impl<P, F, R> RecordSink for Out<'_, '_, P, F, R>
where
    P: Default + Send,
    F: Fn(&mut P, &StatementRecord<'_>) + Sync,
    R: RecordReader<P>,
{
    fn complete(&self, record: &mut StatementRecord<'_>, counts: &mut HistoryCounts) -> bool {
        self.folder.complete(record, counts)
    }

    fn problem(&mut self, problem: HistoryProblem) {
        self.reader.problem(problem);
    }

    fn news(&mut self, news: SideNews) {
        self.reader.news(news);
    }

    fn record(&mut self, record: StatementRecord<'static>) -> io::Result<()> {
        self.held.push(record);
        let size = rayon::current_num_threads().saturating_mul(PARTS_PER_THREAD).saturating_mul(RECORDS_PER_PART);
        if self.held.len() >= size { self.flush() } else { Ok(()) }
    }
}

impl<P, F, R> Out<'_, '_, P, F, R>
where
    P: Default + Send,
    F: Fn(&mut P, &StatementRecord<'_>) + Sync,
    R: RecordReader<P>,
{
    fn flush(&mut self) -> io::Result<()> {
        let fold = |records: &[StatementRecord<'static>]| {
            let mut part = P::default();
            for record in records {
                (self.folder.fold)(&mut part, record);
            }
            part
        };
        let parts: Vec<P> = self.held.par_chunks(RECORDS_PER_PART).map(fold).collect();
        self.written = self.written.saturating_add(u64::try_from(self.held.len()).unwrap_or(u64::MAX));
        self.held.clear();
        parts.into_iter().try_for_each(|part| self.reader.part(part))
    }
}
