//! `rolegate config`: looks at a configuration file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::exit::Exit;
use crate::cli::modes;
use crate::config::Config;
use crate::observe::escape;
use crate::rules::names::RuleWarning;

/// Subcommands of `rolegate config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Load everything that a configuration names and say whether it would run
    #[command(after_help = "Example: rolegate config check --strict rolegate.toml\n\
                            Exit status: 0 it would run; 2 it would not, or with --strict there is a warning")]
    Check {
        /// Fail where a rule names a group, user, method, clause, gate, database or role that is nowhere known
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
            warn(&crate::serve::build::warnings(&config, &parts), *strict)?;
            format!("{}: good, {} gate(s)\n", file.display(), parts.gates.len())
        }
        ConfigCommand::Show { file, user, groups } => {
            let config = Config::load(file).map_err(|error| error.to_string())?;
            match user {
                None => config.to_toml_masked(),
                Some(user) => modes::of_user(&config, user, groups.as_deref())?,
            }
        }
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("cannot write: {error}"))?;
    Ok(Exit::Ok)
}

/// Shows warnings; with `is_strict` they are errors.
fn warn(warnings: &[RuleWarning], is_strict: bool) -> Result<(), String> {
    let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if is_strict && !lines.is_empty() {
        return Err(lines.join("\nrolegate: "));
    }
    for line in lines {
        // When stderr is closed there is nobody left to tell.
        let _told = writeln!(io::stderr(), "rolegate: warning: {}", escape::lines(&line)).is_ok();
    }
    Ok(())
}
