//! `rolegate coverage`: statements with roles that the cluster ran and that did not pass the gate.

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::choice::gate_of;
use crate::cli::cluster;
use crate::cli::exit::Exit;
use crate::cli::output::{ReportFormat, note, print_report};
use crate::config::{Config, Period};
use crate::coverage::{CoverageQuery, Margins, compare, human};
use crate::history::{History, expand};

/// Arguments of `rolegate coverage`.
#[derive(Args, Debug)]
pub struct CoverageArguments {
    /// The gate's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The gate before the cluster; the first of the configuration when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// How far back statements are told of
    #[arg(long, value_name = "PERIOD", default_value = "1d")]
    since: Period,
    /// How far the gate's clock and the cluster's may be apart
    #[arg(long, value_name = "PERIOD", default_value = "5s")]
    clocks: Period,
    /// With files of `CloudTrail`: how long after a statement its roles may be assumed
    #[arg(long, value_name = "PERIOD", default_value = "15m")]
    assumed_within: Period,
    /// Files, folders or globs: the audit of every replica of the gate, exports of the cluster's history and connection log, audit
    /// log files of Redshift, `CloudTrail`. Where no audit is among them, the file of `[audit]` is read; where no history of the cluster
    /// is, the cluster is asked over `[gate.catalog]`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
}

/// Problems with inputs that are shown.
const SHOWN_PROBLEMS: usize = 20;

/// Runs `rolegate coverage`.
///
/// # Errors
/// What is wrong with the usage, the configuration, the inputs or the cluster.
pub fn run(arguments: &CoverageArguments) -> Result<Exit, String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let gate = gate_of(&config, arguments.gate.as_deref())?;
    let mut inputs = if arguments.inputs.is_empty() { Vec::new() } else { expand(&arguments.inputs)? };
    let given = History::open(inputs.clone());
    if !given.holds_audit() {
        if !config.audit.is_file() {
            return Err(
                "no audit is among the inputs, and the configuration writes none to a file; name that of every replica"
                    .to_owned(),
            );
        }
        // Files that were rotated away stand beside it.
        inputs.extend(expand(&[format!("{}*", glob::Pattern::escape(&config.audit.path))])?);
    }
    let asked = if given.holds_clusters() {
        None
    } else {
        Some(cluster::rows(&arguments.config, Some(&gate.name), arguments.since)?)
    };
    inputs.extend(asked.iter().flat_map(super::super::serve::cluster_history::ClusterRows::inputs));
    let comparison = CoverageQuery {
        dialect: gate.dialect,
        gate: Some(gate.name.clone()),
        margins: Margins {
            clocks: signed(arguments.clocks),
            assumed: signed(arguments.assumed_within),
            since: Timestamp::now().checked_sub(arguments.since.get()).ok(),
        },
    };
    let (mut report, problems) = compare(&comparison, inputs).map_err(|error| format!("cannot go on: {error}"))?;
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        note(&problem.to_string());
    }
    if !problems.is_empty() {
        report.gaps.push(format!("{} records or inputs could not be read as they are", problems.len()));
    }
    report.gaps.extend(asked.into_iter().flat_map(|rows| rows.notes));
    print_report(arguments.format, &report, human)?;
    Ok(Exit::of(report.unseen_count > 0))
}

fn signed(period: Period) -> SignedDuration {
    SignedDuration::try_from(period.get()).unwrap_or(SignedDuration::MAX)
}
