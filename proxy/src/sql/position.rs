//! Where a byte of a text stands, for people: in characters, counted from 1. Bytes that are no UTF-8 count as one each.

/// Line and column of a byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    /// The position of byte `at`; of the end, when the text ends before it.
    #[must_use]
    pub fn of(text: &[u8], at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline.saturating_add(1));
        let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
        Self { line, column: character(before.get(line_start..).unwrap_or_default(), usize::MAX) }
    }
}

/// The character at which byte `at` stands, or the one after the last when the text ends before it.
#[must_use]
pub fn character(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    let is_continuation = |byte: &&u8| (**byte & 0xc0) == 0x80;
    before.iter().filter(|byte| !is_continuation(byte)).count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (text, byte, line, column, character)
    #[test]
    fn positions() {
        let rows: &[(&[u8], usize, usize, usize, usize)] = &[
            (b"", 0, 1, 1, 1),
            (b"abc", 2, 1, 3, 3),
            (b"abc", 99, 1, 4, 4),
            (b"a\nb", 2, 2, 1, 3),
            ("ää=1\nb".as_bytes(), 5, 1, 4, 4),
            ("ä\nb".as_bytes(), 99, 2, 2, 4),
            (b"\xff\xfex", 2, 1, 3, 3),
        ];
        for (text, at, line, column, place) in rows {
            assert_eq!(Position::of(text, *at), Position { line: *line, column: *column }, "{text:?} {at}");
            assert_eq!(character(text, *at), *place, "{text:?} {at}");
        }
    }
}
