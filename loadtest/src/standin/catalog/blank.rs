//! How the cluster writes down what ran: credentials blanked, line ends escaped, each kind of statement in a table of its own.

use rolegate::sql::lexer::{Escapes, Lexer, TokenKind};
use rolegate::sql::words::is_credential;

/// A text with the values of its credentials taken out; keyword and quotes stay.
#[must_use]
pub fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut blanked = String::with_capacity(text.len());
    let (mut copied, mut follows) = (0, false);
    for token in Lexer::new(bytes, Escapes::Always) {
        let raw = text.get(token.start..token.end).unwrap_or_default();
        if follows && token.kind.is_literal() {
            blanked.push_str(text.get(copied..token.start).unwrap_or_default());
            blanked.push_str("''");
            copied = token.end;
        }
        follows = match token.kind {
            TokenKind::Word => is_credential(raw.as_bytes()) || (follows && raw.eq_ignore_ascii_case("as")),
            _ => false,
        };
    }
    blanked.push_str(text.get(copied..).unwrap_or_default());
    blanked
}

/// Line ends and backslashes as two characters.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

/// The STL table that keeps a statement, and its `query_type` in `SYS_QUERY_HISTORY`.
#[must_use]
pub fn kinds_of(text: &str) -> (&'static str, &'static str) {
    let mut words = Lexer::new(text.as_bytes(), Escapes::Always)
        .filter(|token| token.kind == TokenKind::Word)
        .filter_map(|token| Some(text.get(token.start..token.end)?.to_ascii_lowercase()));
    let mut next = || words.next().unwrap_or_default();
    let (verb, object) = (next(), next());
    match (verb.as_str(), object.as_str()) {
        ("select" | "with", _) => ("query", "SELECT"),
        ("insert", _) => ("query", "INSERT"),
        ("update", _) => ("query", "UPDATE"),
        ("delete", _) => ("query", "DELETE"),
        ("copy", _) => ("query", "COPY"),
        ("unload", _) => ("query", "UNLOAD"),
        ("create" | "drop" | "alter", "table" | "view" | "schema") | ("create", "external") if next() != "function" => {
            ("ddl", "DDL")
        }
        ("create" | "drop" | "alter", "function" | "model" | "procedure" | "external" | "library" | "identity") => {
            ("other", "DDL")
        }
        _ => ("utility", "UTILITY"),
    }
}

#[cfg(test)]
mod tests {
    use super::{blanked, escaped, kinds_of};

    #[test]
    fn credentials_are_taken_out() {
        for (text, want) in [
            ("copy t from 's3://b' IAM_ROLE 'arn:x' csv", "copy t from 's3://b' IAM_ROLE '' csv"),
            ("copy t from 's3://b' with credentials as 'a=b'", "copy t from 's3://b' with credentials as ''"),
            (
                "unload ($$select 'x'$$) to 's3://b' iam_role default",
                "unload ($$select 'x'$$) to 's3://b' iam_role default",
            ),
            ("access_key_id 'a' secret_access_key 'b'", "access_key_id '' secret_access_key ''"),
        ] {
            assert_eq!(blanked(text), want);
        }
        assert_eq!(escaped("a\n\\b\r"), "a\\n\\\\b\\r");
    }

    #[test]
    fn every_kind_has_its_table() {
        for (text, want) in [
            ("/* x */ Select 1", ("query", "SELECT")),
            ("create external schema s from data catalog", ("ddl", "DDL")),
            ("create external function f () returns int", ("other", "DDL")),
            ("create table t (a int)", ("ddl", "DDL")),
            ("create model m from t", ("other", "DDL")),
            ("call p()", ("utility", "UTILITY")),
            ("set a to b", ("utility", "UTILITY")),
        ] {
            assert_eq!(kinds_of(text), want, "{text}");
        }
    }
}
