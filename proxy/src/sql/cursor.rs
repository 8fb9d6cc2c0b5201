//! A place in the tokens of one statement. The lexer makes them as they are asked for, so a statement of any length is walked
//! over in linear time and without memory.

use std::ops::Range;

use sqlparser::keywords::ALL_KEYWORDS;

use crate::sql::lexer::{Lexer, Rules, Token, TokenKind};
use crate::sql::literal::{self, Literal};
use crate::sql::words::{is_credential, is_same};

/// The statement has no shape that the grammar knows: where, and what was met there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// The token that does not fit.
    pub span: Range<usize>,
    /// What was expected, in words.
    pub detail: String,
    /// No release of a server takes the text so: a message that holds it does nothing.
    pub is_certain: bool,
}

impl Misfit {
    /// What does not fit, in words of its own.
    #[must_use]
    pub fn new(span: Range<usize>, detail: &str) -> Self {
        Self { span, detail: detail.to_owned(), is_certain: false }
    }
}

/// A place in a statement. A clone looks ahead.
#[derive(Clone, Debug)]
pub struct Cursor<'t> {
    /// The message's text up to the end of the statement.
    text: &'t [u8],
    lexer: Lexer<'t>,
    next: Option<Token>,
}

impl<'t> Cursor<'t> {
    /// A cursor at the first token of the statement that stands at `span` of `text`.
    #[must_use]
    pub fn new(text: &'t [u8], span: Range<usize>, rules: Rules) -> Self {
        let text = text.get(..span.end).unwrap_or(text);
        let mut lexer = Lexer::starting_at(text, span.start, rules);
        let next = lexer.next();
        Self { text, lexer, next }
    }

    /// The next token.
    #[inline]
    #[must_use]
    pub const fn peek(&self) -> Option<Token> {
        self.next
    }

    /// The token `ahead` places after the next.
    fn peek_after(&self, ahead: usize) -> Option<Token> {
        match ahead.checked_sub(1) {
            None => self.next,
            Some(further) => self.lexer.clone().nth(further),
        }
    }

    /// Takes the next token.
    pub fn take(&mut self) -> Option<Token> {
        std::mem::replace(&mut self.next, self.lexer.next())
    }

