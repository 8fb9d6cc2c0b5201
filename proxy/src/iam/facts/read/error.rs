//! What can be wrong with files of facts.

use std::{io, path::PathBuf};

/// Why facts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; check the path in the [facts] section", file.display())]
    Read {
        /// The file that is at fault.
        file: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not text in a known encoding.
    #[error("{}: {message}; write the file again with {command}, saved with --output json", file.display())]
    Encoding {
        /// The file that is at fault.
        file: PathBuf,
        /// What is wrong with its bytes.
        message: String,
        /// What the file should hold.
        command: &'static str,
    },
    /// The file is not JSON, or has JSON of the wrong type.
    #[error("{}:{line}:{column}: not JSON: {source}; expected the output of {command}, saved with --output json", file.display())]
    Json {
        /// The file that is at fault.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the file should hold.
        command: &'static str,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// The file is JSON of the wrong shape.
    #[error("{}: {place}: expected {expected}; {advice}", file.display())]
    Shape {
        /// The file that is at fault.
        file: PathBuf,
        /// Where in the file, as `page 1, RoleDetailList[3]`.
        place: String,
        /// What was expected there.
        expected: String,
        /// What to do.
        advice: String,
    },
}
