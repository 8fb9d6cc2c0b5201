//! `rolegate config`: looks at a configuration file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;

use crate::cli::exit::Exit;
use crate::cli::{exceptions, modes, output};
use crate::config::Config;
use crate::observe::words::counted;

/// Subcommands of `rolegate config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Load everything that a configuration names and say whether it would run
    #[command(after_help = "Example: rolegate config check --strict rolegate.toml\n\
                            Exit status: 0 it would run; 2 it would not, or with --strict there is a warning")]
    Check {
        /// Fail where an exception is over, or a rule names a group, user, method, clause, gate, database or role that is nowhere known
        #[arg(long)]
        strict: bool,
        /// The configuration file
        file: PathBuf,
    },
    /// Print the effective configuration, secrets masked; or which mode applies to a user
    #[command(
        after_help = "Examples: rolegate config show rolegate.toml\n          rolegate config show rolegate.toml --for etl"
    )]
    Show {
        /// The configuration file
        file: PathBuf,
        /// Print which mode, exceptions and break-glass groups apply to this database user, at every gate
        #[arg(long = "for", value_name = "USER")]
        user: Option<String>,
        /// The user's groups, instead of the configuration's
        #[arg(long, value_delimiter = ',', requires = "user")]
        groups: Option<Vec<String>>,
    },
}

/// Runs `rolegate config`.
///
/// # Errors
/// What is wrong, naming file and key.
pub fn run(command: &ConfigCommand) -> Result<Exit, String> {
    let text = match command {
        ConfigCommand::Check { strict, file } => {
            let config = Config::load(file).map_err(|error| error.to_string())?;
            let parts = crate::serve::build::all(&config, None).map_err(|error| error.to_string())?;
            for soon in crate::serve::build::check_needs(&config).map_err(|error| error.to_string())? {
                writeln!(io::stderr(), "{}: {soon}", file.display()).map_err(|error| error.to_string())?;
            }
            let rules = crate::serve::build::warnings(&config, &parts);
            let mut warnings: Vec<String> = rules.iter().map(ToString::to_string).collect();
            warnings.extend(exceptions::over(parts.exceptions(), Timestamp::now()));
            warn(&warnings, *strict)?;
            format!("{}: good, {}\n", file.display(), counted(parts.gates.len(), "gate"))
        }
        ConfigCommand::Show { file, user, groups } => {
            let config = Config::load(file).map_err(|error| error.to_string())?;
            match user {
                None => config.to_toml_masked(),
                Some(user) => modes::of_user(&config, user, groups.as_deref())?,
            }
        }
    };
    output::print(&text)?;
    Ok(Exit::Ok)
}

/// Shows warnings; with `is_strict` they are errors.
fn warn(warnings: &[String], is_strict: bool) -> Result<(), String> {
    if is_strict && !warnings.is_empty() {
        return Err(warnings.join("\nrolegate: "));
    }
    for warning in warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(())
}
