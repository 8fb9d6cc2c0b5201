//! A record in its usual form, read in one pass without the general parser of JSON: a flat object of texts, numbers and truth values,
//! without control characters. What has any other form is left to that parser, whose word counts.

use std::borrow::Cow;

use memchr::memchr2;

use crate::history::record::{RecordKind, StatementRecord};

/// The record of a line that `rolegate history` wrote. `None`: it is not in the usual form, or not a record at all.
#[must_use]
pub(super) fn record(line: &[u8]) -> Option<StatementRecord<'_>> {
    let line = std::str::from_utf8(line).ok().filter(|line| !holds_control(line))?;
    let mut scanner = Scanner { line, at: 0 };
    let mut record = StatementRecord::new("", 0, RecordKind::Audit, "");
    let mut seen = 0_u32;
    scanner.take(b'{')?;
    loop {
        let key = scanner.key()?;
        scanner.take(b':')?;
        let field = put(&mut record, key, scanner.value()?)?;
        // What stands there twice is an error, and the general parser says so.
        if seen & field != 0 {
            return None;
        }
        seen |= field;
        match scanner.next_byte()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (scanner.is_at_end() && seen & REQUIRED == REQUIRED).then_some(record)
}

/// The fields without which there is no record: source, line, from and text.
const REQUIRED: u32 = 0b1111;

/// A value of the object.
enum Value<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
    Null,
}

/// Puts a value into its field, and returns the field's bit; 0 for one that records do not have. `None`: it is not of the usual type.
fn put<'a>(record: &mut StatementRecord<'a>, key: &str, value: Value<'a>) -> Option<u32> {
    let known = match key {
        "source" => return text(&mut record.source, value, 1),
        "text" => return text(&mut record.text, value, 1 << 3),
        "line" => return number(&mut record.line, &value, 1 << 1),
        "count" => return number(&mut record.count, &value, 1 << 4),
        "from" => {
            let Value::Text(word) = value else { return None };
            record.from = word.parse().ok()?;
            return Some(1 << 2);
        }
        "user_id" => {
            record.user_id = match value {
                Value::Null => None,
                Value::Number(digits) => Some(digits.parse().ok()?),
                Value::Text(_) | Value::Bool(_) => return None,
            };
            return Some(1 << 5);
        }
        "truncated" => return truth(&mut record.truncated, &value, 1 << 6),
        "hidden" => return truth(&mut record.hidden, &value, 1 << 7),
        "doubtful" => return truth(&mut record.doubtful, &value, 1 << 8),
        "time" => (&mut record.time, 1 << 9),
        "user" => (&mut record.user, 1 << 10),
        "database" => (&mut record.database, 1 << 11),
        "application" => (&mut record.application, 1 << 12),
        "client_address" => (&mut record.client_address, 1 << 13),
        "session" => (&mut record.session, 1 << 14),
        "transaction" => (&mut record.transaction, 1 << 15),
        "outcome" => (&mut record.outcome, 1 << 16),
        "verdict_id" => (&mut record.verdict_id, 1 << 17),
        "nonce" => (&mut record.nonce, 1 << 18),
        "gate" => (&mut record.gate, 1 << 19),
        "backend_pid" => (&mut record.backend_pid, 1 << 20),
        _ => return Some(0),
    };
    let (field, bit) = known;
    *field = match value {
        Value::Text(text) => Some(text),
        Value::Null => None,
        Value::Number(_) | Value::Bool(_) => return None,
    };
    Some(bit)
}

fn text<'a>(field: &mut Cow<'a, str>, value: Value<'a>, bit: u32) -> Option<u32> {
    let Value::Text(text) = value else { return None };
    *field = text;
    Some(bit)
}

fn number(field: &mut u64, value: &Value<'_>, bit: u32) -> Option<u32> {
    let Value::Number(digits) = value else { return None };
    *field = digits.parse().ok()?;
    Some(bit)
}

fn truth(field: &mut bool, value: &Value<'_>, bit: u32) -> Option<u32> {
    let Value::Bool(truth) = value else { return None };
    *field = *truth;
    Some(bit)
}

