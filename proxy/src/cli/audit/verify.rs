//! `rolegate audit verify`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::audit::files::{each_line, in_order};
use crate::cli::exit::Exit;
use crate::observe::audit::checkpoint::{self, PublicKey, SignedHead};
use crate::observe::audit::prove;
use crate::observe::audit::verify::{Defect, Expectations, LinePlace, LogReader, Verification};
use crate::observe::escape;
use crate::observe::words::counted;

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ReportForm {
    /// One JSON object
    Json,
    /// A few lines
    Human,
}

/// Arguments of `rolegate audit verify`.
#[derive(Args, Debug)]
pub struct VerifyArguments {
    /// The public key that signs the checkpoints; without it, signatures are not checked
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
    /// A file of checkpoints that were kept apart: shows what was cut off at the end
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The files are a part of a log: what was before them is somewhere else
    #[arg(long)]
    part: bool,
    /// Check the proof of the one record that FILE holds
    #[arg(long, value_name = "PROOF", conflicts_with_all = ["checkpoint", "part"])]
    proof: Option<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = ReportForm::Json)]
    format: ReportForm,
    /// The audit's files, compressed or not, in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Verifies, and says so in the exit status.
pub(super) fn run(arguments: &VerifyArguments) -> Result<Exit, String> {
    let key = arguments.key.as_deref().map(PublicKey::read).transpose().map_err(|error| error.to_string())?;
    let found = match &arguments.proof {
        Some(proof) => of_proof(proof, &arguments.files, key.as_ref())?,
        None => of_files(arguments, key)?,
    };
    let text = match arguments.format {
        ReportForm::Json => serde_json::to_string(&found).map_err(|error| error.to_string())? + "\n",
        ReportForm::Human => escape::lines(&human(&found)),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("cannot write the report: {error}"))?;
    Ok(if found.problems.is_empty() { Exit::Ok } else { Exit::Refused })
}

fn of_files(arguments: &VerifyArguments, key: Option<PublicKey>) -> Result<Verification, String> {
    let mut checkpoints = Vec::new();
    let mut bad = Vec::new();
    for path in &arguments.checkpoint {
        for checkpoint in kept_apart(path, key.as_ref())? {
            match checkpoint {
                Ok(good) => checkpoints.push(good),
                Err(defect) => bad.push(defect),
            }
        }
    }
    let mut reader = LogReader::new(Expectations { key, checkpoints, is_part: arguments.part });
    each_line(&in_order(&arguments.files)?, |place, line, is_ended| {
        reader.line(place, line, is_ended);
        Ok(true)
    })?;
    let mut found = reader.finish();
    found.problems.extend(bad);
    Ok(found)
}

/// The checkpoints of a file, and what is wrong with those that are none.
fn kept_apart(path: &Path, key: Option<&PublicKey>) -> Result<Vec<Result<(LinePlace, SignedHead), Defect>>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let read = |(line, note): (usize, String)| {
        let place = LinePlace { file: path.display().to_string(), line: u64::try_from(line).unwrap_or(u64::MAX) };
        match checkpoint::parse(&note, key) {
            Ok(head) => Ok((place, head)),
            Err(error) => Err(Defect { place, problem: format!("the checkpoint does not hold: {error}") }),
        }
    };
    Ok(checkpoint::notes(&text).map(read).collect())
}

/// The outcome for one record and its proof.
fn of_proof(proof: &Path, files: &[PathBuf], key: Option<&PublicKey>) -> Result<Verification, String> {
    let [file] = files else { return Err("name the one file that holds the record".to_owned()) };
    let text = fs::read_to_string(proof).map_err(|error| format!("{}: {error}", proof.display()))?;
    let line = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let mut reader = LogReader::new(Expectations { is_part: true, ..Expectations::default() });
    let place = LinePlace { file: file.display().to_string(), line: 1 };
    reader.line(&place, line, true);
    let mut found = reader.finish();
    if let Err(error) = prove::check(&text, line, key) {
        found.problems.push(Defect { place, problem: error.to_string() });
    }
    Ok(found)
}

fn human(found: &Verification) -> String {
    let mut text = String::new();
    for Defect { place, problem } in &found.problems {
        let _infallible = writeln!(text, "{}:{}: {problem}", place.file, place.line);
    }
    for gap in &found.gaps {
        let lost = counted(gap.lost, "record");
        let _infallible = writeln!(text, "{}:{}: the gate could not write {lost}", gap.place.file, gap.place.line);
    }
    for log in &found.logs {
        let signed = match log.signed {
            None => "signatures not checked".to_owned(),
            Some(signed) => format!("the first {signed} vouched for by the key"),
        };
        let _infallible = writeln!(text, "log {}: records {} to {}, {signed}", log.log, log.first, log.last);
    }
    let verdict = if found.problems.is_empty() { "whole" } else { "BROKEN" };
    let (records, problems) = (counted(found.records, "record"), counted(found.problems.len(), "problem"));
    let _infallible = writeln!(text, "{records}, {problems}: {verdict}");
    text
}
