//! `rolegate config`: looks at a configuration file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::exit::Exit;
use crate::config::Config;

/// Subcommands of `rolegate config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Load everything that a configuration names and say whether it would run
    #[command(after_help = "Example: rolegate config check rolegate.toml")]
    Check {
        /// The configuration file
        file: PathBuf,
    },
    /// Print the effective configuration, secrets masked
    #[command(after_help = "Example: rolegate config show rolegate.toml")]
    Show {
        /// The configuration file
        file: PathBuf,
    },
}

/// Runs `rolegate config`.
///
/// # Errors
/// What is wrong, naming file and key.
pub fn run(command: &ConfigCommand) -> Result<Exit, String> {
    let text = match command {
        ConfigCommand::Check { file } => {
            let config = Config::load(file).map_err(|error| error.to_string())?;
            let parts = crate::serve::build::all(&config, None).map_err(|error| error.to_string())?;
            crate::serve::build::check_writable(&config).map_err(|error| error.to_string())?;
            format!("{}: good, {} gate(s)\n", file.display(), parts.gates.len())
        }
        ConfigCommand::Show { file } => Config::load(file).map_err(|error| error.to_string())?.to_toml_masked(),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("cannot write: {error}"))?;
    Ok(Exit::Ok)
}
