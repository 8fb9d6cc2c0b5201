//! Where the lexer may skip ahead: words, quoted identifiers and symbols that can decide nothing are found 64 bytes at a
//! time, so that a long query costs little more than looking at its bytes. The lexer still takes apart whatever is not
//! skipped, and every rule about boundaries stays there; what is in doubt here is not skipped.

use wide::u8x16;

use crate::sql::known::Watchlist;
use crate::sql::vocabulary::{FIRST_LETTERS, SHORTEST_NAME, SHORTEST_WORD, meaning};
use crate::sql::words::quoted_matters;

/// Bytes looked at in one go: as many as a mask has bits.
const WINDOW: usize = 64;

/// One bit for each byte of a window, its first byte lowest.
type Mask = u64;

/// The part of the text that was looked at last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skim {
    base: usize,
    /// The byte after the last that was looked at; a word, number or identifier that goes on beyond it is left to the next
    /// window.
    end: usize,
    /// Bytes of words.
    words: Mask,
    /// Those, and the dots between them.
    stretches: Mask,
    /// Bytes at which the lexer may have to go on, unless they stand in a quoted identifier.
    stops: Mask,
    /// Those of them that follow a number's digits and may belong to it: `1e5`, `1.e5`.
    behind_numbers: Mask,
    /// `"`, whose turn as an opening or a closing one depends on where the lexer goes on.
    doubles: Mask,
    /// Those of them behind which a name that matters may stand.
    names: Mask,
    /// A name of the watchlist may stand in what was looked at so far.
    may_name: bool,
}

impl Skim {
    /// Whether a name of the watchlist may stand in what was looked at.
    #[must_use]
    pub const fn may_name(&self) -> bool {
        self.may_name
    }

    /// The first token from `at` on, where one starts, that matters in the midst of a statement: one that is neither word,
    /// number, symbol nor quoted identifier, a word or identifier that [`crate::sql::words`] names, an identifier with
    /// escapes, or `;`.
    #[inline]
    pub fn next(&mut self, text: &[u8], mut at: usize, names: &impl Watchlist) -> usize {
        if is_at(text, at, b'"') && at.checked_sub(1).is_some_and(|before| is_at(text, before, b'&')) {
            return at;
        }
        loop {
            if at < self.base || at >= self.end {
                if at >= text.len() {
                    return text.len();
                }
                self.look(text, at, names);
            }
            let passed = at.saturating_sub(self.base);
            // The lexer split a stretch here, as in `1e5copy`.
            if self.stretches & (self.stretches << 1) & bit(passed) != 0 {
                return at;
            }
            let onwards = from_bit(passed);
            let (mut stops, mut end) = (self.stops & onwards, self.end);
            let doubles = self.doubles & onwards;
            if doubles != 0 {
                let inside = parity(doubles);
                let quoted = inside | doubles;
                let window = end.saturating_sub(self.base);
                // An identifier that may go on beyond the window is left to the next one, with the quote that opens it.
                let whole = window.saturating_sub(ones_before(quoted, window));
                stops = (stops & !quoted) | (self.names & inside & !(doubles << 1));
                end = self.base.saturating_add(whole);
            }
            while stops != 0 {
                let stop = first(stops);
                if let Some(place) = self.resume(text, stop, passed) {
                    return self.base.saturating_add(place);
                }
                stops &= stops.wrapping_sub(1);
            }
            if end <= at {
                // A single word, number or identifier fills the window.
                return at;
            }
            at = end;
            self.end = end;
        }
    }

    /// Where the lexer has to go on to take the byte at `stop` for what it is, not before `passed`; `None` when it need not.
    #[inline]
    fn resume(&self, text: &[u8], stop: usize, passed: usize) -> Option<usize> {
        let at = self.base.saturating_add(stop);
        let next = at.saturating_add(1);
        let is_next = |byte: u8| is_at(text, next, byte);
        let matters = match text.get(at)? {
            // The letter before may change what the quote opens, or the dollar may be part of a word.
            b'\'' | b'$' => return Some(self.stretch_before(stop, passed)),
            b'-' => is_next(b'-'),
            b'/' => is_next(b'*'),
            // `U&"`: the identifier that opens behind it has escapes.
            b'&' => return is_next(b'"').then(|| stop.saturating_add(1)),
            b'%' => false,
            b'"' => {
                let close = first(self.doubles & from(stop.saturating_add(1)));
                text.get(next..self.base.saturating_add(close)).is_none_or(quoted_matters)
            }
            b'#' | b';' | 0 => true,
            _ if self.behind_numbers & bit(stop) != 0 => return Some(self.stretch_before(stop, passed)),
            _ => {
                let end = first(!self.words & from_bit(stop));
                text.get(at..self.base.saturating_add(end)).is_none_or(|word| meaning(word).is_some())
            }
        };
        matters.then_some(stop)
    }

