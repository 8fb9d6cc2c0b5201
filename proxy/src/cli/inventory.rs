//! `rolegate inventory`: every credential that the cluster stores, whether facts and rules allow it today, and whether it was used.

mod forms;
mod judged;
mod report;
mod usage;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::chain::RoleArn;
use crate::cli::choice::gate_of;
use crate::cli::exit::Exit;
use crate::cli::inventory::report::{InventoryReport, InventorySubject};
use crate::cli::inventory::usage::Usage;
use crate::cli::output;
use crate::config::{Config, GateSection};
use crate::observe::escape;
use crate::serve;

/// Arguments of `rolegate inventory`.
#[derive(Args, Debug)]
pub struct InventoryArguments {
    /// The configuration file; the gate needs `[gate.catalog]`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The gate whose cluster is looked at; the first when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The gate by the name of its cluster
    #[arg(long, value_name = "NAME", conflicts_with = "gate")]
    cluster: Option<String>,
    /// Only what names this role: what breaks, or stays open, if it is removed
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Recorded statements that tell what was used: the gate's audit, exports of the cluster's history
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    history: Vec<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = InventoryFormat::Human)]
    format: InventoryFormat,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum InventoryFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// One line an object
    Csv,
    /// A page that needs nothing else
    Html,
}

pub(super) fn run(arguments: &InventoryArguments) -> Result<Exit, String> {
    let role =
        arguments.role.as_deref().map(|text| RoleArn::parse(text).map_err(|why| format!("--role: {text}: {why}")));
    let role = role.transpose()?;
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let gate = gate(&config, arguments)?;
    let policy = serve::build::policy(&config, gate).map_err(|error| error.to_string())?;
    let catalog = serve::catalog_now(gate)?;
    let usage = if arguments.history.is_empty() { None } else { Some(Usage::read(&arguments.history, &catalog)?) };
    let subject = InventorySubject { catalog: &catalog, policy: &policy, usage: usage.as_ref(), role: role.as_ref() };
    let report = InventoryReport::of(&subject);
    output::print(&match arguments.format {
        InventoryFormat::Human => escape::lines(&forms::human(&report)),
        InventoryFormat::Json => output::json(&report)?,
        InventoryFormat::Csv => forms::csv(&report),
        InventoryFormat::Html => forms::html(&report),
    })?;
    Ok(Exit::Ok)
}

fn gate<'c>(config: &'c Config, arguments: &InventoryArguments) -> Result<&'c GateSection, String> {
    let Some(cluster) = &arguments.cluster else { return gate_of(config, arguments.gate.as_deref()) };
    let found = config.gate.iter().find(|gate| gate.cluster == *cluster);
    found.ok_or_else(|| format!("{}: no gate stands before a cluster \"{cluster}\"", arguments.config.display()))
}
