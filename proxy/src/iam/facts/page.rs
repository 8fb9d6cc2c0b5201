//! Files of facts and their pages: what is JSON, where in it something stands, and what can be wrong.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Deserializer, Value as Json};
use sha2::{Digest, Sha256};

/// Why facts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; check the path in the [facts] section", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not JSON.
    #[error("{}:{line}:{column}: not JSON: {source}; expected the output of {command}, saved with --output json", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the file should hold.
        command: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The file is JSON of another shape.
    #[error("{}: {place}: expected {expected}; {advice}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// Where in the file, as `page 1, RoleDetailList[3]`.
        place: String,
        /// What should stand there.
        expected: String,
        /// What to do.
        advice: String,
    },
}

/// A file that was read.
pub(super) struct File {
    path: Arc<Path>,
    text: String,
    command: &'static str,
}

/// One JSON object of a file: a page of a listing, or the whole.
pub(crate) struct Page {
    pub(crate) value: Json,
    /// Whether this is the file's last page.
    pub(crate) is_last: bool,
    file: Arc<Path>,
    number: usize,
}

impl File {
    /// Reads a file that should hold the output of `command`, and adds it to the hash.
    pub(super) fn read(path: &Path, command: &'static str, hash: &mut Sha256) -> Result<Self, FactsError> {
        let text = fs::read_to_string(path).map_err(|source| FactsError::Read { file: path.to_owned(), source })?;
        // The length keeps the borders between files in the hash.
        hash.update(text.len().to_be_bytes());
        hash.update(&text);
        Ok(Self { path: path.into(), text, command })
    }

    /// The objects of a file: one, several one after the other, or in an array.
    pub(super) fn into_pages(self) -> Result<Vec<Page>, FactsError> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let mut values = Vec::new();
        for value in Deserializer::from_str(text).into_iter::<Json>() {
            match value {
                Ok(Json::Array(list)) => values.extend(list),
                Ok(one) => values.push(one),
                Err(source) => {
                    let (file, command) = (self.path.to_path_buf(), self.command);
                    return Err(FactsError::Json {
                        file,
                        line: source.line(),
                        column: source.column(),
                        command,
                        source,
                    });
                }
            }
        }
        if values.is_empty() {
            return Err(FactsError::Shape {
                file: self.path.to_path_buf(),
                place: "line 1".to_owned(),
                expected: format!("the output of {}", self.command),
                advice: "the file is empty: write it again".to_owned(),
            });
        }
        let count = values.len();
        let page = |(number, value)| Page { value, is_last: number == count, file: Arc::clone(&self.path), number };
        Ok((1..).zip(values).map(page).collect())
    }
}

impl Page {
    /// The only page of something fetched; `name` is what errors call it.
    pub(crate) fn fetched(value: Json, name: &str) -> Self {
        Self { value, is_last: true, file: Path::new(name).into(), number: 1 }
    }

    /// An error at a place of this page.
    pub(crate) fn error(&self, place: &str, expected: impl Into<String>, advice: impl Into<String>) -> FactsError {
        FactsError::Shape {
            file: self.file.to_path_buf(),
            place: format!("page {}, {place}", self.number),
            expected: expected.into(),
            advice: advice.into(),
        }
    }

    /// The list under a key, empty when it is absent.
    pub(crate) fn list<'p>(&self, parent: &'p Json, key: &str, place: &str) -> Result<&'p [Json], FactsError> {
        match parent.get(key) {
            None | Some(Json::Null) => Ok(&[]),
            Some(Json::Array(list)) => Ok(list),
            Some(_) => Err(self.error(&join(place, key), "a list", "write the file again with the command")),
        }
    }

    /// The text under a key, which must be there.
    pub(crate) fn text<'p>(&self, parent: &'p Json, key: &str, place: &str) -> Result<&'p str, FactsError> {
        let found = parent.get(key).and_then(Json::as_str);
        found.ok_or_else(|| self.error(&join(place, key), "a text", "write the file again with the command"))
    }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}
