//! A text with gaps: what EXECUTE makes of constants, and of values that are known only when it runs.

use std::ops::Range;

/// What stands in a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gap {
    /// A name, in quotes or harmless without. It may be a word that the server's grammar does not reserve.
    Name,
    /// A string constant.
    Literal,
    /// A number.
    Number,
}

impl Gap {
    /// What the gap is read as, and what it is read as once more to see what it changes. Both have one length.
    const fn stand_ins(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("\"a name\"", "\"b name\""),
            Self::Literal => ("'a value'", "'b value'"),
            Self::Number => ("7", "8"),
        }
    }
}

/// A text with gaps.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TextTemplate {
    /// The text, with a stand-in in each gap.
    pub text: Vec<u8>,
    /// The gaps, in the order of the text.
    pub gaps: Vec<(Gap, Range<usize>)>,
    /// What may follow it, any number of times and in any order.
    pub appended: Vec<TextTemplate>,
}

impl TextTemplate {
    /// A text without a gap.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: text.as_bytes().into(), ..Self::default() }
    }

    /// A gap alone.
    #[must_use]
    pub fn gap(gap: Gap) -> Self {
        let text = gap.stand_ins().0.as_bytes().to_vec();
        Self { gaps: vec![(gap, 0..text.len())], text, appended: Vec::new() }
    }

    /// This text and another one behind it.
    #[must_use]
    pub fn then(&self, other: &Self) -> Self {
        if !self.appended.is_empty() {
            return self.clone().with_appended([other.clone()]);
        }
        let offset = self.text.len();
        let moved = other
            .gaps
            .iter()
            .map(|(gap, span)| (*gap, span.start.saturating_add(offset)..span.end.saturating_add(offset)));
        let gaps = self.gaps.iter().cloned().chain(moved).collect();
        Self { text: [self.text.as_slice(), &other.text].concat(), gaps, appended: other.appended.clone() }
    }

    /// This text, behind which others may stand.
    #[must_use]
    pub fn with_appended(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        for mut other in others {
            let further = std::mem::take(&mut other.appended);
            if !other.text.is_empty() {
                self.appended.push(other);
            }
            self.appended.extend(further);
        }
        self
    }

    /// The gap that begins at a byte.
    #[must_use]
    pub fn gap_at(&self, start: usize) -> Option<&(Gap, Range<usize>)> {
        let place = self.gaps.partition_point(|(_, span)| span.start < start);
        self.gaps.get(place).filter(|(_, span)| span.start == start)
    }

    /// The text with other stand-ins in its gaps, at the same places.
    #[must_use]
    pub fn varied(&self) -> Vec<u8> {
        let mut text = self.text.clone();
        for (gap, span) in &self.gaps {
            let part = text.get_mut(span.clone()).unwrap_or_default();
            for (byte, other) in part.iter_mut().zip(gap.stand_ins().1.bytes()) {
                *byte = other;
            }
        }
        text
    }
}
