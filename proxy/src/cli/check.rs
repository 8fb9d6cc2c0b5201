//! `rolegate check`: judges SQL texts without a database.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Deserialize;

use crate::cli::sarif::Sarif;
use crate::cli::{EXIT_OK, EXIT_REFUSED, report};
use crate::config::Config;
use crate::gate::enforcement::Action;
use crate::gate::judge_alone;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};

/// Arguments of `rolegate check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Judge under this configuration; without it only what needs no facts is judged (`RG1xx`)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate of the configuration whose policy applies; the first when not given
    #[arg(long, value_name = "NAME", requires = "config")]
    gate: Option<String>,
    /// The database user
    #[arg(long, default_value = "")]
    user: String,
    /// The user's groups, instead of the configuration's
    #[arg(long, value_delimiter = ',')]
    groups: Option<Vec<String>>,
    /// The database
    #[arg(long, default_value = "")]
    database: String,
    /// The application name
    #[arg(long, default_value = "")]
    application: String,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What the input is: SQL texts, or one JSON object a line with "id" and "sql" or "`sql_hex`"
    #[arg(long, value_enum, default_value_t = Input::Sql)]
    input: Input,
    /// Files, folders (their .sql files) or - for standard input
    #[arg(value_name = "PATH", default_value = "-")]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Input {
    /// SQL texts
    Sql,
    /// Labelled texts, one JSON object a line
    Jsonl,
}

/// A text to be judged.
struct Subject {
    id: Option<serde_json::Value>,
    file: String,
    /// The first line of the text within its file, counted from 1.
    first_line: usize,
    text: Vec<u8>,
}

/// Runs `rolegate check`.
///
/// # Errors
/// What is wrong with the usage or the input, naming the file and line.
pub fn run(arguments: &CheckArguments) -> Result<u8, String> {
    let policy = policy(arguments)?;
    let principal = Principal::new(Attributes {
        groups: arguments.groups.clone(),
        database: arguments.database.clone(),
        application: arguments.application.clone(),
        ..Attributes::of_login(&arguments.user)
    });
    let mut out = io::stdout().lock();
    let mut refused = false;
    let mut sarif = Sarif::default();
    for subject in subjects(arguments)? {
        note_jinja(&subject);
        let verdict = judge_alone(&policy, &subject.text, &principal, Timestamp::now());
        refused |= verdict.as_ref().is_some_and(|verdict| verdict.action == Action::Reject);
        let place = report::Place {
            id: subject.id.as_ref(),
            file: &subject.file,
            first_line: subject.first_line,
            text: &subject.text,
        };
        let written = match arguments.format {
            Format::Json => report::json(&place, verdict.as_ref(), policy.dialect(), arguments.input == Input::Jsonl)
                .and_then(|lines| out.write_all(lines.as_bytes())),
            Format::Human => out.write_all(report::human(&place, verdict.as_ref()).as_bytes()),
            Format::Sarif => {
                sarif.add(&place, verdict.as_ref());
                Ok(())
            }
        };
        written.map_err(|error| format!("cannot write the report: {error}"))?;
    }
    let last = if arguments.format == Format::Sarif { sarif.to_json() } else { String::new() };
    out.write_all(last.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write the report: {error}"))?;
    Ok(if refused { EXIT_REFUSED } else { EXIT_OK })
}

/// Says so when a text still holds Jinja: what a template becomes cannot be judged here.
fn note_jinja(subject: &Subject) {
    let Some(at) = jinja(&subject.text) else { return };
    let line = memchr::memchr_iter(b'\n', subject.text.get(..at).unwrap_or_default())
        .count()
        .saturating_add(subject.first_line);
    let note = format!(
        "{}:{line}: note: Jinja is left in this text; run dbt compile and check target/compiled instead\n",
        subject.file
    );
    // Nothing is left to be done when stderr is closed.
    let _written = io::stderr().write_all(note.as_bytes()).is_ok();
}

/// Where Jinja starts, if there is any: `{{` or `{%`, which SQL has outside of literals only.
fn jinja(text: &[u8]) -> Option<usize> {
    let mut lexer = Lexer::new(text, Escapes::Always);
    let mut before: Option<Token> = None;
    for token in lexer.by_ref() {
        if let Some(open) = before
            && open.kind == TokenKind::Symbol(b'{')
            && open.end == token.start
            && matches!(token.kind, TokenKind::Symbol(b'{' | b'%'))
        {
            return Some(open.start);
        }
        before = Some(token);
    }
    None
}

fn policy(arguments: &CheckArguments) -> Result<Policy, String> {
    let Some(path) = &arguments.config else { return Ok(Policy::new(Parts::without_facts())) };
    let config = Config::load(path).map_err(|error| error.to_string())?;
    let gate = super::gate_of(&config, arguments.gate.as_deref())?;
    crate::serve::build::policy(&config, gate).map_err(|error| error.to_string())
}

fn subjects(arguments: &CheckArguments) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    for path in &arguments.paths {
        for (name, bytes) in read_path(path)? {
            match arguments.input {
                Input::Sql => subjects.push(Subject { id: None, file: name, first_line: 1, text: bytes }),
                Input::Jsonl => subjects.extend(read_lines(&name, &bytes)?),
            }
        }
    }
    Ok(subjects)
}

fn read_path(path: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let failed = |path: &Path, error: io::Error| format!("{}: cannot be read: {error}", path.display());
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| format!("standard input: cannot be read: {error}"))?;
        return Ok(vec![("-".to_owned(), bytes)]);
    }
    if !path.is_dir() {
        let bytes = fs::read(path).map_err(|error| failed(path, error))?;
        return Ok(vec![(path.display().to_string(), bytes)]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let entry = entry.map_err(|error| failed(&folder, error))?;
            let kind = entry.file_type().map_err(|error| failed(&folder, error))?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
                let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
                found.push((path.display().to_string(), bytes));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    sql: Option<String>,
    sql_hex: Option<String>,
}

fn read_lines(name: &str, bytes: &[u8]) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    for (number, line) in bytes.lines().enumerate() {
        let number = number.saturating_add(1);
        let at = |what: &str| {
            format!("{name}: line {number}: {what}; expected an object with \"id\" and \"sql\" or \"sql_hex\"")
        };
        let line = line.map_err(|error| at(&error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).map_err(|error| at(&error.to_string()))?;
        let text = match (line.sql_hex, line.sql) {
            (Some(hex), _) => decode_hex(&hex).ok_or_else(|| at("\"sql_hex\" is not hexadecimal"))?,
            (None, Some(sql)) => sql.into_bytes(),
            (None, None) => return Err(at("neither \"sql\" nor \"sql_hex\" is there")),
        };
        subjects.push(Subject { id: Some(line.id), file: name.to_owned(), first_line: number, text });
    }
    Ok(subjects)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jinja_stands_outside_of_literals() {
        assert_eq!(jinja(b"select {{ ref('a') }}"), Some(7));
        assert_eq!(jinja(b"{% if x %} select 1"), Some(0));
        assert_eq!(jinja(b"select '{{ x }}' -- {{"), None);
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(decode_hex("00fF 41"), Some(vec![0, 0xff, 0x41]));
        assert_eq!(decode_hex("0"), None);
        assert_eq!(decode_hex("0g"), None);
        assert_eq!(decode_hex("é0"), None);
    }

    #[test]
    fn a_bad_line_is_named() {
        let Err(message) = read_lines("cases.jsonl", b"{\"id\":1,\"sql\":\"x\"}\n{\"id\":2}\n") else {
            panic!("the second line has no text");
        };
        assert!(message.starts_with("cases.jsonl: line 2: "), "{message}");
    }
}
