//! Names that a statement uses without a word of the vocabulary, such as external schemas: a filter that rides on the pass over every
//! statement, and the names themselves, which are compared only where the filter lets a text through.

mod tails;

use std::collections::HashMap;

use crate::sql::known::tails::{Tails, is_word};
use crate::sql::lexer::{Lexer, Rules, Token, TokenKind, Trouble};
use crate::sql::literal;

/// The longest names of Redshift and of PostgreSQL, in bytes. What is longer is cut by the server. Sources: Amazon Redshift Database
/// Developer Guide, "Names and identifiers"; PostgreSQL documentation, "Identifiers and Key Words".
const LONGEST: [usize; 2] = [127, 63];
const MAX_NAME_BYTES: usize = 127;

/// What the pass over a text asks of names. The answers may be too many, and never too few.
pub trait Watchlist {
    /// Whether there are names at all.
    fn is_any(&self) -> bool;

    /// Whether words matter that no dot follows.
    fn watches_words(&self) -> bool;

    /// How many bytes of words every name ends with at least.
    fn least_at_end(&self) -> usize;

    /// Whether a name of the list may stand before the dot at byte `dot`.
    fn may_stand_before(&self, text: &[u8], dot: usize) -> bool;

    /// Whether a name of the list may end before byte `end` and count there.
    fn may_end(&self, text: &[u8], end: usize) -> bool;
}

/// No names: what is asked of it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoNames;

impl Watchlist for NoNames {
    #[inline]
    fn is_any(&self) -> bool {
        false
    }

    #[inline]
    fn watches_words(&self) -> bool {
        false
    }

    #[inline]
    fn least_at_end(&self) -> usize {
        0
    }

    #[inline]
    fn may_stand_before(&self, _text: &[u8], _dot: usize) -> bool {
        false
    }

    #[inline]
    fn may_end(&self, _text: &[u8], _end: usize) -> bool {
        false
    }
}

/// Where a name counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NameCounts {
    /// Before a dot: it is a schema's.
    pub before_dot: bool,
    /// Wherever it stands: a view's, a function's, a procedure's, a job's.
    pub anywhere: bool,
}

impl NameCounts {
    fn add(&mut self, other: Self) {
        self.before_dot |= other.before_dot;
        self.anywhere |= other.anywhere;
    }

    /// Nothing, where it counts nowhere.
    fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// The names that are watched for. Letters beyond ASCII are never folded.
#[derive(Clone, Debug)]
pub struct WatchedNames {
    tails: Tails,
    /// Some name counts wherever it stands.
    is_anywhere: bool,
    /// Folded to lower case.
    names: HashMap<Box<[u8]>, NameCounts>,
    /// Some name has letters beyond ASCII, which other encodings than UTF-8 write otherwise.
    is_beyond_ascii: bool,
    /// Some name is as long as a server's longest, so that what it cuts may be that.
    may_be_cut: bool,
}

impl WatchedNames {
    /// These names, each with where it counts. `None`: there are none.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = (&'n str, NameCounts)>) -> Option<Self> {
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
        let tails = Tails::new(&written);
        (!held.is_empty()).then_some(Self {
            tails,
            is_anywhere: all.anywhere,
            names: held,
            is_beyond_ascii,
            may_be_cut,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Where the name of a token counts; ASCII case does not matter. A name whose escapes are not read here may be any.
    #[must_use]
    pub fn counts(&self, text: &[u8], token: Token) -> NameCounts {
        let raw = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => self.find(raw),
            TokenKind::Quoted if literal::is_unicode_identifier(text, token) => self.any(),
            TokenKind::Quoted if memchr::memchr(b'"', literal::inside(raw)).is_none() => {
                self.find(literal::inside(raw))
            }
            TokenKind::Quoted => self.find(literal::identifier(text, token).unwrap_or_default().as_bytes()),
            _ => NameCounts::default(),
        }
    }

    fn any(&self) -> NameCounts {
        NameCounts { before_dot: true, anywhere: self.is_anywhere }
    }

    fn find(&self, name: &[u8]) -> NameCounts {
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
            None if self.is_beyond_ascii && str::from_utf8(name).is_err() => self.any(),
            None => NameCounts::default(),
        }
    }

    /// Whether the tokens of a text, by these rules, hold a name where it counts. No allocation, unless a name has quotes in it.
    #[must_use]
    pub fn stand_in(&self, text: &[u8], rules: Rules) -> bool {
        let mut before: Option<Token> = None;
        let mut lexer = Lexer::starting_at(text, 0, rules);
        for token in lexer.by_ref() {
            let is_met = match token.kind {
                TokenKind::Symbol(b'.') => before.is_some_and(|name| self.counts(text, name).before_dot),
                TokenKind::Word | TokenKind::Quoted => {
                    self.is_anywhere && self.may_end(text, end_of_name(token)) && self.counts(text, token).anywhere
                }
                _ => false,
            };
            if is_met {
                return true;
            }
            before = Some(token);
        }
        // What follows is read by the server, and not here.
        lexer.trouble().is_some_and(|(trouble, _)| trouble == Trouble::Hash)
    }
}

/// The byte behind a token's name.
fn end_of_name(token: Token) -> usize {
    if token.kind == TokenKind::Quoted { token.end.saturating_sub(1) } else { token.end }
}

impl Watchlist for WatchedNames {
    #[inline]
    fn is_any(&self) -> bool {
        true
    }

    #[inline]
    fn watches_words(&self) -> bool {
        self.is_anywhere
    }

    #[inline]
    fn least_at_end(&self) -> usize {
        self.tails.least()
    }

    #[inline]
    fn may_stand_before(&self, text: &[u8], dot: usize) -> bool {
        let Some(last) = dot.checked_sub(1) else { return false };
        match text.get(last) {
            Some(b'"') => self.may_end(text, last),
            Some(byte) if is_word(*byte) => self.may_end(text, dot),
            // A blank, or the end of a comment: the name is looked for token by token, unless a number begins here.
            Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/') => {
                text.get(dot.saturating_add(1)).is_none_or(|next| !next.is_ascii_digit())
            }
            _ => false,
        }
    }

    #[inline]
    fn may_end(&self, text: &[u8], end: usize) -> bool {
        if self.tails.may_end(text, end) || (self.is_beyond_ascii && is_tail_beyond_ascii(text, end)) {
            return self.may_stand(text, end);
        }
        self.may_be_cut && may_be_longest(text, end)
    }
}

impl WatchedNames {
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

#[cfg(test)]
mod tests;
