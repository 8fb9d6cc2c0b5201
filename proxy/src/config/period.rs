//! Durations, written `"250ms"`, `"10s"`, `"5m"`, `"1h"` or `"1d"`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the text of a duration looks like, for messages.
const EXPECTED: &str = "a duration such as \"10s\", \"5m\" or \"1h\"";

/// No duration of a gate needs to be longer; libraries misbehave with absurd ones.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Units in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration of the configuration, at most 366 days.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Period(Duration);

impl Period {
    /// A period of this many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The period as a [`Duration`].
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Reads a whole number and its unit.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let unit = text.strip_prefix(digits)?;
        let (_, milliseconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let duration = Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(milliseconds)?);
        (duration <= LONGEST).then_some(Self(duration))
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        let fits = |(_, unit): &(&str, u64)| total > 0 && total.is_multiple_of(u128::from(*unit));
        let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(("s", 1000));
        write!(formatter, "{}{name}", total / u128::from(unit))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PeriodVisitor)
    }
}

struct PeriodVisitor;

impl Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Period, E> {
        Period::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_table() {
        let rows: &[(&str, Option<u64>)] = &[
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("366d", Some(366 * 86_400_000)),
            ("250ms", Some(250)),
            ("0s", Some(0)),
            ("367d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("10", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1S", None),
            ("1é", None),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(Period::parse(text).map(Period::get), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["0s", "10s", "5m", "1h", "1d", "90s", "250ms"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
    }
}
