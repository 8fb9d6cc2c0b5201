//! Statement texts without their secrets, for logs.

use memchr::memmem;

use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::Dialect;

/// Words whose value is a secret.
const SECRET_WORDS: [&str; 8] = [
    "access_key_id",
    "secret_access_key",
    "session_token",
    "token",
    "master_symmetric_key",
    "password",
    "parameters",
    "client_secret",
];

/// What a literal holds when it is a text with secrets in it: a procedure's body, a string that is executed, CREDENTIALS.
const SECRET_SIGNS: [&str; 7] =
    ["access_key", "session_token", "token=", "symmetric_key", "password", "client_secret", "credentials"];

/// What stands in a secret's place.
const MASK: &str = "'***'";

/// The text with every secret replaced: access keys, tokens, symmetric keys, passwords, the PARAMETERS of identity
/// providers, and what cannot be read to its end.
#[must_use]
pub fn mask(text: &[u8], dialect: Dialect) -> String {
    // Under EPrefix a backslash before a quote would end the literal early and show its rest.
    let escapes = match dialect {
        Dialect::Redshift => Escapes::Always,
        Dialect::PostgreSql if memchr::memchr(b'\\', text).is_some() => return mask_all_literals(text),
        Dialect::PostgreSql => Escapes::EPrefix,
    };
    masked(text, escapes, |previous, token| is_secret(text, previous, token))
}

/// Every literal replaced: for a text that may be read in two ways.
fn mask_all_literals(text: &[u8]) -> String {
    let first_quote = memchr::memchr2(b'\'', b'$', text).unwrap_or(text.len());
    let shown = String::from_utf8_lossy(text.get(..first_quote).unwrap_or_default()).into_owned();
    if first_quote < text.len() { shown + MASK } else { shown }
}

fn masked(text: &[u8], escapes: Escapes, hides: impl Fn(&[Token], Token) -> Option<String>) -> String {
    let mut shown = String::new();
    let mut from = 0_usize;
    let mut previous: Vec<Token> = Vec::with_capacity(3);
    let mut lexer = Lexer::new(text, escapes);
    let show =
        |range: std::ops::Range<usize>| String::from_utf8_lossy(text.get(range).unwrap_or_default()).into_owned();
    for token in lexer.by_ref() {
        if let Some(instead) = hides(&previous, token) {
            shown.push_str(&show(from..token.start));
            shown.push_str(&instead);
            from = token.end;
        }
        if previous.len() == 2 {
            previous.remove(0);
        }
        previous.push(token);
    }
    match lexer.trouble() {
        Some((_, at)) => {
            shown.push_str(&show(from..at));
            shown.push_str("***");
        }
        None => shown.push_str(&show(from..text.len())),
    }
    shown
}

/// What a token is replaced with, if it is a secret.
fn is_secret(text: &[u8], previous: &[Token], token: Token) -> Option<String> {
    let literal = literal::decode(text, token)?;
    let bytes = |token: &Token| text.get(token.start..token.end).unwrap_or_default().to_ascii_lowercase();
    let is_noise =
        |token: &&Token| token.kind == TokenKind::Symbol(b'=') || matches!(bytes(token).as_slice(), b"as" | b"to");
    let word = previous.iter().rev().find(|token| !is_noise(token)).map(bytes).unwrap_or_default();
    if SECRET_WORDS.iter().any(|secret| word == secret.as_bytes()) {
        return Some(MASK.to_owned());
    }
    if word == b"credentials" {
        return Some(format!("'{}'", credentials(&literal.to_text())));
    }
    let lower = literal.bytes.to_ascii_lowercase();
    let has_sign = SECRET_SIGNS.iter().any(|sign| memmem::find(&lower, sign.as_bytes()).is_some());
    has_sign.then(|| MASK.to_owned())
}

/// The pairs of CREDENTIALS with all values masked but roles.
fn credentials(text: &str) -> String {
    let pairs = text.split(';').map(|pair| match pair.split_once('=') {
        Some(("aws_iam_role", role)) if !role.to_ascii_lowercase().contains("key") => pair.to_owned(),
        Some((name, _)) if name.len() <= 32 => format!("{name}=***"),
        _ => "***".to_owned(),
    });
    pairs.collect::<Vec<_>>().join(";")
}
