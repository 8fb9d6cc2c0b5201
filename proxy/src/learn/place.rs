//! Where in a bucket a statement reads or writes: the path, or as much of it as is the same from run to run. Pure.
//!
//! A path is cut after so many folders, and before the first word that looks as if it changed with every run: one of digits alone, or one
//! with four digits or more. The cut depends on what stands before it alone, so that a place covers a path just when it covers the
//! path's own place of the same depth.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

/// Digits that make a word a date, a number or an identifier.
const DIGITS_OF_A_NUMBER: usize = 4;

/// Places of one use beyond so many are drawn together into the folders above them.
const MAX_PLACES: usize = 16;

/// A path within a bucket, or what paths begin with.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum S3Place {
    /// Everything that begins so.
    Under(String),
    /// This path.
    Exactly(String),
}

impl S3Place {
    /// The place of a path, at most `depth` folders deep.
    #[must_use]
    pub(crate) fn of(path: &str, depth: usize) -> Self {
        let folders = end_of_folders(path, depth);
        let whole = folders.unwrap_or(path.len());
        let end = first_variable(path).map_or(whole, |at| at.min(whole));
        let kept = path.get(..end).unwrap_or_default().to_owned();
        let is_whole = end == path.len() && !path.ends_with('/') && folders != Some(0);
        if is_whole { Self::Exactly(kept) } else { Self::Under(kept) }
    }

    /// The same place at a lesser depth.
    #[must_use]
    pub(crate) fn drawn(&self, depth: usize) -> Self {
        let cut = end_of_folders(self.text(), depth).and_then(|end| self.text().get(..end));
        cut.map_or_else(|| self.clone(), |kept| Self::Under(kept.to_owned()))
    }

    /// The path, or its beginning.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Under(text) | Self::Exactly(text) => text,
        }
    }

    /// Whether every path of `other` is one of this place: the plain twin of [`S3Place::wider`].
    #[cfg(test)]
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match self {
            Self::Under(start) => other.text().starts_with(start.as_str()),
            Self::Exactly(_) => self == other,
        }
    }

    /// Every place that could cover this one: itself, and what ends behind one of its separators.
    pub(crate) fn wider(&self) -> impl Iterator<Item = Self> {
        let text = self.text();
        let ends = text.char_indices().filter(|(_, letter)| !letter.is_alphanumeric());
        let ends = [0].into_iter().chain(ends.map(|(at, letter)| at.saturating_add(letter.len_utf8())));
        let above = ends.filter_map(|end| text.get(..end)).map(|start| Self::Under(start.to_owned()));
        [self.clone()].into_iter().chain(above.filter(move |place| place != self))
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Under(text) => write!(formatter, "{text}*"),
            Self::Exactly(text) => formatter.write_str(text),
        }
    }
}

/// Where the folders of this depth end; nothing when there are fewer.
fn end_of_folders(path: &str, depth: usize) -> Option<usize> {
    match depth.checked_sub(1) {
        None => Some(0),
        Some(before) => path.match_indices('/').nth(before).map(|(at, _)| at.saturating_add(1)),
    }
}

/// Where the first word starts that changes from run to run.
fn first_variable(path: &str) -> Option<usize> {
    let mut start = 0_usize;
    for word in path.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
        let letters = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let digits = letters.chars().filter(char::is_ascii_digit).count();
        if digits >= DIGITS_OF_A_NUMBER || (digits > 0 && digits == letters.chars().count()) {
            return Some(start);
        }
        start = start.saturating_add(word.len());
    }
    None
}

/// How often, and when.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct UseTimes {
    /// How many uses there were.
    pub(crate) count: u64,
    /// When it was first used.
    pub(crate) first: Option<Timestamp>,
    /// When it was last used.
    pub(crate) last: Option<Timestamp>,
}

impl UseTimes {
    /// Seen so often at one time.
    #[must_use]
    pub(crate) const fn at(count: u64, time: Option<Timestamp>) -> Self {
        Self { count, first: time, last: time }
    }

    /// Adds what was seen elsewhere.
    pub(crate) fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

/// The places of one use: few, or the folders above them. Which, does not depend on the order in which they were seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct S3Places {
    depth: usize,
    seen: BTreeMap<S3Place, UseTimes>,
}

impl S3Places {
    /// No places yet, at most `depth` folders deep.
    #[must_use]
    pub(crate) const fn new(depth: usize) -> Self {
        Self { depth, seen: BTreeMap::new() }
    }

    /// Adds a place.
    pub(crate) fn add(&mut self, path: &str, seen: UseTimes) {
        self.put(&S3Place::of(path, self.depth), seen);
    }

