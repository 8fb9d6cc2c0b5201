//! What AWS says, written as the snapshot files that `facts.iam` and `facts.clusters` read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::config::Config;
use crate::serve::error::BuildError;
use crate::serve::live;

/// Why a snapshot cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// What the configuration names, or AWS.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// No account is named.
    #[error("{}: names no account to read; add a [[facts.aws.account]] section with id and regions", path.display())]
    NoAccount {
        /// The configuration.
        path: PathBuf,
    },
    /// A file.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Reads every account of `[facts.aws]` and writes `<account>.json` and `clusters-<account>.json` into `folder`. A file is replaced as a
/// whole, once everything has been read.
///
/// # Errors
/// [`PullError`]; then no file of this pull is half written.
pub fn to_files(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, PullError> {
    if config.facts.aws.is_none() {
        return Err(PullError::NoAccount { path: config.source().to_owned() });
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PullError::Write { path, source }
    };
    let mut written = Vec::new();
    let pages = live::pages(config)?;
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (account, roles, clusters) in pages {
        for (name, pages) in [(format!("{account}.json"), roles), (format!("clusters-{account}.json"), clusters)] {
            // An account without regions has no clusters to tell of.
            if pages.is_empty() {
                continue;
            }
            let (path, fresh) = (folder.join(&name), folder.join(format!(".{name}.new")));
            fs::write(&fresh, text(&pages)).map_err(failed(&fresh))?;
            fs::rename(&fresh, &path).map_err(failed(&path))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// Pages one after the other, as the command line writes several calls into one file.
fn text(pages: &[Json]) -> String {
    pages.iter().fold(String::new(), |text, page| text + &format!("{page:#}\n"))
}
