//! What can be wrong with a configuration, told so that the reader can fix it: file, line, key, what is wrong, what to
//! do.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use figment::error::{Actual, Kind};

use crate::sql::position::{Position, Positions};

/// Why a configuration cannot be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; give the path of a readable configuration file", path.display())]
    Read {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The text is not TOML.
    #[error("{}: line {line}, column {column}: not valid TOML: {message}", path.display())]
    Syntax {
        /// The file that is at fault.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// An entry of a file of exceptions or guards is not allowed, or a file of guards or cases has none.
    #[error("{}: line {line}: {what}", path.display())]
    Entry {
        /// The file that is at fault.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and what to do.
        what: String,
    },
    /// A key is missing or unknown, or its value is not allowed.
    #[error("{}{place}: {what}", path.display())]
    Key {
        /// The file that is at fault.
        path: PathBuf,
        /// The line, the key's path, and the variable that set it.
        place: KeyPlace,
        /// What is wrong and what to do.
        what: String,
    },
}

/// Where a wrong key is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyPlace {
    /// The key's path, such as `gate[0].upstream.tls`.
    pub key: String,
    /// The key's line in the file, or that of the table which should hold it; counted from 1.
    pub line: Option<usize>,
    /// The variable of the environment that set the key.
    pub variable: Option<String>,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.variable, self.line) {
            (Some(variable), _) => write!(formatter, ": {}, set by the environment variable {variable}", self.key),
            (None, Some(line)) => write!(formatter, ": line {line}: {}", self.key),
            (None, None) => write!(formatter, ": {}", self.key),
        }
    }
}

/// A mistake in an entry of a list that starts at this byte of the text.
pub(super) fn entry(path: &Path, text: &str, at: usize, what: String) -> ConfigError {
    let Position { line, .. } = Positions::of(text.as_bytes()).at(at);
    ConfigError::Entry { path: path.to_owned(), line, what }
}

/// A syntax error at a span of the text.
pub(super) fn syntax(path: &Path, text: &str, span: Option<Range<usize>>, message: &str) -> ConfigError {
    let Position { line, column } = Positions::of(text.as_bytes()).at(span.map_or(0, |span| span.start));
    let message = message.trim().replace('\n', ", ");
    ConfigError::Syntax { path: path.to_owned(), line, column, message }
}

/// Something wrong with a key, before its place in the file is looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) path: Vec<String>,
    pub(super) what: String,
}

impl Problem {
    pub(super) fn new(path: Vec<String>, what: impl Into<String>) -> Self {
        Self { path, what: what.into() }
    }

    pub(super) fn at(path: &[&str], what: impl Into<String>) -> Self {
        Self::new(path.iter().map(ToString::to_string).collect(), what)
    }

    /// Of a key of the gate with this number.
    pub(super) fn in_gate(number: usize, key: &[&str], what: impl Into<String>) -> Self {
        let number = number.to_string();
        Self::at(&[&["gate", number.as_str()], key].concat(), what)
    }
}

impl From<figment::Error> for Problem {
    fn from(error: figment::Error) -> Self {
        let mut path = error.path.clone();
        let mut name_last = |name: &str| {
            if path.last().is_none_or(|last| last != name) {
                path.push(name.to_owned());
            }
        };
        let what = match &error.kind {
            Kind::UnknownField(name, known) => {
                name_last(name);
                format!("unknown key; remove it or use one of {}", known.join(", "))
            }
            Kind::MissingField(name) => {
                name_last(name);
                "missing; add it".to_owned()
            }
            Kind::UnknownVariant(word, known) => {
                let known: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
                format!("unknown value \"{word}\"; use one of {}", known.join(", "))
            }
            Kind::InvalidType(found, _) if path == ["gate"] => {
                format!(
                    "found {}, expected a list; write each gate as a section [[gate]], in two brackets",
                    shown(found)
                )
            }
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                format!("found {}; write {}", shown(found), plain(expected))
            }
            kind => format!("{kind}; correct it"),
        };
        Self { path, what }
    }
}

/// A value as it was written.
fn shown(found: &Actual) -> String {
    match found {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(value) => format!("\"{value}\""),
        Actual::Str(value) => format!("\"{value}\""),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// What serde expected, in the words of somebody who writes TOML.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" | "path string" => "a string in quotes",
        "a boolean" => "true or false, without quotes",
        "a sequence" => "a list in square brackets",
        "a map" => "a table",
        "u64" | "usize" | "u16" | "u32" => "a whole number, 0 or more",
        word if word.starts_with("struct ") => "a table",
        word if word.starts_with("enum ") || word == "variant identifier" => "a word in quotes",
        other => other,
    }
}
