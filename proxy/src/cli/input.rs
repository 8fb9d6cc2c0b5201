//! What a command reads: SQL texts from files, folders and standard input, or labelled texts, one JSON object a line.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use walkdir::WalkDir;

/// A text to be judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InputText {
    /// The label of its line of JSON.
    pub(super) id: Option<Value>,
    /// The file that it stands in, `-` for standard input.
    pub(super) file: String,
    /// The first line of the text within its file, counted from 1.
    pub(super) first_line: usize,
    /// The text itself.
    pub(super) bytes: Vec<u8>,
}

/// The SQL texts of a path: of a file, of the .sql files of a folder and its folders in alphabetical order, or of standard
/// input for `-`.
pub(super) fn read_sql(path: &Path) -> Result<Vec<InputText>, String> {
    let texts = read_path(path)?.into_iter();
    Ok(texts.map(|(file, bytes)| InputText { id: None, file, first_line: 1, bytes: without_mark(bytes) }).collect())
}

/// A file's text without the byte order mark that may stand before it: clients send none.
fn without_mark(bytes: Vec<u8>) -> Vec<u8> {
    bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes)
}

/// The labelled texts of a path, which is one as for [`read_sql`].
pub(super) fn read_jsonl(path: &Path) -> Result<Vec<InputText>, String> {
    let mut texts = Vec::new();
    for (file, bytes) in read_path(path)? {
        texts.extend(read_lines(&file, &bytes)?);
    }
    Ok(texts)
}

fn read_path(path: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| vec![("-".to_owned(), bytes)]).map_err(|error| cannot_read("standard input", &error));
    }
    if path.is_dir() { read_folder(path) } else { Ok(vec![read_file(path)?]) }
}

fn cannot_read(what: impl std::fmt::Display, error: &dyn std::error::Error) -> String {
    format!("{what}: cannot be read: {error}")
}

fn read_file(path: &Path) -> Result<(String, Vec<u8>), String> {
    let bytes = fs::read(path).map_err(|error| cannot_read(path.display(), &error))?;
    Ok((path.display().to_string(), bytes))
}

fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder) {
        let entry = entry.map_err(|error| cannot_read(folder.display(), &error))?;
        let is_sql = entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
        if is_sql && !entry.file_type().is_dir() {
            found.push(read_file(entry.path())?);
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    sql: Option<String>,
    sql_hex: Option<String>,
}

fn read_lines(name: &str, bytes: &[u8]) -> Result<Vec<InputText>, String> {
    let mut texts = Vec::new();
    for (number, line) in bytes.lines().enumerate() {
        let first_line = number.saturating_add(1);
        let line = line.map_err(|error| error.to_string());
        let text = line.and_then(|line| if line.trim().is_empty() { Ok(None) } else { labelled(&line).map(Some) });
        match text {
            Ok(None) => {}
            Ok(Some((id, bytes))) => {
                texts.push(InputText { id: Some(id), file: name.to_owned(), first_line, bytes });
            }
            Err(what) => {
                let expected = "expected an object with \"id\" and \"sql\" or \"sql_hex\"";
                return Err(format!("{name}: line {first_line}: {what}; {expected}"));
            }
        }
    }
    Ok(texts)
}

fn labelled(line: &str) -> Result<(Value, Vec<u8>), String> {
    let Line { id, sql, sql_hex } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match (sql_hex, sql) {
        (Some(digits), _) => {
            let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let bytes = hex::decode(digits).map_err(|error| format!("\"sql_hex\" is not hexadecimal: {error}"))?;
            Ok((id, bytes))
        }
        (None, Some(sql)) => Ok((id, sql.into_bytes())),
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
        let found: Vec<_> = texts.iter().map(|text| (text.first_line, text.bytes.as_slice())).collect();
        assert_eq!(found, [(1, &b"x"[..]), (3, &b"\x00\xffA"[..])]);
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

    #[test]
    fn a_folder_gives_its_sql_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::create_dir(folder.path().join("folder.sql")).unwrap();
        for name in ["z.sql", "b/a.SQL", "notes.txt", "folder.sql/c.sql"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let found: Vec<_> = read_sql(folder.path()).unwrap().into_iter().map(|text| text.bytes).collect();
        assert_eq!(found, [&b"b/a.SQL"[..], b"folder.sql/c.sql", b"z.sql"]);
        let missing = folder.path().join("missing");
        let message = read_sql(&missing).unwrap_err();
        assert!(message.starts_with(&format!("{}: cannot be read: ", missing.display())), "{message}");
    }
}
