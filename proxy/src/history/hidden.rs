//! Texts in which the cluster blanked values: `iam_role ''` stands in its history where a role stood, and `******` for a whole text.
//! Such a text is hidden; it never says that there was no role.

use memchr::memmem;

use crate::sql::lexer::{Escapes, Lexer, TokenKind};
use crate::sql::literal::inside;
use crate::sql::words::is_credential;

/// Whether credentials were blanked in a text of the cluster, or all of it was.
#[must_use]
pub fn is_hidden(text: &[u8]) -> bool {
    if is_blanked(text.trim_ascii()) && !text.trim_ascii().is_empty() {
        return true;
    }
    // No value is blanked without one of these.
    if memmem::find(text, b"''").is_none() && memmem::find(text, b"*'").is_none() {
        return false;
    }
    let mut follows_credential = false;
    for token in Lexer::new(text, Escapes::Always) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        follows_credential = match token.kind {
            TokenKind::Word => is_credential(bytes) || (follows_credential && is_filler(bytes)),
            TokenKind::Symbol(b'=') => follows_credential,
            kind if kind.is_literal() && follows_credential && is_blanked(inside(bytes)) => return true,
            _ => false,
        };
    }
    false
}

/// Words that can stand between a credential's name and its value.
fn is_filler(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"as") || word.eq_ignore_ascii_case(b"to") || word.eq_ignore_ascii_case(b"on")
}

fn is_blanked(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn blanked_values() {
        for (text, want) in [
            ("copy t from 's3://b/x' iam_role ''", true),
            ("COPY t FROM 's3://b/x' IAM_ROLE''", true),
            ("copy t from 's3://b' credentials ''", true),
            ("copy t from 's3://b' with credentials as ''", true),
            ("copy t from 's3://b' ACCESS_KEY_ID '' SECRET_ACCESS_KEY ''", true),
            ("create external schema s from data catalog database 'd' iam_role '' catalog_role ''", true),
            ("unload ('select ''a''') to 's3://b' iam_role '***' parallel off", true),
            ("******", true),
            (" *** ", true),
            ("copy t from 's3://b' iam_role default null as ''", false),
            ("copy t from 's3://b' iam_role 'arn:aws:iam::1:role/x' null as ''", false),
            ("select '' -- iam_role ''", false),
            ("select 'iam_role '''", false),
            ("select * from t", false),
            ("", false),
        ] {
            assert_eq!(is_hidden(text.as_bytes()), want, "{text}");
        }
    }
}