    /// The start of the stretch that ends at `stop`, or goes on there.
    #[inline]
    fn stretch_before(&self, stop: usize, passed: usize) -> usize {
        let gaps = !self.stretches & from_bit(passed) & !from_bit(stop);
        if gaps == 0 { passed } else { WINDOW.saturating_sub(count(gaps.leading_zeros())) }
    }

    #[inline]
    fn look<N: Watchlist>(&mut self, text: &[u8], base: usize, watched: &N) {
        let rest = text.get(base..).unwrap_or_default();
        let classes = if let Some(window) = rest.first_chunk::<WINDOW>() {
            Classes::of(window)
        } else {
            let mut window = [b' '; WINDOW];
            for (to, from) in window.iter_mut().zip(rest) {
                *to = *from;
            }
            Classes::of(&window)
        };
        let Classes { words, dots, doubles, marks, .. } = classes;
        let stretches = words | dots;
        // What touches the window's end is looked at again, whole.
        let whole = WINDOW.saturating_sub(count(stretches.leading_ones()));
        let behind_numbers = classes.behind_numbers();
        // Shorter words do not matter, nor do shorter names in quotes.
        let starts = classes.firsts & runs(words, SHORTEST_WORD);
        let named = classes.firsts & runs(words, SHORTEST_NAME);
        let stops = marks | behind_numbers | (starts & !(words << 1));
        *self = Self {
            base,
            end: base.saturating_add(whole.min(rest.len())),
            words,
            stretches,
            stops: stops & !from(whole),
            behind_numbers,
            doubles,
            names: doubles & (named >> 1),
            may_name: self.may_name || names_may_stand(text, base, &classes, watched),
        };
    }
}

/// Whether a name of the watchlist may stand in a window: at the ends of words, and before closing quotes where a name may end in something
/// else; all of them if words matter, and else those that a dot follows. What touches the window's end is seen again in the next one, or
/// token by token.
#[inline]
fn names_may_stand(text: &[u8], base: usize, classes: &Classes, names: &impl Watchlist) -> bool {
    if !names.is_any() {
        return false;
    }
    let Classes { words, dots, doubles, .. } = *classes;
    let least = names.least_at_end();
    let mut long = words;
    if least > 1 {
        long &= long << 1;
    }
    if least > 3 {
        long &= long << 2;
    }
    let mut ends = (long & !(words >> 1)) << 1;
    if least == 0 {
        ends |= doubles & !(words << 1);
    }
    if !names.watches_words() {
        // The quote that the window ends with may stand before a dot.
        ends &= dots | (doubles & ((dots >> 1) | LAST));
        let mut alone = dots & !((words | doubles) << 1);
        while alone != 0 {
            if names.may_stand_before(text, base.saturating_add(first(alone))) {
                return true;
            }
            alone &= alone.wrapping_sub(1);
        }
    }
    while ends != 0 {
        if names.may_end(text, base.saturating_add(first(ends))) {
            return true;
        }
        ends &= ends.wrapping_sub(1);
    }
    false
}

/// The bit of a window's last byte.
const LAST: Mask = 1 << 63;

/// The bits with which runs of at least `length` set bits begin, `length` being a power of two.
#[inline]
const fn runs(mut mask: Mask, length: u32) -> Mask {
    let mut found = 1;
    while found < length {
        mask &= mask >> found;
        found <<= 1;
    }
    mask
}

#[inline]
fn is_at(text: &[u8], at: usize, byte: u8) -> bool {
    text.get(at) == Some(&byte)
}

/// The bit of a byte.
#[inline]
const fn bit(place: usize) -> Mask {
    1 << (place % WINDOW)
}

/// The bits of a byte of the window and of all behind it.
#[inline]
const fn from_bit(place: usize) -> Mask {
    Mask::MAX << (place % WINDOW)
}

/// The same for a byte that may stand behind the window.
#[inline]
const fn from(place: usize) -> Mask {
    if place < WINDOW { Mask::MAX << place } else { 0 }
}

/// Sets every bit that has an odd number of set bits up to and with itself: a quote that opens, and what it encloses.
#[inline]
const fn parity(mut mask: Mask) -> Mask {
    mask ^= mask << 1;
    mask ^= mask << 2;
    mask ^= mask << 4;
    mask ^= mask << 8;
    mask ^= mask << 16;
    mask ^ (mask << 32)
}

/// How many bits directly before `place` are set.
#[inline]
fn ones_before(mask: Mask, place: usize) -> usize {
    if place == 0 { 0 } else { count((mask << (WINDOW.saturating_sub(place))).leading_ones()) }
}

#[inline]
fn first(mask: Mask) -> usize {
    count(mask.trailing_zeros())
}