    /// The bytes of the next token, or the end of the statement.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        let end = self.text.len();
        self.peek().map_or(end..end, |token| token.start..token.end)
    }

    /// The bytes of a token.
    #[must_use]
    pub fn bytes(&self, token: Token) -> &'t [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The text that the tokens are of.
    #[must_use]
    pub const fn text(&self) -> &'t [u8] {
        self.text
    }

    /// Whether a token is this unquoted word.
    #[must_use]
    pub fn is_word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Word && is_same(self.bytes(token), word)
    }

    /// Whether the next token is this unquoted word.
    #[must_use]
    pub fn sees(&self, word: &str) -> bool {
        self.next.is_some_and(|token| self.is_word(token, word))
    }

    /// Whether the token after the next is this unquoted word.
    #[must_use]
    pub fn sees_next(&self, word: &str) -> bool {
        self.peek_after(1).is_some_and(|token| self.is_word(token, word))
    }

    /// Takes these unquoted words, all or none.
    pub fn accept(&mut self, words: &[&str]) -> bool {
        let Some((first, others)) = words.split_first() else { return true };
        if !self.sees(first) {
            return false;
        }
        let mut ahead = self.clone();
        ahead.take();
        for word in others {
            if !ahead.sees(word) {
                return false;
            }
            ahead.take();
        }
        *self = ahead;
        true
    }

    /// Takes one unquoted word.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn require(&mut self, word: &str) -> Result<(), Misfit> {
        if self.accept(&[word]) { Ok(()) } else { Err(self.misfit(&format!("expected {}", word.to_ascii_uppercase()))) }
    }

    /// Takes a symbol, if it stands here.
    pub fn symbol(&mut self, symbol: u8) -> bool {
        let stands = self.sees_symbol(symbol);
        if stands {
            self.take();
        }
        stands
    }

    /// Whether the next token is this symbol.
    #[must_use]
    pub fn sees_symbol(&self, symbol: u8) -> bool {
        self.next.is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    /// Takes a string constant, if one stands here.
    pub fn literal(&mut self) -> Option<(Token, Literal<'t>)> {
        let token = self.peek()?;
        let literal = literal::decode(self.text, token)?;
        self.take();
        Some((token, literal))
    }

    /// Takes a string constant.
    ///
    /// # Errors
    /// Something else stands here.
    pub fn require_literal(&mut self, what: &str) -> Result<(Token, Literal<'t>), Misfit> {
        self.literal().ok_or_else(|| self.misfit(&format!("expected {what} as a string")))
    }

    /// Takes a name of one or more parts; brackets may stand around a part.
    ///
    /// # Errors
    /// No name stands here.
    pub fn name(&mut self) -> Result<Token, Misfit> {
        let mut last = self.name_part()?;
        while self.symbol(b'.') {
            last = self.name_part()?;
        }
        Ok(last)
    }

    fn name_part(&mut self) -> Result<Token, Misfit> {
        if let Some(token) = self.unicode_name() {
            return Ok(token);
        }
        let bracket = self.symbol(b'[');
        let Some(token) = self.peek().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted)) else {
            return Err(self.misfit("expected a name"));
        };
        self.take();
        if bracket && !self.symbol(b']') {
            return Err(self.misfit("expected ]"));
        }
        Ok(token)
    }

    /// Takes `U&"..."`, which is one name to PostgreSQL, and the UESCAPE behind it.
    fn unicode_name(&mut self) -> Option<Token> {
        let letter = self.peek().filter(|letter| self.is_word(*letter, "u"))?;
        let name = self.peek_after(2).filter(|name| literal::is_unicode_identifier(self.text, *name))?;
        if name.start.saturating_sub(letter.start) != 2 {
            return None;
        }
        for _ in 0..3 {
            self.take();
        }
        if self.sees("uescape") && self.is_literal_after() {
            self.take();
            self.take();
        }
        Some(name)
    }

    /// Takes a group in parentheses, if one opens here, whatever is in it, and gives its bytes.
    ///
    /// # Errors
    /// The group does not close, or a credential word in it has a value.
    pub fn group(&mut self) -> Result<Option<Range<usize>>, Misfit> {
        let start = self.place().start;
        if !self.symbol(b'(') {
            return Ok(None);
        }
        let mut depth = 1_usize;
        let mut end = start;
        while depth > 0 {
            let Some(token) = self.take() else { return Err(self.misfit("expected )")) };
            end = token.end;
            match token.kind {
                TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                _ if self.is_credential(token) && self.sees_literal() => {
                    return Err(Misfit::new(token.start..token.end, "a credential stands within parentheses"));
                }
                _ => {}
            }
        }
        Ok(Some(start..end))
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

    /// Whether the next token is a string constant.
    #[must_use]
    pub fn sees_literal(&self) -> bool {
        self.next.is_some_and(|token| token.kind.is_literal())
    }

    /// Whether the token after the next is a string constant.
    #[must_use]
    pub fn is_literal_after(&self) -> bool {
        self.peek_after(1).is_some_and(|token| token.kind.is_literal())
    }

    /// What does not fit here.
    #[must_use]
    pub fn misfit(&self, expected: &str) -> Misfit {
        let met = match self.peek() {
            None => "the end of the statement".to_owned(),
            // The text of a literal may be a secret.
            Some(token) => match token.kind {
                TokenKind::Word => {
                    // A word that the grammar of no dialect knows may be a key that lost its quotes.
                    let word = String::from_utf8_lossy(self.bytes(token)).to_ascii_uppercase();
                    let is_keyword = ALL_KEYWORDS.binary_search(&word.as_str()).is_ok();
                    if is_keyword { format!("\"{}\"", word.to_ascii_lowercase()) } else { "a name".to_owned() }
                }
                TokenKind::Quoted => "a quoted identifier".to_owned(),
                TokenKind::Number => "a number".to_owned(),
                TokenKind::Parameter => "a parameter".to_owned(),
                TokenKind::Symbol(symbol) => format!("\"{}\"", char::from(symbol).escape_default()),
                TokenKind::Bits => "a bit string".to_owned(),
                TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => "a string".to_owned(),
            },
        };
        Misfit::new(self.place(), &format!("{expected}, met {met}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;
    use crate::sql::lexer::{Escapes, Rules};

    fn cursor(text: &str) -> Cursor<'_> {
        Cursor::new(text.as_bytes(), 0..text.len(), Rules::with_escapes(Escapes::Always))
    }

    #[test]
    fn words_are_taken_all_or_none() {
        let mut cursor = cursor("Create /* x */ OR replace 'view'");
        assert!(!cursor.accept(&["create", "or", "alter"]));
        assert!(cursor.accept(&["create", "or", "replace"]));
        assert!(cursor.sees_literal() && !cursor.sees("view"));
        assert!(cursor.require("view").is_err_and(|misfit| misfit.detail == "expected VIEW, met a string"));
        for (met, told) in [("From", "\"from\""), ("AKIAIOSFODNN7EXAMPLE", "a name"), ("", "the end of the statement")]
        {
            assert_eq!(self::cursor(met).misfit("x").detail, format!("x, met {told}"));
        }
        assert!(cursor.literal().is_some() && cursor.peek().is_none());
        assert_eq!(cursor.place(), 32..32);
    }

    #[test]
    fn groups_close_and_hold_no_credentials() {
        let mut group = cursor("(a, (b) 'x)') from");
        assert_eq!(group.group(), Ok(Some(0..13)));
        assert!(group.sees("from") && group.group() == Ok(None));
        assert!(cursor("(a, (b)").group().is_err());
        assert!(cursor("(iam_role 'x')").group().is_err());
        assert!(cursor("(iam_role, 'x')").group().is_ok());
    }

    #[test]
    fn names_have_parts() {
        for text in ["a", "a.b.\"c d\"", "[a].b", "U&\"a\"", "a.u&\"b\" uescape '!'"] {
            let mut cursor = cursor(text);
            assert!(cursor.name().is_ok() && cursor.peek().is_none(), "{text}");
        }
        for text in ["'a'", "a.", "[a", "1"] {
            assert!(cursor(text).name().is_err(), "{text}");
        }
    }
}
