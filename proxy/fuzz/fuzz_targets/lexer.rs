//! Tokens are in order and in bounds; what stands between two of them is blank or comment; literals decode; the two
//! readings of quotes agree where there is no backslash.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolegate::sql::lexer::{Escapes, Lexer, TokenKind};
use rolegate::sql::literal;

fuzz_target!(|text: &[u8]| {
    let tokens = |escapes| {
        let mut lexer = Lexer::new(text, escapes);
        let tokens: Vec<_> = lexer.by_ref().collect();
        (tokens, lexer.trouble())
    };
    let (always, trouble) = tokens(Escapes::Always);
    let mut end = 0;
    for token in &always {
        assert!(token.start >= end && token.end > token.start && token.end <= text.len());
        let gap = &text[end..token.start];
        let is_blank = gap.iter().all(|byte| b" \t\r\n\x0c".contains(byte));
        assert!(is_blank || gap.windows(2).any(|pair| pair == b"--" || pair == b"/*"), "bytes are lost");
        if token.kind.is_literal() {
            let decoded = literal::decode(text, *token).expect("a literal decodes");
            assert!(decoded.bytes.len() <= token.end - token.start);
            if let Some(start) = decoded.verbatim {
                assert_eq!(&text[start..start + decoded.bytes.len()], decoded.bytes.as_ref());
            }
        }
        end = token.end;
    }
    if let Some((_, at)) = trouble {
        assert!(at >= end && at < text.len());
    }
    if !text.contains(&b'\\') {
        let (prefixed, other) = tokens(Escapes::EPrefix);
        assert_eq!(trouble, other);
        assert_eq!(always.len(), prefixed.len());
        for (one, two) in always.iter().zip(&prefixed) {
            assert_eq!((one.start, one.end), (two.start, two.end));
            assert!(one.kind == two.kind || (one.kind == TokenKind::Escaped && two.kind == TokenKind::Plain));
        }
    }
});
