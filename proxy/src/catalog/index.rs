//! From names to what they use.

use std::collections::HashMap;

use crate::catalog::kind::ObjectKind;
use crate::catalog::name::{Casing, NameRef, ObjectName};
use crate::catalog::object::StoredUse;

/// What a name stands for where it stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(test, derive(strum::Display, strum::IntoStaticStr), strum(serialize_all = "snake_case"))]
pub(crate) enum NamedAs {
    /// A table or view, whose schema may be an external one.
    Relation,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// A schema.
    Schema,
    /// A copy job.
    Job,
    /// Any of them: it cannot be told.
    Any,
}

impl NamedAs {
    /// Whether an object of this kind can be what the name stands for.
    pub(super) const fn may_be(self, kind: ObjectKind) -> bool {
        match kind {
            // By the schema's name in its own place; a relation within it is looked for apart.
            ObjectKind::ExternalSchema => matches!(self, Self::Schema | Self::Any),
            ObjectKind::ExternalFunction | ObjectKind::Model | ObjectKind::Function => {
                matches!(self, Self::Function | Self::Any)
            }
            ObjectKind::Procedure => matches!(self, Self::Procedure | Self::Any),
            ObjectKind::View => matches!(self, Self::Relation | Self::Any),
            ObjectKind::CopyJob => matches!(self, Self::Job | Self::Any),
            ObjectKind::IdentityProvider
            | ObjectKind::AssumeroleGrant
            | ObjectKind::DefaultRole
            | ObjectKind::AttachedRole
            | ObjectKind::Datashare => false,
        }
    }

    /// Whether the name may be of something within an external schema.
    const fn may_be_external(self) -> bool {
        matches!(self, Self::Relation | Self::Any)
    }
}

/// An object by one of its names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NamedEntry {
    /// The name.
    pub name: ObjectName,
    /// What the object is.
    pub kind: ObjectKind,
    /// What naming it uses.
    pub uses: Vec<StoredUse>,
}

/// What names use, by the name without regard to ASCII case.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameIndex {
    entries: HashMap<Box<str>, Vec<NamedEntry>>,
}

impl NameIndex {
    /// Adds an object under its name.
    pub(crate) fn add(&mut self, entry: NamedEntry) {
        self.entries.entry(entry.name.name.to_ascii_lowercase().into()).or_default().push(entry);
    }

    fn of(&self, name: &str) -> &[NamedEntry] {
        // Most names that are looked for are in lower case.
        let found = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.entries.get(name.to_ascii_lowercase().as_str())
        } else {
            self.entries.get(name)
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// What a name uses.
    pub(crate) fn uses<'i>(
        &'i self,
        named_as: NamedAs,
        name: NameRef<'i>,
        casing: Casing,
    ) -> impl Iterator<Item = &'i StoredUse> + 'i {
        let fits = move |entry: &&NamedEntry| {
            named_as.may_be(entry.kind)
                && casing.is_same(&entry.name.name, name.name)
                && casing.may_be_same(entry.name.schema.as_deref(), name.schema)
                && casing.may_be_same(entry.name.database.as_deref(), name.database)
        };
        let schema = name.schema.filter(|_| named_as.may_be_external());
        let is_schema = move |entry: &&NamedEntry| {
            entry.kind == ObjectKind::ExternalSchema
                && schema.is_some_and(|schema| casing.is_same(&entry.name.name, schema))
                && casing.may_be_same(entry.name.database.as_deref(), name.database)
        };
        let within = schema.map(|schema| self.of(schema)).unwrap_or_default().iter().filter(is_schema);
        within.chain(self.of(name.name).iter().filter(fits)).flat_map(|entry| &entry.uses)
    }

    /// Every name with its uses, in an order that depends on nothing but what there is.
    pub(super) fn in_order(&self) -> Vec<&NamedEntry> {
        let mut entries: Vec<_> = self.entries.values().flatten().collect();
        entries.sort_by(|one, other| (&one.name, one.kind).cmp(&(&other.name, other.kind)));
        entries
    }

    /// The names, in lower case, each once, with whether only external schemas have it.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (&str, bool)> {
        let is_schema = |entry: &NamedEntry| entry.kind == ObjectKind::ExternalSchema;
        self.entries.iter().map(move |(name, entries)| (&**name, entries.iter().all(is_schema)))
    }
}
