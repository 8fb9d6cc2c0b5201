//! "Did you mean": the known word that a misspelled one comes close to, or none.

use crate::chain::distance;

/// More edits than this make another word.
const MAX_EDITS: usize = 2;

/// The known word that is most like `word`. Case and punctuation do not count, and a word of few letters may differ in few.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    let edits = MAX_EDITS.min(plain.chars().count() / 3);
    let like = |candidate: &'a str| (distance(&plain, &self::plain(candidate)), candidate);
    let near = known.into_iter().filter(|candidate| *candidate != word).map(like).filter(|(far, _)| *far <= edits);
    near.min().map(|(_, candidate)| candidate)
}

/// `; did you mean "etl"?`, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"))
}

fn plain(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn table() {
        let known = ["Copy", "Set", "Unload", "CreateExternalSchema", "analysts"];
        for (word, want) in [
            ("UNLOAD", Some("Unload")),
            ("create_external_schema", Some("CreateExternalSchema")),
            ("CreateExternalShema", Some("CreateExternalSchema")),
            ("Cpy", Some("Copy")),
            ("analyst", Some("analysts")),
            ("Sot", Some("Set")),
            ("Select", None),
            ("Drop", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }
}
