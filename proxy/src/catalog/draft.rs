//! A catalogue in the making: what is read is added in the order of its tables, and tied together at the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::catalog::index::{NameIndex, NamedEntry};
use crate::catalog::kind::ObjectKind;
use crate::catalog::model::{Catalog, ViewStates};
use crate::catalog::name::ObjectName;
use crate::catalog::object::{StoredObject, StoredUse};
use crate::catalog::people::People;
use crate::catalog::reach::{Reach, ReadingObject};
use crate::catalog::references::{Literals, References, TextNames};
use crate::catalog::source::{SystemView, ViewState};

/// The most objects that are kept. A cluster of 50,000 tables has fewer external schemas, procedures and views than that.
pub(crate) const MAX_OBJECTS: usize = 100_000;

/// What has been read so far.
#[derive(Clone, Debug, Default)]
pub struct CatalogDraft {
    keepers: Vec<StoredObject>,
    readers: Vec<ReadingObject>,
    places: BTreeSet<Box<str>>,
    known: TextNames,
    people: People,
    views: ViewStates,
    databases: Vec<Arc<str>>,
    left_out: usize,
}

impl CatalogDraft {
    /// The objects of this database are about to be asked for.
    pub fn enter(&mut self, database: &str) {
        self.databases.push(database.into());
        self.add_place(database);
    }

    /// A schema or database of this name exists, whatever it is.
    pub fn add_place(&mut self, name: &str) {
        self.places.insert(name.to_ascii_lowercase().into());
    }

    /// Says how reading a view went, once a database.
    pub(crate) fn note(&mut self, view: SystemView, database: Option<&str>, state: ViewState) {
        self.views.insert((view, database.map(Arc::from)), state);
    }

    /// Users, groups and roles.
    pub(crate) fn set_people(&mut self, people: People) {
        self.people = people;
    }

    /// Adds an object that is used by its name.
    pub fn add(&mut self, object: StoredObject) {
        if self.is_full() {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        if object.kind == ObjectKind::ExternalSchema {
            self.add_place(&object.name.name);
        }
        if matches!(object.kind, ObjectKind::ExternalFunction | ObjectKind::Model | ObjectKind::Function) {
            for name in [&object.name].into_iter().chain(&object.called) {
                self.known.functions.insert(name.name.to_ascii_lowercase().into());
            }
        }
        self.keepers.push(object);
    }

    /// Schemas of every name are known: whatever qualifies another name in a text is an alias.
    pub fn close_places(&mut self) {
        self.known.places = Some(self.places.iter().cloned().collect());
    }

    /// Adds a view, procedure or function with its text; the names in it are looked up at the end. Schemas, external functions and
    /// models come before.
    pub fn add_reader(&mut self, object: StoredObject, text: &str) {
        if self.is_full() {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let literals = if object.kind == ObjectKind::Procedure { Literals::Statements } else { Literals::Data };
        let references = References::of(text, literals, &self.known);
        if !object.roles.is_empty() || !references.names.is_empty() || references.is_cut {
            self.readers.push(ReadingObject { object, references });
        }
    }

    fn is_full(&self) -> bool {
        self.keepers.len().saturating_add(self.readers.len()) >= MAX_OBJECTS
    }

    /// Ties names to what they use.
    #[must_use]
    pub fn finish(mut self) -> Catalog {
        if self.left_out > 0 {
            let reason = format!("{} objects beyond the {MAX_OBJECTS} that are kept were left out", self.left_out);
            for state in self.views.values_mut() {
                *state = state.lacking(&reason);
            }
        }
        let keepers: Vec<Arc<StoredObject>> = self.keepers.into_iter().map(Arc::new).collect();
        let mut names = NameIndex::default();
        for object in &keepers {
            add_keeper(&mut names, object);
        }
        let reach = Reach::new(&keepers, &self.readers);
        let mut objects = keepers.clone();
        for number in 0..self.readers.len() {
            if let Some((object, uses)) = reach.of(number) {
                names.add(NamedEntry { name: object.name.clone(), kind: object.kind, uses });
                objects.push(object);
            }
        }
        objects.sort_by(|one, other| (one.kind, &one.name, one.from).cmp(&(other.kind, &other.name, other.from)));
        self.databases.sort_unstable();
        let version = version(&objects, &names, &self.people, &self.views, &self.databases);
        let Self { people, views, databases, known, .. } = self;
        Catalog { version, objects, people, views, databases, names, known }
    }
}

fn add_keeper(names: &mut NameIndex, object: &Arc<StoredObject>) {
    let Some(via) = object.kind.via().filter(|_| !object.roles.is_empty()) else { return };
    for name in [&object.name].into_iter().chain(&object.called) {
        let stored = StoredUse { via, object: Arc::clone(object), through: Arc::from([]) };
        names.add(NamedEntry { name: ObjectName::clone(name), kind: object.kind, uses: vec![stored] });
    }
}

fn version(
    objects: &[Arc<StoredObject>],
    names: &NameIndex,
    people: &People,
    views: &ViewStates,
    databases: &[Arc<str>],
) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: String| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    for object in objects {
        add(format!("{object:?}"));
    }
    for entry in names.in_order() {
        let uses = entry.uses.iter().map(|used| format!("{:?} {} {:?}", used.via, used.object.name, used.through));
        add(format!("{} {}", entry.name, uses.collect::<Vec<_>>().join(";")));
    }
    add(format!("{people:?} {views:?} {databases:?}"));
    hash.finalize().first_chunk::<8>().map(hex::encode).unwrap_or_default()
}
