//! What `rolegate check` reads: SQL texts from files, folders and standard input, or labelled texts, one JSON object a line.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use walkdir::WalkDir;

use crate::cli::check::jinja::Values;
use crate::cli::check::origin::TextOrigin;
use crate::cli::check::template::{self, Placeholder, Rendered};
use crate::sql::position::Position;

/// A text to be judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InputText {
    /// The label of its line of JSON, or the node of dbt.
    pub(super) id: Option<Value>,
    /// The file that it stands in, `-` for standard input.
    pub(super) file: String,
    /// The text as it is found.
    pub(super) source: Vec<u8>,
    /// What is judged in its place, where placeholders were replaced.
    pub(super) rendered: Option<Rendered>,
    /// Where its first byte stands.
    pub(super) origin: TextOrigin,
    /// What it is, where its file does not say so.
    pub(super) about: Option<String>,
    /// Placeholders of a text that is judged as it stands.
    pub(super) expressions: Vec<Placeholder>,
    /// Whose it is, as far as its line says so.
    pub(super) sender: Sender,
}

impl InputText {
    /// A file's text. The byte order mark that may stand before it is passed over: clients send none.
    pub(super) fn of_file(file: String, bytes: Vec<u8>) -> Self {
        let source = bytes.strip_prefix(MARK).map(<[u8]>::to_vec).unwrap_or(bytes);
        Self {
            id: None,
            file,
            source,
            rendered: None,
            origin: TextOrigin::At(Position { line: 1, column: 1 }),
            about: None,
            expressions: Vec::new(),
            sender: Sender::default(),
        }
    }

    /// What is judged.
    pub(super) fn judged(&self) -> &[u8] {
        self.rendered.as_ref().map_or(&self.source, |rendered| &rendered.bytes)
    }

    /// The byte of the source that a byte of the judged text comes from.
    pub(super) fn source_byte(&self, at: usize) -> usize {
        self.rendered.as_ref().map_or(at, |rendered| rendered.source(at))
    }

    /// Placeholders without a value.
    pub(super) fn placeholders(&self) -> &[Placeholder] {
        self.rendered.as_ref().map_or(&self.expressions, |rendered| &rendered.open)
    }
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Who sends a labelled text, where and when; what is not said is as on the command line.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub(super) struct Sender {
    /// The database user.
    pub(super) user: Option<String>,
    /// The user's groups.
    pub(super) groups: Option<Vec<String>>,
    /// The database.
    pub(super) database: Option<String>,
    /// `application_name`.
    pub(super) application: Option<String>,
    /// The time, RFC 3339; now when not said.
    pub(super) time: Option<Timestamp>,
}

/// The form of inputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum InputForm {
    /// SQL texts
    Sql,
    /// Labelled texts, one JSON object a line
    Jsonl,
}

impl InputForm {
    /// How files of this form are named.
    const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Sql => &["sql"],
            Self::Jsonl => &["jsonl", "ndjson"],
        }
    }
}

/// The files of a path: itself, or those of the form in a folder and its folders, in alphabetical order.
///
/// # Errors
/// A folder that cannot be read, or that holds none: nothing would be checked.
pub(super) fn files(path: &Path, form: InputForm) -> Result<Vec<PathBuf>, String> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(path) {
        let entry = entry.map_err(|error| cannot_read(path.display(), &error))?;
        let extension = entry.path().extension().unwrap_or_default();
        let is_form = form.extensions().iter().any(|known| extension.eq_ignore_ascii_case(known));
        if is_form && !entry.file_type().is_dir() {
            found.push(entry.into_path());
        }
    }
    if found.is_empty() {
        let names = form.extensions().join(" or .");
        return Err(format!("{}: holds no .{names} file, so nothing would be checked", path.display()));
    }
    found.sort();
    Ok(found)
}

/// The texts of a file, or of standard input for `-`.
///
/// # Errors
/// A file that cannot be read, or the first line that is none of the form.
pub(super) fn texts(path: &Path, form: InputForm, values: &Values) -> Result<Vec<InputText>, String> {
    let (file, bytes) = read(path)?;
    match form {
        InputForm::Sql => Ok(vec![script(InputText::of_file(file, bytes), values)]),
        InputForm::Jsonl => read_lines(&file, bytes.strip_prefix(MARK).unwrap_or(&bytes)),
    }
}

/// A script: psql's variables are replaced, Jinja is noted.
fn script(text: InputText, values: &Values) -> InputText {
    match template::of_psql(&text.source, values) {
        Some(rendered) => InputText { rendered: Some(rendered), ..text },
        None => InputText { expressions: template::expressions(&text.source), ..text },
    }
}

fn read(path: &Path) -> Result<(String, Vec<u8>), String> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| ("-".to_owned(), bytes)).map_err(|error| cannot_read("standard input", &error));
    }
    let bytes = fs::read(path).map_err(|error| cannot_read(path.display(), &error))?;
    Ok((path.display().to_string(), bytes))
}

/// What is said of a file or folder that cannot be read.
pub(super) fn cannot_read(what: impl std::fmt::Display, error: &dyn std::error::Error) -> String {
    format!("{what}: cannot be read: {error}")
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    sql: Option<String>,
    sql_hex: Option<String>,
    #[serde(flatten)]
    sender: Sender,
}

