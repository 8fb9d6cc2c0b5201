//! One recorded statement: what every source is turned into, and its form as a JSON line.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// What is known of something, or nothing. Borrowed from the input where its form allows.
pub type Known<'a> = Option<Cow<'a, str>>;

closed_sets! {
    /// Which record of the cluster or the gate a statement was read from.
    #[derive(Ord, PartialOrd)]
    pub enum RecordKind {
        /// The gate's own audit: the only one in which roles are certain to stand.
        Audit,
        /// The cluster's user activity log.
        UserActivityLog,
        /// `SYS_QUERY_HISTORY` and `SYS_QUERY_TEXT`.
        SysQueryHistory,
        /// `STL_QUERY` and `STL_QUERYTEXT`.
        StlQuery,
        /// `STL_DDLTEXT`, `STL_UTILITYTEXT` and `SVL_STATEMENTTEXT`.
        StlStatementText,
    }
}

impl RecordKind {
    /// Whether the cluster wrote it, which blanks the roles of its texts.
    #[must_use]
    pub const fn is_clusters(self) -> bool {
        !matches!(self, Self::Audit)
    }
}

/// A recorded statement.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct StatementRecord<'a> {
    /// The file, or `-`.
    #[serde(borrow, deserialize_with = "text")]
    pub source: Cow<'a, str>,
    /// The line of the file on which the record starts, from 1.
    pub line: u64,
    /// Which record it is from.
    pub from: RecordKind,
    /// When it ran, as the source writes it; UTC where it names no zone.
    #[serde(borrow, default, deserialize_with = "known")]
    pub time: Known<'a>,
    /// The database user's name.
    #[serde(borrow, default, deserialize_with = "known")]
    pub user: Known<'a>,
    /// The user's number, which is all that most of the cluster's tables hold.
    #[serde(default)]
    pub user_id: Option<i64>,
    /// The database.
    #[serde(borrow, default, deserialize_with = "known")]
    pub database: Known<'a>,
    /// `application_name`.
    #[serde(borrow, default, deserialize_with = "known")]
    pub application: Known<'a>,
    /// Where the session came from.
    #[serde(borrow, default, deserialize_with = "known")]
    pub client_address: Known<'a>,
    /// The process of the cluster, or the gate's number of the session.
    #[serde(borrow, default, deserialize_with = "known")]
    pub session: Known<'a>,
    /// The cluster's number of the transaction.
    #[serde(borrow, default, deserialize_with = "known")]
    pub transaction: Known<'a>,
    /// The statement.
    #[serde(borrow, deserialize_with = "text")]
    pub text: Cow<'a, str>,
    /// Part of the text is missing.
    #[serde(default)]
    pub truncated: bool,
    /// The source blanks credentials, and did so in this text: what stands there is not what ran.
    #[serde(default)]
    pub hidden: bool,
    /// Another text may have made this record up.
    #[serde(default)]
    pub doubtful: bool,
    /// The gate that it passed, where the source is its audit.
    #[serde(borrow, default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub gate: Known<'a>,
    /// The process of the cluster, where the source is the gate's audit.
    #[serde(borrow, default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub backend_pid: Known<'a>,
    /// How it ended, in the source's word.
    #[serde(borrow, default, deserialize_with = "known")]
    pub outcome: Known<'a>,
    /// The audit's `id` of the verdict on it.
    #[serde(borrow, default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub verdict_id: Known<'a>,
    /// What the cluster's history shows in the place of a text that the gate refused.
    #[serde(borrow, default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub nonce: Known<'a>,
    /// How many statements it stands for.
    #[serde(default = "one")]
    pub count: u64,
}

const fn one() -> u64 {
    1
}

