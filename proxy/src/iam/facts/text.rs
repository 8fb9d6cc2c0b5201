//! Policy documents as text, parsed when they are needed: an organisation has hundreds of thousands, and few are ever looked at.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash, Hasher, RandomState},
    sync::{Arc, OnceLock, PoisonError},
};

use serde_json::Value as Json;

use crate::iam::policy::document::{Document, DocumentKind};

/// A document's text, JSON without blanks, and the parsed document once it was asked for.
#[derive(Debug)]
pub(crate) struct PolicyText {
    text: Box<str>,
    kind: DocumentKind,
    document: OnceLock<Box<Document>>,
}

impl PolicyText {
    /// Takes JSON without blanks.
    fn new(kind: DocumentKind, text: &str) -> Self {
        Self { text: text.into(), kind, document: OnceLock::new() }
    }

    /// The parsed policy document.
    pub(crate) fn document(&self) -> &Document {
        self.document.get_or_init(|| Box::new(self.parse()))
    }

    /// The document, parsed for this one call and not kept: for walks over all of them.
    pub(crate) fn parse(&self) -> Document {
        let value: Json = serde_json::from_str(&self.text).unwrap_or(Json::Null);
        Document::of(self.kind, &value, self.text.chars().count())
    }
}

/// Documents by text, so that equal ones are kept once, whichever accounts they stand in.
#[derive(Debug)]
pub(crate) struct Shelf {
    hasher: RandomState,
    /// Shared by the threads that read files, each of which holds one for a look-up.
    parts: Box<[std::sync::Mutex<HashSet<ByText>>]>,
}

/// Few enough to cost nothing, and enough that threads seldom wait for each other.
const PARTS: usize = 64;

#[derive(Debug)]
struct ByText(Arc<PolicyText>);

impl Hash for ByText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for ByText {}

impl std::borrow::Borrow<str> for ByText {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), parts: (0..PARTS).map(|_| std::sync::Mutex::default()).collect() }
    }

    /// The document of this kind with this text, JSON without blanks.
    pub(crate) fn share(&self, kind: DocumentKind, text: &str) -> Arc<PolicyText> {
        let place = usize::try_from(self.hasher.hash_one(text) % 64).unwrap_or_default();
        let Some(part) = self.parts.get(place) else { return Arc::new(PolicyText::new(kind, text)) };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ByText(known)) = part.get(text)
            && known.kind == kind
        {
            return Arc::clone(known);
        }
        let fresh = Arc::new(PolicyText::new(kind, text));
        part.insert(ByText(Arc::clone(&fresh)));
        fresh
    }
}

/// JSON without the blanks between its tokens.
pub(crate) fn without_blanks(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        if in_string {
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks() {
        assert_eq!(without_blanks(" { \"a b\" :\n[ 1 , \"\\\" \" ] }\t"), "{\"a b\":[1,\"\\\" \"]}");
    }

    #[test]
    fn equal_documents_are_one() {
        let shelf = Shelf::new();
        let (one, two) = (shelf.share(DocumentKind::Trust, "{}"), shelf.share(DocumentKind::Trust, "{}"));
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &shelf.share(DocumentKind::Permissions, "{}")), "of another kind");
    }
}
