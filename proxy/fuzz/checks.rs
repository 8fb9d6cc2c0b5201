//! What must hold of any bytes. The fuzz targets call it with what the fuzzer makes up; the test `fuzz_inputs` calls it with the
//! inputs kept in `seeds/` and `found/`, on every run of the tests.

use rolegate::sql::lexer::{Escapes, Lexer, TokenKind};
use rolegate::sql::{Dialect, Method, Reading, Statement, literal, mask, read};
use rolegate::wire::startup::StartupMessage;
use rolegate::wire::{frame, message};

/// Tokens are in order and in bounds; what stands between two of them is blank or comment; literals decode; the two
/// readings of quotes agree where there is no backslash.
pub fn lexer(text: &[u8]) {
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
}

fn found(text: &[u8], dialect: Dialect) -> Vec<Statement> {
    match read(text, dialect) {
        Reading::Plain => Vec::new(),
        Reading::Analysed(analysis) => analysis.statements,
    }
}

fn methods(statements: &[Statement]) -> Vec<Method> {
    statements.iter().flat_map(|statement| statement.role_uses.iter().map(|role_use| role_use.method.clone())).collect()
}

/// Spans are in bounds; a comment at the end, or an empty statement before, changes nothing that was found; a text in front of
/// which a carrier stands is never plain; masking shows no access key.
pub fn extraction(text: &[u8]) {
    for dialect in [Dialect::Redshift, Dialect::PostgreSql] {
        let plain = found(text, dialect);
        for statement in &plain {
            assert!(statement.span.start <= statement.span.end && statement.span.end <= text.len());
            for span in
                statement.role_uses.iter().map(|one| &one.span).chain(statement.faults.iter().map(|one| &one.span))
            {
                assert!(span.start <= span.end && span.end <= text.len(), "{span:?}");
            }
        }
        let is_whole = plain.iter().all(|statement| statement.faults.is_empty());
        if is_whole {
            let before = [b"; /* x /* y */ z */ ;".as_slice(), text].concat();
            assert_eq!(methods(&plain), methods(&found(&before, dialect)));
        }
        let carrier = [b"copy t from 's3://b/k' iam_role default; ".as_slice(), text].concat();
        assert!(!found(&carrier, dialect).is_empty());
        let secret =
            [b"copy t from 's3://b/k' access_key_id 'AKIA' secret_access_key 'hidden0123'; ".as_slice(), text].concat();
        if !text.windows(10).any(|part| part == b"hidden0123") {
            assert!(!mask(&secret).contains("hidden0123"));
        }
    }
}

fn uses(text: &[u8]) -> (Vec<Method>, usize) {
    match read(text, Dialect::Redshift) {
        Reading::Plain => (Vec::new(), 0),
        Reading::Analysed(analysis) => {
            let faults = analysis.statements.iter().map(|statement| statement.faults.len()).sum();
            let uses = analysis.statements.into_iter().flat_map(|statement| statement.role_uses);
            (uses.map(|role_use| role_use.method).collect(), faults)
        }
    }
}

/// A body in dollar quotes and the same body in single quotes carry the same roles, and a COPY behind any body is seen.
pub fn bodies(body: &[u8]) {
    if body.windows(3).any(|part| part == b"$b$") || body.ends_with(b"$b") || body.contains(&0) {
        return;
    }
    let dollar = [b"create procedure p() as $b$".as_slice(), body, b"$b$ language plpgsql"].concat();
    let mut quoted = b"create procedure p() as '".to_vec();
    for byte in body {
        if matches!(byte, b'\'' | b'\\') {
            quoted.push(*byte);
        }
        quoted.push(*byte);
    }
    quoted.extend_from_slice(b"' language plpgsql");
    let (one, two) = (uses(&dollar), uses(&quoted));
    if body.contains(&b'\\') {
        // Where a backslash is none in a string, the body in single quotes is another one: what it carries stands beside.
        assert!(two.0.starts_with(&one.0) || one.1 > 0 || two.1 > 0);
    } else {
        assert_eq!(one, two);
    }
    let after = [dollar.as_slice(), b"; copy t from 's3://b/k' iam_role default"].concat();
    assert!(uses(&after).0.contains(&Method::Default));
}

/// Headers, messages and start-up packets: nothing panics, and what is found lies within the bytes.
pub fn frames(bytes: &[u8]) {
    if let Ok(Some(header)) = frame::header(bytes) {
        assert!(header.frame_bytes() >= frame::HEADER_BYTES);
        assert!(header.frame_bytes() <= frame::HEADER_BYTES + frame::MAX_BODY_BYTES);
    }
    for parsed in [message::query(bytes), message::parse(bytes)].into_iter().flatten() {
        assert!(parsed.name.is_none_or(|name| name.end <= bytes.len()) && parsed.text.end <= bytes.len());
        assert!(!bytes[parsed.text].contains(&0));
    }
    if let Ok(bind) = message::bind(bytes) {
        assert!(bind.statement.end <= bytes.len());
        assert!(bind.values.iter().all(|value| value.start <= value.end && value.end <= bytes.len()));
    }
    if let Ok(Some(name)) = message::close(bytes) {
        assert!(name.end <= bytes.len());
    }
    if let Ok(startup) = StartupMessage::read(bytes) {
        assert!(startup.packet.len() <= bytes.len());
    }
}
