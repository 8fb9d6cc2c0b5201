//! Where the lexer may skip ahead: words and symbols that can decide nothing are found 64 bytes at a time, so that a long
//! query costs little more than looking at its bytes. The lexer still takes apart whatever is not skipped, and every
//! rule about boundaries stays there; what is in doubt here is not skipped.

use wide::u8x16;

/// Bytes looked at in one go: as many as a mask has bits.
const WINDOW: usize = 64;

/// One bit for each byte of a window, its first byte lowest.
type Mask = u64;

/// The part of the text that was looked at last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skim {
    base: usize,
    /// The byte after the last that was looked at; a word or number that goes on beyond it is left to the next window.
    end: usize,
    /// Bytes at which the lexer has to go on.
    stops: Mask,
    /// Those of them on which the bytes directly before have a say: `x'`, `1e5`, `1.e5`.
    tied: Mask,
    /// Bytes of words, numbers and the dots between them.
    stretches: Mask,
}

impl Skim {
    /// The first token from `at` on, where one starts, that matters in the midst of a statement: one that is neither word,
    /// number nor symbol, a word that begins like one of [`crate::sql::words`], or `;`.
    #[inline]
    pub fn next(&mut self, text: &[u8], mut at: usize) -> usize {
        loop {
            if at < self.base || at >= self.end {
                let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { return text.len() };
                *self = Self::look(rest, at);
                if self.end == at {
                    // A single word or number fills the window.
                    return at;
                }
            }
            let passed = at.saturating_sub(self.base);
            // The lexer split a stretch here, as in `1e5copy`.
            if self.stretches & (self.stretches << 1) & bit(passed) != 0 {
                return at;
            }
            let stops = self.stops & from(passed);
            if stops != 0 {
                return self.base.saturating_add(self.start(first(stops), passed));
            }
            at = self.end;
        }
    }

    /// Where the lexer has to go on to take the byte at `stop` for what it is; not before `passed`.
    #[inline]
    fn start(&self, stop: usize, passed: usize) -> usize {
        if self.tied & bit(stop) == 0 {
            return stop;
        }
        let gaps = !self.stretches & from(passed) & !from(stop);
        if gaps == 0 { passed } else { WINDOW.saturating_sub(count(gaps.leading_zeros())) }
    }

    #[inline]
    fn look(rest: &[u8], base: usize) -> Self {
        let classes = if let Some(window) = rest.first_chunk::<WINDOW>() {
            Classes::of(window)
        } else {
            let mut window = [b' '; WINDOW];
            for (to, from) in window.iter_mut().zip(rest) {
                *to = *from;
            }
            Classes::of(&window)
        };
        let stretches = classes.words | classes.dots;
        // What touches the window's end is looked at again, whole.
        let whole = WINDOW.saturating_sub(count(stretches.leading_ones()));
        let tied = classes.tied();
        Self {
            base,
            end: base.saturating_add(whole.min(rest.len())),
            stops: (tied | classes.stops()) & !from(whole),
            tied,
            stretches,
        }
    }
}

/// The bit of a byte.
const fn bit(place: usize) -> Mask {
    1 << (place % WINDOW)
}

/// The bits of a byte and of all behind it.
const fn from(place: usize) -> Mask {
    if place < WINDOW { Mask::MAX << place } else { 0 }
}

fn first(mask: Mask) -> usize {
    count(mask.trailing_zeros())
}

fn count(bits: u32) -> usize {
    usize::try_from(bits).unwrap_or(WINDOW)
}

/// What the bytes of a window are.
#[derive(Clone, Copy, Debug, Default)]
struct Classes {
    /// Bytes that can continue a word.
    words: Mask,
    digits: Mask,
    dots: Mask,
    /// `$`, which continues a word and can start a parameter or a dollar quote.
    dollars: Mask,
    /// `e` and `E`, which can be a number's exponent.
    exponents: Mask,
    /// Letters with which the words that matter begin.
    firsts: Mask,
    /// Letters that are the second of such words.
    seconds: Mask,
    /// The two letters of `pg_settings`: words with `p` are too many to stop at all of them.
    p_and_g: (Mask, Mask),
    /// `'`, whose meaning the letter before can change.
    quotes: Mask,
    /// Bytes that start something other than a word, a number or a symbol, or end a statement.
    marks: Mask,
}

impl Classes {
    #[inline]
    fn of(window: &[u8; WINDOW]) -> Self {
        let mut all = Self::default();
        for (part, bytes) in window.as_chunks::<16>().0.iter().enumerate() {
            all.add(u8x16::from(*bytes), part.wrapping_mul(16));
        }
        all
    }

