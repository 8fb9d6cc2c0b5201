//! What words say of the statement they stand in.

use crate::sql::vocabulary::{
    Beginnings, DATA_OBJECTS, DEFINING_VERBS, MEANINGFUL, MODIFIERS, Meaning, NAMING_VERBS, OTHER_VERBS, QUERY_VERBS,
    READ_OBJECTS, Setting, UNREAD_OBJECTS, beginnings, either, may_be_one_of, meaning,
};

/// Whether `word` is `name`, which is in lower case. ASCII case does not count.
#[inline]
#[must_use]
pub fn is_same(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// Whether a word is one of a list in lower case.
#[must_use]
pub fn is_one_of(word: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| is_same(word, name))
}

/// Whether a word, quoted or not, names credentials.
#[must_use]
pub fn is_credential(word: &[u8]) -> bool {
    meaning(word) == Some(Meaning::Credential)
}

/// Which of the names that can change the session a word is.
#[must_use]
pub fn setting(name: &[u8]) -> Option<Setting> {
    match meaning(name) {
        Some(Meaning::Setting(setting)) => Some(setting),
        _ => None,
    }
}

/// Whether the inside of a quoted identifier makes its statement one that is to be judged: it names credentials, or what changes
/// the session.
#[must_use]
pub fn quoted_matters(name: &[u8]) -> bool {
    matches!(meaning(name), Some(Meaning::Credential | Meaning::Setting(_)))
}

/// What the first word of a statement says of what follows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Opening {
    #[default]
    Other,
    /// SET, RESET: the second word counts.
    Sets,
    /// CREATE and others whose literals are clauses.
    Defines,
}

/// What the lexer's pass over every statement remembers of the statement it is in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Head {
    tokens: u8,
    opening: Opening,
}

/// First words of statements that are always looked at.
const TOLD: [&str; 4] = ["call", "discard", "do", "execute"];

/// First words behind which the second says whether a statement is looked at, and those second words.
const SETTERS: [&str; 2] = ["reset", "set"];
const SET: [&str; 3] = ["local", "names", "session"];

/// Words behind SHOW that make it one that is looked at.
const SHOWN: [&str; 1] = ["databases"];

/// Where the words stand of which [`Head`] may say something.
const TELLING: Beginnings = {
    let mut telling = MEANINGFUL;
    let mut lists: &[&[&str]] = &[&DEFINING_VERBS, &READ_OBJECTS, &TOLD, &SETTERS, &SET, &SHOWN];
    while let Some((list, others)) = lists.split_first() {
        telling = either(&telling, &beginnings(list));
        lists = others;
    }
    telling
};

impl Head {
    /// Whether a word may make its statement one that is to be judged. Only words for which the grammar has to look
    /// closer are named here; a statement without any of them is plain.
    #[inline]
    pub fn meets(&mut self, word: &[u8]) -> bool {
        let place = self.tokens;
        self.tokens = place.saturating_add(1);
        may_be_one_of(word, &TELLING) && self.tells(word, place)
    }

    fn tells(&mut self, word: &[u8], place: u8) -> bool {
        match (place, self.opening) {
            (0, _) => self.opens(word),
            (1..=3, Opening::Defines) if is_one_of(word, &READ_OBJECTS) => true,
            (1, Opening::Defines) if is_one_of(word, &SHOWN) => true,
            (1, Opening::Sets) if is_one_of(word, &SET) => true,
            _ => meaning(word).is_some(),
        }
    }

    /// The first word.
    fn opens(&mut self, word: &[u8]) -> bool {
        if is_one_of(word, &DEFINING_VERBS) {
            self.opening = Opening::Defines;
        } else if is_one_of(word, &SETTERS) {
            self.opening = Opening::Sets;
        } else if is_one_of(word, &TOLD) {
            return true;
        }
        meaning(word).is_some()
    }

    /// Whether a word, which is met next, begins a statement that may change how names resolve, or what has them.
    #[inline]
    #[must_use]
    pub fn turns(&self, word: &[u8]) -> bool {
        self.tokens == 0 && is_one_of(word, &["set", "reset", "use", "alter", "drop"])
    }

    /// Whether literals of the statement are clauses, in which a role's ARN matters.
    #[inline]
    #[must_use]
    pub fn defines(&self) -> bool {
        self.opening == Opening::Defines
    }

    /// Whether place no longer counts: from here on, those words matter that mean something wherever they stand.
    #[inline]
    #[must_use]
    pub const fn is_past(&self) -> bool {
        self.tokens > 3
    }

