//! The forms of the reports on policies.

use std::io::{self, Write as _};

use clap::ValueEnum;

use crate::observe::escape;

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// Prints a report.
pub(super) fn print<R: serde::Serialize>(
    format: ReportFormat,
    report: &R,
    human: impl Fn(&R) -> String,
) -> Result<(), String> {
    let text = match format {
        ReportFormat::Human => escape::lines(&human(report)),
        ReportFormat::Json => serde_json::to_string(report).map_err(|error| error.to_string())? + "\n",
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write the report: {error}"))
}
