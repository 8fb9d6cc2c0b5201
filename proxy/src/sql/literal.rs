//! String constants: token -> text.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::sql::lexer::{Lexer, Token, TokenKind};

/// A string constant, decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Literal<'t> {
    /// What the server would read.
    pub bytes: Cow<'t, [u8]>,
    /// A backslash was an escape.
    pub escaped: bool,
    /// An escape that releases of the server read differently: `\x`, `\u`.
    pub doubtful: bool,
    /// Several literals joined over a newline.
    pub joined: bool,
    /// The bytes stand in the text as they are, from this byte on.
    pub verbatim: Option<usize>,
}

impl Literal<'_> {
    /// The text, with what is no UTF-8 replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Decodes a literal token of `text`. `None`: the token is none.
#[must_use]
pub fn decode(text: &[u8], token: Token) -> Option<Literal<'_>> {
    let raw = text.get(token.start..token.end)?;
    match token.kind {
        TokenKind::Dollar => {
            let tag = memchr(b'$', raw.get(1..)?)?.saturating_add(2);
            let bytes = raw.get(tag..raw.len().checked_sub(tag)?)?;
            let verbatim = Some(token.start.saturating_add(tag));
            Some(Literal { bytes: Cow::Borrowed(bytes), escaped: false, doubtful: false, joined: false, verbatim })
        }
        TokenKind::Escaped => Some(quoted(raw, token.start, true, |_, _| ())),
        TokenKind::Plain => Some(quoted(raw, token.start, false, |_, _| ())),
        _ => None,
    }
}

/// Where the bytes of a constant stand in the text around it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiteralPlaces {
    /// Bytes of the constant from which on it stands together, and where they stand.
    runs: Vec<(usize, usize)>,
    end: usize,
}

impl LiteralPlaces {
    /// The places of a constant, which is a token of `text`.
    #[must_use]
    pub fn of(text: &[u8], token: Token, literal: &Literal<'_>) -> Self {
        let mut runs = Vec::new();
        if let Some(start) = literal.verbatim {
            runs.push((0, start));
        } else {
            let raw = text.get(token.start..token.end).unwrap_or_default();
            quoted(raw, token.start, token.kind == TokenKind::Escaped, |byte, place| runs.push((byte, place)));
        }
        Self { runs, end: token.end }
    }

    /// Where a byte of the constant stands.
    #[must_use]
    pub fn at(&self, byte: usize) -> usize {
        let behind = self.runs.partition_point(|(first, _)| *first <= byte);
        let run = behind.checked_sub(1).and_then(|run| self.runs.get(run));
        let place = run.map_or(self.end, |(first, place)| place.saturating_add(byte.saturating_sub(*first)));
        place.min(self.end)
    }
}

/// Whether a token is a literal with an escape that releases of the server read differently.
#[must_use]
pub fn is_doubtful(text: &[u8], token: Token) -> bool {
    decode(text, token).is_some_and(|literal| literal.doubtful)
}

/// What stands between the quotes of a token.
#[must_use]
pub fn inside(raw: &[u8]) -> &[u8] {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// Takes a `'...'`, closed and with all its continuations, apart. `meets` is told, for each part, how many bytes are decoded and where the
/// next one stands.
fn quoted(raw: &[u8], start: usize, escapes: bool, mut meets: impl FnMut(usize, usize)) -> Literal<'_> {
    let inner = inside(raw);
    let special = |bytes: &[u8]| if escapes { memchr2(b'\'', b'\\', bytes) } else { memchr(b'\'', bytes) };
    if special(inner).is_none() {
        let verbatim = Some(start.saturating_add(1));
        return Literal { bytes: Cow::Borrowed(inner), escaped: false, doubtful: false, joined: false, verbatim };
    }
    let mut decoded = Vec::with_capacity(inner.len());
    let mut literal = Literal { bytes: Cow::default(), escaped: false, doubtful: false, joined: false, verbatim: None };
    let place = |rest: &[u8]| start.saturating_add(1).saturating_add(inner.len().saturating_sub(rest.len()));
    let mut rest = inner;
    loop {
        meets(decoded.len(), place(rest));
        let (run, special) = rest.split_at(special(rest).unwrap_or(rest.len()));
        decoded.extend_from_slice(run);
        meets(decoded.len(), place(special));
        let Some((&byte, after)) = special.split_first() else { break };
        rest = if byte == b'\\' {
            literal.escaped = true;
            literal.doubtful |= matches!(after.first(), Some(b'x' | b'u' | b'U'));
            unescape(after, &mut decoded)
        } else if let Some(after) = after.strip_prefix(b"'") {
            decoded.push(b'\'');
            after
        } else {
            // The lexer found a continuation here: the text up to its opening quote is blank or comment.
            literal.joined = true;
            reopened(after)
        };
    }
    literal.bytes = Cow::Owned(decoded);
    literal
}

