//! In which form `/metrics` is written, as a scraper asks for it. Pure.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How the series are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposition {
    /// The classic text format, 0.0.4.
    Text,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

impl Exposition {
    /// OpenMetrics for those whose Accept header takes it, else the text format.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        if takes(accept, "application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }

    /// The Content-Type of an answer.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Whether an Accept-Encoding header takes gzip.
#[must_use]
pub fn takes_gzip(accept_encoding: Option<&str>) -> bool {
    takes(accept_encoding, "gzip")
}

/// Whether a list of names with weights has this one, with a weight above zero.
fn takes(list: Option<&str>, name: &str) -> bool {
    list.unwrap_or_default().split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|first| first.eq_ignore_ascii_case(name));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f64>().ok());
        is_it && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The text, compressed.
///
/// # Errors
/// None that memory could cause.
pub fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negotiation() {
        use Exposition::{OpenMetrics, Text};
        let rows = [
            (None, Text),
            (Some("*/*"), Text),
            (Some("text/plain;version=0.0.4;q=0.3,*/*;q=0.2"), Text),
            (
                Some(
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.4,*/*;q=0.2",
                ),
                OpenMetrics,
            ),
            (Some("text/plain, Application/OpenMetrics-Text"), OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Text),
        ];
        for (accept, want) in rows {
            assert_eq!(Exposition::accepted(accept), want, "{accept:?}");
        }
        let rows =
            [(None, false), (Some("gzip"), true), (Some("deflate, gzip;q=0.5"), true), (Some("gzip;q=0"), false)];
        for (accept, want) in rows {
            assert_eq!(takes_gzip(accept), want, "{accept:?}");
        }
    }
}
