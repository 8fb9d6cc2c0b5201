//! Why gates cannot be built or run.

use std::io;
use std::net::SocketAddr;
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
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The facts cannot be used.
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
        /// What was to be the name.
        name: String,
    },
    /// The cluster is not in the facts.
    #[error("{}: [[gate]] {gate}: cluster \"{cluster}\" {source}", path.display())]
    Cluster {
        /// The file that is at fault.
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
        /// The file that is at fault.
        path: PathBuf,
        /// The gate.
        gate: String,
        /// Which key, and why.
        what: String,
    },
    /// AWS is named as a source, and this build cannot ask it.
    #[error("{}: [facts.aws]: this build has no AWS source; use a release image, or build with --features aws", path.display())]
    NoAws {
        /// The file that is at fault.
        path: PathBuf,
    },
    /// AWS cannot be asked.
    #[error("{}: [facts.aws]: {message}", path.display())]
    Aws {
        /// The file that is at fault.
        path: PathBuf,
        /// What was asked, and what was answered.
        message: String,
    },
    /// The key that signs the audit's checkpoints.
    #[error("[audit] signing_key: {0}")]
    AuditKey(#[from] CheckpointError),
    /// A private key, password or token that is not there.
    #[error("{}: cannot be read: {source}", path.display())]
    Secret {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A private key, password or token that is none.
    #[error("{}: everybody on this machine may read this secret; chmod o-r", path.display())]
    Exposed {
        /// The file that is at fault.
        path: PathBuf,
    },
    /// A certificate whose time is over.
    #[error("{what}, and that was in the past")]
    Expired {
        /// What it is that cannot be used.
        what: String,
    },
    /// The tokens of the admin address.
    #[error("{}: cannot be used as [admin] token_file: {source}", path.display())]
    TokenFile {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason, or what is wrong with a line.
        source: io::Error,
    },
    /// The audit file.
    #[error("{}: the audit cannot be written: {source}; check [audit] path", path.display())]
    Audit {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Why the gates cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something that the configuration names.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An address cannot be listened at.
    #[error("{section}: cannot listen on {address}: {source}; is another program, or another rolegate, using it?")]
    Listen {
        /// The section of the configuration.
        section: String,
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A Unix socket.
    #[error("[[gate]] {gate}: cannot listen on {}: {source}; is another rolegate using it, and may this one write there?", path.display())]
    Unix {
        /// The gate.
        gate: String,
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A socket that systemd hands over.
    #[error(
        "systemd hands over a socket on {address}, on which no [[gate]] listens; make its ListenStream the gate's listen"
    )]
    Inherited {
        /// Its address.
        address: SocketAddr,
    },
    /// The operating system refuses a thread, a runtime or a signal handler.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// The log cannot be set up.
    #[error("cannot start logging: {0}")]
    Logging(String),
}
