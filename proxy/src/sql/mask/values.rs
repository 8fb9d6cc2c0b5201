//! The values behind the names of secrets: where they start, and where they end.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3_iter, memmem};

/// The values of one text. Names may lead to the same places in any number, so what one of them has walked over is remembered and
/// not walked over again: time and memory are linear in the text.
#[derive(Debug)]
pub(super) struct SecretValues<'t> {
    text: &'t [u8],
    /// Where the walk from the end of a comment leads.
    walks: HashMap<usize, Walk>,
    /// Where the literals end that start at these places.
    ends: HashMap<usize, usize>,
    /// The literals behind which others were looked for, and those of pairs that were taken apart.
    continued: HashSet<usize>,
    paired: HashSet<usize>,
    line_end: Ahead,
    comment_end: Ahead,
    dollar: Ahead,
    bare_end: Ahead,
}

/// What stands behind a name.
#[derive(Debug, Default)]
pub(super) struct BehindName {
    /// The secrets, but for those that another name has led to.
    pub(super) secrets: Vec<Range<usize>>,
    /// Where the next name is looked for: within what looks like a value there may be one, whose own value goes beyond. A value that
    /// takes the rest of the text hides no other, and one in dollar quotes is searched once.
    pub(super) goes_on_at: usize,
}

/// Where a walk over blanks, signs and comments ends.
#[derive(Clone, Copy, Debug)]
struct Walk {
    end: usize,
    /// The last sign of an assignment on it.
    last_sign: Option<usize>,
}

/// The next place of something. It is the same from everywhere between the place from which it was searched and itself.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    from: usize,
    at: usize,
}

impl Ahead {
    /// Nothing was searched yet.
    const UNKNOWN: Self = Self { from: usize::MAX, at: 0 };

    /// The place of what `find` finds in the text from `from` on, or the text's end.
    fn next(&mut self, text: &[u8], from: usize, find: impl FnOnce(&[u8]) -> Option<usize>) -> usize {
        if !(self.from..=self.at).contains(&from) {
            let at = text.get(from..).and_then(find).map_or(text.len(), |found| from.saturating_add(found));
            *self = Self { from, at };
        }
        self.at
    }
}

/// The most quotes in a row that are told from one another: those of a literal in a literal in a literal in a literal are eight.
const MAX_QUOTES: usize = 16;

/// Words that follow the name of a column, or PASSWORD where it is none.
const PLAIN: [&str; 26] = [
    "and", "as", "asc", "between", "char", "desc", "disable", "from", "group", "in", "is", "like", "not", "null", "on",
    "or", "order", "set", "text", "then", "to", "union", "using", "varchar", "where", "when",
];