#[inline]
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
    /// Letters with which the words that matter begin.
    firsts: Mask,
    /// `"`.
    doubles: Mask,
    /// `%`, and bytes that start something other than a word, a number or a symbol, change what such a start means, or end a
    /// statement.
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
        let digits = within(bytes, b'0', 9);
        // The highest bit of a byte is that of its comparison, and tells bytes beyond ASCII by itself.
        self.words |= mask(within(folded, b'a', 25) | digits | is(b'$') | is(b'_') | bytes);
        self.digits |= mask(digits);
        self.dots |= mask(is(b'.'));
        let firsts = FIRST_LETTERS.iter().fold(u8x16::splat(0), |found, first| found | letter(*first));
        self.firsts |= mask(firsts);
        self.doubles |= mask(is(b'"'));
        // They differ in one bit, in which no other byte differs from both.
        let minus_or_slash = (bytes | u8x16::splat(b'-' ^ b'/')).simd_eq(u8x16::splat(b'/'));
        // From `#` to `'`: with `$`, `%` and `&`.
        self.marks |= mask(within(bytes, b'#', 4) | minus_or_slash | is(b';') | is(0));
    }

    /// Letters behind a number, and the dot between a number and a letter.
    #[inline]
    fn behind_numbers(&self) -> Mask {
        let numbers = self.digits & !(self.words << 1);
        // The sum carries past a run of digits that starts as a number: to the byte behind it.
        let behind = self.digits.wrapping_add(numbers) & !self.digits;
        let letters = self.words & !self.digits;
        behind & (letters | (self.dots & (letters >> 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::Skim;
    use crate::sql::known::NoNames;
    use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
    use crate::sql::literal::{inside, is_unicode_identifier};
    use crate::sql::vocabulary::WORDS;
    use crate::sql::words::{Head, quoted_matters};

    /// What texts are put together from, beside the words that matter: whatever can move a boundary.
    const PARTS: [&str; 43] = [
        "\"\"",
        "&",
        "U&\"",
        "\"Name\"",
        "u&\"iam!005frole\"",
        "\"a rather longer name, with a ; and a ' in it, so long that it fills a window\"",
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
        "%",
        "1.e5",
        "a$",
        "salesid",
        "abcdefghijklmnopqrstuvwxyz",
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
        (0..count).flat_map(|_| part(roll(64), roll(3))).collect()
    }

    /// A part of the list, or a word that matters: plain, in capitals or in quotes.
    fn part(place: usize, form: usize) -> Vec<u8> {
        let Some(place) = place.checked_sub(PARTS.len()) else {
            return PARTS.get(place).copied().unwrap_or_default().into();
        };
        let word = WORDS.get(place % WORDS.len()).map_or("", |(word, _)| *word);
        match form {
            0 => word.to_ascii_uppercase().into(),
            1 => format!("\"{word}\"").into(),
            _ => word.into(),
        }
    }

    /// Wherever it stands, in any case, quoted or not: the scan stops at every word of the list that matters there.
    #[test]
    fn no_word_of_the_list_is_skipped() {
        for (word, _) in WORDS {
            for (place, word) in
                (0..200).flat_map(|place| [(place, word.to_owned()), (place, word.to_ascii_uppercase())])
            {
                for quote in ["", "\""] {
                    let text = format!("{}{quote}{word}{quote} x", "a, ".repeat(70).split_at(place).0);
                    let start = text.find(&word).unwrap_or_default().saturating_sub(quote.len());
                    let matters = quote.is_empty() || quoted_matters(word.as_bytes());
                    let found = Skim::default().next(text.as_bytes(), 0, &NoNames);
                    // A word that is glued to a letter is another word.
                    let is_glued = quote.is_empty() && place % 3 == 1;
                    assert_eq!(found == start, matters && !is_glued, "{text}");
                }
            }
        }
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
            // As at a statement's head, from which nothing is skipped.
            for _ in 0..case % 5 {
                assert_eq!(lexer.next(), whole.next());
            }
            lexer.skip_ahead(|text, at| skim.next(text, at, &NoNames));
            while let Some(token) = lexer.next() {
                let passed: Vec<Token> = whole.by_ref().take_while(|one| *one != token).collect();
                for one in &passed {
                    let bytes = text.get(one.start..one.end).unwrap_or_default();
                    let matters = match one.kind {
                        TokenKind::Word => past().meets(bytes),
                        TokenKind::Symbol(symbol) => symbol == b';',
                        TokenKind::Quoted => quoted_matters(inside(bytes)) || is_unicode_identifier(&text, *one),
                        // Numbers are skipped too.
                        kind => kind != TokenKind::Number,
                    };
                    assert!(!matters && one.end <= token.start, "case {case}: {one:?} {}", text.escape_ascii());
                }
                skipped = skipped.saturating_add(u32::try_from(passed.len()).unwrap_or(u32::MAX));
                lexer.skip_ahead(|text, at| skim.next(text, at, &NoNames));
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
