//! Finds Jinja in a SQL text: what a template renders to cannot be judged from the template.

use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};

/// The byte at which Jinja starts, if there is any: `{{` or `{%`, which SQL has inside of literals only.
pub(super) fn start(text: &[u8]) -> Option<usize> {
    let mut before: Option<Token> = None;
    for token in Lexer::new(text, Escapes::Always).by_ref() {
        if let Some(open) = before
            && open.kind == TokenKind::Symbol(b'{')
            && open.end == token.start
            && matches!(token.kind, TokenKind::Symbol(b'{' | b'%'))
        {
            return Some(open.start);
        }
        before = Some(token);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::start;

    #[test]
    fn jinja_stands_outside_of_literals() {
        assert_eq!(start(b"select {{ ref('a') }}"), Some(7));
        assert_eq!(start(b"{% if x %} select 1"), Some(0));
        assert_eq!(start(b"select '{{ x }}' -- {{"), None);
        assert_eq!(start(b"select { { x"), None);
    }
}
