//! Snapshot files of a large organisation: `make scale` measures what they weigh.

use std::path::PathBuf;

use clap::Parser;
use rolegate_loadtest::accounts::{self, Size};

/// Write snapshot files of many accounts with many roles, and a configuration that names them
#[derive(Debug, Parser)]
#[command(after_help = "Example: accounts --accounts 200 --roles 1000 --out target/scale")]
struct Arguments {
    #[command(flatten)]
    size: Size,
    /// The folder for the files
    #[arg(long, default_value = "target/scale")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { size, out } = Arguments::parse();
    accounts::write(&out, size)?;
    Ok(())
}
