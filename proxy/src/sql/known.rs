//! Names that a statement uses without a word of the vocabulary, such as external schemas: a filter that rides on the pass over every
//! statement, and the names themselves, which are compared only where the filter lets a text through.

use std::collections::HashMap;

use crate::sql::lexer::{Lexer, Rules, Token, TokenKind, Trouble};
use crate::sql::literal;

/// The longest names of Redshift and of PostgreSQL, in bytes. What is longer is cut by the server. Sources: Amazon Redshift Database
/// Developer Guide, "Names and identifiers"; PostgreSQL documentation, "Identifiers and Key Words".
const LONGEST: [usize; 2] = [127, 63];
const MAX_NAME_BYTES: usize = 127;

/// What the pass over a text asks of names. Both answers may be too many, and never too few.
pub trait Watchlist {
    /// Whether there are names at all.
    fn is_any(&self) -> bool;

    /// Whether a name of the list may stand before the dot at byte `dot`.
    fn may_stand_before(&self, text: &[u8], dot: usize) -> bool;

    /// Whether words matter that no dot follows.
    fn watches_words(&self) -> bool;

    /// Whether a name of the list may end before byte `end`.
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
    fn may_stand_before(&self, _text: &[u8], _dot: usize) -> bool {
        false
    }

    #[inline]
    fn watches_words(&self) -> bool {
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
    /// Nothing, where it counts nowhere.
    fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// The names that are watched for. Letters beyond ASCII are never folded.
#[derive(Clone, Debug)]
pub struct WatchedNames {
    before_dot: Tails,
    anywhere: Option<Tails>,
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
        let mut known = Self {
            before_dot: Tails::default(),
            anywhere: None,
            names: HashMap::new(),
            is_beyond_ascii: false,
            may_be_cut: false,
        };
        for (name, counts) in names {
            known.add(name.as_bytes(), counts);
        }
        (!known.names.is_empty()).then_some(known)
    }

    fn add(&mut self, name: &[u8], counts: NameCounts) {
        let written = doubled(name);
        if counts.before_dot {
            self.before_dot.add(&written);
        }
        if counts.anywhere {
            self.anywhere.get_or_insert_default().add(&written);
        }
        self.is_beyond_ascii |= !name.is_ascii();
        self.may_be_cut |= LONGEST.iter().any(|longest| name.len() >= *longest);
        let held = self.names.entry(name.to_ascii_lowercase().into()).or_default();
        held.before_dot |= counts.before_dot;
        held.anywhere |= counts.anywhere;
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
        NameCounts { before_dot: true, anywhere: self.anywhere.is_some() }
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
                    self.may_end(text, end_of_name(token)) && self.counts(text, token).anywhere
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
    fn may_stand_before(&self, text: &[u8], dot: usize) -> bool {
        let Some(last) = dot.checked_sub(1) else { return false };
        let end = match text.get(last) {
            Some(b'"') => last,
            Some(byte) if is_word(*byte) => dot,
            // A blank, or the end of a comment: the name is looked for token by token, unless a number begins here.
            Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/') => {
                return text.get(dot.saturating_add(1)).is_none_or(|next| !next.is_ascii_digit());
            }
            _ => return false,
        };
        self.before_dot.may_end(text, end) || self.may_be_written_otherwise(text, end)
    }

    #[inline]
    fn watches_words(&self) -> bool {
        self.anywhere.is_some()
    }

    #[inline]
    fn may_end(&self, text: &[u8], end: usize) -> bool {
        self.anywhere.as_ref().is_some_and(|tails| tails.may_end(text, end)) || self.may_be_written_otherwise(text, end)
    }
}

impl WatchedNames {
    /// Whether the name before byte `end` may be one that ends otherwise: in letters beyond ASCII, or since the server cuts it.
    #[inline]
    fn may_be_written_otherwise(&self, text: &[u8], end: usize) -> bool {
        let before = || text.get(end.saturating_sub(4)..end).unwrap_or_default();
        self.may_be_cut || (self.is_beyond_ascii && !before().is_ascii())
    }
}

/// Whether a byte can continue a word.
#[inline]
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// A name as it stands within quotes.
fn doubled(name: &[u8]) -> Vec<u8> {
    let twice = |byte: &u8| std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 });
    name.iter().flat_map(twice).collect()
}

/// Bits by 16 bits of a key.
type Bits = [u64; 1024];

/// What names end with: a few names among many words are told from them by their last four bytes, hashed; shorter names by their last
/// two. ASCII case does not count, nor does the difference between some symbols.
#[derive(Clone, Debug)]
struct Tails {
    long: Box<Bits>,
    short: Option<Box<Bits>>,
}

impl Default for Tails {
    fn default() -> Self {
        Self { long: Box::new([0; 1024]), short: None }
    }
}

const FOLD: u32 = 0x2020_2020;

impl Tails {
    fn add(&mut self, name: &[u8]) {
        match (name.last_chunk::<4>(), name) {
            (Some(tail), _) => set(&mut self.long, hash(u32::from_le_bytes(*tail) | FOLD)),
            (None, [.., before, last]) => self.add_short(*before, *last),
            (None, [only]) => {
                for before in (0..=u8::MAX).filter(|before| !is_word(*before)) {
                    self.add_short(before, *only);
                }
            }
            (None, []) => {}
        }
    }

    fn add_short(&mut self, before: u8, last: u8) {
        let key = u16::from_le_bytes([before | 0x20, last | 0x20]);
        set(self.short.get_or_insert_with(|| Box::new([0; 1024])), key);
    }

    /// Whether a name may end before byte `end`.
    #[inline]
    fn may_end(&self, text: &[u8], end: usize) -> bool {
        // No statement begins with a name.
        let Some(tail) = text.get(..end).and_then(|before| before.last_chunk::<4>()) else { return true };
        let tail = u32::from_le_bytes(*tail) | FOLD;
        let is_short = |short: &Bits| has(short, u16::try_from(tail >> 16).unwrap_or_default());
        has(&self.long, hash(tail)) || self.short.as_deref().is_some_and(is_short)
    }
}

/// The upper half of a product, which depends on all bits of the key.
#[inline]
fn hash(key: u32) -> u16 {
    u16::try_from(key.wrapping_mul(0x9e37_79b1) >> 16).unwrap_or_default()
}

fn set(bits: &mut Bits, key: u16) {
    if let Some(word) = bits.get_mut(usize::from(key >> 6)) {
        *word |= 1 << (key & 63);
    }
}

#[inline]
fn has(bits: &Bits, key: u16) -> bool {
    bits.get(usize::from(key >> 6)).is_some_and(|word| word >> (key & 63) & 1 != 0)
}

#[cfg(test)]
mod tests;
