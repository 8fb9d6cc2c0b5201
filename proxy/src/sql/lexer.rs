//! Redshift's lexical rules, which are PostgreSQL 8.0's: from bytes to tokens. Where a literal, a comment or a
//! quoted identifier ends is decided here and nowhere else.
//!
//! Source: PostgreSQL 8.0, `src/backend/parser/scan.l`; for `standard_conforming_strings = on`, PostgreSQL 15's.

use memchr::{memchr, memchr2, memmem};

/// Which quotes take backslash escapes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Escapes {
    /// Every `'...'`: Redshift, and PostgreSQL with `standard_conforming_strings = off`.
    Always,
    /// `E'...'` alone: PostgreSQL with `standard_conforming_strings = on`.
    EPrefix,
}

/// The rules in which servers, or what is known of them, differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Which quotes take backslash escapes.
    pub escapes: Escapes,
    /// A carriage return ends a `--` comment, as a line feed does.
    pub comment_ends_at_cr: bool,
    /// `$` may continue a word, so that `t$$` opens no dollar quote.
    pub dollar_in_words: bool,
}

impl Rules {
    /// The rules of PostgreSQL 8.0 and later, with these escapes.
    #[must_use]
    pub const fn with_escapes(escapes: Escapes) -> Self {
        Self { escapes, comment_ends_at_cr: true, dollar_in_words: true }
    }
}

/// Which of the [`Rules`] made a difference in a text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Doubts(u8);

impl Doubts {
    /// No rule has made a difference.
    pub const NONE: Self = Self(0);
    /// A backslash was an escape.
    pub const ESCAPES: Self = Self(1);
    /// A carriage return without a line feed ended a comment.
    pub const COMMENT_ENDS_AT_CR: Self = Self(2);
    /// `$` continued a word.
    pub const DOLLAR_IN_WORDS: Self = Self(4);

    /// Whether every rule reads the text the same.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What either has met.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `others` is among them.
    #[must_use]
    pub const fn meet(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Every set of some of them, but the empty one.
    pub fn subsets(self) -> impl Iterator<Item = Self> {
        (1..8).filter(move |set| set & !self.0 == 0).map(Self)
    }

    #[inline]
    const fn add(&mut self, other: Self) {
        *self = self.or(other);
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// An unquoted word.
    Word,
    /// `"..."`.
    Quoted,
    /// `'...'`, continuations included, in which backslashes are escapes.
    Escaped,
    /// `'...'`, continuations included, in which a backslash is a backslash.
    Plain,
    /// `$tag$...$tag$`.
    Dollar,
    /// `B'...'` or `X'...'`.
    Bits,
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// Any other byte.
    Symbol(u8),
}

impl TokenKind {
    /// Whether it stands for a string constant (`Sconst` in the server's grammar).
    #[must_use]
    pub const fn is_literal(self) -> bool {
        matches!(self, Self::Escaped | Self::Plain | Self::Dollar)
    }
}

/// A token: what it is and the bytes it takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// Why a text cannot be read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// A NUL byte: the server would stop reading there.
    Nul,
    /// A literal, identifier or comment does not end.
    Unterminated,
    /// `#` before what is a quote or not, depending on whether the server's release takes `#` into the word.
    Hash,
}

impl Trouble {
    /// The word for it that the client reads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nul => "the text holds a NUL byte",
            Self::Unterminated => "a quoted string, quoted identifier or comment is not terminated",
            Self::Hash => "\"#\" stands before a quote in a way that can be read in two ways",
        }
    }
}

const SPACE: u8 = 1;
const WORD_START: u8 = 2;
const WORD_REST: u8 = 4;
const DIGIT: u8 = 8;

/// The classes of bytes.
const fn class(byte: u8) -> u8 {
    match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0c => SPACE,
        b'0'..=b'9' => DIGIT | WORD_REST,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => WORD_START | WORD_REST,
        _ => 0,
    }
}

/// [`class`] of every byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let Some((slot, others)) = rest.split_first_mut() {
        *slot = class(byte);
        byte = byte.wrapping_add(1);
        rest = others;
    }
    classes
};

#[inline]
fn is(byte: u8, classes: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|found| found & classes != 0)
}

