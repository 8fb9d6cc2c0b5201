//! What subcommands print: reports to standard output, notes to standard error.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::observe::escape;

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// Prints a text.
pub(super) fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| format!("cannot write: {error}"))
}

/// A value as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// Prints a report; names in it do nothing to a terminal.
pub(super) fn print_report<R: Serialize>(
    format: ReportFormat,
    report: &R,
    human: impl Fn(&R) -> String,
) -> Result<(), String> {
    print(&match format {
        ReportFormat::Human => escape::lines(&human(report)),
        ReportFormat::Json => json(report)?,
    })
}

/// Says something beside the report.
pub(super) fn note(text: &str) {
    // When stderr is closed there is nobody left to tell.
    let _told = writeln!(io::stderr(), "rolegate: {}", escape::lines(text)).is_ok();
}
