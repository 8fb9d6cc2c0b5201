//! The same name for statements that differ in nothing but their values. Pure.

use sha2::{Digest, Sha256};

use crate::sql::lexer::{Escapes, Lexer, TokenKind};

/// A hash of a text's tokens, values left out: literals, numbers, comments, blanks and the case of words change nothing.
pub(super) fn fingerprint(text: &[u8]) -> String {
    let mut hash = Sha256::new();
    for token in Lexer::new(text, Escapes::Always) {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word => hash.update(bytes.to_ascii_lowercase()),
            TokenKind::Quoted | TokenKind::Symbol(_) => hash.update(bytes),
            kind if kind.is_literal() => hash.update(b"'"),
            _ => hash.update(b"0"),
        }
        hash.update(b" ");
    }
    hash.finalize().first_chunk::<8>().map(hex::encode).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn values_change_nothing_and_all_else_does() {
        let of = |text: &str| fingerprint(text.as_bytes());
        let one = of("COPY t FROM 's3://a' iam_role 'x' MAXERROR 5;");
        for same in
            ["copy t from 's3://b' IAM_ROLE 'y'  maxerror 7;", "copy/* c */t from $$x$$ iam_role '' maxerror 1 -- x\n;"]
        {
            assert_eq!(of(same), one, "{same}");
        }
        for other in [
            "copy u from 's3://a' iam_role 'x' maxerror 5;",
            "copy t from 's3://a' iam_role 'x';",
            "copy \"T\" from 's3://a' iam_role 'x' maxerror 5;",
        ] {
            assert_ne!(of(other), one, "{other}");
        }
        assert_eq!(one.len(), 16);
    }
}
