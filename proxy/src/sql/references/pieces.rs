//! Our tokens as sqlparser takes them, each with its place among those of the statement, so that the tree tells where a name stands.

use sqlparser::tokenizer::{Location, Span, Token as ParserToken, TokenWithSpan};

use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;

/// The parser's tokens for ours.
pub(super) fn pieces(text: &[u8], tokens: &[Token], first_place: usize) -> Vec<TokenWithSpan> {
    let mut pieces = Vec::with_capacity(tokens.len());
    let mut place = 0;
    while let Some((token, rest)) = tokens.get(place..).and_then(<[Token]>::split_first) {
        let (piece, taken) = piece(text, *token, rest);
        if let Some(piece) = piece {
            pieces.push(at(piece, first_place.saturating_add(place)));
        }
        place = place.saturating_add(taken);
    }
    pieces
}

/// A token at a place; one that stands at none, where no name is looked for.
pub(super) fn at(token: ParserToken, place: usize) -> TokenWithSpan {
    let column = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
    let location = Location { line: 1, column };
    TokenWithSpan { token, span: Span { start: location, end: location } }
}

/// The place that a span of the tree stands for.
pub(super) fn place(span: Span) -> Option<usize> {
    usize::try_from(span.start.column).ok()?.checked_sub(1)
}

/// A word of the grammar.
pub(super) fn word(word: &str) -> ParserToken {
    ParserToken::make_word(word, None)
}

/// The parser's token for one or more of ours, and how many those are. `None`: it is part of the next one.
fn piece(text: &[u8], token: Token, rest: &[Token]) -> (Option<ParserToken>, usize) {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let next = rest.first().filter(|next| next.start == token.end);
    let piece = match token.kind {
        // `E'...'`, `N'...'`: the literal counts.
        TokenKind::Word if bytes.len() == 1 && next.is_some_and(|next| next.kind.is_literal()) => return (None, 1),
        TokenKind::Word => match joined(text, token, rest) {
            Some(name) => return (Some(ParserToken::make_word(&name, Some('"'))), 3),
            None => ParserToken::make_word(&shown(), None),
        },
        TokenKind::Quoted => match joined(text, token, rest) {
            Some(name) => return (Some(ParserToken::make_word(&name, Some('"'))), 3),
            None => ParserToken::make_word(&literal::identifier(text, token).unwrap_or_default(), Some('"')),
        },
        // What a literal reads decides nothing about names.
        TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => ParserToken::SingleQuotedString(String::new()),
        TokenKind::Bits => ParserToken::HexStringLiteral(String::new()),
        TokenKind::Number => ParserToken::Number(shown(), false),
        TokenKind::Parameter => ParserToken::Placeholder(shown()),
        TokenKind::Symbol(symbol) => return operator(symbol, token, rest),
    };
    (Some(piece), 1)
}

/// `database@catalog` before a dot, as one name.
fn joined(text: &[u8], token: Token, rest: &[Token]) -> Option<String> {
    let [sign, other, dot, ..] = rest else { return None };
    let is_name = matches!(other.kind, TokenKind::Word | TokenKind::Quoted);
    let is_joined = sign.kind == TokenKind::Symbol(b'@') && is_name && dot.kind == TokenKind::Symbol(b'.');
    let read = |token| literal::identifier(text, token).unwrap_or_default();
    is_joined.then(|| format!("{}@{}", read(token), read(*other)))
}

/// Operators of several symbols that touch, longest first. What an operator computes decides nothing about names, so those that
/// compare are `=`, and the others `-`, which may stand before an operand and between two.
const OPERATORS: [(&[u8], ParserToken); 30] = [
    (b"!~~*", ParserToken::Eq),
    (b"!~~", ParserToken::Eq),
    (b"!~*", ParserToken::Eq),
    (b"~~*", ParserToken::Eq),
    (b"||/", ParserToken::Minus),
    (b"->>", ParserToken::Minus),
    (b"#>>", ParserToken::Minus),
    (b"::", ParserToken::DoubleColon),
    (b"||", ParserToken::StringConcat),
    (b":=", ParserToken::Assignment),
    (b"=>", ParserToken::RArrow),
    (b"<=", ParserToken::Eq),
    (b">=", ParserToken::Eq),
    (b"<>", ParserToken::Eq),
    (b"!=", ParserToken::Eq),
    (b"^=", ParserToken::Eq),
    (b"!~", ParserToken::Eq),
    (b"~*", ParserToken::Eq),
    (b"~~", ParserToken::Eq),
    (b"->", ParserToken::Minus),
    (b"#>", ParserToken::Minus),
    (b"@>", ParserToken::Eq),
    (b"<@", ParserToken::Eq),
    (b"&&", ParserToken::Eq),
    (b"<<", ParserToken::Minus),
    (b">>", ParserToken::Minus),
    (b"|/", ParserToken::Minus),
    (b"!!", ParserToken::Minus),
    (b"@@", ParserToken::Eq),
    (b"~=", ParserToken::Eq),
];

fn operator(symbol: u8, token: Token, rest: &[Token]) -> (Option<ParserToken>, usize) {
    let stands = |symbols: &[u8]| {
        let others = symbols.iter().skip(1).zip(rest.iter().enumerate());
        let mut all = others.map(|(symbol, (place, other))| {
            let begins = token.end.saturating_add(place);
            other.kind == TokenKind::Symbol(*symbol) && other.start == begins
        });
        symbols.first() == Some(&symbol) && rest.len().saturating_add(1) >= symbols.len() && all.all(|is| is)
    };
    if let Some((symbols, piece)) = OPERATORS.iter().find(|(symbols, _)| stands(symbols)) {
        return (Some(piece.clone()), symbols.len());
    }
    let piece = match symbol {
        b'(' => ParserToken::LParen,
        b')' => ParserToken::RParen,
        b'[' => ParserToken::LBracket,
        b']' => ParserToken::RBracket,
        b'{' => ParserToken::LBrace,
        b'}' => ParserToken::RBrace,
        b',' => ParserToken::Comma,
        b'.' => ParserToken::Period,
        b'*' => ParserToken::Mul,
        b'/' => ParserToken::Div,
        b'+' => ParserToken::Plus,
        b'-' | b'@' | b'#' | b'&' | b'|' | b'!' => ParserToken::Minus,
        b'%' => ParserToken::Mod,
        b'^' => ParserToken::Caret,
        b'=' => ParserToken::Eq,
        b'<' => ParserToken::Lt,
        b'>' => ParserToken::Gt,
        b'~' => ParserToken::Tilde,
        b':' => ParserToken::Colon,
        b';' => ParserToken::SemiColon,
        _ => ParserToken::Placeholder(char::from(symbol).to_string()),
    };
    (Some(piece), 1)
}
