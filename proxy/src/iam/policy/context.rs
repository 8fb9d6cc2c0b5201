//! What is known about one request: condition keys and their values.

use std::{cell::Cell, collections::HashMap};

/// The value of one condition key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum KeyValue {
    /// The request surely does not carry the key.
    Absent,
    /// Whether the request carries the key, or with which value, is not known.
    Unknown,
    /// A key of one value.
    One(String),
    /// A key that takes several values, with those that it has.
    Many(Vec<String>),
}

impl KeyValue {
    /// A known value, or `Unknown`.
    pub(crate) fn known(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Unknown, |text| Self::One(text.into()))
    }
}

/// What holds for keys that are not listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unlisted {
    /// The list is complete.
    Absent,
    /// Keys of `AssumeRole` and global keys are unknown, those of other services are absent.
    ByPrefix,
}

/// The condition keys of one request.
#[derive(Debug)]
pub(crate) struct RequestContext {
    values: HashMap<String, KeyValue>,
    unlisted: Unlisted,
    time_was_read: Cell<bool>,
}

/// Families of keys of which a request has those that are listed, and no others.
const COMPLETE: &[&str] = &["aws:principaltag/", "aws:requesttag/", "aws:resourcetag/"];

impl RequestContext {
    pub(crate) fn new(unlisted: Unlisted) -> Self {
        Self { values: HashMap::new(), unlisted, time_was_read: Cell::new(false) }
    }

    /// Sets a key; names of keys ignore case.
    pub(crate) fn set(&mut self, key: &str, value: KeyValue) {
        self.values.insert(key.to_lowercase(), value);
    }

    /// Sets a key to one value.
    pub(crate) fn set_text(&mut self, key: &str, value: impl Into<String>) {
        self.set(key, KeyValue::One(value.into()));
    }

    /// The value of a key, whose name is in lower case.
    pub(crate) fn value(&self, key: &str) -> &KeyValue {
        if matches!(key, "aws:currenttime" | "aws:epochtime" | "aws:tokenissuetime") {
            self.time_was_read.set(true);
        }
        if let Some(value) = self.values.get(key) {
            return value;
        }
        let is_known_absent = match self.unlisted {
            Unlisted::Absent => true,
            Unlisted::ByPrefix => !key.starts_with("aws:") || COMPLETE.iter().any(|prefix| key.starts_with(prefix)),
        };
        if is_known_absent { &KeyValue::Absent } else { &KeyValue::Unknown }
    }

    /// Whether a verdict with this context depends on the time of day.
    pub(crate) fn depends_on_time(&self) -> bool {
        self.time_was_read.get()
    }
}
