//! What is known about one request: condition keys and their values.

use std::{borrow::Cow, cell::Cell};

/// The value of one condition key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum KeyValue {
    /// The request certainly does not carry the key.
    Absent,
    /// It is not known whether the request carries the key, or with which value.
    Unknown,
    /// A key of one value.
    One(String),
    /// A key of one value of which only the beginning is known.
    Begins(String),
    /// A key that takes several values, with those that it has.
    Many(Vec<String>),
}

impl KeyValue {
    /// A known value, or `Unknown`.
    pub(crate) fn known(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Unknown, |text| Self::One(text.into()))
    }

    /// Whether the value is known to be empty: AWS takes such a key for null.
    /// Sources: IAM User Guide, "Policy variables with no value", "Single-valued vs. multivalued context keys".
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::One(text) => text.is_empty(),
            Self::Many(texts) => texts.iter().all(String::is_empty),
            Self::Unknown | Self::Begins(_) => false,
        }
    }
}

/// What holds for keys that are not listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unlisted {
    /// Keys that are not listed are absent.
    Absent,
    /// Global keys are unknown; keys of services, `sts` among them, are absent.
    ByPrefix,
}

/// The condition keys of one request, their names in lower case.
#[derive(Debug)]
pub(crate) struct RequestContext {
    values: Vec<(Cow<'static, str>, KeyValue)>,
    /// What holds for keys of a family that are not listed, by the family's name, as `aws:principaltag/`.
    families: Vec<(&'static str, KeyValue)>,
    unlisted: Unlisted,
    time_was_read: Cell<bool>,
}

impl RequestContext {
    pub(crate) fn new(unlisted: Unlisted) -> Self {
        Self { values: Vec::new(), families: Vec::new(), unlisted, time_was_read: Cell::new(false) }
    }

    /// Sets a key; names of keys ignore case. The last value of a key counts.
    pub(crate) fn set(&mut self, key: &str, value: KeyValue) {
        self.put(key.to_lowercase().into(), value);
    }

    /// Sets a key to one value.
    pub(crate) fn set_text(&mut self, key: &str, value: impl Into<String>) {
        self.set(key, KeyValue::One(value.into()));
    }

    /// Sets a key that has not been set, its name in lower case.
    pub(crate) fn add(&mut self, key: &'static str, value: KeyValue) {
        self.values.push((Cow::Borrowed(key), value));
    }

    /// Says what holds for those keys of a family that are not set by themselves; its name is in lower case.
    pub(crate) fn set_family(&mut self, family: &'static str, value: KeyValue) {
        self.families.push((family, value));
    }

    fn put(&mut self, key: Cow<'static, str>, value: KeyValue) {
        match self.values.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.values.push((key, value)),
        }
    }

    /// The value of a key, whose name is in lower case.
    pub(crate) fn value(&self, key: &str) -> &KeyValue {
        if matches!(key, "aws:currenttime" | "aws:epochtime" | "aws:tokenissuetime") {
            self.time_was_read.set(true);
        }
        if let Some((_, value)) = self.values.iter().find(|(known, _)| known == key) {
            return value;
        }
        if let Some((_, value)) = self.families.iter().find(|(family, _)| key.starts_with(family)) {
            return value;
        }
        match self.unlisted {
            Unlisted::ByPrefix if key.starts_with("aws:") => &KeyValue::Unknown,
            Unlisted::ByPrefix | Unlisted::Absent => &KeyValue::Absent,
        }
    }

    /// Whether a verdict with this context depends on the time of day.
    pub(crate) fn depends_on_time(&self) -> bool {
        self.time_was_read.get()
    }
}
