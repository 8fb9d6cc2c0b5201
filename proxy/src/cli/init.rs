//! `rolegate init`: a first configuration for a cluster, in shadow mode, with what the platform needs to run it.

mod endpoint;
mod files;
mod platform;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::chain::AccountId;
use crate::cli::exit::Exit;
use crate::cli::init::endpoint::Endpoint;
use crate::cli::init::files::{NewFile, Start};
use crate::cli::init::platform::Platform;
use crate::cli::output;

/// Arguments of `rolegate init`.
#[derive(Args, Debug)]
pub struct InitArguments {
    /// The folder that the files are written to; it is made when it is not there
    folder: PathBuf,
    /// The cluster's or workgroup's endpoint, as the console and `describe-clusters` show it
    #[arg(long, value_name = "HOST[:PORT]")]
    cluster_endpoint: String,
    /// The cluster's identifier, or the workgroup's name; taken from the endpoint when not given
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The AWS account whose roles are read from AWS itself; without it only what needs no facts is judged
    #[arg(long, value_name = "DIGITS")]
    account: Option<String>,
    /// The profile of the AWS configuration files to read the account with; the default credentials when not given
    #[arg(long, requires = "account")]
    profile: Option<String>,
    /// The region of the cluster; taken from the endpoint when not given
    #[arg(long)]
    region: Option<String>,
    /// What runs the gate
    #[arg(long, value_enum, default_value_t = Platform::None)]
    platform: Platform,
    /// TLS towards the cluster: disable, require, verify-ca or verify-full
    #[arg(long, value_name = "MODE", default_value = "verify-full", value_parser = ["disable", "require", "verify-ca", "verify-full"])]
    tls: String,
}

/// Writes the files, and says what to do next.
///
/// # Errors
/// What is wrong with the arguments, a file that is there already, or one that cannot be written. Then nothing is left behind.
pub fn run(arguments: &InitArguments) -> Result<Exit, String> {
    let told = write(arguments)?;
    output::print(&told)?;
    Ok(Exit::Ok)
}

fn write(arguments: &InitArguments) -> Result<String, String> {
    let start = start(arguments)?;
    let files = files::all(&start);
    write_new(&start.folder, &files)?;
    Ok(told(&start, &files))
}

fn start(arguments: &InitArguments) -> Result<Start, String> {
    let endpoint = Endpoint::parse(&arguments.cluster_endpoint)?;
    let cluster = arguments.cluster.clone().or_else(|| endpoint.cluster.clone());
    let account = arguments.account.as_deref().map(checked_account).transpose()?;
    if account.is_some() && !cfg!(feature = "aws") && !arguments.platform.is_image() {
        let what = "this build has no AWS source (--features aws); use a release build, or leave --account out";
        return Err(what.to_owned());
    }
    if arguments.profile.is_some() && arguments.platform.is_image() {
        let what = "--profile names a file of this machine, which a container does not have; leave it out and give the role to the \
                    service account or the task";
        return Err(what.to_owned());
    }
    let folder =
        std::path::absolute(&arguments.folder).map_err(|error| format!("{}: {error}", arguments.folder.display()))?;
    let has_snapshots = account.is_none() && arguments.platform.sees_folder() && Start::snapshots_in(&folder);
    if (has_snapshots || account.is_some()) && cluster.is_none() {
        return Err(format!("{}: the endpoint does not name a cluster; give --cluster", endpoint.address));
    }
    Ok(Start {
        region: arguments.region.clone().or_else(|| endpoint.region.clone()),
        folder,
        endpoint,
        cluster,
        account,
        profile: arguments.profile.clone(),
        platform: arguments.platform,
        tls: arguments.tls.clone(),
        has_snapshots,
    })
}

fn checked_account(digits: &str) -> Result<String, String> {
    let wrong = || format!("\"{digits}\" is not an account id; write its twelve digits");
    AccountId::parse(digits).map(|_id| digits.to_owned()).ok_or_else(wrong)
}

/// Writes all of the files, or none: one that is there already is never touched.
fn write_new(folder: &Path, files: &[NewFile]) -> Result<(), String> {
    let taken: Vec<String> = files
        .iter()
        .map(|file| folder.join(file.name))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !taken.is_empty() {
        return Err(format!("{}: already there; nothing was written. Give another folder", taken.join(", ")));
    }
    let mut written = Vec::new();
    let outcome = files.iter().try_for_each(|file| {
        let path = folder.join(file.name);
        create(&path, &file.text).map_err(|error| format!("{}: cannot be written: {error}", path.display()))?;
        written.push(path);
        Ok(())
    });
    if outcome.is_err() {
        // What cannot be removed either is named by the error that is told.
        let _left: Vec<_> = written.iter().map(fs::remove_file).filter_map(Result::err).collect();
    }
    outcome
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

fn told(start: &Start, files: &[NewFile]) -> String {
    let written = files.iter().map(|file| format!("  {}\n", start.folder.join(file.name).display()));
    let next = start.platform.next(&start.folder).map(|command| format!("  {command}\n"));
    format!(
        "Written:\n{}\n{}Nothing is refused yet: the gate starts in shadow mode. Next:\n\n{}",
        written.collect::<String>(),
        no_facts(start),
        next.concat()
    )
}

/// What is said where the configuration names no facts: it will not look for those that come later.
fn no_facts(start: &Start) -> String {
    if start.has_snapshots || start.account.is_some() {
        return String::new();
    }
    let sought = if start.platform.sees_folder() {
        format!("No IAM facts lie in {}: ", start.folder.join("facts").display())
    } else {
        String::new()
    };
    format!(
        "{sought}chains will be judged by their syntax and your rules alone. Once you have facts (docs/facts.md), name them in [facts] of \
         rolegate.toml.\n\n"
    )
}

#[cfg(test)]
mod tests;
