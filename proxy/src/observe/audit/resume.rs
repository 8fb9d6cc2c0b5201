//! Going on with a log that is there: its head is found at the end of its file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::observe::audit::chain::LogHead;
use crate::observe::audit::event::Torn;
use crate::observe::audit::line::ChainFields;

/// How much of the end of a file is read at first: more than lies between two checkpoints.
const FIRST_READ: u64 = 8 * 1024 * 1024;

/// What a file says of the log in it.
#[derive(Debug)]
pub(super) enum Found {
    /// The file holds no record yet.
    Empty,
    /// A log that can go on.
    Log(Box<Resumed>),
    /// Lines from which no log can go on, and why.
    Unreadable(&'static str),
}

/// A log that can go on.
#[derive(Debug)]
pub(super) struct Resumed {
    pub(super) log: String,
    pub(super) head: LogHead,
    /// What the process before could not end.
    pub(super) torn: Vec<Torn>,
    /// The file does not end with a line feed.
    pub(super) needs_line_feed: bool,
    /// The file's first record: its log and number.
    pub(super) first: Option<(String, u64)>,
}

/// Reads the end of a file.
pub(super) fn resume(path: &Path) -> io::Result<Found> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut window = FIRST_READ;
    loop {
        let from = size.saturating_sub(window);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.by_ref().take(size.saturating_sub(from)).read_to_end(&mut bytes)?;
        let mut found = of_bytes(&bytes, from > 0);
        if let Found::Log(resumed) = &mut found {
            resumed.first = first_record(file)?;
            return Ok(found);
        }
        if from == 0 {
            return Ok(found);
        }
        window = window.saturating_mul(8);
    }
}

/// The log and the number of the record that a file begins with.
fn first_record(mut file: File) -> io::Result<Option<(String, u64)>> {
    file.seek(SeekFrom::Start(0))?;
    let mut line = Vec::new();
    BufReader::new(file).take(FIRST_READ).read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(ChainFields::read(line).map(|fields| (fields.log.to_owned(), fields.seq)))
}

/// What the end of a log says; `is_cut`: it may begin within a line.
pub(super) fn of_bytes(bytes: &[u8], is_cut: bool) -> Found {
    let ends_whole = bytes.last().is_none_or(|last| *last == b'\n');
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').skip(usize::from(is_cut)).collect();
    let mut tail = lines.pop().unwrap_or_default();
    if ChainFields::read(tail).is_some() {
        lines.push(tail);
        tail = &[];
    }
    lines.retain(|line| !line.is_empty());
    let Some(last) = lines.iter().rev().find_map(|line| ChainFields::read(line)) else {
        return if lines.is_empty() && tail.is_empty() {
            Found::Empty
        } else {
            Found::Unreadable("it holds no record")
        };
    };
    let of_log: Vec<(ChainFields<'_>, &[u8])> = lines
        .iter()
        .filter_map(|line| ChainFields::read(line).map(|fields| (fields, *line)))
        .filter(|(fields, _)| fields.log == last.log)
        .collect();
    let Some(anchor) = of_log.iter().rposition(|(fields, _)| fields.has_tree()) else {
        return Found::Unreadable("it holds no tree");
    };
    let Some(head) = follow(of_log.get(anchor..).unwrap_or_default()) else {
        return Found::Unreadable("its records do not follow each other");
    };
    let torn = if tail.is_empty() { Vec::new() } else { vec![Torn::of(tail)] };
    Found::Log(Box::new(Resumed { log: last.log.to_owned(), head, torn, needs_line_feed: !ends_whole, first: None }))
}

/// The head after records of which the first holds the tree before it.
fn follow(records: &[(ChainFields<'_>, &[u8])]) -> Option<LogHead> {
    let mut head = records.first()?.0.head()?;
    for (fields, line) in records {
        if fields.seq != head.tree.size() || fields.prev_hash() != head.last {
            return None;
        }
        head.append(line).ok()?;
    }
    Some(head)
}
