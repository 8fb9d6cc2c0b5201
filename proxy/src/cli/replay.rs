//! `rolegate replay`: judges recorded statements, and shows what another configuration would change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::choice::gate_of;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::records::RecordArguments;
use crate::config::{Case, CaseFile, Config};
use crate::gate::policy::{ClusterGroups, Policy};
use crate::history::StatementRecord;
use crate::observe::escape;
use crate::replay::report::GroupRow;
use crate::replay::{GroupBy, Replay, ReplayReport, Tally, html, human, report, table};

/// Arguments of `rolegate replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// Judge under this configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Show only what changes against this configuration
    #[arg(long, value_name = "FILE")]
    old: Option<PathBuf>,
    /// The gate of the configurations whose policy applies; the first when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReplayFormat::Human)]
    format: ReplayFormat,
    /// Whose statements are counted together: a user's, or a group's
    #[arg(long, value_enum, default_value_t = By::User)]
    by: By,
    /// Write a case of `rolegate policy test` for each group, or for each change with --old
    #[arg(long, value_name = "FILE")]
    save_cases: Option<PathBuf>,
    #[command(flatten)]
    records: RecordArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ReplayFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// A table of the groups, or of the changes with --old
    Csv,
    /// One HTML file that needs nothing else
    Html,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum By {
    /// By user
    User,
    /// By the user's groups
    Group,
}

/// Runs `rolegate replay`.
///
/// # Errors
/// What is wrong with the usage, a configuration or the inputs.
pub fn run(arguments: &ReplayArguments) -> Result<Exit, String> {
    let gate = arguments.gate.as_deref();
    let replay = Replay {
        new: recorded_policy(&arguments.config, gate)?,
        old: arguments.old.as_deref().map(|old| recorded_policy(old, gate)).transpose()?,
        by: if arguments.by == By::User { GroupBy::User } else { GroupBy::Group },
    };
    let mut tally = Tally::default();
    let fold = |part: &mut Tally, record: &StatementRecord<'_>| replay.take(part, record);
    let counts = arguments.records.read(Some(&arguments.config), fold, |part| {
        tally.merge(part);
        Ok(())
    })?;
    let found = report(&replay, &tally, counts);
    if let Some(path) = &arguments.save_cases {
        save_cases(path, &arguments.config, gate, &found)?;
    }
    let text = match arguments.format {
        ReplayFormat::Human => escape::lines(&human::human(&found)),
        ReplayFormat::Json => output::json(&found)?,
        ReplayFormat::Csv => table::csv(&found)?,
        ReplayFormat::Html => html::html(&found),
    };
    output::print(&text)?;
    Ok(Exit::of(tally.refuses_more(arguments.old.is_some())))
}

/// The policy of a configuration. The cluster is not asked for groups: those of the configuration apply.
pub(super) fn recorded_policy(path: &Path, gate: Option<&str>) -> Result<Policy, String> {
    let config = Config::load(path).map_err(|error| error.to_string())?;
    let gate = gate_of(&config, gate)?;
    let policy = crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())?;
    if !policy.reads_catalog() {
        return Ok(policy);
    }
    output::note(&format!(
        "{}: note: groups are those of [policy.groups]; [gate.catalog] is not asked",
        path.display()
    ));
    Ok(policy.with_catalog(ClusterGroups::NotRead))
}

/// Writes a file of cases. What was cut cannot be judged again, and is left out.
fn save_cases(path: &Path, config: &Path, gate: Option<&str>, report: &ReplayReport) -> Result<(), String> {
    let rows = report.changes.as_ref().unwrap_or(&report.groups);
    // The paths of a file of cases are its own folder's.
    let config = config.canonicalize().map_err(|error| format!("{}: {error}", config.display()))?;
    let cases = rows.iter().filter(|row| row.whole_example.is_whole).map(case).collect();
    let file = CaseFile { config, gate: gate.map(str::to_owned), rules: None, stored: BTreeMap::new(), cases };
    let text = file.to_toml().map_err(|error| format!("{}: {error}", path.display()))?;
    fs::write(path, text).map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn case(row: &GroupRow) -> Case {
    let example = &row.whole_example;
    let on = row.target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    let name = format!("{}{on} by {} through {}", row.kind, row.user, row.chain);
    Case {
        name,
        user: example.user.clone(),
        groups: None,
        database: example.database.clone(),
        application: example.application.clone(),
        client_address: example.client_address.as_deref().and_then(|address| address.parse().ok()),
        tls_subject: None,
        tls_names: Vec::new(),
        time: example.time,
        sql: example.text.clone(),
        verdict: row.would_be,
        codes: row.change.is_none().then(|| example.codes.clone()),
    }
}
