//! Numbers and what they count, as people write them.

use std::fmt::Display;

/// A number of things, with an `s` behind their name unless it is one.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, name: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        let said = [0_usize, 1, 2].map(|number| counted(number, "record"));
        assert_eq!(said, ["0 records", "1 record", "2 records"]);
    }
}