/// Splits a text into tokens. Time is linear in the text; there is no recursion and no allocation.
#[derive(Clone, Debug)]
pub struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    rules: Rules,
    doubts: Doubts,
    /// The next `'` opens an `E'...'`.
    e_prefix: bool,
    trouble: Option<(Trouble, usize)>,
    nested_comment: Option<usize>,
    split_bits: Option<usize>,
}

impl<'t> Lexer<'t> {
    /// A lexer at the start of `text`.
    #[must_use]
    pub const fn new(text: &'t [u8], escapes: Escapes) -> Self {
        Self::starting_at(text, 0, Rules::with_escapes(escapes))
    }

    /// A lexer at byte `at` of `text`, where a token, a blank or a comment starts.
    #[must_use]
    pub const fn starting_at(text: &'t [u8], at: usize, rules: Rules) -> Self {
        let doubts = Doubts::NONE;
        Self { text, at, rules, doubts, e_prefix: false, trouble: None, nested_comment: None, split_bits: None }
    }

    /// Which of the rules have made a difference so far.
    #[inline]
    #[must_use]
    pub const fn doubts(&self) -> Doubts {
        self.doubts
    }

    /// Why the tokens ended before the text did, and the byte where what cannot be read starts.
    #[must_use]
    pub const fn trouble(&self) -> Option<(Trouble, usize)> {
        self.trouble
    }

    /// Where a comment within a comment starts. The server's SQL nests comments; its PL/pgSQL of 8.0 does not.
    #[must_use]
    pub const fn nested_comment(&self) -> Option<usize> {
        self.nested_comment
    }

    /// Where a bit string stands that the server's PL/pgSQL, which has none, would end elsewhere.
    #[must_use]
    pub const fn split_bits(&self) -> Option<usize> {
        self.split_bits
    }