struct Scanner<'a> {
    line: &'a str,
    /// The byte that is next.
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The next byte that is not blank. Other blanks than spaces are control characters.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.line.as_bytes();
        while bytes.get(self.at) == Some(&b' ') {
            self.skip(1);
        }
        bytes.get(self.at).copied()
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.skip(1);
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next_byte()? == byte).then_some(())
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The place of the next quote or backslash.
    fn mark(&self, from: usize) -> Option<usize> {
        from.checked_add(memchr2(b'"', b'\\', self.line.as_bytes().get(from..)?)?)
    }

    /// A name without escapes.
    fn key(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let end = self.mark(start)?;
        self.at = end;
        self.take(b'"')?;
        self.line.get(start..end)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.text().map(Value::Text),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.line.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| self.skip(word.len()))?;
        Some(value)
    }

    /// A whole number; what follows one of another kind is no end of a value.
    fn number(&mut self) -> Option<&'a str> {
        let rest = self.line.get(self.at..)?;
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        // A negative zero is a fraction to the general parser.
        let is_negative_zero = unsigned.len() < rest.len() && unsigned.starts_with('0');
        if digits == 0 || is_negative_zero || (digits > 1 && unsigned.starts_with('0')) {
            return None;
        }
        let length = rest.len().checked_sub(unsigned.len())?.checked_add(digits)?;
        self.skip(length);
        rest.get(..length)
    }

    /// A text, whose opening quote is next; one with escapes is read by the general parser.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        let quote = self.at;
        let start = quote.checked_add(1)?;
        let mut end = self.mark(start)?;
        let mut is_escaped = false;
        while self.line.as_bytes().get(end) == Some(&b'\\') {
            is_escaped = true;
            end = self.mark(end.checked_add(2)?)?;
        }
        let after = end.checked_add(1)?;
        self.at = after;
        if is_escaped {
            return serde_json::from_str(self.line.get(quote..after)?).ok().map(Cow::Owned);
        }
        self.line.get(start..end).map(Cow::Borrowed)
    }
}

/// Looks at all bytes, which takes less time than stopping at the first.
fn holds_control(line: &str) -> bool {
    line.bytes().fold(0, |found, byte| found | u8::from(byte < b' ')) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: &str = r#"{"source":"a.jsonl","line":7,"from":"stl_query","time":"2026-01-02T03:04:05Z","user":"etl","user_id":-100,"database":null,"application":"say \"hi\"\n\u00e9","client_address":"10.0.0.9","session":"7","transaction":null,"text":"select 'é'","truncated":false,"hidden":true,"doubtful":false,"outcome":"success","count":3}"#;

    fn general(line: &str) -> Option<StatementRecord<'_>> {
        serde_json::from_str(line).ok()
    }

    #[test]
    fn the_usual_form_is_read_without_the_general_parser() {
        for line in
            [USUAL.to_owned(), USUAL.replace(',', " ,  ").replace(':', ": "), USUAL.replace("\"count\"", "\"more\"")]
        {
            let found = record(line.as_bytes());
            assert!(found.is_some() && found == general(&line), "{line}: {found:?}");
        }
        let kept = record(USUAL.as_bytes()).unwrap();
        assert!(matches!((kept.text, kept.application), (Cow::Borrowed(_), Some(Cow::Owned(_)))));
    }

    #[test]
    fn what_is_not_usual_is_left_alone() {
        for (from, to) in [
            ("\"line\":7", "\"line\":7.0"),
            ("\"line\":7", "\"line\":07"),
            ("\"line\":7", "\"line\":-7"),
            ("\"line\":7", "\"line\":\"7\""),
            ("\"line\":7,", ""),
            ("\"line\":7", "\"line\":7,\"line\":7"),
            ("\"session\":\"7\"", "\"session\":7"),
            ("\"count\":3", "\"more\":{\"a\":[1]}"),
            ("stl_query", "stl"),
            ("select", "sel\tect"),
            ("select", "sel\\x"),
            ("\"count\":3}", "\"count\":3"),
            ("\"count\":3}", "\"count\":3,}"),
            ("\"count\":3}", "\"count\":3}}"),
            ("\"user\"", "\"us\\u0065r\""),
            (",", ",\t"),
            ("\"text\":\"select 'é'\"", "\"text\":\"select 'é'\\\""),
        ] {
            let line = USUAL.replacen(from, to, 1);
            assert_ne!(line, USUAL);
            assert_eq!(record(line.as_bytes()), None, "{line}");
        }
        assert_eq!(record(b"\xff"), None);
        assert_eq!(record(b""), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_general_parser_reads(
            changes in prop::collection::vec((0..USUAL.len(), prop_oneof!["[\"\\\\{}:,a0\t \u{1}é]", "null", "true"]), 0..4),
            cut in 0..USUAL.len(),
            removed in 0_usize..6,
        ) {
            let mut line = USUAL.to_owned();
            let floor = |line: &str, at: usize| line.floor_char_boundary(at.min(line.len()));
            for (at, text) in changes {
                let at = floor(&line, at);
                line.insert_str(at, &text);
            }
            let (from, to) = (floor(&line, cut), floor(&line, cut + removed));
            line.replace_range(from..to, "");
            let found = record(line.as_bytes());
            prop_assert!(found.is_none() || found == general(&line), "{line}");
        }
    }
}
