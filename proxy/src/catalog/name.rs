//! Names of objects, and when two of them are the same to the cluster.

use std::fmt;
use std::sync::Arc;

/// The name of a stored object: what it stands in, as far as that is known, and its own name, as the cluster stores them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectName {
    /// The database that holds it; `None` for what belongs to the whole cluster.
    pub database: Option<Arc<str>>,
    /// The schema that holds it; `None` for schemas themselves, and for what is in no schema.
    pub schema: Option<Arc<str>>,
    /// Its own name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// What is in no schema: a schema itself, a job, an identity provider.
    #[must_use]
    pub fn bare(database: Option<&str>, name: &str) -> Self {
        Self { database: database.map(Arc::from), schema: None, name: name.into() }
    }

    /// What stands in a schema.
    #[must_use]
    pub fn within(database: Option<&str>, schema: &str, name: &str) -> Self {
        Self { database: database.map(Arc::from), schema: Some(schema.into()), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(formatter, "{}.", Written(part))?;
        }
        write!(formatter, "{}", Written(&self.name))
    }
}

/// A name as it would be written in a statement.
struct Written<'a>(&'a str);

impl fmt::Display for Written<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte >= 0x80;
        let starts_plain = self.0.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if starts_plain && self.0.bytes().all(is_plain) {
            formatter.write_str(self.0)
        } else {
            write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
        }
    }
}

/// A name that a statement uses, without quotes; the parts that it does not write are `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct NameRef<'a> {
    /// The database: the one that is written, else that on which the session resolves names. `None` matches any.
    pub database: Option<&'a str>,
    /// The schema; `None` matches any.
    pub schema: Option<&'a str>,
    /// The name itself, without what stands before it.
    pub name: &'a str,
}

/// How names are compared. Letters beyond ASCII are never folded. Source: "Names and identifiers", Amazon Redshift Database
/// Developer Guide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Casing {
    /// ASCII case does not count: the cluster folds standard and delimited identifiers. Whatever folds to the same is the same, so
    /// this finds all that the other finds, and is right where the session's setting is not known.
    Folded,
    /// Byte for byte: the session has set `enable_case_sensitive_identifier`.
    Exact,
}

impl Casing {
    /// Whether two names are the same.
    #[must_use]
    pub(crate) fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Folded => one.eq_ignore_ascii_case(other),
            Self::Exact => one == other,
        }
    }

    /// Whether a part of a name is the one of an object, where both are known.
    #[must_use]
    pub(crate) fn may_be_same(self, one: Option<&str>, other: Option<&str>) -> bool {
        one.zip(other).is_none_or(|(one, other)| self.is_same(one, other))
    }
}
