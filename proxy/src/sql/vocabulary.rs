//! Words with a meaning to the gate, each written once. Whatever scans for them (first letters, lengths, the shortest) is derived
//! from these lists when the crate is built, so a new word is one entry.

/// What a word means wherever it stands in a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// The first word of a carrier. Quoted, it is a name.
    Verb,
    /// It names credentials.
    Credential,
    /// It can change the session.
    Setting(Setting),
}

/// What a name, quoted or not, can do to the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// `client_encoding`.
    Encoding,
    /// `session_authorization`.
    User,
    /// `search_path`.
    SearchPath,
    /// `set_config`.
    Call,
    /// `pg_settings`: an UPDATE of it is a `set_config`.
    View,
}

/// A word in lower case, and what it means.
pub type Entry = (&'static str, Meaning);

/// Every word that makes its statement one to be read, wherever it stands in it.
pub const WORDS: [Entry; 14] = sorted([
    ("copy", Meaning::Verb),
    ("unload", Meaning::Verb),
    ("iam_role", Meaning::Credential),
    ("assumerole", Meaning::Credential),
    ("credentials", Meaning::Credential),
    ("catalog_role", Meaning::Credential),
    ("access_key_id", Meaning::Credential),
    ("session_token", Meaning::Credential),
    ("secret_access_key", Meaning::Credential),
    ("set_config", Meaning::Setting(Setting::Call)),
    ("search_path", Meaning::Setting(Setting::SearchPath)),
    ("pg_settings", Meaning::Setting(Setting::View)),
    ("client_encoding", Meaning::Setting(Setting::Encoding)),
    ("session_authorization", Meaning::Setting(Setting::User)),
]);

/// The letters that [`WORDS`] begin with, in lower case, each once.
pub const FIRST_LETTERS: [u8; count_first_letters(&WORDS)] = first_letters(&WORDS);

/// The length of the shortest of [`WORDS`].
pub const SHORTEST_WORD: u32 = shortest(&WORDS, true);

/// The length of the shortest of [`WORDS`] that keeps its meaning in quotes.
pub const SHORTEST_NAME: u32 = shortest(&WORDS, false);

/// Where the words of each length stand in [`WORDS`], which are sorted by length; the last place is for all longer words.
const PLACES: [u8; LENGTHS] = places(&WORDS);
const LENGTHS: usize = 64;

/// The letters that words of a list begin with, by their length: one bit for each letter. Most words are told from a list's by
/// these two alone.
pub type Beginnings = [u32; LENGTHS];

/// Those of [`WORDS`].
pub const MEANINGFUL: Beginnings = {
    let mut names = [""; WORDS.len()];
    let (mut rest, mut words): (&mut [&str], &[Entry]) = (&mut names, &WORDS);
    while let (Some((name, others)), Some((word, further))) = (rest.split_first_mut(), words.split_first()) {
        *name = word.0;
        (rest, words) = (others, further);
    }
    beginnings(&names)
};

/// Whether a word has the length and the first letter of one of a list's words; ASCII case does not count.
#[inline]
#[must_use]
pub fn may_be_one_of(word: &[u8], list: &Beginnings) -> bool {
    let letters = list.get(word.len()).copied().unwrap_or(0);
    word.first().is_some_and(|first| letters & letter(*first) != 0)
}

/// What a word means. ASCII case does not count.
#[inline]
#[must_use]
pub fn meaning(word: &[u8]) -> Option<Meaning> {
    if may_be_one_of(word, &MEANINGFUL) { find(word) } else { None }
}

fn find(word: &[u8]) -> Option<Meaning> {
    let place = *PLACES.get(word.len())?;
    let mut same_length = WORDS.iter().skip(usize::from(place)).take_while(|(name, _)| name.len() == word.len());
    same_length.find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, meaning)| *meaning)
}

/// The credential words.
pub fn credential_words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().filter(|(_, meaning)| matches!(meaning, Meaning::Credential)).map(|(word, _)| *word)
}

const NOWHERE: u8 = u8::MAX;

/// The [`Beginnings`] of two lists together.
#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
#[must_use]
pub const fn either(one: &Beginnings, other: &Beginnings) -> Beginnings {
    let mut letters = *one;
    let mut length = 0;
    while length < LENGTHS {
        letters[length] |= other[length];
        length += 1;
    }
    letters
}

