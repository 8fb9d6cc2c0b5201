//! What can be wrong with rules.

use std::io;
use std::path::PathBuf;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file cannot be read.
    #[error("{}: the rules cannot be read: {source}; check rules in [policy]", path.display())]
    Read {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not Cedar, or a rule does not fit the schema or our conventions.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Rule {
        /// The file that is at fault.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// Cedar does not accept the built-in schema: a defect of this program.
    #[error("the built-in schema of the rules: {0}")]
    Schema(String),
    /// A request does not fit the schema: a defect of this program.
    #[error("the request does not fit the schema of the rules: {0}")]
    Request(String),
}
