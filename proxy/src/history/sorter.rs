//! Sorting with bounded memory: what does not fit is kept in unnamed temporary files, sorted, and merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// How much is held before a run is written.
const HELD_BYTES: usize = 64 * 1024 * 1024;

/// What an item costs beside its bytes.
const ITEM_BYTES: usize = 64;

/// A key and what belongs to it.
pub type Item = (Vec<u8>, Vec<u8>);

/// Takes items in any order.
#[derive(Debug)]
pub struct Sorter {
    limit: usize,
    held_bytes: usize,
    held: Vec<Item>,
    runs: Vec<File>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::with_limit(HELD_BYTES)
    }
}

impl Sorter {
    fn with_limit(limit: usize) -> Self {
        Self { limit, held_bytes: 0, held: Vec::new(), runs: Vec::new() }
    }

    /// Adds an item. Items of equal keys keep their order.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub fn push(&mut self, key: Vec<u8>, value: Vec<u8>) -> io::Result<()> {
        self.held_bytes =
            self.held_bytes.saturating_add(key.len()).saturating_add(value.len()).saturating_add(ITEM_BYTES);
        self.held.push((key, value));
        if self.held_bytes < self.limit { Ok(()) } else { self.spill() }
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for (key, value) in self.sorted() {
            for part in [key, value] {
                run.write_all(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes())?;
                run.write_all(&part)?;
            }
        }
        let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        Ok(())
    }

    fn sorted(&mut self) -> Vec<Item> {
        self.held_bytes = 0;
        let mut held = std::mem::take(&mut self.held);
        held.sort_by(|(one, _), (other, _)| one.cmp(other));
        held
    }

    /// The items in the order of their keys.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub fn finish(mut self) -> io::Result<Sorted> {
        let last = self.sorted();
        let mut runs: Vec<Run> = self.runs.into_iter().map(|file| Run::File(BufReader::new(file))).collect();
        runs.push(Run::Held(last.into_iter()));
        let mut sorted = Sorted { runs, heads: BinaryHeap::new() };
        for run in 0..sorted.runs.len() {
            sorted.advance(run)?;
        }
        Ok(sorted)
    }
}

#[derive(Debug)]
enum Run {
    File(BufReader<File>),
    Held(std::vec::IntoIter<Item>),
}

impl Run {
    fn take(&mut self) -> io::Result<Option<Item>> {
        match self {
            Self::Held(items) => Ok(items.next()),
            Self::File(file) => {
                let Some(key) = part(file)? else { return Ok(None) };
                Ok(part(file)?.map(|value| (key, value)))
            }
        }
    }
}

fn part(file: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match file.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    file.take(u64::from_be_bytes(length)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Items in order.
#[derive(Debug)]
pub struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(Vec<u8>, usize, Vec<u8>)>>,
}

impl Sorted {
    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some((key, value)) = self.runs.get_mut(run).map(Run::take).transpose()?.flatten() {
            self.heads.push(Reverse((key, run, value)));
        }
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((key, run, value)) = self.heads.pop()?;
        Some(self.advance(run).map(|()| (key, value)))
    }
}

/// A key that orders as its parts do, one after the other.
#[must_use]
pub fn key(parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len().saturating_add(2)).sum());
    for part in parts {
        for byte in *part {
            key.push(*byte);
            // A NUL within a part must not end it.
            if *byte == 0 {
                key.push(1);
            }
        }
        key.extend([0, 0]);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_same_in_memory_and_through_files() {
        let numbers: Vec<u32> = (0..2000_u32).map(|number| number.wrapping_mul(2_654_435_761) % 300).collect();
        let sorted = |limit: usize| {
            let mut sorter = Sorter::with_limit(limit);
            for (at, number) in numbers.iter().enumerate() {
                sorter.push(number.to_be_bytes().to_vec(), at.to_string().into_bytes()).unwrap();
            }
            assert_eq!(sorter.runs.is_empty(), limit > 1_000_000, "{limit}");
            sorter.finish().unwrap().map(Result::unwrap).collect::<Vec<_>>()
        };
        let held = sorted(10_000_000);
        assert_eq!(held.len(), numbers.len());
        let order =
            |(key, value): &Item| (key.clone(), String::from_utf8(value.clone()).unwrap().parse::<usize>().unwrap());
        assert!(held.is_sorted_by_key(order));
        assert_eq!(held, sorted(5_000));
        assert_eq!(held, sorted(1));
    }

    #[test]
    fn keys_order_by_their_parts() {
        let parts: [&[&[u8]]; 6] =
            [&[b"", b"z"], &[b"\0", b""], &[b"a", b""], &[b"a", b"b"], &[b"a\0", b"a"], &[b"ab", b""]];
        let keys: Vec<Vec<u8>> = parts.iter().map(|parts| key(parts)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