    /// Adds the places of another part.
    pub(crate) fn merge(&mut self, other: Self) {
        self.draw(other.depth);
        for (place, seen) in other.seen {
            self.put(&place, seen);
        }
    }

    fn put(&mut self, place: &S3Place, seen: UseTimes) {
        self.seen.entry(place.drawn(self.depth)).or_default().add(seen);
        while self.seen.len() > MAX_PLACES && self.depth > 0 {
            self.draw(self.depth.saturating_sub(1));
        }
    }

    /// Draws places together into the folders of a lesser depth.
    pub(crate) fn draw(&mut self, depth: usize) {
        if depth >= self.depth {
            return;
        }
        self.depth = depth;
        for (place, seen) in std::mem::take(&mut self.seen) {
            self.seen.entry(place.drawn(depth)).or_default().add(seen);
        }
    }

    /// How many folders deep they are.
    #[must_use]
    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// Each place, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&S3Place, &UseTimes)> {
        self.seen.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn under(text: &str) -> S3Place {
        S3Place::Under(text.to_owned())
    }

    fn exactly(text: &str) -> S3Place {
        S3Place::Exactly(text.to_owned())
    }

    #[test]
    fn table() {
        for (path, depth, want) in [
            ("landing/venue/a.csv", 2, under("landing/venue/")),
            ("landing/venue/a.csv", 1, under("landing/")),
            ("landing/venue/a.csv", 0, under("")),
            ("landing/venue/a.csv", 3, exactly("landing/venue/a.csv")),
            ("landing/2026/01/a.csv", 3, under("landing/")),
            ("landing/dt=2026-01-02/a.csv", 2, under("landing/dt=")),
            ("venue_pipe_", 2, exactly("venue_pipe_")),
            ("venue_pipe_7", 2, under("venue_pipe_")),
            ("team1/x", 1, under("team1/")),
            ("run-3f2504e0-4f89/x", 2, under("run-")),
            ("a/b/", 2, under("a/b/")),
            ("", 2, exactly("")),
            ("", 0, under("")),
            ("é/ü", 1, under("é/")),
        ] {
            assert_eq!(S3Place::of(path, depth), want, "{path} {depth}");
        }
    }

    #[test]
    fn many_places_are_drawn_together() {
        let mut places = S3Places::new(2);
        for number in 0..40_u8 {
            let name = char::from(b'a'.saturating_add(number % 20)).to_string();
            places.add(&format!("in/{name}/x"), UseTimes::at(1, None));
        }
        assert_eq!(places.iter().collect::<Vec<_>>(), [(&under("in/"), &UseTimes::at(40, None))]);
        assert_eq!(places.depth(), 1);
    }

    fn path() -> impl Strategy<Value = String> {
        let part = prop_oneof!["[a-c]", "[a-c]_", "[a-b][0-9]", "[0-9]{1,4}", "dt=[0-9]{4}", ""];
        prop::collection::vec(part, 0..4).prop_map(|parts| parts.join("/"))
    }

    proptest! {
        #[test]
        fn a_place_covers_a_path_just_when_it_covers_the_paths_own_place(one in path(), other in path(), depth in 0_usize..4) {
            let (place, own) = (S3Place::of(&one, depth), S3Place::of(&other, depth));
            let holds = match &place {
                S3Place::Under(start) => other.starts_with(start.as_str()),
                S3Place::Exactly(text) => other == *text,
            };
            prop_assert_eq!(place.covers(&own), holds);
            prop_assert!(own.covers(&own) && place.covers(&S3Place::of(&one, depth)));
            prop_assert_eq!(own.wider().any(|wide| wide == place), holds);
        }

        #[test]
        fn drawing_is_cutting_sooner(path in path(), depth in 0_usize..4, deeper in 0_usize..4) {
            prop_assume!(deeper >= depth);
            prop_assert_eq!(S3Place::of(&path, deeper).drawn(depth), S3Place::of(&path, depth));
        }

        #[test]
        fn order_and_parts_do_not_matter(paths in prop::collection::vec("[a-f]/[a-f]/[a-f]", 0..60), cut in 0_usize..60) {
            let all = |paths: &[String]| {
                let mut places = S3Places::new(2);
                for path in paths {
                    places.add(path, UseTimes::at(1, None));
                }
                places
            };
            let (one, other) = paths.split_at(cut.min(paths.len()));
            let mut joined = all(other);
            joined.merge(all(one));
            prop_assert_eq!(joined, all(&paths));
        }
    }
}
