//! `rolegate audit prove`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::audit::files::{each_line, in_order};
use crate::cli::exit::Exit;
use crate::observe::audit::prove::Prover;
use crate::observe::audit::verify::record_number;

/// Arguments of `rolegate audit prove`.
#[derive(Args, Debug)]
pub struct AuditProveArguments {
    /// The record's `seq` or `id`
    #[arg(long, value_name = "SEQ|ID")]
    record: String,
    /// The log, where the files hold more than one
    #[arg(long, value_name = "ID")]
    log: Option<String>,
    /// What the two files are called: PREFIX.json and PREFIX.tlog-proof
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
    /// The audit's files, compressed or not, in any order, from a file's first record on
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Writes a record and its proof.
pub(super) fn run(arguments: &AuditProveArguments) -> Result<Exit, String> {
    let files = in_order(&arguments.files)?;
    let (log, number) = find(arguments, &files)?;
    let mut prover = Prover::new(log, number);
    let mut proof = None;
    each_line(&files, |_, line, _| {
        proof = prover.line(line).map_err(|error| error.to_string())?;
        Ok(proof.is_none())
    })?;
    let found = proof.ok_or_else(|| prover.failure().to_string())?;
    write(&arguments.out, "json", &[found.line, b"\n".to_vec()].concat())?;
    write(&arguments.out, "tlog-proof", found.proof.as_bytes())?;
    Ok(Exit::Ok)
}

/// The log and the number of the record that was asked for.
fn find(arguments: &AuditProveArguments, files: &[PathBuf]) -> Result<(String, u64), String> {
    let mut found: Vec<(String, u64)> = Vec::new();
    each_line(files, |_, line, _| {
        let is_log = |log: &str| arguments.log.as_deref().is_none_or(|wanted| wanted == log);
        found.extend(record_number(line, &arguments.record).filter(|(log, _)| is_log(log)));
        Ok(true)
    })?;
    let logs: Vec<&str> = found.iter().map(|(log, _)| log.as_str()).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!("no file that was named holds record {}", arguments.record)),
        _ => Err(format!(
            "record {} is in more than one place, of log {}; choose one by --log",
            arguments.record,
            logs.join(" and ")
        )),
    }
}

fn write(prefix: &Path, suffix: &str, bytes: &[u8]) -> Result<(), String> {
    let mut path = prefix.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    fs::write(&path, bytes).map_err(|error| format!("{}: {error}", Path::new(&path).display()))
}
