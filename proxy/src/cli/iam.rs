//! `rolegate iam`: asks the IAM facts of a configuration.

pub mod can_assume;
pub mod paths;
pub mod prove;
pub mod pull;
pub mod unused;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::chain::RoleArn;
use crate::cli::choice::gate_of;
use crate::cli::exit::Exit;
use crate::config::Config;
use crate::gate::policy::{Iam, Policy};
use crate::iam::{Caller, Cluster};

/// Subcommands of `rolegate iam`.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Explain whether one role may assume another
    #[command(after_help = "Example: rolegate iam can-assume --config rolegate.toml --user etl \
                            arn:aws:iam::123456789012:role/RoleA arn:aws:iam::210987654321:role/RoleB\n\
                            Exit status: 0 it may, 1 it may not or it cannot be told, 2 usage or input error")]
    CanAssume(can_assume::CanAssumeArguments),
    /// List the chains that reach a role from the roles attached to the cluster, the shortest first
    #[command(after_help = "Example: rolegate iam paths --config rolegate.toml \
                            --to arn:aws:iam::210987654321:role/RoleB\n\
                            Exit status: 0 some chain reaches it, 1 none does, 2 usage or input error")]
    Paths(paths::PathsArguments),
    /// Check guards over every chain that the facts allow, with the shortest chain that breaks each
    #[command(after_help = "Example: rolegate iam prove --config rolegate.toml guards.toml\n\
                            Exit status: 0 all guards hold, 1 one is broken or cannot be decided, 2 usage or input error")]
    Prove(prove::ProveArguments),
    /// List attachments, hops and trust statements that no statement of an audit used: what least privilege can remove
    #[command(after_help = "Example: rolegate iam unused --config rolegate.toml --audit audit.jsonl")]
    Unused(unused::UnusedArguments),
    /// Write what AWS says as snapshot files
    #[command(after_help = "Example: rolegate iam pull --config rolegate.toml --out facts/")]
    Pull(pull::PullArguments),
}

/// The arguments of every question to the facts.
#[derive(Args, Debug)]
struct Scope {
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
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

impl Scope {
    fn policy(&self) -> Result<Policy, String> {
        let config = Config::load(&self.config).map_err(|error| error.to_string())?;
        let gate = gate_of(&config, self.gate.as_deref())?;
        crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())
    }

    /// The facts of a policy, and the cluster that is meant.
    fn facts<'p>(&self, policy: &'p Policy) -> Result<(&'p Iam, &'p Cluster), String> {
        let named = || format!("{}: names no IAM facts; set iam and clusters in [facts]", self.config.display());
        let iam = policy.iam().ok_or_else(named)?;
        let name = self.cluster.as_deref().unwrap_or(&iam.cluster);
        let cluster = iam.facts.find_cluster(name).map_err(|error| format!("cluster \"{name}\" {error}"))?;
        Ok((iam, cluster))
    }

    fn print(&self, human: &str, json: &serde_json::Value) -> Result<(), String> {
        let text = match self.format {
            Format::Human => human.to_owned(),
            Format::Json => format!("{json:#}\n"),
        };
        say(&text)
    }
}

fn say(text: &str) -> Result<(), String> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("cannot write: {error}"))
}

fn role(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|why| format!("{text}: {why}"))
}

fn caller<'a>(iam: &'a Iam, cluster: &'a Cluster, user: &'a str, external_id: Option<&'a str>) -> Caller<'a> {
    Caller {
        cluster,
        database_user: user,
        external_id,
        external_id_on: iam.external_id,
        mode: iam.mode,
        stated: &iam.stated,
        now: Timestamp::now(),
    }
}

/// Runs `rolegate iam`.
///
/// # Errors
/// What is wrong with the usage or the facts.
pub fn run(command: &IamCommand) -> Result<Exit, String> {
    match command {
        IamCommand::CanAssume(arguments) => can_assume::run(arguments),
        IamCommand::Paths(arguments) => paths::run(arguments),
        IamCommand::Prove(arguments) => prove::run(arguments),
        IamCommand::Unused(arguments) => unused::run(arguments).map(|()| Exit::Ok),
        IamCommand::Pull(arguments) => pull::run(arguments).map(|()| Exit::Ok),
    }
}
