//! Names that became known together, and whether one of them ends at a place of a text.

use std::collections::HashMap;

use crate::sql::known::tails::{Tails, is_word};

/// The longest names of Redshift and of PostgreSQL, in bytes. What is longer is cut by the server. Sources: Amazon Redshift Database
/// Developer Guide, "Names and identifiers"; PostgreSQL documentation, "Identifiers and Key Words".
const LONGEST: [usize; 2] = [127, 63];
const MAX_NAME_BYTES: usize = 127;

/// Where a name counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NameCounts {
    /// Before a dot: it is a schema's.
    pub before_dot: bool,
    /// Wherever it stands: a view's, a function's, a procedure's, a job's.
    pub anywhere: bool,
}

impl NameCounts {
    pub(super) fn add(&mut self, other: Self) {
        self.before_dot |= other.before_dot;
        self.anywhere |= other.anywhere;
    }

    /// Nothing, where it counts nowhere.
    fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// Names that became known together.
#[derive(Clone, Debug)]
pub(super) struct NameTable {
    tails: Tails,
    /// Folded to lower case.
    names: HashMap<Box<[u8]>, NameCounts>,
    /// Some name counts wherever it stands.
    is_anywhere: bool,
    /// Some name has letters beyond ASCII, which other encodings than UTF-8 write otherwise.
    is_beyond_ascii: bool,
    /// Some name is as long as a server's longest, so that what it cuts may be that.
    may_be_cut: bool,
}

impl NameTable {
    /// These names; `None`: there are none.
    pub(super) fn new<'n>(names: impl IntoIterator<Item = (&'n str, NameCounts)>) -> Option<Self> {
        let mut held: HashMap<Box<[u8]>, NameCounts> = HashMap::new();
        let (mut written, mut all) = (Vec::new(), NameCounts::default());
        let (mut is_beyond_ascii, mut may_be_cut) = (false, false);
        for (name, counts) in names {
            written.push(doubled(name.as_bytes()));
            is_beyond_ascii |= !name.is_ascii();
            may_be_cut |= LONGEST.iter().any(|longest| name.len() >= *longest);
            held.entry(name.to_ascii_lowercase().into_bytes().into()).or_default().add(counts);
            all.add(counts);
        }
        let (tails, is_anywhere) = (Tails::new(&written), all.anywhere);
        (!held.is_empty()).then_some(Self { tails, names: held, is_anywhere, is_beyond_ascii, may_be_cut })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether some name counts wherever it stands.
    pub(super) const fn is_anywhere(&self) -> bool {
        self.is_anywhere
    }

    /// How many bytes of words every name ends with at least.
    pub(super) const fn least(&self) -> usize {
        self.tails.least()
    }

    /// Where a name counts; ASCII case does not matter.
    pub(super) fn find(&self, name: &[u8]) -> NameCounts {
        let found = self.find_whole(name.get(..MAX_NAME_BYTES).unwrap_or(name));
        if found != NameCounts::default() || !self.may_be_cut {
            return found;
        }
        // A letter beyond ASCII that the server would split, it leaves out.
        let cut =
            |longest: &usize| self.find_whole(name.get(..*longest)?.utf8_chunks().next()?.valid().as_bytes()).some();
        LONGEST.iter().find_map(cut).unwrap_or_default()
    }

    fn find_whole(&self, name: &[u8]) -> NameCounts {
        let mut folded = [0_u8; MAX_NAME_BYTES];
        let Some(folded) = folded.get_mut(..name.len()) else { return NameCounts::default() };
        folded.copy_from_slice(name);
        folded.make_ascii_lowercase();
        match self.names.get(&*folded) {
            Some(counts) => *counts,
            None if self.is_beyond_ascii && str::from_utf8(name).is_err() => {
                NameCounts { before_dot: true, anywhere: self.is_anywhere }
            }
            None => NameCounts::default(),
        }
    }

    /// Whether a name may end before byte `end` and count there.
    #[inline]
    pub(super) fn may_end(&self, text: &[u8], end: usize) -> bool {
        if self.tails.may_end(text, end) || (self.is_beyond_ascii && is_tail_beyond_ascii(text, end)) {
            return self.may_stand(text, end);
        }
        self.may_be_cut && may_be_longest(text, end)
    }

    /// Whether a name that ends like one of the list may be one. Where its bytes alone do not tell what the lexer takes it for, it may.
    #[cold]
    fn may_stand(&self, text: &[u8], end: usize) -> bool {
        let may_count = |name: &[u8], end: usize| {
            let counts = self.find(name);
            counts.anywhere || (counts.before_dot && a_dot_may_follow(text, end))
        };
        if self.may_be_cut && may_be_longest(text, end) {
            return true;
        }
        let before = text.get(..end).unwrap_or(text);
        // A quote closes an identifier, or opens one behind a word.
        if text.get(end) == Some(&b'"') {
            match within_quotes(before) {
                QuotedName::Whole(name) if may_count(name, end.saturating_add(1)) => return true,
                QuotedName::Doubled => return true,
                QuotedName::Whole(_) | QuotedName::TooLong => {}
            }
        }
        let length = before.iter().rev().take_while(|byte| is_word(**byte)).count();
        let (others, word) = before.split_at_checked(end.saturating_sub(length)).unwrap_or((before, b""));
        may_be_taken_apart(others, word) || may_count(word, end)
    }
}