    /// A token that is no word.
    #[inline]
    pub fn other(&mut self) {
        self.tokens = self.tokens.saturating_add(1);
    }
}

/// What the first word of a statement says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// A statement that only ever names columns and tables.
    Naming,
    /// Another statement that the server knows.
    Known,
    /// No statement that the gate knows of.
    Unknown,
}

/// Says what a statement is by its first words, as long as it is no carrier.
#[must_use]
pub fn verb(words: &[&[u8]]) -> Verb {
    match words.split_first() {
        Some((first, _)) if is_one_of(first, &NAMING_VERBS) => Verb::Naming,
        Some((first, _)) if is_one_of(first, &["create", "alter"]) => match made(words) {
            Some(object) if is_one_of(object, &DATA_OBJECTS) || is_same(object, "table") => Verb::Naming,
            _ => Verb::Known,
        },
        Some((first, _)) if is_one_of(first, &OTHER_VERBS) => Verb::Known,
        _ => Verb::Unknown,
    }
}

/// Whether a statement in parentheses can begin so.
#[must_use]
pub fn is_query(words: &[&[u8]]) -> bool {
    words.first().is_some_and(|first| is_one_of(first, &QUERY_VERBS))
}

/// Whether a role's ARN in a literal of the statement is the role of something, unless it stands where the grammar knows it to
/// be data.
#[must_use]
pub fn defines(words: &[&[u8]]) -> bool {
    words.first().is_some_and(|first| is_one_of(first, &DEFINING_VERBS))
        && !made(words).is_some_and(|object| is_one_of(object, &UNREAD_OBJECTS))
}

/// The word of CREATE or ALTER that says what is made.
#[must_use]
pub fn made<'t>(words: &[&'t [u8]]) -> Option<&'t [u8]> {
    let (first, others) = words.split_first()?;
    let makes = is_one_of(first, &["create", "alter"]);
    others.iter().find(|word| !is_one_of(word, &MODIFIERS)).copied().filter(|_| makes)
}

#[cfg(test)]
mod tests {
    use super::{Head, Verb, defines, is_credential, verb};

    #[test]
    fn credential_words_fold_ascii_case_only() {
        assert!(is_credential(b"IAM_Role"));
        assert!(is_credential(b"secret_ACCESS_key"));
        assert!(!is_credential("\u{131}am_role".as_bytes()));
        assert!(!is_credential(b"iam_roles"));
    }

    #[test]
    fn some_words_count_at_the_head_only() {
        let meets = |words: &[&str]| {
            let mut head = Head::default();
            words.iter().any(|word| head.meets(word.as_bytes()))
        };
        for told in [
            &["call"][..],
            &["do"],
            &["set", "names"],
            &["SET", "client_encoding"],
            &["set", "session"],
            &["reset", "session"],
            &["create", "procedure"],
            &["create", "or", "replace", "procedure"],
            &["create", "function"],
            &["alter", "external"],
            &["show", "databases"],
            &["select", "copy"],
            &["discard"],
            &["execute"],
        ] {
            assert!(meets(told), "{told:?}");
        }
        for plain in [
            &["select", "call"][..],
            &["select", "do"],
            &["select", "execute"],
            &["set", "application_name"],
            &["select", "names"],
            &["create", "table", "model_x"],
            &["drop", "procedure"],
            &["select", "external"],
            &["show", "datestyle"],
        ] {
            assert!(!meets(plain), "{plain:?}");
        }
    }

    #[test]
    fn what_is_made_decides_what_literals_are() {
        let words = |text: &'static str| text.split(' ').map(str::as_bytes).collect::<Vec<_>>();
        for (text, said, clauses) in [
            ("create or replace view", Verb::Naming, true),
            ("create materialized view", Verb::Naming, true),
            ("create rls policy", Verb::Naming, true),
            ("create function", Verb::Naming, true),
            ("create trigger", Verb::Naming, false),
            ("create schema policy", Verb::Known, true),
            ("create temp table", Verb::Naming, true),
            ("alter user view", Verb::Known, true),
            ("create integration i", Verb::Known, true),
            ("grant select", Verb::Naming, true),
            ("insert into", Verb::Naming, false),
            ("frobnicate", Verb::Unknown, false),
        ] {
            assert_eq!((verb(&words(text)), defines(&words(text))), (said, clauses), "{text}");
        }
    }
}
