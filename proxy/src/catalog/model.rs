//! What was read, as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::index::{NameIndex, NamedAs};
use crate::catalog::kind::ObjectKind;
use crate::catalog::name::{Casing, NameRef};
use crate::catalog::object::{StoredObject, StoredUse};
use crate::catalog::people::People;
use crate::catalog::references::{Literals, References, TextNames};
use crate::catalog::source::{SystemView, ViewState};

/// The states of the views that were read, by view and database; `None` for what belongs to the whole cluster.
pub(crate) type ViewStates = BTreeMap<(SystemView, Option<Arc<str>>), ViewState>;

/// What a cluster stores. Immutable; equal when it says the same, whenever it was read.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub(super) version: String,
    pub(super) objects: Vec<Arc<StoredObject>>,
    pub(super) people: People,
    pub(super) views: ViewStates,
    pub(super) databases: Vec<Arc<str>>,
    pub(super) names: NameIndex,
    /// Which names in a text are worth a look.
    pub(super) known: TextNames,
}

impl PartialEq for Catalog {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Eq for Catalog {}

impl Catalog {
    /// A hash over all that was read: equal catalogues have equal versions, on every replica. Empty while nothing was read.
    #[must_use]
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Whether it was read at all.
    #[must_use]
    pub(crate) fn is_read(&self) -> bool {
        !self.version.is_empty()
    }

    /// What keeps credentials, or reads what does, by kind and name.
    #[must_use]
    pub(crate) fn objects(&self) -> &[Arc<StoredObject>] {
        &self.objects
    }

    /// Users, groups and roles.
    #[must_use]
    pub(crate) const fn people(&self) -> &People {
        &self.people
    }

    /// How reading every view went.
    #[must_use]
    pub(crate) const fn views(&self) -> &ViewStates {
        &self.views
    }

    /// Whether the objects of a database were asked for. Those of another may use anything. ASCII case does not count.
    #[must_use]
    pub(crate) fn covers(&self, database: &str) -> bool {
        self.databases.iter().any(|known| known.eq_ignore_ascii_case(database))
    }

    /// The credentials that a statement uses by naming something. Empty: none that is known; see [`Catalog::gap`] and
    /// [`Catalog::covers`] for what is not.
    pub(crate) fn uses<'c>(
        &'c self,
        named_as: NamedAs,
        name: NameRef<'c>,
        casing: Casing,
    ) -> impl Iterator<Item = &'c StoredUse> + 'c {
        self.names.uses(named_as, name, casing)
    }

    /// The same names, each with whether it is an external schema's alone: one that nothing but what stands in it uses.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (&str, bool)> {
        self.names.watched()
    }

    /// Hands over the credentials that a recorded text uses, read with the lexer alone: too many rather than too few.
    pub(crate) fn used_by(&self, text: &str, mut take: impl FnMut(&StoredUse)) {
        for reference in &References::of(text, Literals::Statements, &self.known).names {
            let parts: Vec<&str> = reference.parts.iter().map(|part| &**part).collect();
            // `a.b` is a table or a column, `a.b.c` a table of another database or a column: each reading counts.
            for end in parts.len().min(2)..=parts.len() {
                let Some((name, qualifiers)) = parts.get(..end).and_then(<[&str]>::split_last) else { continue };
                let (database, schema) = match qualifiers {
                    [] => (None, None),
                    [schema] => (None, Some(*schema)),
                    [.., database, schema] => (Some(*database), Some(*schema)),
                };
                let name = NameRef { database, schema, name };
                self.uses(reference.named_as, name, Casing::Folded).for_each(&mut take);
            }
        }
    }

    /// Why there may be objects of a kind that are not known, in any of the databases that were read; `None` where all are.
    #[must_use]
    pub(crate) fn gap(&self, kind: ObjectKind) -> Option<String> {
        if !self.is_read() {
            return Some("the catalogue was not read yet".to_owned());
        }
        let asked = SystemView::of(kind);
        let gap =
            self.views.iter().filter(|((view, _), _)| asked.contains(view)).find_map(|((view, database), state)| {
                let place = database.as_ref().map(|name| format!(" of database {name}")).unwrap_or_default();
                state.gap().map(|reason| format!("{view}{place}: {reason}"))
            });
        let missing = asked.iter().find(|view| !self.views.keys().any(|(known, _)| known == *view));
        gap.or_else(|| missing.map(|view| format!("{view} was not read")))
    }
}
