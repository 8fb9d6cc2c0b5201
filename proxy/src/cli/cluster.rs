//! The history of a gate's cluster, read for a subcommand over the service connection of `[gate.catalog]`.

use std::path::Path;

use jiff::Timestamp;

use crate::cli::choice::gate_of;
use crate::cli::output::note;
use crate::config::{Config, Period};
use crate::serve::build;
use crate::serve::cluster_history::{self, ClusterRows};

/// What ran in the cluster of a gate since so long ago. What could not be read is said.
pub(super) fn rows(config: &Path, gate: Option<&str>, since: Period) -> Result<ClusterRows, String> {
    let config = Config::load(config).map_err(|error| error.to_string())?;
    let gate = gate_of(&config, gate)?;
    let Some(settings) = &gate.catalog else {
        return Err(format!("gate {:?} has no [gate.catalog]: its cluster cannot be asked", gate.name));
    };
    let backend = build::backend(gate).map_err(|error| error.to_string())?;
    let from = Timestamp::now().checked_sub(since.get()).map_err(|error| format!("--since: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot wait for the cluster: {error}"))?;
    let read = runtime.block_on(cluster_history::read(&backend, settings, from));
    let rows = read.map_err(|error| format!("gate {:?}: {error}", gate.name))?;
    for what in &rows.notes {
        note(&format!("note: {what}"));
    }
    Ok(rows)
}
