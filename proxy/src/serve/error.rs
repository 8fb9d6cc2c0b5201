//! What can be wrong with the things that a configuration names.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::iam::{ClusterError, FactsError};
use crate::net::tls::TlsError;
use crate::observe::audit::checkpoint::CheckpointError;
use crate::observe::logging::LoggingError;
use crate::rules::RulesError;

/// Why something that a configuration names cannot be used. Every variant names the file or the key.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A rule.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A snapshot.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The level of the log.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The backend's name.
    #[error("[[gate]] {gate}: \"{name}\" cannot be the name in a certificate; set server_name in [gate.upstream]")]
    ServerName {
        /// The gate.
        gate: String,
        /// The name.
        name: String,
    },
    /// The cluster is not in the facts.
    #[error("{}: [[gate]] {gate}: cluster \"{cluster}\" {source}", path.display())]
    Cluster {
        /// The configuration.
        path: PathBuf,
        /// The gate.
        gate: String,
        /// The cluster's name.
        cluster: String,
        /// What is wrong with it.
        source: ClusterError,
    },
    /// A condition key that must not be stated.
    #[error("{}: [[gate]] {gate}: context: {what}", path.display())]
    Context {
        /// The configuration.
        path: PathBuf,
        /// The gate.
        gate: String,
        /// Which key, and why.
        what: String,
    },
    /// AWS is named as a source, and this build cannot ask it.
    #[error("{}: [facts.aws]: this build has no AWS source; use a release image, or build with --features aws", path.display())]
    NoAws {
        /// The configuration.
        path: PathBuf,
    },
    /// AWS cannot be asked.
    #[error("{}: [facts.aws]: {message}", path.display())]
    Aws {
        /// The configuration.
        path: PathBuf,
        /// What was asked, and what was answered.
        message: String,
    },
    /// The key that signs the audit's checkpoints.
    #[error("[audit] signing_key: {0}")]
    AuditKey(#[from] CheckpointError),
    /// The tokens of the admin address.
    #[error("{}: cannot be used as [admin] token_file: {source}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The operating system's reason, or what is wrong with a line.
        source: io::Error,
    },
    /// The audit file.
    #[error("{}: the audit cannot be written: {source}; check [audit] path", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}
