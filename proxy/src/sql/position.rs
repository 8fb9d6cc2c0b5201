//! Where a byte of a text stands, for people: in characters, counted from 1. Bytes that are no UTF-8 count as one each.

/// Line and column of a byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

/// Bytes of a text for which one count of characters is kept.
const BLOCK_BYTES: usize = 1_024;

/// The places of one text: lines and characters are counted once, however many places are asked for.
#[derive(Clone, Debug)]
pub struct Positions<'t> {
    text: &'t [u8],
    /// Where lines end, at a line feed.
    line_ends: Vec<usize>,
    /// Characters before each block.
    blocks: Vec<usize>,
}

impl<'t> Positions<'t> {
    /// Counts the lines and characters of a text.
    #[must_use]
    pub fn of(text: &'t [u8]) -> Self {
        let mut characters = 0_usize;
        let blocks = text.chunks(BLOCK_BYTES).map(|block| {
            let before = characters;
            characters = characters.saturating_add(count(block));
            before
        });
        Self { text, blocks: blocks.collect(), line_ends: memchr::memchr_iter(b'\n', text).collect() }
    }

    /// The position of byte `at`; of the end, when the text ends before it.
    #[must_use]
    pub fn at(&self, at: usize) -> Position {
        let at = at.min(self.text.len());
        let lines = self.line_ends.partition_point(|end| *end < at);
        let line_end = lines.checked_sub(1).and_then(|line| self.line_ends.get(line));
        let line_start = line_end.map_or(0, |end| end.saturating_add(1));
        let column = self.characters_before(at).saturating_sub(self.characters_before(line_start));
        Position { line: lines.saturating_add(1), column: column.saturating_add(1) }
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &'t [u8] {
        self.text
    }

    fn characters_before(&self, at: usize) -> usize {
        let block = at / BLOCK_BYTES;
        let Some(before) = self.blocks.get(block) else { return character(self.text, at).saturating_sub(1) };
        let start = block.saturating_mul(BLOCK_BYTES);
        before.saturating_add(count(self.text.get(start..at).unwrap_or_default()))
    }
}

fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}

/// The character at which byte `at` stands, or the one after the last when the text ends before it.
#[must_use]
pub fn character(text: &[u8], at: usize) -> usize {
    count(text.get(..at).unwrap_or(text)).saturating_add(1)
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
            (b"a\r\n\tb", 4, 2, 2, 5),
            (b"a\rb", 2, 1, 3, 3),
            ("\u{feff}a".as_bytes(), 3, 1, 2, 2),
        ];
        for (text, at, line, column, place) in rows {
            assert_eq!(Positions::of(text).at(*at), Position { line: *line, column: *column }, "{text:?} {at}");
            assert_eq!(character(text, *at), *place, "{text:?} {at}");
        }
    }

    #[test]
    fn every_place_of_a_long_text_is_found() {
        let text = "ä\n".repeat(700) + &"€x".repeat(1_500) + "\nend";
        let positions = Positions::of(text.as_bytes());
        let (mut line, mut column) = (1, 1);
        for (at, letter) in text.char_indices() {
            assert_eq!(positions.at(at), Position { line, column }, "{at}");
            (line, column) = if letter == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        assert_eq!(positions.at(text.len()), Position { line, column });
    }
}
