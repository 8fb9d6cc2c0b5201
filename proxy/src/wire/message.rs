//! The fields of the frontend messages that the gate reads. Every body must be consumed exactly: a reader that is
//! more lenient than the server could be shown a text other than the one the server runs.

use std::ops::Range;

use memchr::memchr;

/// Where name and text of a `Query` or `Parse` stand in its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementText {
    /// The prepared statement's name; `None` for a `Query`, empty for the unnamed statement.
    pub name: Option<Range<usize>>,
    /// The text, without its NUL.
    pub text: Range<usize>,
}

/// A body that does not fit its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid message format")]
pub struct Malformed;

/// Reads a `Query` body: one NUL-terminated string and nothing after it.
///
/// # Errors
/// [`Malformed`].
pub fn query(body: &[u8]) -> Result<StatementText, Malformed> {
    match memchr(0, body) {
        Some(end) if end.checked_add(1) == Some(body.len()) => Ok(StatementText { name: None, text: 0..end }),
        _ => Err(Malformed),
    }
}

/// Reads a `Parse` body: name, text, and the parameter types.
///
/// # Errors
/// [`Malformed`].
pub fn parse(body: &[u8]) -> Result<StatementText, Malformed> {
    let mut reader = BodyReader { body, at: 0 };
    let name = reader.string()?;
    let text = reader.string()?;
    let types = usize::from(reader.u16()?);
    reader.skip(types.saturating_mul(4))?;
    if reader.at == body.len() { Ok(StatementText { name: Some(name), text }) } else { Err(Malformed) }
}

/// What the gate reads of a `Bind`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bind {
    /// The prepared statement's name.
    pub statement: Range<usize>,
    /// The parameter values that are not NULL.
    pub values: Vec<Range<usize>>,
}

/// Reads a `Bind` body.
///
/// # Errors
/// [`Malformed`].
pub fn bind(body: &[u8]) -> Result<Bind, Malformed> {
    let mut reader = BodyReader { body, at: 0 };
    reader.string()?;
    let statement = reader.string()?;
    let values = reader.values()?;
    let formats = usize::from(reader.u16()?);
    reader.skip(formats.saturating_mul(2))?;
    if reader.at == body.len() { Ok(Bind { statement, values }) } else { Err(Malformed) }
}

/// Reads a `FunctionCall` body: the arguments that are not NULL.
///
/// # Errors
/// [`Malformed`].
pub fn function_call(body: &[u8]) -> Result<Vec<Range<usize>>, Malformed> {
    let mut reader = BodyReader { body, at: 0 };
    reader.skip(4)?;
    let values = reader.values()?;
    reader.skip(2)?;
    if reader.at == body.len() { Ok(values) } else { Err(Malformed) }
}

/// Reads a `Close` body; the name when it closes a prepared statement, `None` when it closes a portal.
///
/// # Errors
/// [`Malformed`].
pub fn close(body: &[u8]) -> Result<Option<Range<usize>>, Malformed> {
    let mut reader = BodyReader { body, at: 1 };
    let name = reader.string()?;
    match body.first() {
        Some(b'S') if reader.at == body.len() => Ok(Some(name)),
        Some(b'P') if reader.at == body.len() => Ok(None),
        _ => Err(Malformed),
    }
}

struct BodyReader<'a> {
    body: &'a [u8],
    at: usize,
}