/// The bit of a letter, in either case. Other bytes share the bits; the words themselves tell.
const fn letter(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// The [`Beginnings`] of a list.
#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
#[must_use]
pub const fn beginnings(words: &[&str]) -> Beginnings {
    let mut letters = [0; LENGTHS];
    let mut at = 0;
    while at < words.len() {
        letters[words[at].len()] |= letter(words[at].as_bytes()[0]);
        at += 1;
    }
    letters
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
const fn sorted<const COUNT: usize>(mut words: [Entry; COUNT]) -> [Entry; COUNT] {
    let mut end = 1;
    while end < COUNT {
        let mut at = end;
        while at > 0 && words[at - 1].0.len() > words[at].0.len() {
            (words[at - 1], words[at]) = (words[at], words[at - 1]);
            at -= 1;
        }
        end += 1;
    }
    words
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
const fn places(words: &[Entry]) -> [u8; LENGTHS] {
    let mut places = [NOWHERE; LENGTHS];
    let (mut at, mut place) = (0, 0_u8);
    while at < words.len() {
        let length = words[at].0.len();
        if places[length] == NOWHERE {
            places[length] = place;
        }
        at += 1;
        place += 1;
    }
    places
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
const fn is_first_of_its_letter(words: &[Entry], at: usize) -> bool {
    let mut before = 0;
    while before < at {
        if words[before].0.as_bytes()[0] == words[at].0.as_bytes()[0] {
            return false;
        }
        before += 1;
    }
    true
}

const fn count_first_letters(words: &[Entry]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < words.len() {
        if is_first_of_its_letter(words, at) {
            count += 1;
        }
        at += 1;
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
const fn first_letters<const COUNT: usize>(words: &[Entry]) -> [u8; COUNT] {
    let mut letters = [0; COUNT];
    let (mut at, mut count) = (0, 0);
    while at < words.len() {
        if is_first_of_its_letter(words, at) {
            letters[count] = words[at].0.as_bytes()[0];
            count += 1;
        }
        at += 1;
    }
    letters
}

#[expect(clippy::indexing_slicing, reason = "runs when the crate is built: a wrong index fails the build")]
const fn shortest(words: &[Entry], verbs_too: bool) -> u32 {
    let (mut at, mut least) = (0, u32::MAX);
    while at < words.len() {
        let mut length = 0;
        while (words[at].0.len() >> length) > 0 {
            length += 1;
        }
        // The greatest power of two that is not longer than the word: runs of letters are found by doubling.
        let run = 1_u32 << (length - 1);
        if (verbs_too || !matches!(words[at].1, Meaning::Verb)) && run < least {
            least = run;
        }
        at += 1;
    }
    least
}

/// First words of statements in which a credential word can only be the name of a column or table.
pub const NAMING_VERBS: [&str; 48] = [
    "abort",
    "analyze",
    "analyse",
    "begin",
    "cancel",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "deallocate",
    "declare",
    "delete",
    "desc",
    "describe",
    "discard",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "insert",
    "listen",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "use",
    "vacuum",
    "values",
    "with",
];

/// First words of queries, which may stand in parentheses.
pub const QUERY_VERBS: [&str; 4] = ["select", "with", "values", "table"];

/// First words of the remaining statements of Redshift and PostgreSQL.
pub const OTHER_VERBS: [&str; 14] = [
    "alter", "attach", "call", "copy", "create", "detach", "do", "import", "load", "reassign", "security", "undrop",
    "unload", "wait",
];

/// First words of statements whose literals are clauses unless the grammar knows better: a role's ARN in one of them is the
/// role of something.
pub const DEFINING_VERBS: [&str; 7] = ["alter", "copy", "create", "grant", "revoke", "show", "unload"];

/// What CREATE and ALTER may be followed by before the word that says what is made.
pub const MODIFIERS: [&str; 16] = [
    "or",
    "replace",
    "local",
    "global",
    "temp",
    "temporary",
    "unlogged",
    "materialized",
    "recursive",
    "rls",
    "masking",
    "unique",
    "constraint",
    "foreign",
    "event",
    "if",
];

/// What CREATE and ALTER make in which a literal is data: part of a query, an expression or a comment.
pub const DATA_OBJECTS: [&str; 9] =
    ["view", "aggregate", "index", "rule", "trigger", "policy", "type", "operator", "function"];

/// Those of them that are PostgreSQL's alone, in which literals are not looked at.
pub const UNREAD_OBJECTS: [&str; 6] = ["aggregate", "index", "rule", "trigger", "type", "operator"];

/// Words by which a statement of CREATE is read by its grammar, within its first four.
pub const READ_OBJECTS: [&str; 9] =
    ["aggregate", "external", "function", "identity", "library", "model", "procedure", "routine", "template"];

#[cfg(test)]
mod tests {
    use super::{Entry, FIRST_LETTERS, Meaning, WORDS, first_letters, meaning, places, shortest, sorted};

    #[test]
    fn every_word_is_found_in_any_case() {
        for (word, means) in WORDS {
            assert_eq!(meaning(word.as_bytes()), Some(means), "{word}");
            assert_eq!(meaning(word.to_ascii_uppercase().as_bytes()), Some(means), "{word}");
            assert_eq!(meaning(format!("{word}s").as_bytes()), None, "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word} is a lower-case word");
            assert!(FIRST_LETTERS.iter().any(|letter| word.as_bytes().first() == Some(letter)), "{word}");
        }
        assert_eq!(meaning(b""), None);
        assert_eq!(meaning(&[b'a'; 100]), None);
    }

    /// A list of other words gives what scanning for it needs.
    #[test]
    fn a_new_word_is_one_entry() {
        let words: [Entry; 4] = sorted([
            ("role_arn", Meaning::Credential),
            ("unload", Meaning::Verb),
            ("run", Meaning::Verb),
            ("zone", Meaning::Credential),
        ]);
        assert_eq!(words.map(|(word, _)| word), ["run", "zone", "unload", "role_arn"]);
        let letters: [u8; 3] = first_letters(&words);
        assert_eq!(letters, *b"rzu");
        assert_eq!((shortest(&words, true), shortest(&words, false)), (2, 4));
        let places = places(&words);
        assert_eq!(
            (places.get(3), places.get(4), places.get(6), places.get(8)),
            (Some(&0), Some(&1), Some(&2), Some(&3))
        );
    }
}
