//! Spans are in bounds; a comment at the end, or an empty statement before, changes nothing that was found; a text in front of
//! which a carrier stands is never plain; masking shows no access key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolegate::sql::{Dialect, Method, Reading, Statement, mask, read};

fn found(text: &[u8], dialect: Dialect) -> Vec<Statement> {
    match read(text, dialect) {
        Reading::Plain => Vec::new(),
        Reading::Analysed(analysis) => analysis.statements,
    }
}

fn methods(statements: &[Statement]) -> Vec<Method> {
    statements.iter().flat_map(|statement| statement.role_uses.iter().map(|role_use| role_use.method.clone())).collect()
}

fuzz_target!(|text: &[u8]| {
    for dialect in [Dialect::Redshift, Dialect::PostgreSql] {
        let plain = found(text, dialect);
        for statement in &plain {
            assert!(statement.span.start <= statement.span.end && statement.span.end <= text.len());
            for span in statement.role_uses.iter().map(|one| &one.span).chain(statement.faults.iter().map(|one| &one.span)) {
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
        let secret = [b"copy t from 's3://b/k' access_key_id 'AKIA' secret_access_key 'hidden0123'; ".as_slice(), text].concat();
        if !text.windows(10).any(|part| part == b"hidden0123") {
            assert!(!mask(&secret, dialect).contains("hidden0123"));
        }
    }
});
