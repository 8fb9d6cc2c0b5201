//! `rolegate audit keygen`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::Exit;
use crate::observe::audit::checkpoint::new_keys;

/// Arguments of `rolegate audit keygen`.
#[derive(Args, Debug)]
pub struct KeygenArguments {
    /// What the key is called in checkpoints: a name of your own, without spaces, such as gate.example.org/audit
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The file of the private key; the public one has .pub after its name
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes two new keys, and no file that is there.
pub(super) fn run(arguments: &KeygenArguments) -> Result<Exit, String> {
    let (private, public) = new_keys(&arguments.name).map_err(|error| error.to_string())?;
    let mut public_path = arguments.file.clone().into_os_string();
    public_path.push(".pub");
    write_new(&arguments.file, 0o600, &private)?;
    write_new(Path::new(&public_path), 0o644, &public)?;
    writeln!(io::stdout(), "{public}").map_err(|error| format!("cannot write: {error}"))?;
    Ok(Exit::Ok)
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(format!("{text}\n").as_bytes()).map_err(failed)
}
