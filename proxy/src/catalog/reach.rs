//! What views, functions and procedures reach: the credentials that a statement uses when it names one of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::catalog::index::NamedAs;
use crate::catalog::kind::Via;
use crate::catalog::name::{Casing, NameRef, ObjectName};
use crate::catalog::object::{StoredObject, StoredUse};
use crate::catalog::references::{Reference, References};
use crate::sql::Clause;

/// The most credentials that one name is followed to.
const MAX_USES: usize = 64;
/// The most objects that are walked through from one name.
const MAX_STEPS: usize = 10_000;

/// A view, function or procedure with the names in its text.
#[derive(Clone, Debug)]
pub(super) struct ReadingObject {
    pub object: StoredObject,
    pub references: References,
}

/// All that is stored, to be walked through.
pub(super) struct Reach<'a> {
    keepers: &'a [Arc<StoredObject>],
    readers: &'a [ReadingObject],
    by_name: HashMap<String, Vec<Place>>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Place {
    Keeper(usize),
    Reader(usize),
}

impl<'a> Reach<'a> {
    pub(super) fn new(keepers: &'a [Arc<StoredObject>], readers: &'a [ReadingObject]) -> Self {
        let mut by_name: HashMap<String, Vec<Place>> = HashMap::new();
        let mut add = |name: &ObjectName, place| by_name.entry(name.name.to_ascii_lowercase()).or_default().push(place);
        for (place, object) in keepers.iter().enumerate().filter(|(_, object)| object.kind.via().is_some()) {
            add(&object.name, Place::Keeper(place));
            if let Some(name) = &object.called {
                add(name, Place::Keeper(place));
            }
        }
        for (place, reader) in readers.iter().enumerate() {
            add(&reader.object.name, Place::Reader(place));
        }
        Self { keepers, readers, by_name }
    }

    /// What naming a reader uses, and the reader as it is kept: with a credential that is unknown where not all can be followed.
    /// `None`: nothing.
    pub(super) fn of(&self, number: usize) -> Option<(Arc<StoredObject>, Vec<StoredUse>)> {
        let reader = self.readers.get(number)?;
        let via = reader.object.kind.via()?;
        let mut walk =
            ReachWalk { reach: self, via, uses: Vec::new(), seen: HashSet::new(), waiting: Vec::new(), gap: None };
        walk.enter(number, Arc::from([]));
        walk.run();
        let ReachWalk { mut uses, gap, .. } = walk;
        let mut object = reader.object.clone();
        if let Some(gap) = gap {
            object.roles.push(StoredRole { clause: Clause::Absent, credential: StoredCredential::unknown(gap) });
        }
        let object = Arc::new(object);
        if !object.roles.is_empty() {
            uses.insert(0, StoredUse { via, object: Arc::clone(&object), through: Arc::from([]) });
        }
        (!uses.is_empty()).then_some((object, uses))
    }

    fn object(&self, place: Place) -> Option<&StoredObject> {
        match place {
            Place::Keeper(number) => self.keepers.get(number).map(Arc::as_ref),
            Place::Reader(number) => self.readers.get(number).map(|reader| &reader.object),
        }
    }

    /// What a name in the text of `reader` may stand for.
    fn resolve(&self, reference: &Reference, reader: &StoredObject, mut found: impl FnMut(Place)) {
        let parts: Vec<&str> = reference.parts.iter().map(|part| &**part).collect();
        // `a.b` is a table or a column, `a.b.c` a table of another database or a column: each reading counts.
        for end in parts.len().min(2)..=parts.len() {
            let Some((name, qualifiers)) = parts.get(..end).and_then(<[&str]>::split_last) else { continue };
            let (schema, database) = match qualifiers {
                [] => (None, None),
                [schema] => (Some(*schema), None),
                [.., database, schema] => (Some(*schema), Some(*database)),
            };
            let database = database.or(reader.name.database.as_deref());
            self.named(NameRef { database, schema, name }, reference.named_as, &mut found);
            if let Some(schema) = schema {
                self.named(NameRef { database, schema: None, name: schema }, NamedAs::Schema, &mut found);
            }
        }
    }

    fn named(&self, name: NameRef<'_>, named_as: NamedAs, found: &mut impl FnMut(Place)) {
        let fits = |called: &ObjectName| {
            called.name.eq_ignore_ascii_case(name.name)
                && Casing::Folded.may_be_same(called.schema.as_deref(), name.schema)
                && Casing::Folded.may_be_same(called.database.as_deref(), name.database)
        };
        for place in self.by_name.get(name.name.to_ascii_lowercase().as_str()).into_iter().flatten() {
            let Some(object) = self.object(*place) else { continue };
            if named_as.may_be(object.kind) && (fits(&object.name) || object.called.iter().any(fits)) {
                found(*place);
            }
        }
    }
}

/// One walk from a reader to all that it reaches.
struct ReachWalk<'r, 'a> {
    reach: &'r Reach<'a>,
    via: Via,
    uses: Vec<StoredUse>,
    seen: HashSet<Place>,
    /// Readers to be looked into, with the names on the way to them.
    waiting: Vec<(usize, Arc<[ObjectName]>)>,
    gap: Option<&'static str>,
}

impl ReachWalk<'_, '_> {
    fn enter(&mut self, number: usize, path: Arc<[ObjectName]>) {
        if self.seen.insert(Place::Reader(number)) {
            self.waiting.push((number, path));
        }
    }

    fn run(&mut self) {
        while let Some((number, path)) = self.waiting.pop() {
            let Some(reader) = self.reach.readers.get(number) else { continue };
            if reader.references.is_cut {
                self.gap = Some("its text cannot be read to the end");
            }
            let path: Arc<[ObjectName]> = path.iter().chain([&reader.object.name]).cloned().collect();
            let mut found = Vec::new();
            for reference in &reader.references.names {
                self.reach.resolve(reference, &reader.object, |place| found.push(place));
            }
            for place in found {
                self.reached(place, &path);
            }
            if self.uses.len() > MAX_USES || self.seen.len() > MAX_STEPS {
                self.uses.truncate(MAX_USES);
                self.gap = Some("it reaches more than can be followed");
                return;
            }
        }
        self.uses.sort_by(|one, other| one.object.name.cmp(&other.object.name));
    }

    fn reached(&mut self, place: Place, path: &Arc<[ObjectName]>) {
        match place {
            Place::Reader(number) => {
                let keeps = self.reach.readers.get(number).filter(|reader| !reader.object.roles.is_empty());
                if let Some(reader) = keeps.filter(|_| !self.seen.contains(&place)) {
                    let (object, through) = (Arc::new(reader.object.clone()), Arc::clone(path));
                    self.uses.push(StoredUse { via: self.via, object, through });
                }
                self.enter(number, Arc::clone(path));
            }
            Place::Keeper(number) => {
                let keeper = self.reach.keepers.get(number).filter(|object| !object.roles.is_empty());
                if let Some(object) = keeper
                    && self.seen.insert(place)
                {
                    self.uses.push(StoredUse { via: self.via, object: Arc::clone(object), through: Arc::clone(path) });
                }
            }
        }
    }
}
