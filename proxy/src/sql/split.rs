//! Where the statements of a text stand.

use std::ops::Range;

use crate::sql::lexer::{Lexer, Rules, TokenKind};

/// The bytes of each statement of a text, from its first token to its last, in order. Nothing stands between two semicolons that follow
/// one another; what cannot be read ends the last one.
pub fn statements(text: &[u8], rules: Rules) -> impl Iterator<Item = Range<usize>> {
    let mut tokens = Lexer::starting_at(text, 0, rules);
    std::iter::from_fn(move || {
        let first = tokens.find(|token| token.kind != TokenKind::Symbol(b';'))?;
        let others = tokens.by_ref().take_while(|token| token.kind != TokenKind::Symbol(b';'));
        Some(first.start..others.last().map_or(first.end, |last| last.end))
    })
}

#[cfg(test)]
mod tests {
    use super::statements;
    use crate::sql::lexer::{Escapes, Rules};

    #[test]
    fn statements_end_at_semicolons_alone() {
        for (text, want) in [
            ("", vec![]),
            (" ; -- a;\n;", vec![]),
            ("a", vec!["a"]),
            (" a b ;; c';'d /* ; */ ; ", vec!["a b", "c';'d"]),
            (
                "create procedure p() as $$ begin a; b; end $$; x",
                vec!["create procedure p() as $$ begin a; b; end $$", "x"],
            ),
            ("a 'open; b", vec!["a"]),
        ] {
            let rules = Rules::with_escapes(Escapes::Always);
            let found: Vec<_> = statements(text.as_bytes(), rules).map(|span| text.get(span).unwrap()).collect();
            assert_eq!(found, want, "{text}");
        }
    }
}
