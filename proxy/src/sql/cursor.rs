//! A place in the tokens of one carrier. sqlparser's `Parser` keeps the place and knows the words; the tokens are ours,
//! so that no boundary is decided by another tokenizer.

use std::fmt;
use std::ops::Range;

use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token as ParserToken;

use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::{self, Literal};
use crate::sql::words::is_credential;

/// The statement has no shape that the grammar knows: where, and what was met there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// The token that does not fit.
    pub span: Range<usize>,
    /// What was expected, in words.
    pub detail: String,
}

/// A place in a statement.
pub struct Cursor<'t> {
    text: &'t [u8],
    tokens: &'t [Token],
    parser: Parser<'static>,
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cursor").field("tokens", &self.tokens.len()).field("at", &self.parser.index()).finish()
    }
}

impl<'t> Cursor<'t> {
    /// A cursor at the first of `tokens`, which are tokens of `text`.
    #[must_use]
    pub fn new(text: &'t [u8], tokens: &'t [Token]) -> Self {
        let parser_tokens = tokens.iter().map(|token| parser_token(text, *token)).collect();
        Self { text, tokens, parser: Parser::new(&RedshiftSqlDialect {}).with_tokens(parser_tokens) }
    }

    /// The next token.
    #[must_use]
    pub fn peek(&self) -> Option<Token> {
        self.tokens.get(self.parser.index()).copied()
    }

    fn peek_after(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.parser.index().saturating_add(ahead)).copied()
    }

    /// Takes the next token.
    pub fn take(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.parser.advance_token();
        Some(token)
    }

    /// The bytes of the next token, or the end of the statement.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        let end = self.tokens.last().map_or(0, |token| token.end);
        self.peek().map_or(end..end, |token| token.start..token.end)
    }

    /// The bytes of a token.
    #[must_use]
    pub fn bytes(&self, token: Token) -> &'t [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// Whether the statement ends here.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.peek().is_none()
    }

    /// Whether the token `ahead` of the next is this unquoted word.
    #[must_use]
    pub fn sees(&self, ahead: usize, word: &str) -> bool {
        match &self.parser.peek_nth_token_ref(ahead).token {
            ParserToken::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
            _ => false,
        }
    }

    /// Takes these unquoted words, all or none.
    pub fn accept(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(ahead, word)| self.sees(ahead, word));
        if all {
            for _word in words {
                self.parser.advance_token();
            }
        }
        all
    }

    /// Takes one unquoted word.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn expect(&mut self, word: &str) -> Result<(), Misfit> {
        if self.accept(&[word]) { Ok(()) } else { Err(self.misfit(&format!("expected {}", word.to_ascii_uppercase()))) }
    }

    /// Takes a symbol, if it stands here.
    pub fn symbol(&mut self, symbol: u8) -> bool {
        let stands = self.peek().is_some_and(|token| token.kind == TokenKind::Symbol(symbol));
        if stands {
            self.parser.advance_token();
        }
        stands
    }

    /// Takes a string constant, if one stands here.
    pub fn literal(&mut self) -> Option<(Token, Literal<'t>)> {
        let token = self.peek()?;
        let literal = literal::decode(self.text, token)?;
        self.parser.advance_token();
        Some((token, literal))
    }

    /// Takes a string constant.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn expect_literal(&mut self, what: &str) -> Result<(Token, Literal<'t>), Misfit> {
        self.literal().ok_or_else(|| self.misfit(&format!("expected {what} as a string")))
    }

    /// Takes a name of one to three parts; brackets may stand around a part.
    ///
    /// # Errors
    /// No name stands here.
    pub fn name(&mut self) -> Result<String, Misfit> {
        let mut name = self.name_part()?;
        while self.symbol(b'.') {
            name.push('.');
            name.push_str(&self.name_part()?);
        }
        Ok(name)
    }

    fn name_part(&mut self) -> Result<String, Misfit> {
        let bracket = self.symbol(b'[');
        let name = self.peek().and_then(|token| literal::identifier(self.text, token));
        let Some(name) = name else { return Err(self.misfit("expected a name")) };
        self.parser.advance_token();
        if bracket && !self.symbol(b']') {
            return Err(self.misfit("expected ]"));
        }
        Ok(name)
    }

    /// Takes a group in parentheses, if one opens here, whatever is in it.
    ///
    /// # Errors
    /// The group does not close, or a credential word in it has a value.
    pub fn group(&mut self) -> Result<bool, Misfit> {
        if !self.symbol(b'(') {
            return Ok(false);
        }
        let mut depth = 1_usize;
        while depth > 0 {
            let place = self.place();
            let Some(token) = self.take() else { return Err(self.misfit("expected )")) };
            match token.kind {
                TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                _ if self.is_credential(token) && self.peek().is_some_and(|next| next.kind.is_literal()) => {
                    return Err(Misfit { span: place, detail: "a credential stands within parentheses".to_owned() });
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Whether a token is a credential word, quoted or not.
    #[must_use]
    pub fn is_credential(&self, token: Token) -> bool {
        let bytes = self.bytes(token);
        match token.kind {
            TokenKind::Word => is_credential(bytes),
            TokenKind::Quoted => is_credential(literal::inside(bytes)),
            _ => false,
        }
    }

    /// What does not fit here.
    #[must_use]
    pub fn misfit(&self, expected: &str) -> Misfit {
        let met = match self.peek() {
            None => "the end of the statement".to_owned(),
            // The text of a literal may be a secret, and a word may be as long as the message.
            Some(token) => match token.kind {
                TokenKind::Word => {
                    let word = self.bytes(token);
                    format!("\"{}\"", String::from_utf8_lossy(word.get(..64).unwrap_or(word)))
                }
                TokenKind::Quoted => "a quoted identifier".to_owned(),
                TokenKind::Number => "a number".to_owned(),
                TokenKind::Parameter => "a parameter".to_owned(),
                TokenKind::Symbol(symbol) => format!("\"{}\"", char::from(symbol).escape_default()),
                TokenKind::Bits => "a bit string".to_owned(),
                TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => "a string".to_owned(),
            },
        };
        Misfit { span: self.place(), detail: format!("{expected}, met {met}") }
    }

    /// What does not fit `ahead` tokens further on; used when a word has been looked at and not taken.
    #[must_use]
    pub fn is_literal_after(&self, ahead: usize) -> bool {
        self.peek_after(ahead).is_some_and(|token| token.kind.is_literal())
    }
}

/// The parser's view of a token. It looks at words and places only, so the text of literals is left out.
fn parser_token(text: &[u8], token: Token) -> ParserToken {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    match token.kind {
        TokenKind::Word => ParserToken::make_word(&String::from_utf8_lossy(bytes), None),
        TokenKind::Quoted => ParserToken::make_word("", Some('"')),
        TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => ParserToken::SingleQuotedString(String::new()),
        TokenKind::Bits => ParserToken::HexStringLiteral(String::new()),
        TokenKind::Number => ParserToken::Number(String::new(), false),
        TokenKind::Parameter => ParserToken::Placeholder(String::new()),
        TokenKind::Symbol(symbol) => ParserToken::Char(char::from(symbol)),
    }
}