fn read_lines(name: &str, bytes: &[u8]) -> Result<Vec<InputText>, String> {
    let mut texts = Vec::new();
    for (number, line) in bytes.lines().enumerate() {
        let first_line = number.saturating_add(1);
        let line = line.map_err(|error| error.to_string());
        let text = line.and_then(|line| if line.trim().is_empty() { Ok(None) } else { labelled(&line).map(Some) });
        match text {
            Ok(None) => {}
            Ok(Some((id, bytes, sender))) => {
                let text = InputText::of_file(name.to_owned(), bytes);
                texts.push(InputText { id: Some(id), origin: TextOrigin::Record(first_line), sender, ..text });
            }
            Err(what) => {
                let expected = "expected an object with \"id\" and \"sql\" or \"sql_hex\"";
                return Err(format!("{name}: line {first_line}: {what}; {expected}"));
            }
        }
    }
    Ok(texts)
}

fn labelled(line: &str) -> Result<(Value, Vec<u8>, Sender), String> {
    let Line { id, sql, sql_hex, sender } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match (sql_hex, sql) {
        (Some(digits), _) => {
            let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let bytes = hex::decode(digits).map_err(|error| format!("\"sql_hex\" is not hexadecimal: {error}"))?;
            Ok((id, bytes, sender))
        }
        (None, Some(sql)) => Ok((id, sql.into_bytes(), sender)),
        (None, None) => Err("neither \"sql\" nor \"sql_hex\" is there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_text_or_bytes() {
        let lines = b"{\"id\":1,\"sql\":\"x\"}\n\n{\"id\":\"b\",\"sql_hex\":\"00fF 41\",\"sql\":\"ignored\"}\n";
        let texts = read_lines("-", lines).unwrap();
        let found: Vec<_> = texts.iter().map(|text| (text.origin.clone(), text.judged())).collect();
        assert_eq!(found, [(TextOrigin::Record(1), &b"x"[..]), (TextOrigin::Record(3), &b"\x00\xffA"[..])]);
    }

    #[test]
    fn a_line_may_say_who_sends_it_and_when() {
        let line = r#"{"id":1,"sql":"x","user":"etl","groups":["a"],"database":"d","application":"dbt","time":"2026-01-01T00:00:00Z","more":1}"#;
        let Sender { user, groups, database, application, time } =
            read_lines("-", line.as_bytes()).unwrap().remove(0).sender;
        assert_eq!((user.as_deref(), groups), (Some("etl"), Some(vec!["a".to_owned()])));
        assert_eq!((database.as_deref(), application.as_deref()), (Some("d"), Some("dbt")));
        assert_eq!(time, Some("2026-01-01T00:00:00Z".parse().unwrap()));
        let line = br#"{"id":1,"sql":"x","time":"yesterday"}"#;
        assert!(read_lines("-", line).unwrap_err().starts_with("-: line 1: "), "a time that is none is not left out");
    }

    /// (second line, what the message says)
    #[test]
    fn a_bad_line_is_named() {
        for (line, what) in [
            ("{\"id\":2}", "neither \"sql\" nor \"sql_hex\" is there"),
            ("{\"id\":2,\"sql_hex\":\"0\"}", "\"sql_hex\" is not hexadecimal: Odd number of digits"),
            ("{\"id\":2,\"sql_hex\":\"0g\"}", "\"sql_hex\" is not hexadecimal: "),
            ("{\"id\":2,\"sql_hex\":\"\u{e9}0\"}", "\"sql_hex\" is not hexadecimal: "),
            ("{", "EOF while parsing"),
            ("{\"sql\":\"x\"}", "missing field `id`"),
        ] {
            let message = read_lines("cases.jsonl", format!("{{\"id\":1,\"sql\":\"x\"}}\n{line}\n").as_bytes());
            let message = message.expect_err(line);
            assert!(message.starts_with(&format!("cases.jsonl: line 2: {what}")), "{message}");
        }
    }

    /// (form, files)
    #[test]
    fn a_folder_gives_its_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::create_dir(folder.path().join("folder.sql")).unwrap();
        for name in ["z.sql", "b/a.SQL", "notes.txt", "folder.sql/c.sql", "b/x.jsonl"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let rows: [(InputForm, &[&str]); 2] =
            [(InputForm::Sql, &["b/a.SQL", "folder.sql/c.sql", "z.sql"]), (InputForm::Jsonl, &["b/x.jsonl"])];
        for (form, names) in rows {
            let expected: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
            assert_eq!(files(folder.path(), form), Ok(expected));
        }
        let empty = tempfile::tempdir().unwrap();
        let message = files(empty.path(), InputForm::Sql).unwrap_err();
        assert!(message.ends_with("holds no .sql file, so nothing would be checked"), "{message}");
        let missing = folder.path().join("missing");
        let message = texts(&missing, InputForm::Sql, &Values::default()).unwrap_err();
        assert!(message.starts_with(&format!("{}: cannot be read: ", missing.display())), "{message}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (form, text) in [(InputForm::Sql, "x"), (InputForm::Jsonl, "{\"id\":1,\"sql\":\"x\"}\n")] {
            fs::write(file.path(), [MARK, text.as_bytes()].concat()).unwrap();
            let found = texts(file.path(), form, &Values::default()).unwrap();
            assert_eq!(found[0].judged(), b"x", "{form:?}");
        }
    }
}
