//! `rolegate history`: recorded statements from any source, as JSON lines.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::records::RecordArguments;
use crate::history::StatementRecord;

/// Arguments of `rolegate history`.
#[derive(Args, Debug)]
pub struct HistoryArguments {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = HistoryFormat::Jsonl)]
    format: HistoryFormat,
    /// The configuration that says how the cluster is reached, for --from-cluster
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    records: RecordArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum HistoryFormat {
    /// One JSON object a line for each statement
    Jsonl,
    /// How many records there are, and how many of them show their roles
    Summary,
}

#[derive(Default)]
struct Part {
    lines: Vec<u8>,
    truncated: u64,
    hidden: u64,
    doubtful: u64,
    failed: Option<String>,
}

/// Runs `rolegate history`.
///
/// # Errors
/// What is wrong with the usage or the inputs.
pub fn run(arguments: &HistoryArguments) -> Result<Exit, String> {
    let is_lines = arguments.format == HistoryFormat::Jsonl;
    let mut sum = Part::default();
    let fold = |part: &mut Part, record: &StatementRecord<'_>| {
        part.truncated = part.truncated.saturating_add(u64::from(record.truncated));
        part.hidden = part.hidden.saturating_add(u64::from(record.hidden));
        part.doubtful = part.doubtful.saturating_add(u64::from(record.doubtful));
        if is_lines {
            match serde_json::to_writer(&mut part.lines, record) {
                Ok(()) => part.lines.push(b'\n'),
                Err(error) => part.failed = Some(error.to_string()),
            }
        }
    };
    let counts = arguments.records.read_with_outcomes(arguments.config.as_deref(), fold, |part: Part| {
        sum.truncated = sum.truncated.saturating_add(part.truncated);
        sum.hidden = sum.hidden.saturating_add(part.hidden);
        sum.doubtful = sum.doubtful.saturating_add(part.doubtful);
        if let Some(error) = part.failed {
            return Err(io::Error::other(error));
        }
        io::stdout().write_all(&part.lines)
    })?;
    if !is_lines {
        let text = format!(
            "{} records: {} statements, {} found twice, {} of the cluster's own, {} unreadable\n\
             {} texts are truncated, {} hide their roles, {} are doubtful\n",
            counts.records,
            counts.statements,
            counts.combined,
            counts.internal,
            counts.unreadable,
            sum.truncated,
            sum.hidden,
            sum.doubtful
        );
        output::print(&text)?;
    }
    io::stdout().flush().map_err(|error| format!("cannot write the records: {error}"))?;
    Ok(Exit::Ok)
}
