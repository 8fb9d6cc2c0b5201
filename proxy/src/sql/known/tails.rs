//! What names end with: a filter that lets the ends of nearly all other words go by in a few instructions, however many names there are.

/// Bits for each name, so that one word in sixteen passes one of the two tests, and one in 256 both.
const BITS_PER_NAME: usize = 32;

/// Words of bits: at least 8 KiB, at most 512 KiB, beyond which more words pass.
const LEAST_WORDS: usize = 128;
const MOST_WORDS: usize = 64 * 1024;

/// Odd numbers whose products depend, in their upper bits, on all of what is multiplied.
const FIRST: u32 = 0x9e37_79b1;
const SECOND: u32 = 0x85eb_ca77;

/// Makes letters of ASCII lower case, and some symbols the same.
const FOLD: u32 = 0x2020_2020;

/// The last four bytes of names, as two bits of a table; shorter names by their last two bytes. ASCII case does not count, nor does the
/// difference between some symbols.
#[derive(Clone, Debug)]
pub(super) struct Tails {
    bits: Box<[u64]>,
    /// How far a product is shifted to be the number of a bit.
    shift: u32,
    short: Option<Box<[u64]>>,
    /// How many bytes of words every name ends with at least.
    least: usize,
}

impl Tails {
    /// Of names as they are written within quotes.
    pub(super) fn new(names: &[Vec<u8>]) -> Self {
        let words = names.len().saturating_mul(BITS_PER_NAME).div_ceil(64).next_power_of_two();
        let words = words.clamp(LEAST_WORDS, MOST_WORDS);
        let shift = 32_u32.saturating_sub(words.trailing_zeros()).saturating_sub(6);
        let least = names.iter().map(|name| letters_at_end(name)).min().unwrap_or_default();
        let mut tails = Self { bits: vec![0; words].into_boxed_slice(), shift, short: None, least };
        for name in names {
            tails.add(name);
        }
        tails
    }

    /// How many bytes of words every name ends with at least.
    #[inline]
    pub(super) const fn least(&self) -> usize {
        self.least
    }

    fn add(&mut self, name: &[u8]) {
        match (name.last_chunk::<4>(), name) {
            (Some(tail), _) => {
                for place in self.places(u32::from_le_bytes(*tail) | FOLD) {
                    set(&mut self.bits, place);
                }
            }
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
        let place = u32::from(u16::from_le_bytes([before | 0x20, last | 0x20]));
        set(self.short.get_or_insert_with(|| vec![0; 1024].into_boxed_slice()), place);
    }

    /// The bits of a tail.
    fn places(&self, tail: u32) -> [u32; 2] {
        [tail.wrapping_mul(FIRST) >> self.shift, tail.wrapping_mul(SECOND) >> self.shift]
    }

    /// Whether a name may end before byte `end`.
    #[inline]
    pub(super) fn may_end(&self, text: &[u8], end: usize) -> bool {
        // No statement begins with a name.
        let Some([.., before, third, second, last]) = text.get(..end) else { return true };
        let tail = u32::from_le_bytes([*before, *third, *second, *last]) | FOLD;
        let is_long = has(&self.bits, tail.wrapping_mul(FIRST) >> self.shift)
            && has(&self.bits, tail.wrapping_mul(SECOND) >> self.shift);
        match &self.short {
            Some(short) if !is_long => has(short, tail >> 16),
            _ => is_long,
        }
    }
}

/// Whether a byte can continue a word.
#[inline]
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// How many letters of words a name ends with: as many bytes of them as it has in an encoding of single bytes, at least.
fn letters_at_end(name: &[u8]) -> usize {
    let at_end = name.iter().rev().take_while(|byte| is_word(**byte));
    at_end.filter(|byte| **byte & 0xc0 != 0x80).count()
}

fn set(bits: &mut [u64], place: u32) {
    if let Some(word) = usize::try_from(place >> 6).ok().and_then(|word| bits.get_mut(word)) {
        *word |= 1 << (place & 63);
    }
}

#[inline]
fn has(bits: &[u64], place: u32) -> bool {
    match bits.get(usize::try_from(place >> 6).unwrap_or_default()) {
        Some(word) => word >> (place & 63) & 1 != 0,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Vec<u8> {
        name.as_bytes().to_vec()
    }

    /// However many names there are, few other words pass, and every name does.
    #[test]
    fn names_pass_and_few_other_words_do() {
        for count in [1, 500, 1_000, 20_000] {
            let names: Vec<Vec<u8>> = (0..count).map(|number| format!("lake_{number}x{}", number % 7).into()).collect();
            let tails = Tails::new(&names);
            for name in &names {
                let text = [b"from ", name.as_slice()].concat();
                assert!(tails.may_end(&text, text.len()));
                assert!(tails.may_end(&text.to_ascii_uppercase(), text.len()));
            }
            let others: Vec<String> = (0..10_000).map(|number| format!("from word{:x}q", number * 7919)).collect();
            let passed = others.iter().filter(|text| tails.may_end(text.as_bytes(), text.len())).count();
            assert!(passed < 200, "{passed} of {}, {count} names", others.len());
        }
    }

    #[test]
    fn short_names_pass_too() {
        let tails = Tails::new(&["s", "ab", "raw"].map(named));
        for text in ["from s", "from ab", "from RAW", "join\ts", "(s"] {
            assert!(tails.may_end(text.as_bytes(), text.len()), "{text}");
        }
        for text in ["from xs", "from as", "from abx", "from it"] {
            assert!(!tails.may_end(text.as_bytes(), text.len()), "{text}");
        }
        assert!(tails.may_end(b"abc", 3), "too little stands before it to tell");
    }
}
