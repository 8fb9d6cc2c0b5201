//! From a configuration to how the audit is kept, and whether it could be.

use std::path::{Path, PathBuf};

use crate::config::{Config, Period};
use crate::observe::audit::checkpoint::SigningKey;
use crate::observe::audit::{AuditSettings, Destination, Retention, file};
use crate::serve::error::BuildError;

/// The settings of the audit; its key is read.
pub(super) fn settings(config: &Config) -> Result<AuditSettings, BuildError> {
    let audit = &config.audit;
    Ok(AuditSettings {
        destination: Destination::of(&audit.path),
        on_failure: audit.on_failure,
        sync: audit.sync,
        sessions: audit.sessions,
        stored_uses: audit.stored_uses,
        signing_key: audit.signing_key.as_deref().map(SigningKey::read).transpose()?,
        checkpoint_file: audit.checkpoint_file.clone(),
        checkpoint_records: audit.checkpoint_records,
        checkpoint_every: audit.checkpoint_every.get(),
        rotate_bytes: Some(audit.rotate_bytes).filter(|bytes| *bytes > 0),
        rotate_every: audit.rotate_every.map(Period::get),
        compress: audit.compress,
        retention: Retention { files: audit.keep_files, age: audit.keep_for.map(Period::get) },
        fold_after: audit.fold_after,
        fold_every: audit.fold_every.get(),
        gates: config.gate.iter().map(|gate| gate.name.clone()).collect(),
    })
}

/// Whether the audit could be written as the configuration says. Nothing is written or left behind.
///
/// # Errors
/// [`BuildError`].
pub(super) fn check(config: &Config) -> Result<(), BuildError> {
    let settings = settings(config)?;
    if let Destination::File(path) = &settings.destination {
        writable(path)?;
    }
    settings.checkpoint_file.as_deref().map_or(Ok(()), writable)
}

/// Why the audit cannot be kept in a file.
pub(super) fn unwritable(path: &str) -> impl Fn(std::io::Error) -> BuildError {
    move |source| BuildError::Audit { path: PathBuf::from(path), source }
}

fn writable(path: &Path) -> Result<(), BuildError> {
    file::check(path).map_err(unwritable(&path.to_string_lossy()))
}
