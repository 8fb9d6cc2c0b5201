//! `rolegate audit export`.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::audit::files::each_line;
use crate::cli::exit::Exit;
use crate::observe::audit::ocsf;

/// A form that others read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ExportForm {
    /// Events of the Open Cybersecurity Schema Framework
    Ocsf,
}

/// Arguments of `rolegate audit export`.
#[derive(Args, Debug)]
pub struct ExportArguments {
    /// The form
    #[arg(long, value_enum)]
    format: ExportForm,
    /// The audit's files, compressed or not; /dev/stdin for what comes from a pipe
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Prints an event a line.
pub(super) fn run(arguments: &ExportArguments) -> Result<Exit, String> {
    let ExportForm::Ocsf = arguments.format;
    let failed = |error: io::Error| format!("cannot write: {error}");
    let mut out = BufWriter::new(io::stdout().lock());
    each_line(&arguments.files, |_, line, _| {
        if let Some(event) = ocsf::event(line) {
            writeln!(out, "{event}").map_err(failed)?;
        }
        Ok(true)
    })?;
    out.flush().map_err(failed)?;
    Ok(Exit::Ok)
}
