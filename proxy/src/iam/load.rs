//! Reads facts from files: which files there are, their JSON, and what can be wrong with them.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Deserializer, Value as Json};
use sha2::{Digest, Sha256};

use super::{
    clusters,
    facts::{Facts, Membership, Origin},
    organisation,
    snapshot::Snapshot,
};

/// The files that facts are read from, patterns already expanded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Output of `aws iam get-account-authorization-details`, one file for each account.
    pub iam: Vec<PathBuf>,
    /// Output of `aws redshift describe-clusters`.
    pub clusters: Vec<PathBuf>,
    /// Policies of organisations; may be empty, and then none are taken into account.
    pub service_control: Vec<PathBuf>,
}

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

impl Facts {
    /// Reads all files.
    ///
    /// # Errors
    /// [`FactsError`] for the first file that cannot be used; it names the file, the place, and what to do.
    pub fn load(sources: &Sources) -> Result<Self, FactsError> {
        let mut hash = Sha256::new();
        let mut snapshot = Snapshot::default();
        for file in &sources.iam {
            for page in File::read(file, SNAPSHOT_COMMAND, &mut hash)?.into_pages()? {
                snapshot.add(&page)?;
            }
        }
        let mut found = HashMap::new();
        for file in &sources.clusters {
            for page in File::read(file, clusters::COMMAND, &mut hash)?.into_pages()? {
                clusters::add(&mut found, &page)?;
            }
        }
        let mut accounts = HashMap::new();
        for file in &sources.service_control {
            for page in File::read(file, organisation::SOURCE, &mut hash)?.into_pages()? {
                organisation::add(&mut accounts, &page)?;
            }
        }
        let organisation: Option<HashMap<_, Membership>> =
            Some(accounts).filter(|_| !sources.service_control.is_empty());
        let accounts = snapshot.finish(Origin::Snapshot).into_iter().map(|(id, account)| (id, Arc::new(account)));
        Ok(Self {
            accounts: accounts.collect(),
            clusters: found,
            organisation: organisation.map(Arc::new),
            version: short(&hash.finalize()),
            loaded_at: Timestamp::now(),
        })
    }
}

const SNAPSHOT_COMMAND: &str = "aws iam get-account-authorization-details";

/// The first twelve hexadecimal digits of a hash.
pub(crate) fn short(digest: &[u8]) -> String {
    digest.iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

struct File {
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
    fn read(path: &Path, command: &'static str, hash: &mut Sha256) -> Result<Self, FactsError> {
        let text = fs::read_to_string(path).map_err(|source| FactsError::Read { file: path.to_owned(), source })?;
        // The length keeps the borders between files in the hash.
        hash.update(text.len().to_be_bytes());
        hash.update(&text);
        Ok(Self { path: path.into(), text, command })
    }

    /// The objects of a file: one, several one after the other, or in an array.
    fn into_pages(self) -> Result<Vec<Page>, FactsError> {
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