    #[inline]
    fn add(&mut self, bytes: u8x16, shift: usize) {
        let mask = |found: u8x16| Mask::from(found.to_bitmask()) << shift;
        let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
        let folded = bytes | u8x16::splat(0x20);
        let letter = |byte: u8| folded.simd_eq(u8x16::splat(byte));
        let within = |from: u8x16, first: u8, count: u8| {
            let place = from - u8x16::splat(first);
            place.min(u8x16::splat(count)).simd_eq(place)
        };
        let (digits, dollars) = (within(bytes, b'0', 9), is(b'$'));
        // The highest bit of a byte is that of its comparison, and tells bytes beyond ASCII by itself.
        let words = within(folded, b'a', 25) | digits | dollars | is(b'_') | bytes;
        let (a, c, s, e) = (letter(b'a'), letter(b'c'), letter(b's'), letter(b'e'));
        self.words |= mask(words);
        self.digits |= mask(digits);
        self.dollars |= mask(dollars);
        self.dots |= mask(is(b'.'));
        self.exponents |= mask(e);
        self.firsts |= mask(a | c | s | letter(b'i') | letter(b'u'));
        self.seconds |= mask(a | c | s | e | letter(b'l') | letter(b'n') | letter(b'o') | letter(b'r'));
        self.p_and_g.0 |= mask(letter(b'p'));
        self.p_and_g.1 |= mask(letter(b'g'));
        self.quotes |= mask(is(b'\''));
        self.marks |= mask(is(b'"') | is(b'#') | is(b'-') | is(b'/') | is(b';') | is(0));
    }

    /// Quotes, and what follows a number or is part of it beyond its digits.
    #[inline]
    fn tied(&self) -> Mask {
        let numbers = self.starts() & self.digits;
        // The sum carries past a run of digits that starts as a number: to the byte behind it.
        let behind_numbers = self.digits.wrapping_add(numbers) & !self.digits;
        let exponents = self.dots & (self.digits << 1) & (self.exponents >> 1);
        self.quotes | (behind_numbers & self.words) | exponents
    }

    #[inline]
    fn stops(&self) -> Mask {
        let candidates = (self.firsts & (self.seconds >> 1)) | (self.p_and_g.0 & (self.p_and_g.1 >> 1));
        self.marks | (self.starts() & (candidates | self.dollars))
    }

    #[inline]
    fn starts(&self) -> Mask {
        self.words & !(self.words << 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Skim;
    use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
    use crate::sql::words::Head;

    /// What texts are put together from: whatever can move a boundary, and words that matter.
    const PARTS: [&str; 46] = [
        "pg_settings",
        "session_authorization",
        " ",
        " ",
        "\n",
        ".",
        ".",
        ",",
        "1",
        "5",
        "e",
        "E5",
        "e+5",
        "x",
        "b",
        "x'",
        "'",
        "'",
        "\"",
        "$",
        "$$",
        "$a$",
        "$1",
        "#",
        "#1",
        "-",
        "--",
        "/*",
        "*/",
        ";",
        "\\",
        "\0",
        "\u{e9}",
        "_",
        "copy",
        "unload",
        "iam_role",
        "credentials",
        "assumerole",
        "set_config",
        "client_encoding",
        "secret_access_key",
        "salesid",
        "abcdefghijklmnopqrstuvwxyz",
        "access_key_id",
        "session_token catalog_role",
    ];

    fn text(case: u64) -> Vec<u8> {
        let mut state = case.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from((state >> 20) % limit).unwrap_or(0)
        };
        let count = roll(60);
        (0..count).flat_map(|_| PARTS.get(roll(46)).copied().unwrap_or_default().bytes()).collect()
    }

    fn past() -> Head {
        let mut head = Head::default();
        (0..4).for_each(|_| head.other());
        assert!(head.is_past());
        head
    }

    #[test]
    fn what_is_skipped_cannot_matter() {
        let mut skipped = 0_u32;
        for (case, escapes) in (0..60_000).flat_map(|case| [(case, Escapes::Always), (case, Escapes::EPrefix)]) {
            let text = text(case);
            let mut whole = Lexer::new(&text, escapes);
            let (mut lexer, mut skim) = (Lexer::new(&text, escapes), Skim::default());
            lexer.skip_ahead(&mut skim);
            while let Some(token) = lexer.next() {
                let passed: Vec<Token> = whole.by_ref().take_while(|one| *one != token).collect();
                for one in &passed {
                    let bytes = text.get(one.start..one.end).unwrap_or_default();
                    let matters = match one.kind {
                        TokenKind::Word => past().meets(bytes),
                        TokenKind::Symbol(symbol) => symbol == b';',
                        // Numbers are skipped too.
                        kind => kind != TokenKind::Number,
                    };
                    assert!(!matters && one.end <= token.start, "case {case}: {one:?} {}", text.escape_ascii());
                }
                skipped = skipped.saturating_add(u32::try_from(passed.len()).unwrap_or(u32::MAX));
                lexer.skip_ahead(&mut skim);
            }
            for one in whole.by_ref() {
                let bytes = text.get(one.start..one.end).unwrap_or_default();
                let matters = one.kind == TokenKind::Word && past().meets(bytes);
                assert!(!matters, "case {case}: {one:?} {}", text.escape_ascii());
            }
            assert_eq!(lexer.trouble(), whole.trouble(), "case {case}: {}", text.escape_ascii());
        }
        assert!(skipped > 100_000, "{skipped} tokens skipped");
    }
}
