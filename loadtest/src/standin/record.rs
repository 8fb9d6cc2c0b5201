//! The statements that arrived, so that a test can prove which did not.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;

/// Where statements are written.
#[derive(Debug)]
pub struct Record(Option<File>);

impl Record {
    /// Opens a file for appending; `None` records nothing.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            OpenOptions::new().append(true).create(true).open(path).with_context(|| path.display().to_string())
        };
        path.map(open).transpose().map(Self)
    }

    /// Writes one statement.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, user: &str, sql: &str) -> io::Result<()> {
        let Some(mut file) = self.0.as_ref() else { return Ok(()) };
        let line = serde_json::json!({ "user": user, "sql": sql }).to_string() + "\n";
        file.write_all(line.as_bytes())
    }
}