    /// Skips words and symbols that matter only at the head of a statement: `further` says where the lexer goes on, at a token, a
    /// blank or a comment.
    #[inline]
    pub fn skip_ahead(&mut self, further: impl FnOnce(&'t [u8], usize) -> usize) {
        self.at = further(self.text, self.at);
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    #[inline]
    fn rest(&self, at: usize) -> &'t [u8] {
        self.text.get(at..).unwrap_or_default()
    }

    fn fail(&mut self, trouble: Trouble, at: usize) -> Option<Token> {
        self.trouble = Some((trouble, at));
        self.at = self.text.len();
        None
    }

    /// The first byte from `at` on that is not of `class`.
    #[inline]
    fn run_end(&self, at: usize, class: u8) -> usize {
        let run = self.rest(at).iter().take_while(|byte| is(**byte, class)).count();
        at.saturating_add(run)
    }

    /// The end of the line that a `--` comment runs to: a CR or LF, or the end of the text.
    fn line_end(&mut self, at: usize) -> usize {
        let rest = self.rest(at);
        let end = if self.rules.comment_ends_at_cr { memchr2(b'\n', b'\r', rest) } else { memchr(b'\n', rest) };
        let end = end.map_or(self.text.len(), |run| at.saturating_add(run));
        if self.byte(end) == Some(b'\r') && self.byte(end.saturating_add(1)) != Some(b'\n') {
            self.doubts.add(Doubts::COMMENT_ENDS_AT_CR);
        }
        end
    }

    /// The end of the word of which `at` is a byte after the first.
    #[inline]
    fn word_end(&mut self, at: usize) -> usize {
        let end = self.run_end(at, WORD_REST);
        if self.byte(end) == Some(b'$') { self.word_end_at_dollar(end) } else { end }
    }

    /// The end of the word that goes on at the `$` at `at`, or ends there.
    #[cold]
    fn word_end_at_dollar(&mut self, mut at: usize) -> usize {
        self.doubts.add(Doubts::DOLLAR_IN_WORDS);
        while self.rules.dollar_in_words && self.byte(at) == Some(b'$') {
            at = self.run_end(at.saturating_add(1), WORD_REST);
        }
        at
    }

    /// The byte after the block comment that starts at `at`.
    fn block_comment(&mut self, start: usize) -> Option<usize> {
        let mut depth = 1_usize;
        let mut at = start.saturating_add(2);
        loop {
            at = at.saturating_add(memchr2(b'*', b'/', self.rest(at))?);
            match (self.byte(at), self.byte(at.saturating_add(1))) {
                (Some(b'*'), Some(b'/')) => {
                    at = at.saturating_add(2);
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at);
                    }
                }
                (Some(b'/'), Some(b'*')) => {
                    self.nested_comment.get_or_insert(at);
                    at = at.saturating_add(2);
                    depth = depth.saturating_add(1);
                }
                _ => at = at.saturating_add(1),
            }
        }
    }

    /// Where a literal that was closed before `at` goes on: whitespace with at least one newline, in which `--` comments
    /// may stand, and another quote (`xqcat` of scan.l).
    #[inline]
    fn continuation(&mut self, at: usize) -> Option<usize> {
        // Most literals are followed by something else.
        if matches!(self.byte(at)?, b' ' | b'\t' | 0x0c | b'-' | b'\n' | b'\r') {
            self.continuation_behind(at)
        } else {
            None
        }
    }

    fn continuation_behind(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match self.byte(at)? {
                b' ' | b'\t' | 0x0c => at = at.saturating_add(1),
                b'-' if self.rest(at).starts_with(b"--") => at = self.line_end(at),
                b'\n' | b'\r' => break,
                _ => return None,
            }
        }
        loop {
            match self.byte(at)? {
                b'\'' => return Some(at.saturating_add(1)),
                b'-' if self.rest(at).starts_with(b"--") => at = self.line_end(at),
                byte if is(byte, SPACE) => at = at.saturating_add(1),
                _ => return None,
            }
        }
    }

    /// The end of a `'...'` whose opening quote stands before `at`.
    fn quoted(&mut self, mut at: usize, escapes: bool) -> Option<usize> {
        loop {
            let run = if escapes { memchr2(b'\'', b'\\', self.rest(at))? } else { memchr(b'\'', self.rest(at))? };
            at = at.saturating_add(run);
            if self.byte(at) == Some(b'\\') {
                self.doubts.add(Doubts::ESCAPES);
                at = at.saturating_add(2);
                continue;
            }
            at = at.saturating_add(1);
            if self.byte(at) == Some(b'\'') {
                at = at.saturating_add(1);
                continue;
            }
            match self.continuation(at) {
                Some(further) => at = further,
                None => return Some(at),
            }
        }
    }

    /// The end of a `B'...'` or `X'...'` whose opening quote stands before `at`: neither escapes nor doubled quotes.
    fn bits(&mut self, mut at: usize) -> Option<usize> {
        let start = at;
        loop {
            at = at.saturating_add(memchr(b'\'', self.rest(at))?).saturating_add(1);
            if self.byte(at) == Some(b'\'') || self.text.get(start..at).is_some_and(|bits| bits.contains(&b'\\')) {
                self.split_bits.get_or_insert(start);
            }
            match self.continuation(at) {
                Some(further) => at = further,
                None => return Some(at),
            }
        }
    }

    /// The end of the identifier whose opening `"` stands before `at`.
    fn identifier(&self, mut at: usize) -> Option<usize> {
        loop {
            at = at.saturating_add(memchr(b'"', self.rest(at))?).saturating_add(1);
            if self.byte(at) != Some(b'"') {
                return Some(at);
            }
            at = at.saturating_add(1);
        }
    }

    /// The bytes of a dollar quote's delimiter that starts at `at`, if one does.
    fn dollar_delimiter(&self, at: usize) -> Option<usize> {
        let tag = at.saturating_add(1);
        let mut end = tag;
        if self.byte(end).is_some_and(|byte| is(byte, WORD_START)) {
            let is_tag = |byte: &u8| is(*byte, WORD_REST);
            end = tag.saturating_add(self.rest(tag).iter().take_while(|byte| is_tag(byte)).count());
        }
        (self.byte(end) == Some(b'$')).then(|| end.saturating_add(1).saturating_sub(at))
    }

    #[inline]
    fn token(&mut self, kind: TokenKind, start: usize, end: usize) -> Token {
        self.at = end;
        Token { kind, start, end }
    }

    /// A token that must end; otherwise the rest of the text cannot be read.
    fn ended(&mut self, kind: TokenKind, start: usize, end: Option<usize>) -> Option<Token> {
        match end {
            // A backslash may be the last byte, so that its escape would end beyond the text.
            Some(end) if end <= self.text.len() => Some(self.token(kind, start, end)),
            _ => self.fail(Trouble::Unterminated, start),
        }
    }

    #[inline]
    fn word(&mut self, start: usize) -> Option<Token> {
        let end = self.word_end(start.saturating_add(1));
        if end == start.saturating_add(1) && self.byte(end) == Some(b'\'') {
            match self.byte(start) {
                Some(b'x' | b'X' | b'b' | b'B') => {
                    let close = self.bits(end.saturating_add(1));
                    return self.ended(TokenKind::Bits, start, close);
                }
                Some(b'e' | b'E') => self.e_prefix = true,
                _ => {}
            }
        }
        Some(self.token(TokenKind::Word, start, end))
    }

    #[inline]
    fn number(&mut self, start: usize) -> Token {
        let mut end = self.run_end(start, DIGIT);
        if self.byte(end) == Some(b'.') {
            end = self.run_end(end.saturating_add(1), DIGIT);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = end.saturating_add(1);
            let digits = if matches!(self.byte(sign), Some(b'+' | b'-')) { sign.saturating_add(1) } else { sign };
            let exponent = self.run_end(digits, DIGIT);
            if exponent > digits {
                end = exponent;
            }
        }
        self.token(TokenKind::Number, start, end)
    }

    fn dollar(&mut self, start: usize) -> Option<Token> {
        if let Some(length) = self.dollar_delimiter(start) {
            let body = start.saturating_add(length);
            let delimiter = self.text.get(start..body).unwrap_or_default();
            let close =
                memmem::find(self.rest(body), delimiter).map(|run| body.saturating_add(run).saturating_add(length));
            return self.ended(TokenKind::Dollar, start, close);
        }
        let digits = start.saturating_add(1);
        let end = self.run_end(digits, DIGIT);
        if end > digits {
            return Some(self.token(TokenKind::Parameter, start, end));
        }
        Some(self.token(TokenKind::Symbol(b'$'), start, digits))
    }

    /// Redshift takes `#` as the first letter of a word; to PostgreSQL it is an operator. Either way the same bytes
    /// follow, unless a dollar quote or a bit string could open behind it.
    fn hash(&mut self, start: usize) -> Option<Token> {
        let after = start.saturating_add(1);
        let mut open = self.run_end(after, DIGIT);
        if open > after && matches!(self.byte(open), Some(b'e' | b'E')) {
            let exponent = self.run_end(open.saturating_add(1), DIGIT);
            open = if exponent > open.saturating_add(1) { exponent } else { open };
        }
        match (self.byte(open), self.byte(open.saturating_add(1))) {
            (Some(b'$'), _) | (Some(b'x' | b'X' | b'b' | b'B' | b'e' | b'E'), Some(b'\'')) => {
                return self.fail(Trouble::Hash, start);
            }
            _ => {}
        }
        let end = if self.byte(after).is_some_and(|byte| is(byte, WORD_REST)) { self.word_end(after) } else { after };
        if end == after {
            Some(self.token(TokenKind::Symbol(b'#'), start, after))
        } else {
            Some(self.token(TokenKind::Word, start, end))
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[expect(clippy::inline_always, reason = "in the pass over every statement the call costs as much as a token")]
    #[inline(always)]
    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.run_end(self.at, SPACE);
            self.at = start;
            let byte = self.byte(start)?;
            if is(byte, WORD_START) {
                return self.word(start);
            }
            let after = start.saturating_add(1);
            let next = self.byte(after);
            match byte {
                b'-' if next == Some(b'-') => self.at = self.line_end(start),
                b'/' if next == Some(b'*') => match self.block_comment(start) {
                    Some(end) => self.at = end,
                    None => return self.fail(Trouble::Unterminated, start),
                },
                b'\'' => {
                    let escapes = self.rules.escapes == Escapes::Always || self.e_prefix;
                    self.e_prefix = false;
                    let end = self.quoted(after, escapes);
                    let kind = if escapes { TokenKind::Escaped } else { TokenKind::Plain };
                    return self.ended(kind, start, end);
                }
                b'"' => {
                    let end = self.identifier(after);
                    return self.ended(TokenKind::Quoted, start, end);
                }
                b'$' => return self.dollar(start),
                b'#' => return self.hash(start),
                0 => return self.fail(Trouble::Nul, start),
                b'0'..=b'9' => return Some(self.number(start)),
                b'.' if next.is_some_and(|next| next.is_ascii_digit()) => return Some(self.number(start)),
                _ => return Some(self.token(TokenKind::Symbol(byte), start, after)),
            }
        }
    }
}
