//! Durations, written as people do: `"250ms"`, `"10s"`, `"1h 30m"` or `"1d"`.

use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the text of a duration looks like, for messages.
const EXPECTED: &str = "a duration such as \"10s\", \"5m\" or \"1h\"";

/// No duration of a gate needs to be longer; libraries misbehave with absurd ones.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Units in milliseconds, the longest first: a duration is shown in the longest that it is a multiple of.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A duration of the configuration: whole milliseconds, at most 366 days.
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

    /// Reads numbers with their units; a day has 24 hours here.
    fn parse(text: &str) -> Option<Self> {
        let span: Span = text.parse().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        // One that is negative is none.
        let duration = Duration::try_from(duration).ok()?;
        let is_whole = duration.subsec_nanos().is_multiple_of(1_000_000);
        (is_whole && duration <= LONGEST).then_some(Self(duration))
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or_else(|| format!("expected {EXPECTED}"))
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
            ("1h 30m", Some(5_400_000)),
            ("1h30m", Some(5_400_000)),
            ("5 minutes", Some(300_000)),
            ("1.5s", Some(1500)),
            ("1.5ms", None),
            ("1w", Some(7 * 86_400_000)),
            ("1 month", None),
            ("10", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1s ago", None),
            ("soon", None),
            ("1é", None),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(Period::parse(text).map(Period::get), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    proptest::proptest! {
        /// Whatever period is shown is read as the same.
        #[test]
        fn what_is_shown_is_read_as_the_same(milliseconds in 0_u64..=366 * 86_400_000) {
            let period = Period(Duration::from_millis(milliseconds));
            proptest::prop_assert_eq!(Period::parse(&period.to_string()), Some(period));
        }
    }

    /// (milliseconds, how they are shown: in the longest unit that fits)
    #[test]
    fn display_table() {
        for (milliseconds, want) in [
            (0, "0s"),
            (1, "1ms"),
            (999, "999ms"),
            (1000, "1s"),
            (1001, "1001ms"),
            (60_000, "1m"),
            (61_000, "61s"),
            (3_600_000, "1h"),
            (5_400_000, "90m"),
            (86_400_000, "1d"),
            (86_400_001, "86400001ms"),
            (90_000_000, "25h"),
        ] {
            assert_eq!(Period(Duration::from_millis(milliseconds)).to_string(), want);
        }
        assert_eq!("soon".parse::<Period>(), Err("expected a duration such as \"10s\", \"5m\" or \"1h\"".to_owned()));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["0s", "10s", "5m", "1h", "1d", "90s", "250ms"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
    }
}