/// What stands before a quote, back to the quote before it.
enum QuotedName<'t> {
    /// An identifier without quotes in it.
    Whole(&'t [u8]),
    /// One with quotes in it, or what ends with an empty one.
    Doubled,
    /// None that is as short as a name.
    TooLong,
}

fn within_quotes(before: &[u8]) -> QuotedName<'_> {
    let near = before.get(before.len().saturating_sub(MAX_NAME_BYTES.saturating_add(1))..).unwrap_or(before);
    let Some((others, name)) = memchr::memrchr(b'"', near).and_then(|open| near.split_at_checked(open)) else {
        return QuotedName::TooLong;
    };
    let name = name.get(1..).unwrap_or_default();
    if name.is_empty() || others.last() == Some(&b'"') { QuotedName::Doubled } else { QuotedName::Whole(name) }
}

/// Whether the lexer may take bytes of words for more than one token: a number or a parameter before a word, a dollar quote.
fn may_be_taken_apart(before: &[u8], word: &[u8]) -> bool {
    let is_behind_number = matches!(before, [.., digit, b'.'] if digit.is_ascii_digit());
    word.first().is_some_and(u8::is_ascii_digit) || is_behind_number || word.contains(&b'$')
}

/// Whether the name that ends before byte `end` may go on behind a dot.
fn a_dot_may_follow(text: &[u8], end: usize) -> bool {
    let behind = text.get(end..).unwrap_or_default();
    let next = behind.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
    matches!(next, Some(b'.' | b'@' | b'/' | b'-'))
}

/// Whether the last bytes of a name are such that another encoding may write them otherwise.
#[inline]
fn is_tail_beyond_ascii(text: &[u8], end: usize) -> bool {
    !text.get(end.saturating_sub(4)..end).unwrap_or_default().is_ascii()
}

/// Whether what ends before byte `end` may be as long as the longest name, so that the server cuts it.
fn may_be_longest(text: &[u8], end: usize) -> bool {
    let shortest = LONGEST.into_iter().min().unwrap_or(MAX_NAME_BYTES);
    let Some(name) = end.checked_sub(shortest).and_then(|start| text.get(start..end)) else { return false };
    let is_quoted = text.get(end) == Some(&b'"') && memchr::memchr(b'"', name).is_none();
    is_quoted || name.iter().rev().all(|byte| is_word(*byte))
}

/// A name as it stands within quotes.
fn doubled(name: &[u8]) -> Vec<u8> {
    let twice = |byte: &u8| std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 });
    name.iter().flat_map(twice).collect()
}