impl<'t> SecretValues<'t> {
    /// The values of a text.
    #[must_use]
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self {
            text,
            walks: HashMap::new(),
            ends: HashMap::new(),
            continued: HashSet::new(),
            paired: HashSet::new(),
            line_end: Ahead::UNKNOWN,
            comment_end: Ahead::UNKNOWN,
            dollar: Ahead::UNKNOWN,
            bare_end: Ahead::UNKNOWN,
        }
    }

    /// The value, or the values, behind a name.
    pub(super) fn behind(&mut self, name: Range<usize>) -> BehindName {
        let text = self.text;
        let is_letter = |at: Option<usize>| {
            at.and_then(|at| text.get(at))
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
        };
        let word = text.get(name.clone()).unwrap_or_default();
        // `tokens`, `passwords`, `secretary`; a name in quotes of its own, with no sign behind them, is a value itself.
        let quote = text.get(name.end).filter(|byte| matches!(byte, b'\'' | b'"'));
        let is_quoted = quote.is_some() && quote == name.start.checked_sub(1).and_then(|before| text.get(before));
        let assigned = match self.behind_separator(name.end) {
            (_, false) if is_quoted => self.behind_separator(name.end.saturating_add(1)),
            found => found,
        };
        if is_letter(Some(name.end)) {
            return BehindName::default();
        }
        let is_pairs = word.eq_ignore_ascii_case(b"credentials");
        let is_key = SURE.iter().any(|part| word.windows(part.len()).any(|some| some.eq_ignore_ascii_case(part)))
            || (word.eq_ignore_ascii_case(b"password") && self.is_of_user(name.start));
        let (at, assigns) = self.declared(name.end).map_or(assigned, |at| (at, true));
        let secrets = match self.opening(at) {
            Some(quote @ [b'$', ..]) => return self.in_dollars(at, quote, is_pairs),
            Some(quote) if is_pairs => self.pairs(at, quote),
            Some(quote) => self.continued(at, quote),
            None if assigns || (is_key && !is_letter(name.start.checked_sub(1))) => {
                let value = at..self.bare_end(at);
                let is_word =
                    |word: &[u8]| text.get(value.clone()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word));
                let is_sql = !assigns && PLAIN.iter().any(|word| is_word(word.as_bytes()));
                if is_sql || is_pairs { Vec::new() } else { vec![value] }
            }
            None => Vec::new(),
        };
        let end = secrets.last().map_or(0, |value| value.end);
        BehindName { secrets, goes_on_at: if end < text.len() { 0 } else { end } }
    }

    /// Whether a name stands in CREATE USER or ALTER USER, as far as the bytes before it tell.
    fn is_of_user(&self, name: usize) -> bool {
        let before = self.text.get(name.saturating_sub(USER_BYTES)..name).unwrap_or_default();
        before.windows(6).any(|part| part.eq_ignore_ascii_case(b" user "))
    }

    /// Where the value starts of a variable that is declared with a type: `v_password varchar(20) := `, `secret text default `.
    fn declared(&self, name_end: usize) -> Option<usize> {
        let rest = self.text.get(name_end..name_end.saturating_add(DECLARATION_BYTES).min(self.text.len()))?;
        let is_type = |byte: &u8| byte.is_ascii_alphanumeric() || b"_ \t\r\n(),.%".contains(byte);
        let declaration = rest.get(..rest.iter().position(|byte| !is_type(byte))?)?;
        let is_assigned = rest.get(declaration.len()..).is_some_and(|behind| behind.starts_with(b":="));
        let is_default = || {
            let words = declaration.trim_ascii_end();
            words.len() < declaration.len()
                && words
                    .len()
                    .checked_sub(8)
                    .is_some_and(|at| words.get(at..).is_some_and(|word| word.eq_ignore_ascii_case(b" default")))
        };
        let value = name_end.saturating_add(declaration.len());
        if is_assigned {
            return Some(self.walk_blanks(value.saturating_add(2)));
        }
        is_default().then_some(value)
    }

    /// The first byte from `at` on that is no blank.
    fn walk_blanks(&self, at: usize) -> usize {
        let blanks = self
            .text
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .take(DECLARATION_BYTES);
        at.saturating_add(blanks.count())
    }

    /// A value in dollar quotes.
    fn in_dollars(&mut self, at: usize, quote: &[u8], is_pairs: bool) -> BehindName {
        let value = at.saturating_add(quote.len())..self.close(at, quote);
        let bytes = self.text.get(value.clone()).unwrap_or_default();
        let secrets = if is_pairs { pairs(bytes, value.start, is_bare) } else { vec![value.clone()] };
        BehindName { secrets, goes_on_at: value.end }
    }

    /// Where the value starts: behind the quote that closes the name, blanks, `=`, `:`, `=>`, AS and TO; and whether one of
    /// the signs stood there.
    fn behind_separator(&mut self, mut at: usize) -> (usize, bool) {
        // The quote that closes a quoted name, behind backslashes or not: what follows it is a sign.
        let closing = at.saturating_add(backslashes(self.text.get(at..).unwrap_or_default()));
        if let Some(quote @ (b'"' | b'\'')) = self.text.get(closing).copied() {
            let after = self.text.get(closing.saturating_add(1)..).unwrap_or_default();
            let sign = after.iter().find(|byte| !byte.is_ascii_whitespace());
            if matches!(sign, Some(b'=' | b':')) && after.first() != Some(&quote) {
                at = closing.saturating_add(1);
            }
        }
        let Walk { end, last_sign } = self.walk(at);
        (end, last_sign.is_some_and(|sign| sign >= at))
    }

    /// Walks over what may stand between a name and its value. Comments alone can hold other names, whose walks lead to the same
    /// end, so what is known is remembered for the ends of comments.
    fn walk(&mut self, mut at: usize) -> Walk {
        let (mut last_sign, mut comments) = (None, Vec::new());
        let known = loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let is_word = |word: &[u8]| {
                rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                    && rest.get(word.len()).is_some_and(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
            };
            match rest {
                [blank, ..] if blank.is_ascii_whitespace() => at = at.saturating_add(1),
                [b'=' | b':' | b'>', ..] => {
                    last_sign = Some(at);
                    at = at.saturating_add(1);
                }
                // None of an assignment, but a literal behind one is the value all the same.
                [b'(' | b',' | b';', ..] => at = at.saturating_add(1),
                [b'|', b'|', ..] => at = at.saturating_add(2),
                _ if [b"as", b"to", b"by", b"is", b"in"].iter().any(|word| is_word(*word)) => at = at.saturating_add(2),
                _ => {
                    let Some(end) = self.comment(at) else { break None };
                    at = end;
                    if let Some(known) = self.walks.get(&at) {
                        break Some(*known);
                    }
                    comments.push(at);
                }
            }
        };
        let walk = known.map_or(Walk { end: at, last_sign }, |known| Walk {
            end: known.end,
            last_sign: known.last_sign.filter(|sign| *sign >= at).or(last_sign),
        });
        self.walks.extend(comments.into_iter().map(|comment| (comment, walk)));
        walk
    }

    /// The end of the comment that starts at a place, if one does.
    fn comment(&mut self, at: usize) -> Option<usize> {
        let inside = at.saturating_add(2);
        match self.text.get(at..inside)? {
            b"--" => Some(self.line_end.next(self.text, inside, |rest| memchr2(b'\n', b'\r', rest))),
            b"/*" => {
                let end = self.comment_end.next(self.text, inside, |rest| memmem::find(rest, b"*/"));
                Some(end.saturating_add(2).min(self.text.len()))
            }
            _ => None,
        }
    }

    /// The quotes that open at a place.
    fn opening(&mut self, at: usize) -> Option<&'t [u8]> {
        let rest = self.text.get(at..)?;
        match rest.first()? {
            byte @ (b'\'' | b'"') => {
                let count = rest.iter().take(MAX_QUOTES.saturating_add(1)).take_while(|other| *other == byte).count();
                // Two quotes are an empty string, or quotes within a string.
                let is_empty = count == 2 && rest.get(2).is_none_or(|next| b" \t\r\n;,)".contains(next));
                rest.get(..count).filter(|_| !is_empty)
            }
            b'\\' => {
                let count = backslashes(rest);
                rest.get(..count.saturating_add(1)).filter(|quote| quote.ends_with(b"'") || quote.ends_with(b"\""))
            }
            b'`' => rest.get(..1),
            b'E' | b'e' | b'N' | b'n' if rest.get(1) == Some(&b'\'') => rest.get(..2),
            b'$' => {
                let end = self.dollar.next(self.text, at.saturating_add(1), |rest| memchr(b'$', rest));
                self.text.get(at..end.saturating_add(1))
            }
            0xe2 => {
                CURLY.iter().find(|quote| rest.starts_with(quote.as_bytes())).and_then(|quote| rest.get(..quote.len()))
            }
            _ => None,
        }
    }

    /// Where the value ends that opens at `at` with `quote`: at what closes it, or at the end of the text.
    fn close(&mut self, at: usize, quote: &[u8]) -> usize {
        let text = self.text;
        *self.ends.entry(at).or_insert_with(|| {
            let start = at.saturating_add(quote.len());
            let rest = text.get(start..).unwrap_or_default();
            closing(rest, quote).map_or(text.len(), |end| start.saturating_add(end))
        })
    }

    /// A value and the literals that go on behind it.
    fn continued(&mut self, mut at: usize, quote: &[u8]) -> Vec<Range<usize>> {
        let mut values = Vec::new();
        loop {
            let value = at.saturating_add(quote.len())..self.close(at, quote);
            let end = value.end;
            values.push(value);
            if !self.continued.insert(at) {
                return values;
            }
            at = self.behind_separator(end.saturating_add(quote.len())).0;
            if quote != b"'" || self.text.get(at) != Some(&b'\'') {
                return values;
            }
        }
    }

    /// The values of CREDENTIALS, once.
    fn pairs(&mut self, at: usize, quote: &[u8]) -> Vec<Range<usize>> {
        if !self.paired.insert(at) {
            return Vec::new();
        }
        let (start, end) = (at.saturating_add(quote.len()), self.close(at, quote));
        pairs(self.text.get(start..end).unwrap_or_default(), start, |_role| true)
    }

    /// Where a value without quotes ends.
    fn bare_end(&mut self, at: usize) -> usize {
        self.bare_end.next(self.text, at, |rest| rest.iter().position(|byte| b" \t\r\n;,()'\"".contains(byte)))
    }
}

