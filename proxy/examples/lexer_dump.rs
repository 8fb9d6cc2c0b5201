//! Shows what the lexer makes of texts, for comparison with a server: lines of hexadecimal in, one JSON object a line out,
//! `{"statements": n, "literals": [hex], "trouble": text or null}`.

use std::io::{self, BufRead, Write};

use rolegate::sql::lexer::{Escapes, Lexer, TokenKind};
use rolegate::sql::literal;

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

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let text = bytes(&line?);
        let mut lexer = Lexer::new(&text, Escapes::Always);
        let tokens: Vec<_> = lexer.by_ref().collect();
        let statements =
            tokens.split(|token| token.kind == TokenKind::Symbol(b';')).filter(|part| !part.is_empty()).count();
        let literals = tokens.iter().filter_map(|token| literal::decode(&text, *token)).map(|found| hex(&found.bytes));
        let trouble = lexer.trouble().map(|(trouble, _)| trouble.as_str());
        let shown = serde_json::json!({
            "statements": statements,
            "literals": literals.collect::<Vec<_>>(),
            "trouble": trouble,
        });
        writeln!(out, "{shown}")?;
    }
    out.flush()
}
