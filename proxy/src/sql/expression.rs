//! What stands behind EXECUTE, as the expression grammar of sqlparser reads our tokens.

use sqlparser::ast::Expr;
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token as ParserToken;

use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Rules, Token, TokenKind};
use crate::sql::literal;
use crate::sql::words::is_one_of;

/// Tokens of an expression. What is longer is not taken apart: its tree, which leans to one side, is let go by recursion.
pub const MAX_TOKENS: usize = 1_024;

/// Words of PL/pgSQL behind which the expression of EXECUTE has ended.
const AFTER_EXPRESSION: [&str; 2] = ["into", "using"];

/// The expression behind EXECUTE.
#[derive(Clone, Debug, Default)]
pub struct Expression {
    tokens: Vec<ParserToken>,
    is_too_long: bool,
}

impl Expression {
    /// Takes the tokens up to the end of the expression.
    pub fn take(cursor: &mut Cursor<'_>) -> Self {
        let mut expression = Self::default();
        let (mut depth, mut before) = (0_usize, None);
        while let Some(token) = cursor.peek() {
            let bytes = cursor.bytes(token);
            match token.kind {
                TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                TokenKind::Word if depth == 0 && is_one_of(bytes, &AFTER_EXPRESSION) => break,
                _ => {}
            }
            expression.push(cursor.text(), token, before);
            before = Some(token);
            cursor.take();
        }
        expression
    }

    /// The expression that a text is.
    #[must_use]
    pub fn of(text: &[u8], rules: Rules) -> Self {
        Self::take(&mut Cursor::new(text, 0..text.len(), rules))
    }

    /// Whether it is a single constant, parameter or variable.
    #[must_use]
    pub fn is_one_token(&self) -> bool {
        self.tokens.len() == 1 && !self.is_too_long
    }

    fn push(&mut self, text: &[u8], token: Token, before: Option<Token>) {
        if self.tokens.len() >= MAX_TOKENS {
            self.is_too_long = true;
            return;
        }
        let touches = before.is_some_and(|before| before.end == token.start && before.kind == token.kind);
        let pair = match (token.kind, self.tokens.last()) {
            (TokenKind::Symbol(b'|'), Some(ParserToken::Pipe)) if touches => Some(ParserToken::StringConcat),
            (TokenKind::Symbol(b':'), Some(ParserToken::Colon)) if touches => Some(ParserToken::DoubleColon),
            _ => None,
        };
        match (pair, self.tokens.last_mut()) {
            (Some(pair), Some(last)) => *last = pair,
            _ => self.tokens.push(parser_token(text, token)),
        }
    }

    /// Its tree; `None`: the grammar knows none.
    #[must_use]
    pub fn parse(self) -> Option<Expr> {
        if self.is_too_long {
            return None;
        }
        let dialect = RedshiftSqlDialect {};
        let mut parser = Parser::new(&dialect).with_tokens(self.tokens);
        let expression = parser.parse_expr().ok()?;
        (parser.peek_token().token == ParserToken::EOF).then_some(expression)
    }
}

/// The parser's view of a token. Symbols that an expression of texts does not need are left as they are, and stop it.
fn parser_token(text: &[u8], token: Token) -> ParserToken {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    match token.kind {
        TokenKind::Word => ParserToken::make_word(&shown(), None),
        TokenKind::Quoted => ParserToken::make_word(&literal::identifier(text, token).unwrap_or_default(), Some('"')),
        // What may spell another text stops it, too.
        TokenKind::Escaped if literal::is_doubtful(text, token) => ParserToken::Placeholder(shown()),
        TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => {
            let value = literal::decode(text, token).map(|literal| literal.to_text());
            ParserToken::SingleQuotedString(value.unwrap_or_default())
        }
        TokenKind::Number => ParserToken::Number(shown(), false),
        TokenKind::Symbol(b'(') => ParserToken::LParen,
        TokenKind::Symbol(b')') => ParserToken::RParen,
        TokenKind::Symbol(b',') => ParserToken::Comma,
        TokenKind::Symbol(b'.') => ParserToken::Period,
        TokenKind::Symbol(b'|') => ParserToken::Pipe,
        TokenKind::Symbol(b':') => ParserToken::Colon,
        TokenKind::Bits | TokenKind::Parameter | TokenKind::Symbol(_) => ParserToken::Placeholder(shown()),
    }
}
