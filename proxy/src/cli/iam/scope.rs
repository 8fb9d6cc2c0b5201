//! What every question to the facts shares: its arguments, the facts it is asked of, the form of the answer.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::chain::RoleArn;
use crate::cli::choice::gate_of;
use crate::cli::output;
use crate::config::Config;
use crate::gate::policy::{Iam, Policy};
use crate::iam::Cluster;
use crate::observe::escape;

/// The arguments of every question to the facts.
#[derive(Args, Debug)]
pub(super) struct Scope {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The gate of the configuration whose cluster is meant; the first when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// Another cluster of the facts
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

impl Scope {
    pub(super) fn policy(&self) -> Result<Policy, String> {
        let config = Config::load(&self.config).map_err(|error| error.to_string())?;
        let gate = gate_of(&config, self.gate.as_deref())?;
        crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())
    }

    /// The facts of a policy, and the cluster that is meant.
    pub(super) fn facts<'p>(&self, policy: &'p Policy) -> Result<(&'p Iam, &'p Cluster), String> {
        let named = || format!("{}: names no IAM facts; set iam and clusters in [facts]", self.config.display());
        let iam = policy.iam().ok_or_else(named)?;
        let name = self.cluster.as_deref().unwrap_or(&iam.cluster);
        let cluster = iam.facts.find_cluster(name).map_err(|error| format!("cluster \"{name}\" {error}"))?;
        Ok((iam, cluster))
    }

    /// Whether the command line says which cluster is meant.
    pub(super) fn names_cluster(&self) -> bool {
        self.cluster.is_some() || self.gate.is_some()
    }

    pub(super) fn print(&self, human: &str, json: &serde_json::Value) -> Result<(), String> {
        let text = match self.format {
            Format::Human => escape::lines(human),
            Format::Json => format!("{json:#}\n"),
        };
        say(&text)
    }
}

pub(super) fn say(text: &str) -> Result<(), String> {
    output::print(text)
}

pub(super) fn role(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|why| format!("{text}: {why}"))
}
