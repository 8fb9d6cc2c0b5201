//! Shows what the lexer and the reader make of texts, for comparison with a server and with another scanner: lines of
//! hexadecimal in, one JSON object a line out, `{"statements": n, "literals": [hex], "trouble": text or null, "tokens": [[kind,
//! start, end]], "plain": bool, "roles": [chain or word], "faults": [word]}`. Symbols are left out of the tokens.

use std::io::{self, BufRead, Write};

use rolegate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
use rolegate::sql::literal;
use rolegate::sql::{Dialect, Method, Reading, Statement, is_plain, read};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn kind(token: &Token) -> Option<&'static str> {
    match token.kind {
        TokenKind::Word => Some("word"),
        TokenKind::Quoted => Some("quoted"),
        TokenKind::Escaped | TokenKind::Plain | TokenKind::Dollar => Some("literal"),
        TokenKind::Bits => Some("bits"),
        TokenKind::Number => Some("number"),
        TokenKind::Parameter => Some("parameter"),
        TokenKind::Symbol(_) => None,
    }
}

fn statements(text: &[u8]) -> Vec<Statement> {
    match read(text, Dialect::Redshift) {
        Reading::Plain => Vec::new(),
        Reading::Analysed(analysis) => analysis.statements,
    }
}

fn role(method: &Method) -> String {
    match method {
        Method::Chain(chain) => chain.clone(),
        other => other.as_str().to_owned(),
    }
}

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let text = bytes(&line?);
        let mut lexer = Lexer::new(&text, Escapes::Always);
        let tokens: Vec<_> = lexer.by_ref().collect();
        let count = tokens.split(|token| token.kind == TokenKind::Symbol(b';')).filter(|part| !part.is_empty()).count();
        let literals = tokens.iter().filter_map(|token| literal::decode(&text, *token)).map(|found| hex(&found.bytes));
        let trouble = lexer.trouble().map(|(trouble, _)| trouble.as_str());
        let found = statements(&text);
        let uses = found.iter().flat_map(|statement| &statement.role_uses);
        let faults = found.iter().flat_map(|statement| &statement.faults);
        let shown = serde_json::json!({
            "statements": count,
            "literals": literals.collect::<Vec<_>>(),
            "trouble": trouble,
            "tokens": tokens.iter().filter_map(|it| Some((kind(it)?, it.start, it.end))).collect::<Vec<_>>(),
            "plain": is_plain(&text, Dialect::Redshift),
            "roles": uses.map(|it| role(&it.method)).collect::<Vec<_>>(),
            "faults": faults.map(|it| it.kind.as_str()).collect::<Vec<_>>(),
        });
        writeln!(out, "{shown}")?;
    }
    out.flush()
}
