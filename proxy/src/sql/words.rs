//! The words that decide what a statement is.

/// Words that name credentials wherever they stand.
const CREDENTIAL_WORDS: [&[u8]; 7] = [
    b"iam_role",
    b"assumerole",
    b"credentials",
    b"catalog_role",
    b"access_key_id",
    b"session_token",
    b"secret_access_key",
];

/// Whether a word, quoted or not, names credentials. ASCII case does not count.
#[must_use]
pub fn is_credential(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 10..=13 | 17) && CREDENTIAL_WORDS.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// What a name, quoted or not, can do to the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// `client_encoding`.
    Encoding,
    /// `session_authorization`.
    User,
    /// `set_config`.
    Call,
    /// `pg_settings`: an UPDATE of it is a `set_config`.
    View,
}

/// Which of the names that can change the session's encoding or user a word is. ASCII case does not count.
#[must_use]
pub fn setting(name: &[u8]) -> Option<Setting> {
    let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
    match name.len() {
        10 if is(b"set_config") => Some(Setting::Call),
        11 if is(b"pg_settings") => Some(Setting::View),
        15 if is(b"client_encoding") => Some(Setting::Encoding),
        21 if is(b"session_authorization") => Some(Setting::User),
        _ => None,
    }
}

/// Whether the inside of a quoted identifier makes its statement one that is to be judged: it names credentials, or what changes
/// the session.
#[must_use]
pub fn quoted_matters(name: &[u8]) -> bool {
    is_credential(name) || setting(name).is_some()
}

/// Whether a word makes its statement one that is to be judged wherever it stands in it.
#[must_use]
pub fn matters_anywhere(word: &[u8]) -> bool {
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    match word.len() {
        4 => is(b"copy"),
        6 => is(b"unload"),
        _ => quoted_matters(word),
    }
}

/// Whether a credential word stands anywhere in bytes that cannot be lexed.
#[must_use]
pub fn holds_credential_word(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    CREDENTIAL_WORDS.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// What the lexer's pass over every statement remembers of the statement it is in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Head {
    tokens: u8,
    sets: bool,
}

impl Head {
    /// Whether a word may make its statement one that is to be judged. Only words for which the grammar has to look
    /// closer are named here; a statement without any of them is plain.
    #[inline]
    pub fn meets(&mut self, word: &[u8]) -> bool {
        let place = self.tokens;
        self.tokens = place.saturating_add(1);
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        match (word.len(), place) {
            (2, 0) => is(b"do"),
            (3, 0) => {
                self.sets = is(b"set");
                false
            }
            (5, 0) => {
                self.sets = is(b"reset");
                false
            }
            (4, 0) if is(b"call") => true,
            (5, 1) => self.sets && (is(b"names") || is(b"local")),
            (7, 0) => is(b"discard"),
            (7, 1) => is(b"library") || (self.sets && is(b"session")),
            (7, 3) => is(b"library"),
            (9, 1 | 3) => is(b"procedure"),
            _ => matters_anywhere(word),
        }
    }

    /// Whether place no longer counts: from here on, those words matter of which [`matters_anywhere`] says so.
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

/// First words of statements in which a credential word can only be the name of a column or table.
const NAMING_VERBS: [&[u8]; 48] = [
    b"abort",
    b"analyze",
    b"analyse",
    b"begin",
    b"cancel",
    b"checkpoint",
    b"close",
    b"cluster",
    b"comment",
    b"commit",
    b"deallocate",
    b"declare",
    b"delete",
    b"desc",
    b"describe",
    b"discard",
    b"drop",
    b"end",
    b"execute",
    b"explain",
    b"fetch",
    b"grant",
    b"insert",
    b"listen",
    b"lock",
    b"merge",
    b"move",
    b"notify",
    b"prepare",
    b"refresh",
    b"reindex",
    b"release",
    b"reset",
    b"revoke",
    b"rollback",
    b"savepoint",
    b"select",
    b"set",
    b"show",
    b"start",
    b"table",
    b"truncate",
    b"unlisten",
    b"update",
    b"use",
    b"vacuum",
    b"values",
    b"with",
];

/// First words of the remaining statements of Redshift and PostgreSQL.
const OTHER_VERBS: [&[u8]; 14] = [
    b"alter",
    b"attach",
    b"call",
    b"copy",
    b"create",
    b"detach",
    b"do",
    b"import",
    b"load",
    b"reassign",
    b"security",
    b"undrop",
    b"unload",
    b"wait",
];

/// What CREATE and ALTER must be followed by, within a few words, to be such statements too.
const NAMING_OBJECTS: [&[u8]; 10] =
    [b"table", b"view", b"function", b"aggregate", b"index", b"rule", b"trigger", b"policy", b"type", b"operator"];

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
    let is_in = |word: &[u8], list: &[&[u8]]| list.iter().any(|name| word.eq_ignore_ascii_case(name));
    let Some((first, others)) = words.split_first() else { return Verb::Unknown };
    let makes = first.eq_ignore_ascii_case(b"create") || first.eq_ignore_ascii_case(b"alter");
    match makes {
        _ if is_in(first, &NAMING_VERBS) => Verb::Naming,
        true if others.iter().any(|word| is_in(word, &NAMING_OBJECTS)) => Verb::Naming,
        _ if is_in(first, &OTHER_VERBS) => Verb::Known,
        _ => Verb::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Head, holds_credential_word, is_credential};

    #[test]
    fn credential_words_fold_ascii_case_only() {
        assert!(is_credential(b"IAM_Role"));
        assert!(is_credential(b"secret_ACCESS_key"));
        assert!(!is_credential("\u{131}am_role".as_bytes()));
        assert!(!is_credential(b"iam_roles"));
        assert!(holds_credential_word(b"'x Iam_Role"));
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
            &["select", "copy"],
            &["discard"],
        ] {
            assert!(meets(told), "{told:?}");
        }
        for plain in [&["select", "call"][..], &["select", "do"], &["set", "application_name"], &["select", "names"]] {
            assert!(!meets(plain), "{plain:?}");
        }
    }
}
