//! Names that a statement uses without a word of the vocabulary, such as external schemas: a filter that rides on the pass over every
//! statement, and the names themselves, which are compared only where the filter lets a text through.

mod table;
mod tails;

use std::sync::Arc;

pub use crate::sql::known::table::NameCounts;
use crate::sql::known::table::NameTable;
use crate::sql::known::tails::is_word;
use crate::sql::lexer::{Lexer, Rules, Token, TokenKind, Trouble};
use crate::sql::literal;

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

/// The names that are watched for. Letters beyond ASCII are never folded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WatchedNames {
    table: Arc<NameTable>,
    /// Names that became known since those of the table did.
    newer: Option<Arc<NameTable>>,
    /// Some name counts wherever it stands.
    is_anywhere: bool,
    /// How many bytes of words every name ends with at least.
    least: usize,
}

impl WatchedNames {
    /// These names, each with where it counts. `None`: there are none.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = (&'n str, NameCounts)>) -> Option<Self> {
        NameTable::new(names).map(|table| Self::of(Arc::new(table), None))
    }

    /// The same with names that are newer, in a table of their own: it costs what they cost, and not what all do.
    #[must_use]
    pub fn with_newer<'n>(
        older: Option<&Self>,
        newer: impl IntoIterator<Item = (&'n str, NameCounts)>,
    ) -> Option<Self> {
        let newer = NameTable::new(newer).map(Arc::new);
        match (older, newer) {
            (Some(older), newer) => Some(Self::of(Arc::clone(&older.table), newer)),
            (None, newer) => newer.map(|newer| Self::of(newer, None)),
        }
    }

    fn of(table: Arc<NameTable>, newer: Option<Arc<NameTable>>) -> Self {
        let newer_least = newer.as_ref().map_or(usize::MAX, |newer| newer.least());
        let is_anywhere = table.is_anywhere() || newer.as_ref().is_some_and(|newer| newer.is_anywhere());
        Self { is_anywhere, least: table.least().min(newer_least), table, newer }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len().saturating_add(self.newer.as_ref().map_or(0, |newer| newer.len()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a name is one of them. ASCII case does not matter.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.find(name.as_bytes()) != NameCounts::default()
    }

    /// Where the name of a token counts; ASCII case does not matter. A name whose escapes are not read here may be any.
    #[must_use]
    pub fn counts(&self, text: &[u8], token: Token) -> NameCounts {
        let raw = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => self.find(raw),
            TokenKind::Quoted if literal::is_unicode_identifier(text, token) => {
                NameCounts { before_dot: true, anywhere: self.is_anywhere }
            }
            TokenKind::Quoted if memchr::memchr(b'"', literal::inside(raw)).is_none() => {
                self.find(literal::inside(raw))
            }
            TokenKind::Quoted => self.find(literal::identifier(text, token).unwrap_or_default().as_bytes()),
            _ => NameCounts::default(),
        }
    }

    fn find(&self, name: &[u8]) -> NameCounts {
        let mut found = self.table.find(name);
        if let Some(newer) = &self.newer {
            found.add(newer.find(name));
        }
        found
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
        self.least
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
        self.table.may_end(text, end) || self.newer.as_ref().is_some_and(|newer| newer.may_end(text, end))
    }
}

#[cfg(test)]
mod tests;
