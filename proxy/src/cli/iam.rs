//! `rolegate iam`: asks the IAM facts of a configuration.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;

use crate::chain::RoleArn;
use crate::cli::{EXIT_OK, EXIT_REFUSED};
use crate::config::Config;
use crate::iam::{self, Caller, Outcome};

/// Subcommands of `rolegate iam`.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Explain whether one role may assume another
    #[command(after_help = "Example: rolegate iam can-assume --config rolegate.toml --user etl \
                            arn:aws:iam::123456789012:role/RoleA arn:aws:iam::210987654321:role/RoleB")]
    CanAssume {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The database user whose ARN is sent as sts:ExternalId
        #[arg(long, default_value = "")]
        user: String,
        /// The external ID that is sent instead of the database user's ARN
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// The role that assumes
        from: String,
        /// The role that is assumed
        to: String,
    },
}

/// Runs `rolegate iam`.
///
/// # Errors
/// What is wrong with the usage or the facts.
pub fn run(command: &IamCommand) -> Result<u8, String> {
    let IamCommand::CanAssume { config: path, user, external_id, from, to } = command;
    let role = |text: &str| RoleArn::parse(text).map_err(|why| format!("{text}: {why}"));
    let (source, target) = (role(from)?, role(to)?);
    let config = Config::load(path).map_err(|error| error.to_string())?;
    let gate = config.gate.first().ok_or_else(|| format!("{}: holds no gate", path.display()))?;
    let policy = crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())?;
    let facts = policy
        .iam()
        .ok_or_else(|| format!("{}: names no IAM facts; set iam and clusters in [facts]", path.display()))?;
    let cluster = facts.facts.cluster(&facts.cluster);
    let cluster = cluster.ok_or_else(|| format!("cluster \"{}\" is not in the IAM facts", facts.cluster))?;
    let caller = Caller {
        cluster,
        database_user: user,
        external_id: external_id.as_deref(),
        external_id_on: facts.external_id,
        mode: facts.mode,
        now: Timestamp::now(),
    };
    let (text, code) = match iam::hop(&facts.facts, &source, &target, 1, &caller).outcome {
        Outcome::Allowed => (format!("allowed: {source} may assume {target}\n"), EXIT_OK),
        Outcome::Denied(refusal) => (explain("denied", &refusal), EXIT_REFUSED),
        Outcome::Unknown(refusal) => (explain("cannot tell", &refusal), EXIT_REFUSED),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("cannot write: {error}"))?;
    Ok(code)
}

fn explain(outcome: &str, refusal: &iam::Refusal) -> String {
    let remedy = refusal.remedy.as_deref().map(|remedy| format!("  remedy: {remedy}\n")).unwrap_or_default();
    format!("{outcome}: {}\n  evidence: {}\n{remedy}", refusal.message, refusal.evidence)
}
