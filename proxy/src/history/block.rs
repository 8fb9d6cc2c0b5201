//! A stream of bytes in blocks of whole records, so that records can be parsed side by side. Memory is bounded by the longest record.

use std::io::Read;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::history::activity;

/// How large a block usually is.
const BLOCK_BYTES: usize = 256 * 1024;

/// The longest record: a statement has at most 16 MB, and JSON may write each of its bytes as several.
pub const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// Where a record of an input ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// At the end of its line.
    Lines,
    /// At the end of a line that is not within quotes; the fields are separated by this byte.
    Csv(u8),
    /// Before the head of the next entry of a user activity log.
    Entries,
    /// Nowhere: the input is one record.
    Whole,
}

/// Whole records of an input.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Block {
    /// The line of the input on which it starts, from 1.
    pub first_line: u64,
    /// The bytes of whole records.
    pub bytes: Vec<u8>,
    /// Its only record is longer than any can be; the bytes are its first.
    pub is_too_long: bool,
    /// The stream ended here.
    pub is_last: bool,
    /// The stream ended in the middle, for this reason.
    pub cut_off: Option<String>,
}

/// The blocks of a stream.
#[derive(Debug)]
pub struct Blocks<R> {
    stream: R,
    framing: Framing,
    max_record: usize,
    usual: usize,
    held: Vec<u8>,
    line: u64,
    scan: Scan,
    /// The rest of a line that is too long is passed over.
    passes_over: bool,
    ended: bool,
    is_done: bool,
    cut_off: Option<String>,
}

/// How far the held bytes were searched for ends of records.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    seen: usize,
    end: usize,
    in_quotes: bool,
    /// The byte after the quote that closed last.
    closed: usize,
}

impl<R: Read> Blocks<R> {
    /// The blocks of a stream with records that end so.
    pub fn new(stream: R, framing: Framing) -> Self {
        Self::with_sizes(stream, framing, BLOCK_BYTES, MAX_RECORD_BYTES)
    }

    fn with_sizes(stream: R, framing: Framing, usual: usize, max_record: usize) -> Self {
        Self {
            stream,
            framing,
            max_record,
            usual,
            held: Vec::new(),
            line: 1,
            scan: Scan::default(),
            passes_over: false,
            ended: false,
            is_done: false,
            cut_off: None,
        }
    }

    /// The next block; `None` after the last.
    pub fn next_block(&mut self) -> Option<Block> {
        while !self.is_done {
            self.fill(self.usual);
            if self.passes_over {
                self.pass_over();
                continue;
            }
            self.find_end();
            if self.ended && self.scan.in_quotes && self.scan.end == 0 {
                return Some(self.unclosed());
            }
            if self.ended && (self.scan.end == 0 || !self.scan.in_quotes) {
                self.is_done = true;
                let length = self.held.len();
                return Some(self.cut(length, false));
            }
            if self.scan.end > 0 {
                return Some(self.cut(self.scan.end, false));
            }
            if self.held.len() >= self.max_record {
                return Some(self.too_long());
            }
            // Twice as much each time, so that the search for an end stays linear.
            self.fill(self.held.len().saturating_mul(2).max(self.usual).min(self.max_record));
        }
        None
    }

    /// Reads until so many bytes are held, or the stream ends.
    fn fill(&mut self, length: usize) {
        let Some(missing) = length.checked_sub(self.held.len()).filter(|count| *count > 0 && !self.ended) else {
            return;
        };
        self.held.reserve(missing);
        let wanted = u64::try_from(missing).unwrap_or(u64::MAX);
        match self.stream.by_ref().take(wanted).read_to_end(&mut self.held) {
            Ok(count) => self.ended = count < missing,
            Err(error) => {
                self.ended = true;
                self.cut_off = Some(error.to_string());
            }
        }
    }

    /// Finds the end of the last whole record that is held.
    fn find_end(&mut self) {
        match self.framing {
            Framing::Lines => self.scan.end = after(memrchr(b'\n', &self.held)),
            Framing::Entries => self.scan.end = activity::last_head(&self.held).unwrap_or(0),
            Framing::Csv(delimiter) => self.scan_csv(delimiter),
            Framing::Whole => {}
        }
    }

    /// A quote opens at the start of a field only; within quotes, two of them stand for one.
    fn scan_csv(&mut self, delimiter: u8) {
        let Scan { mut seen, mut end, mut in_quotes, mut closed } = self.scan;
        while let Some(rest) = self.held.get(seen..) {
            let found = if in_quotes { memchr(b'"', rest) } else { memchr2(b'"', b'\n', rest) };
            let Some(offset) = found else { break };
            let at = seen.saturating_add(offset);
            seen = at.saturating_add(1);
            if self.held.get(at) == Some(&b'\n') {
                end = seen;
            } else if in_quotes {
                (in_quotes, closed) = (false, seen);
            } else {
                let before = at.checked_sub(1).and_then(|place| self.held.get(place)).copied();
                let starts_field = before.is_none_or(|byte| byte == delimiter || byte == b'\n');
                in_quotes = starts_field || closed == at;
            }
        }
        self.scan = Scan { seen: self.held.len(), end, in_quotes, closed };
    }

