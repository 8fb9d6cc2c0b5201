//! `rolegate iam pull`: what AWS says, as snapshot files.

use std::path::PathBuf;

use clap::Args;

use crate::chain::AccountId;
use crate::config::Config;
use crate::serve::pull::{self, OrganisationPull};

/// Stands for the first account of the configuration.
const FIRST: &str = "first";

/// Arguments of `rolegate iam pull`.
#[derive(Args, Debug)]
pub struct PullArguments {
    /// The configuration file, whose [[facts.aws.account]] sections are read
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder for the files: ACCOUNT.json with roles, clusters-ACCOUNT.json with clusters, organisation.json
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Write the organisation file too, as this account sees it, or the first of the configuration: the management account of the
    /// organisation, or a delegated administrator
    #[arg(long, value_name = "ACCOUNT", num_args = 0..=1, require_equals = true, default_missing_value = FIRST)]
    organization: Option<String>,
}

pub(super) fn run(arguments: &PullArguments) -> Result<(), String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let organisation = match arguments.organization.as_deref() {
        None => OrganisationPull::Nothing,
        Some(FIRST) => OrganisationPull::AsFirst,
        Some(account) => OrganisationPull::As(account_id(account)?),
    };
    let written = pull::to_files(&config, &arguments.out, organisation).map_err(|error| error.to_string())?;
    for file in written {
        super::scope::say(&format!("{}\n", file.display()))?;
    }
    Ok(())
}

fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| format!("--organization {text}: an account has twelve digits"))
}
