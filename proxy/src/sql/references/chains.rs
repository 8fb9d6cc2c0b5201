//! Names of one or more parts, put together from tokens: `a`, `a.b`, `a . "b" /* */ . c`, `a@b.c.d`.

use std::ops::Range;

use crate::sql::known::WatchedNames;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;
use crate::sql::references::mention::NamePart;

/// Parts of a name that are kept. What follows are fields of a column.
const MAX_PARTS: usize = 8;

/// A name in which a known one stands where it counts.
#[derive(Clone, Debug)]
pub(super) struct NameChain {
    /// The place of its first token among those of the statement.
    pub place: usize,
    /// The token before it.
    pub before: Option<Token>,
    /// Its tokens; with those of a part that `@` joins.
    tokens: Vec<(Token, Option<Token>)>,
}

impl NameChain {
    /// Its bytes in the text.
    pub(super) fn span(&self) -> Range<usize> {
        let start = self.tokens.first().map_or(0, |(token, _)| token.start);
        let end = self.tokens.last().map_or(start, |(token, joined)| joined.unwrap_or(*token).end);
        start..end
    }

    /// How many parts it has.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// What its parts read.
    pub(super) fn parts(&self, text: &[u8]) -> Vec<NamePart> {
        self.tokens.iter().map(|(token, joined)| part(text, *token, *joined)).collect()
    }

    /// Whether a known name stands where it counts: before a dot, or anywhere.
    fn counts(&self, text: &[u8], names: &WatchedNames) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        let counts = |(place, (token, _)): (usize, &(Token, Option<Token>))| {
            let counts = names.counts(text, *token);
            counts.anywhere || (counts.before_dot && place < last)
        };
        self.tokens.iter().enumerate().any(counts)
    }

    /// Whether a known name stands before a dot in it.
    pub(super) fn is_within(&self, text: &[u8], names: &WatchedNames) -> bool {
        let before_dots = self.tokens.iter().take(self.tokens.len().saturating_sub(1));
        before_dots.into_iter().any(|(token, _)| names.counts(text, *token).before_dot)
    }
}

/// What a token of a name reads, with that behind its `@`.
pub(super) fn part(text: &[u8], token: Token, joined: Option<Token>) -> NamePart {
    let read = |token: Token| {
        if literal::is_unicode_identifier(text, token) {
            String::from_utf8_lossy(&literal::unicode_identifier(text, token, b'\\')).into_owned()
        } else {
            literal::identifier(text, token).unwrap_or_default()
        }
    };
    let is_quoted = |token: Token| token.kind == TokenKind::Quoted;
    let is_open = |token: Token| {
        let raw = text.get(token.start..token.end).unwrap_or_default();
        str::from_utf8(raw).is_err() || literal::is_unicode_identifier(text, token)
    };
    let Some(other) = joined else {
        return NamePart { text: read(token), is_quoted: is_quoted(token), is_open: is_open(token) };
    };
    NamePart {
        text: format!("{}@{}", read(token), read(other)),
        is_quoted: is_quoted(token) || is_quoted(other),
        is_open: is_open(token) || is_open(other),
    }
}

/// Puts names together, token by token.
#[derive(Debug, Default)]
pub(super) struct ChainBuilder {
    tokens: Vec<(Token, Option<Token>)>,
    place: usize,
    before: Option<Token>,
    last: Option<Token>,
    expects: Expects,
    count: usize,
}

/// What the last token was, to the name that is put together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Expects {
    /// A part: the name goes on behind a dot.
    #[default]
    Nothing,
    Part,
    /// The other half of a part.
    Half,
}

impl ChainBuilder {
    /// Takes a token, and gives the name that ended before it, if a known one stands in it.
    pub(super) fn take(&mut self, text: &[u8], token: Token, names: &WatchedNames) -> Option<NameChain> {
        let ended = match token.kind {
            TokenKind::Word | TokenKind::Quoted => self.name(text, token, names),
            TokenKind::Symbol(b'.') if !self.tokens.is_empty() && self.expects == Expects::Nothing => {
                self.expects = Expects::Part;
                None
            }
            TokenKind::Symbol(b'@') if self.tokens.len() == 1 && self.expects == Expects::Nothing => {
                self.expects = Expects::Half;
                None
            }
            _ => self.end(text, names),
        };
        self.last = Some(token);
        self.count = self.count.saturating_add(1);
        ended
    }

    /// The name with which the statement ends.
    pub(super) fn finish(&mut self, text: &[u8], names: &WatchedNames) -> Option<NameChain> {
        self.end(text, names)
    }

    fn name(&mut self, text: &[u8], token: Token, names: &WatchedNames) -> Option<NameChain> {
        match std::mem::take(&mut self.expects) {
            Expects::Part => {
                if self.tokens.len() < MAX_PARTS {
                    self.tokens.push((token, None));
                }
                None
            }
            Expects::Half => {
                if let Some((_, joined)) = self.tokens.last_mut() {
                    *joined = Some(token);
                }
                None
            }
            Expects::Nothing => {
                let ended = self.end(text, names);
                (self.place, self.before) = (self.count, self.last);
                self.tokens.push((token, None));
                ended
            }
        }
    }

    fn end(&mut self, text: &[u8], names: &WatchedNames) -> Option<NameChain> {
        self.expects = Expects::Nothing;
        if self.tokens.is_empty() {
            return None;
        }
        let chain = NameChain { place: self.place, before: self.before, tokens: std::mem::take(&mut self.tokens) };
        if chain.counts(text, names) {
            return Some(chain);
        }
        // Most names are not known: what they were put together in serves the next one.
        self.tokens = chain.tokens;
        self.tokens.clear();
        None
    }
}
