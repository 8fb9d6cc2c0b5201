//! A body in dollar quotes and the same body in single quotes carry the same roles, and a COPY behind any body is seen.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolegate::sql::{Dialect, Method, Reading, read};

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

fuzz_target!(|body: &[u8]| {
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
    assert_eq!(uses(&dollar), uses(&quoted));
    let after = [dollar.as_slice(), b"; copy t from 's3://b/k' iam_role default"].concat();
    assert!(uses(&after).0.contains(&Method::Default));
});