/// Parts of names behind which a word without quotes is a secret, too.
const SURE: [&[u8]; 6] = [b"key", b"session_token", b"security_token", b"identified", b"pwd", b"passphrase"];

/// Bytes before `password` in which USER is looked for.
const USER_BYTES: usize = 200;

/// Bytes of a variable's type that stand between its name and its value.
const DECLARATION_BYTES: usize = 96;

/// How many backslashes a text starts with, as far as they are told from one another.
fn backslashes(text: &[u8]) -> usize {
    text.iter().take(MAX_QUOTES).take_while(|byte| **byte == b'\\').count()
}

const CURLY: [&str; 4] = ["\u{2018}", "\u{2019}", "\u{201c}", "\u{201d}"];

/// Where the value ends of which `rest` is what follows `quote`.
fn closing(rest: &[u8], quote: &[u8]) -> Option<usize> {
    match quote {
        [byte @ (b'\'' | b'"')] | [b'E' | b'e' | b'N' | b'n', byte] => single_close(rest, *byte),
        [b'\'' | b'"', ..] if quote.len() > MAX_QUOTES => None,
        [0xe2, ..] => {
            let ends = CURLY.iter().chain(&["'", "\""]).map(|end| end.as_bytes());
            memchr3_iter(0xe2, b'\'', b'"', rest)
                .find(|at| rest.get(*at..).is_some_and(|rest| ends.clone().any(|end| rest.starts_with(end))))
        }
        _ => memmem::find(rest, quote),
    }
}