impl<'a> StatementRecord<'a> {
    /// A record of which only its place and text are known.
    #[must_use]
    pub fn new(source: impl Into<Cow<'a, str>>, line: u64, from: RecordKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            source: source.into(),
            line,
            from,
            time: None,
            user: None,
            user_id: None,
            database: None,
            application: None,
            client_address: None,
            session: None,
            transaction: None,
            text: text.into(),
            truncated: false,
            hidden: false,
            doubtful: false,
            gate: None,
            backend_pid: None,
            outcome: None,
            verdict_id: None,
            nonce: None,
            count: 1,
        }
    }

    /// The record with everything its own.
    #[must_use]
    pub fn into_owned(self) -> StatementRecord<'static> {
        let own = |known: Known<'_>| known.map(|text| Cow::Owned(text.into_owned()));
        StatementRecord {
            source: Cow::Owned(self.source.into_owned()),
            line: self.line,
            from: self.from,
            time: own(self.time),
            user: own(self.user),
            user_id: self.user_id,
            database: own(self.database),
            application: own(self.application),
            client_address: own(self.client_address),
            session: own(self.session),
            transaction: own(self.transaction),
            text: Cow::Owned(self.text.into_owned()),
            truncated: self.truncated,
            hidden: self.hidden,
            doubtful: self.doubtful,
            gate: own(self.gate),
            backend_pid: own(self.backend_pid),
            outcome: own(self.outcome),
            verdict_id: own(self.verdict_id),
            nonce: own(self.nonce),
            count: self.count,
        }
    }

    /// When it ran, if the source's form of it can be read.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.as_deref().and_then(timestamp)
    }

    /// Whether the source says that it did not succeed: the cluster or the gate refused it, or it was broken off.
    #[must_use]
    pub fn failed(&self) -> bool {
        let failed = ["failed", "aborted", "canceled", "skipped", "error", "reject"];
        self.outcome.as_deref().is_some_and(|outcome| failed.iter().any(|word| outcome.eq_ignore_ascii_case(word)))
    }

    /// Whether the text is what ran, so that a verdict on it means something.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        !self.truncated && !self.hidden && !self.doubtful
    }
}

/// The time that a source writes: RFC 3339, the cluster's `2026-01-02 03:04:05.678`, or the connection log's
/// `Mon, 21 May 2018 01:38:01:601`. Without a zone it is UTC.
#[must_use]
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let civil = text.parse::<DateTime>().ok().or_else(|| connection_log_time(text))?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn connection_log_time(text: &str) -> Option<DateTime> {
    let (_weekday, date) = text.split_once(", ")?;
    let (seconds, milliseconds) = date.rsplit_once(':')?;
    let time = DateTime::strptime("%d %b %Y %H:%M:%S", seconds).ok()?;
    let nanoseconds = milliseconds.parse::<i32>().ok().filter(|count| (0..1000).contains(count))?;
    time.with().subsec_nanosecond(nanoseconds.checked_mul(1_000_000)?).build().ok()
}

/// A text that is borrowed where it can be.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    known(deserializer).map(Option::unwrap_or_default)
}

/// A text, number or truth value as text; null is nothing. Borrowed where it can be.
///
/// # Errors
/// It is a list or an object.
pub fn known<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Known<'a>, D::Error> {
    deserializer.deserialize_any(KnownVisitor)
}

struct KnownVisitor;

impl<'de> Visitor<'de> for KnownVisitor {
    type Value = Known<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number or null")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_string(number.to_string())
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        self.visit_string(truth.to_string())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, want) in [
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02T03:04:05.6+01:00", Some("2026-01-02T02:04:05.6Z")),
            ("2026-01-02 03:04:05.678901", Some("2026-01-02T03:04:05.678901Z")),
            ("2026-01-02 03:04:05+00", Some("2026-01-02T03:04:05Z")),
            (" 2026-01-02 03:04:05 ", Some("2026-01-02T03:04:05Z")),
            ("Mon, 21 May 2018 01:38:01:601", Some("2018-05-21T01:38:01.601Z")),
            ("Mon, 21 May 2018 01:38:01:6010", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(timestamp(text).map(|time| time.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_record_survives_its_own_form() {
        let mut record = StatementRecord::new("a.csv", 3, RecordKind::StlQuery, "select \"é\"\n\u{1}");
        record.user_id = Some(100);
        record.time = Some("2026-01-02 03:04:05".into());
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<StatementRecord<'_>>(&line).unwrap(), record);
        let borrowed: StatementRecord<'_> =
            serde_json::from_str(r#"{"source":"x","line":1,"from":"audit","session":7,"text":"t","more":{}}"#).unwrap();
        assert!(matches!(borrowed.text, Cow::Borrowed("t")));
        assert_eq!((borrowed.session.as_deref(), borrowed.count), (Some("7"), 1));
    }
}