/// Decodes what follows a backslash. Source: PostgreSQL 8.0, `scan.l`, `unescape_single_char` and `xqoctesc`.
fn unescape<'t>(rest: &'t [u8], decoded: &mut Vec<u8>) -> &'t [u8] {
    let octal = rest.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if octal > 0 {
        let value = rest
            .iter()
            .take(octal)
            .fold(0_u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0')));
        decoded.push(value);
        return rest.get(octal..).unwrap_or_default();
    }
    let Some((&byte, after)) = rest.split_first() else { return rest };
    decoded.push(match byte {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    });
    after
}

/// Skips to the byte after the quote that opens the next part of a joined literal. Comments may hold quotes.
fn reopened(mut rest: &[u8]) -> &[u8] {
    loop {
        match rest.split_first() {
            Some((b'\'', after)) => return after,
            Some((b'-', after)) if after.first() == Some(&b'-') => {
                let line = memchr2(b'\n', b'\r', after).unwrap_or(after.len());
                rest = after.get(line..).unwrap_or_default();
            }
            Some((_, after)) => rest = after,
            None => return rest,
        }
    }
}

/// The name that a word or quoted identifier stands for, unquoted words folded to lower case.
#[must_use]
pub fn identifier(text: &[u8], token: Token) -> Option<String> {
    let raw = text.get(token.start..token.end)?;
    match token.kind {
        TokenKind::Word => Some(String::from_utf8_lossy(raw).to_ascii_lowercase()),
        TokenKind::Quoted => Some(String::from_utf8_lossy(inside(raw)).replace("\"\"", "\"")),
        _ => None,
    }
}

/// Whether a quoted identifier follows `U&`, so that PostgreSQL reads escapes in it. Source: PostgreSQL's `scan.l`, `xuistart`.
#[must_use]
pub fn is_unicode_identifier(text: &[u8], token: Token) -> bool {
    let before = text.get(..token.start).unwrap_or_default();
    token.kind == TokenKind::Quoted && (before.ends_with(b"U&") || before.ends_with(b"u&"))
}

/// The name that a quoted identifier after `U&` stands for, by the escapes `\XXXX` and `\+XXXXXX`, or those with another character
/// than `\` that a UESCAPE names. Where the server would refuse the escape, what is left of it.
/// Source: PostgreSQL's `parser.c`, `str_udeescape`.
#[must_use]
pub fn unicode_identifier(text: &[u8], token: Token, escape: u8) -> Vec<u8> {
    let name = identifier(text, token).unwrap_or_default().into_bytes();
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name.as_slice();
    while let Some((&byte, next)) = rest.split_first() {
        rest = next;
        if byte != escape {
            decoded.push(byte);
        } else if let Some(next) = rest.strip_prefix(&[escape]) {
            decoded.push(escape);
            rest = next;
        } else {
            let (digits, count) = rest.strip_prefix(b"+").map_or((rest, 4), |digits| (digits, 6));
            let code =
                digits.get(..count).and_then(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
            let letter = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
            decoded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            rest = digits.get(count..).unwrap_or_default();
        }
    }
    decoded
}

/// All literals of a text, in order.
pub fn literals<'t>(lexer: Lexer<'t>, text: &'t [u8]) -> impl Iterator<Item = (Token, Literal<'t>)> {
    lexer.filter_map(move |token| decode(text, token).map(|literal| (token, literal)))
}

#[cfg(test)]
mod tests {
    use super::{LiteralPlaces, decode};
    use crate::sql::lexer::{Escapes, Lexer};

    /// (a text of one constant, what is looked for in the constant, where it stands in the text)
    #[test]
    fn places_of_what_is_decoded() {
        for (text, word, want) in [
            ("'ab'", "b", 2),
            ("$$ab$$", "b", 3),
            ("'it''s b'", "b", 7),
            ("'it''s'", "'", 3),
            ("'\\141\\n\n b'", "b", 9),
            ("'a' -- '\n 'b'", "b", 11),
            ("'a''' -- '\n '''b'", "b", 15),
        ] {
            let token = Lexer::new(text.as_bytes(), Escapes::Always).next().unwrap();
            let literal = decode(text.as_bytes(), token).unwrap();
            let places = LiteralPlaces::of(text.as_bytes(), token, &literal);
            let found = literal.to_text().find(word).unwrap();
            assert_eq!(places.at(found), want, "{text}");
            assert!(places.at(literal.bytes.len()) <= token.end && places.at(usize::MAX) == token.end, "{text}");
        }
    }
}