impl BodyReader<'_> {
    fn string(&mut self) -> Result<Range<usize>, Malformed> {
        let rest = self.body.get(self.at..).ok_or(Malformed)?;
        let end = self.at.saturating_add(memchr(0, rest).ok_or(Malformed)?);
        let string = self.at..end;
        self.at = end.saturating_add(1);
        Ok(string)
    }

    /// Format codes, and the values that are not NULL.
    fn values(&mut self) -> Result<Vec<Range<usize>>, Malformed> {
        let formats = usize::from(self.u16()?);
        self.skip(formats.saturating_mul(2))?;
        let count = self.u16()?;
        let mut values = Vec::new();
        for _ in 0..count {
            match self.i32()? {
                -1 => {}
                length => {
                    let from = self.at;
                    self.skip(usize::try_from(length).map_err(|_negative| Malformed)?)?;
                    values.push(from..self.at);
                }
            }
        }
        Ok(values)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.body.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
        self.at = self.at.saturating_add(2);
        Ok(u16::from_be_bytes(*bytes))
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        let bytes = self.body.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
        self.at = self.at.saturating_add(4);
        Ok(i32::from_be_bytes(*bytes))
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Malformed> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.body.len()).ok_or(Malformed)?;
        self.at = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_table() {
        let rows: &[(&str, &[u8], Result<Range<usize>, Malformed>)] = &[
            ("a text", b"select 1\0", Ok(0..8)),
            ("empty text", b"\0", Ok(0..0)),
            ("no NUL", b"select 1", Err(Malformed)),
            ("bytes after the NUL", b"select 1\0x", Err(Malformed)),
            ("NUL inside", b"select 1\0 2\0", Err(Malformed)),
            ("empty body", b"", Err(Malformed)),
        ];
        for (name, body, want) in rows {
            assert_eq!(&query(body).map(|query| query.text), want, "{name}");
        }
    }

    #[test]
    fn parse_table() {
        let rows: &[(&str, &[u8], Result<(Range<usize>, Range<usize>), Malformed>)] = &[
            ("unnamed", b"\0select 1\0\0\0", Ok((0..0, 1..9))),
            ("named", b"s1\0x\0\0\0", Ok((0..2, 3..4))),
            ("one type", b"\0x\0\0\x01\0\0\0\x17", Ok((0..0, 1..2))),
            ("types cut off", b"\0x\0\0\x02\0\0\0\x17", Err(Malformed)),
            ("no count", b"\0x\0", Err(Malformed)),
            ("a byte too many", b"\0x\0\0\0\0", Err(Malformed)),
            ("one string", b"\0x", Err(Malformed)),
        ];
        for (name, body, want) in rows {
            let got = parse(body).map(|parse| (parse.name.unwrap(), parse.text));
            assert_eq!(&got, want, "{name}");
        }
    }

    #[test]
    fn bind_table() {
        let rows: &[(&str, &[u8], Result<Vec<Range<usize>>, Malformed>)] = &[
            ("no values", b"\0s\0\0\0\0\0\0\0", Ok(vec![])),
            (
                "NULL and a value",
                b"\0s\0\0\0\0\x02\xff\xff\xff\xff\0\0\0\x01a\0\0",
                Ok(std::iter::once(15..16).collect()),
            ),
            ("length -16", b"\0s\0\0\0\0\x01\xff\xff\xff\xf0\0\0", Err(Malformed)),
            ("value cut off", b"\0s\0\0\0\0\x01\0\0\0\x09a\0\0", Err(Malformed)),
            ("empty", b"", Err(Malformed)),
        ];
        for (name, body, want) in rows {
            assert_eq!(&bind(body).map(|bind| bind.values), want, "{name}");
        }
    }

    #[test]
    fn function_call_table() {
        let rows: &[(&str, &[u8], Result<Vec<Range<usize>>, Malformed>)] = &[
            ("no arguments", b"\0\0\0\x09\0\0\0\0\0\0", Ok(vec![])),
            (
                "NULL and a value",
                b"\0\0\0\x09\0\0\0\x02\xff\xff\xff\xff\0\0\0\x01a\0\0",
                Ok(std::iter::once(16..17).collect()),
            ),
            ("no result format", b"\0\0\0\x09\0\0\0\0", Err(Malformed)),
            ("a byte too many", b"\0\0\0\x09\0\0\0\0\0\0\0", Err(Malformed)),
        ];
        for (name, body, want) in rows {
            assert_eq!(&function_call(body), want, "{name}");
        }
    }

    #[test]
    fn close_table() {
        assert_eq!(close(b"Ss1\0"), Ok(Some(1..3)));
        assert_eq!(close(b"Pc1\0"), Ok(None));
        assert_eq!(close(b"Xs1\0"), Err(Malformed));
        assert_eq!(close(b""), Err(Malformed));
    }
}