/// The quote that closes a string: doubled ones and those behind a backslash do not.
fn single_close(rest: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.saturating_add(memchr2(quote, b'\\', rest.get(at..)?)?);
        let next = at.saturating_add(1);
        match rest.get(at) {
            Some(b'\\') => at = at.saturating_add(2),
            _ if rest.get(next) == Some(&quote) => at = next.saturating_add(1),
            _ => return Some(at),
        }
    }
}

/// Whether a text is one word, in which no name has a value.
fn is_bare(text: &[u8]) -> bool {
    !text.iter().any(|byte| byte.is_ascii_whitespace() || b"'\"=".contains(byte))
}

/// The values of the pairs of CREDENTIALS, which start at `start` of the text, but for roles that `is_plain`; and what is no pair.
fn pairs(bytes: &[u8], mut start: usize, is_plain: impl Fn(&[u8]) -> bool) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for pair in bytes.split(|byte| *byte == b';') {
        let end = start.saturating_add(pair.len());
        let sign = memchr(b'=', pair);
        let name = pair.get(..sign.unwrap_or(0)).unwrap_or_default().trim_ascii();
        let value = pair.get(sign.map_or(0, |sign| sign.saturating_add(1))..).unwrap_or_default();
        let is_role = (name.eq_ignore_ascii_case(b"aws_iam_role") || (sign.is_none() && pair.starts_with(b"arn:")))
            && is_plain(value);
        let is_name = sign.is_some() && name.len() <= 32 && !is_role;
        if is_name {
            secrets.push(start.saturating_add(sign.unwrap_or(0)).saturating_add(1)..end);
        } else if !is_role {
            secrets.push(start..end);
        }
        start = end.saturating_add(1);
    }
    secrets
}
