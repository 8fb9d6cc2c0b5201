//! `rolegate iam pull`: what AWS says, as snapshot files.

use std::path::PathBuf;

use clap::Args;

use crate::config::Config;
use crate::serve::pull;

/// Arguments of `rolegate iam pull`.
#[derive(Args, Debug)]
pub struct PullArguments {
    /// The configuration file, whose [[facts.aws.account]] sections are read
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder for the files: ACCOUNT.json with roles, clusters-ACCOUNT.json with clusters
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(super) fn run(arguments: &PullArguments) -> Result<(), String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let written = pull::to_files(&config, &arguments.out).map_err(|error| error.to_string())?;
    for file in written {
        super::scope::say(&format!("{}\n", file.display()))?;
    }
    Ok(())
}
