//! `rolegate doctor`: whether a gate could do its work on this machine, and what to do where it could not.

mod around;
mod checkup;
mod cluster;
mod descriptors;
mod endpoint;
mod files;
mod local;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use crate::cli::doctor::checkup::Health;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::Config;

/// Arguments of `rolegate doctor`.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Addresses or networks of this gate and its replicas, as the cluster sees them: who comes from elsewhere came around the gate
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    gate_address: Vec<IpNet>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = DoctorFormat::Human)]
    format: DoctorFormat,
}

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum DoctorFormat {
    /// A line for each check, and a remedy where there is something to do
    Human,
    /// One JSON object
    Json,
}

/// `10.0.0.7` or `10.0.0.0/24`.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<std::net::IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| "write an address or a network, such as 10.0.0.7 or 10.0.0.0/24".to_owned())
}

/// Checks everything, whatever fails before, and prints what it found.
///
/// # Errors
/// The configuration cannot be read, or stdout not written.
pub fn run(arguments: &DoctorArguments) -> Result<Exit, String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let mut checkups = local::all(&config);
    for gate in &config.gate {
        checkups.extend(runtime.block_on(endpoint::all(gate)));
        checkups.extend(runtime.block_on(cluster::all(gate, &arguments.gate_address)));
    }
    let text = match arguments.format {
        DoctorFormat::Human => checkup::human(&checkups),
        DoctorFormat::Json => checkup::json(&checkups),
    };
    output::print(&text)?;
    Ok(Exit::of(checkups.iter().any(|checkup| checkup.health == Health::Failed)))
}
