//! What a client chose, made harmless for people's eyes: characters that break a line, move a terminal's cursor or turn the
//! direction of writing are written as escapes, in whatever form the text goes out.

use std::fmt::{self, Write as _};
use std::io;

/// Whether a character does something to the text around it: controls, line separators, and the marks, embeddings, overrides
/// and isolates of Unicode's bidirectional algorithm. Source: Unicode Standard Annex 9, "Directional Formatting Characters".
const fn is_unsafe(character: char) -> bool {
    let number = u32_of(character);
    number < 0x20
        || matches!(number, 0x7f..=0x9f | 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff)
}

#[expect(clippy::as_conversions, reason = "every character is its number, and a const function has no other way")]
const fn u32_of(character: char) -> u32 {
    character as u32
}

/// Writes a text with its unsafe characters as Rust escapes, such as `\n` and `\u{202e}`.
struct Escaping<'a, W> {
    writer: &'a mut W,
    /// The unsafe character that is let through, if any.
    keep: Option<char>,
}

impl<W: fmt::Write> fmt::Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let is_escaped = |character: char| is_unsafe(character) && Some(character) != self.keep;
        while let Some((before, after)) = rest.split_once(is_escaped) {
            self.writer.write_str(before)?;
            let escaped = rest.get(before.len()..).and_then(|from| from.chars().next());
            for character in escaped.into_iter().flat_map(char::escape_default) {
                self.writer.write_char(character)?;
            }
            rest = after;
        }
        self.writer.write_str(rest)
    }
}

/// A text for one line of a log: unsafe characters escaped, and in quotes when it could be taken for more than one value.
pub(super) fn write_value(writer: &mut impl fmt::Write, value: &dyn fmt::Debug) -> fmt::Result {
    let text = format!("{value:?}");
    let mut escaping = Escaping { writer, keep: None };
    if is_quoted(&text) || !text.contains([' ', '=', '"']) {
        return escaping.write_str(&text);
    }
    write!(escaping, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a text is one quoted string already, as `Debug` writes it.
fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return false };
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character == '"' || (character == '\\' && characters.next().is_none()) {
            return false;
        }
    }
    true
}

/// A text for one line of a log, unsafe characters escaped.
pub(super) fn write_message(writer: &mut impl fmt::Write, message: &dyn fmt::Debug) -> fmt::Result {
    write!(Escaping { writer, keep: None }, "{message:?}")
}

/// A text of several lines for a terminal: every unsafe character but the line break is escaped.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Writing to a String does not fail.
    let _written = Escaping { writer: &mut escaped, keep: Some('\n') }.write_str(text);
    escaped
}

/// Writes JSON with the unsafe characters that JSON allows in strings as `\u` escapes. What is written in one piece must begin
/// and end between characters, as writers of JSON do it; the controls of ASCII are theirs.
#[derive(Debug)]
pub(super) struct JsonEscaping<W>(pub(super) W);

impl<W: io::Write> io::Write for JsonEscaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains(is_unsafe_in_json) => self.0.write_all(json(text).as_bytes())?,
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn is_unsafe_in_json(character: char) -> bool {
    is_unsafe(character) && u32_of(character) >= 0x7f
}

fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe_in_json(character) {
            // All of them are of the basic plane. Writing to a String does not fail.
            let _written = write!(escaped, "\\u{:04x}", u32_of(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const NAME: &str = "a\nb\r\u{1b}[31m\u{202e}c\u{2028}\u{85}d\u{7f}";

    fn value(value: &dyn fmt::Debug) -> String {
        let mut text = String::new();
        write_value(&mut text, value).unwrap();
        text
    }

    /// (value, as a log shows it)
    #[test]
    fn values_of_a_log() {
        let rows: &[(&dyn fmt::Debug, &str)] = &[
            (&format_args!("etl"), "etl"),
            (&format_args!("größe\u{4e2d}"), "größe\u{4e2d}"),
            (&format_args!("{NAME}"), r"a\nb\r\u{1b}[31m\u{202e}c\u{2028}\u{85}d\u{7f}"),
            (&format_args!("x reason=forged"), "\"x reason=forged\""),
            (&format_args!("x y\n"), r#""x y\n""#),
            (&format_args!("say \"a\\b\""), r#""say \"a\\b\"""#),
            (&"already \"quoted\"", r#""already \"quoted\"""#),
            (&format_args!("\""), "\"\\\"\""),
            (&format_args!("\"a\" reason=\"b\""), r#""\"a\" reason=\"b\"""#),
            (&format_args!("\"a\\\""), r#""\"a\\\"""#),
            (&7, "7"),
        ];
        for (given, expected) in rows {
            assert_eq!(value(*given), *expected);
        }
    }

    #[test]
    fn a_terminal_gets_line_breaks_and_nothing_else() {
        assert_eq!(lines("a\nb\tc\u{1b}[2Jd"), "a\nb\\tc\\u{1b}[2Jd");
        assert_eq!(lines("plain"), "plain");
    }

    #[test]
    fn json_stays_the_same_value() {
        let mut out = Vec::new();
        let value = serde_json::json!({ "user": NAME, "other": "größe" });
        JsonEscaping(&mut out).write_all(value.to_string().as_bytes()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(is_unsafe), "{text}");
        assert!(text.contains("größe"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
