//! psql's variables in a script: psql puts their values in before it sends a statement. Source: PostgreSQL documentation, psql,
//! "SQL Interpolation".

use std::ops::Range;

use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};

/// One `:name`, `:'name'` or `:"name"`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PsqlVariable {
    pub(super) name: String,
    /// How the value is put in.
    pub(super) form: VariableForm,
    pub(super) span: Range<usize>,
}

/// How psql puts a value in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VariableForm {
    /// As it is
    Bare,
    /// As a literal
    Literal,
    /// As a quoted identifier
    Identifier,
}

impl PsqlVariable {
    /// A value as psql writes it into the statement.
    pub(super) fn written(&self, value: &str) -> String {
        match self.form {
            VariableForm::Bare => value.to_owned(),
            VariableForm::Identifier => format!("\"{}\"", value.replace('"', "\"\"")),
            VariableForm::Literal if value.contains('\\') => {
                format!(" E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
            }
            VariableForm::Literal => format!("'{}'", value.replace('\'', "''")),
        }
    }
}

/// The variables of a script in order. A cast (`::`) is none, and neither is a slice (`[1:2]`).
pub(super) fn variables(text: &[u8]) -> Vec<PsqlVariable> {
    if memchr::memchr(b':', text).is_none() {
        return Vec::new();
    }
    let (mut found, mut before): (Vec<PsqlVariable>, [Option<Token>; 2]) = (Vec::new(), [None, None]);
    for token in Lexer::new(text, Escapes::Always).by_ref() {
        let [earlier, last] = before;
        if let Some(colon) = last
            && is_colon(colon)
            && colon.end == token.start
            && !earlier.is_some_and(|earlier| is_colon(earlier) && earlier.end == colon.start)
        {
            found.extend(variable(text, colon.start, token));
        }
        before = [last, Some(token)];
    }
    found
}

fn is_colon(token: Token) -> bool {
    token.kind == TokenKind::Symbol(b':')
}

fn variable(text: &[u8], start: usize, token: Token) -> Option<PsqlVariable> {
    let written = text.get(token.start..token.end)?;
    let (form, name) = match token.kind {
        TokenKind::Word => (VariableForm::Bare, written),
        TokenKind::Escaped | TokenKind::Plain => (VariableForm::Literal, within(written, b'\'')?),
        TokenKind::Quoted => (VariableForm::Identifier, within(written, b'"')?),
        _ => return None,
    };
    let length =
        name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || !byte.is_ascii()).count();
    let is_whole = length == name.len() && length > 0;
    let end = match form {
        VariableForm::Bare if length > 0 => token.start.saturating_add(length),
        _ if is_whole => token.end,
        _ => return None,
    };
    let name = String::from_utf8_lossy(name.get(..length)?).into_owned();
    Some(PsqlVariable { name, form, span: start..end })
}

fn within(written: &[u8], quote: u8) -> Option<&[u8]> {
    written.strip_prefix(&[quote])?.strip_suffix(&[quote])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (script, what it holds of variables)
    #[test]
    fn variables_are_told_from_casts_and_slices() {
        let rows: &[(&str, &[&str])] = &[
            ("select 1", &[]),
            ("iam_role :'role'", &[":'role'"]),
            ("copy :\"t\" from :'path' iam_role :role;", &[":\"t\"", ":'path'", ":role"]),
            ("select a::text, b[1:2], ':x', \":y\", $$:z$$ -- :w", &[]),
            ("select :'a b', :\"\"", &[]),
            ("select :a$b", &[":a"]),
            ("", &[]),
            (":", &[]),
            ("select : a, :1, :-b", &[]),
            ("select :a:b", &[":a", ":b"]),
            ("select x::numeric, :a::text", &[":a"]),
            ("select :'a'::text, :\"b\"", &[":'a'", ":\"b\""]),
            ("select a::\"b\", c::'d'", &[]),
            ("select :'it''s', :\"x\"\"y\"", &[]),
            ("select :_a1, :caf\u{e9}", &[":_a1", ":caf\u{e9}"]),
            ("select 'x:y', a /* :c */ -- :d\n, :e", &[":e"]),
        ];
        for (script, expected) in rows {
            let found = variables(script.as_bytes());
            let found: Vec<&str> = found.iter().map(|variable| script.get(variable.span.clone()).unwrap()).collect();
            assert_eq!(found, *expected, "{script}");
        }
    }

    #[test]
    fn values_are_written_as_psql_writes_them() {
        for (form, value, written) in [
            (VariableForm::Bare, "a'b", "a'b"),
            (VariableForm::Literal, "a'b", "'a''b'"),
            (VariableForm::Literal, r"a\b", r" E'a\\b'"),
            (VariableForm::Identifier, "a\"b", "\"a\"\"b\""),
            (VariableForm::Literal, "", "''"),
            (VariableForm::Literal, r"it's a\", r" E'it''s a\\'"),
            (VariableForm::Identifier, r"a\'", r#""a\'""#),
            (VariableForm::Bare, "", ""),
        ] {
            assert_eq!(PsqlVariable { name: String::new(), form, span: 0..0 }.written(value), written);
        }
    }
}