    /// Takes so many bytes as a block.
    fn cut(&mut self, length: usize, is_too_long: bool) -> Block {
        let rest = self.held.split_off(length.min(self.held.len()));
        let bytes = std::mem::replace(&mut self.held, rest);
        let first_line = self.line;
        self.line = self.line.saturating_add(lines(&bytes));
        self.scan = Scan::default();
        let cut_off = if self.is_done { self.cut_off.take() } else { None };
        Block { first_line, bytes, is_too_long, is_last: self.is_done, cut_off }
    }

    /// A record that has more bytes than any can have.
    fn too_long(&mut self) -> Block {
        if matches!(self.framing, Framing::Csv(_)) && self.scan.in_quotes {
            return self.unclosed();
        }
        self.passes_over = self.framing == Framing::Lines;
        self.cut(self.held.len(), true)
    }

    /// A line that opens quotes which nothing closes; what follows it is read on its own.
    fn unclosed(&mut self) -> Block {
        let length = memchr(b'\n', &self.held).map_or(self.held.len(), |at| at.saturating_add(1));
        self.is_done = self.ended && length == self.held.len();
        self.cut(length, true)
    }

    /// Drops what is left of a line.
    fn pass_over(&mut self) {
        if let Some(at) = memchr(b'\n', &self.held) {
            self.passes_over = false;
            self.held.drain(..=at);
            self.line = self.line.saturating_add(1);
        } else {
            // At the end of the stream the last block is empty.
            self.held.clear();
            self.passes_over = !self.ended;
        }
    }
}

fn after(place: Option<usize>) -> usize {
    place.map_or(0, |at| at.saturating_add(1))
}

fn lines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks as (first line, text, too long).
    fn blocks(text: &str, framing: Framing, usual: usize, max: usize) -> Vec<(u64, String, bool)> {
        let mut blocks = Blocks::with_sizes(text.as_bytes(), framing, usual, max);
        let mut found = Vec::new();
        while let Some(block) = blocks.next_block() {
            found.push((block.first_line, String::from_utf8(block.bytes).unwrap(), block.is_too_long));
        }
        found
    }

    /// The same records come out of blocks of every size.
    #[test]
    fn records_are_never_cut() {
        let csv = "a,b\n1,\"x\ny\"\nx\"\"y,1\n2,\"say \"\"hi\"\"\n\"\n3,5\" pipe\n\"\",\"\"\n4,\"\"\"\"\n5,end";
        let records = [
            "a,b\n",
            "1,\"x\ny\"\n",
            "x\"\"y,1\n",
            "2,\"say \"\"hi\"\"\n\"\n",
            "3,5\" pipe\n",
            "\"\",\"\"\n",
            "4,\"\"\"\"\n",
            "5,end",
        ];
        for usual in 1..csv.len() + 2 {
            let found = blocks(csv, Framing::Csv(b','), usual, 1000);
            assert_eq!(found.iter().map(|(_, text, _)| text.as_str()).collect::<String>(), csv, "{usual}");
            let mut at = 0;
            let ends: Vec<usize> = records
                .iter()
                .map(|record| {
                    at += record.len();
                    at
                })
                .collect();
            let mut at = 0;
            for (line, text, too_long) in found {
                assert_eq!(
                    usize::try_from(line).unwrap(),
                    csv.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1,
                    "{usual}"
                );
                at += text.len();
                assert!(ends.contains(&at) && !too_long, "{usual}: {text}");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let text = format!("one\n{}\ntwo\n", "x".repeat(50));
        let found = blocks(&text, Framing::Lines, 8, 20);
        let (long, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, _, too_long)| *too_long);
        assert_eq!((long.len(), long[0].0), (1, 2));
        assert_eq!(others.iter().map(|(_, text, _)| text.as_str()).collect::<String>(), "one\ntwo\n");
        assert_eq!(others.last().unwrap().0, 3);
    }

    #[test]
    fn quotes_left_open_cost_their_line_alone() {
        let text = "a\n\"open\nb\nc\n";
        for usual in 1..20 {
            let found = blocks(text, Framing::Csv(b','), usual, 1000);
            let long: Vec<_> = found.iter().filter(|(_, _, too_long)| *too_long).collect();
            assert_eq!(
                long.iter().map(|(line, text, _)| (*line, text.as_str())).collect::<Vec<_>>(),
                [(2, "\"open\n")],
                "{usual}"
            );
            let others = found.iter().filter(|(_, _, too_long)| !too_long).map(|(_, text, _)| text.as_str());
            assert_eq!(others.collect::<String>(), "a\nb\nc\n", "{usual}");
        }
    }

    #[test]
    fn entries_end_before_the_next_head() {
        let entry = "'2026-01-02T03:04:05Z UTC [ db=dev user=etl pid=1 userid=100 xid=2 ]' LOG: select\n 1\n";
        let text = format!("rest of one\n{entry}{entry}{entry}");
        for usual in 1..text.len() + 2 {
            let found = blocks(&text, Framing::Entries, usual, 10_000);
            assert_eq!(found.iter().map(|(_, text, _)| text.as_str()).collect::<String>(), text, "{usual}");
            assert!(
                found.iter().all(|(line, text, _)| text.is_empty() || *line == 1 || text.starts_with('\'')),
                "{usual}"
            );
        }
    }
}
