//! When two spellings are one name to some server: letters in quotes are folded by one and kept by another, and what is too long is
//! cut off. Source: "Names and identifiers", Amazon Redshift Database Developer Guide; PostgreSQL's `scansup.c`.

/// Bytes of a name that count on every server. PostgreSQL keeps 63 and Redshift 127, and neither cuts through a character.
const COUNTED_BYTES: usize = 60;

/// What stands for a name in comparisons. Names that some server takes for one have one key; others may share it, so whoever compares
/// keys must refuse more, and not less, when two are the same.
#[must_use]
pub fn key(name: &str) -> String {
    let mut end = 0_usize;
    let counted = name.chars().take_while(|letter| {
        end = end.saturating_add(letter.len_utf8());
        end <= COUNTED_BYTES
    });
    counted.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn names_that_a_server_takes_for_one_have_one_key() {
        let long = |rest: &str| format!("n{}{rest}", "x".repeat(62));
        let very_long = |rest: &str| format!("n{}{rest}", "x".repeat(126));
        let cut = |rest: &str| format!("{}\u{e9}{rest}", "x".repeat(62));
        for (one, other) in [
            ("quote_ident".to_owned(), "Quote_IDENT".to_owned()),
            (long(""), long("yy")),
            (very_long("a"), very_long("b")),
            (cut("a"), "x".repeat(62)),
            ("\u{c9}t\u{e9}".to_owned(), "\u{e9}T\u{c9}".to_owned()),
        ] {
            assert_eq!(key(&one), key(&other), "{one} {other}");
        }
        for (one, other) in [("n", "m"), ("n", "nn"), ("", "n"), ("a b", "ab")] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }
}
