//! What statements of all sessions of a gate have stored that the cluster shows nowhere, remembered once the cluster has carried them out.

use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::{Catalog, MadeObject, ObjectKind, Remembered, StoredObject};

/// Shared by the sessions, which add to it, and the reading of the catalogue, which takes it as it is.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Arc<Remembered>>);

impl Memory {
    /// Statements that stored these have been carried out.
    pub(crate) fn made<'m>(&self, objects: impl Iterator<Item = &'m MadeObject>) {
        let mut objects = objects.peekable();
        if objects.peek().is_none() {
            return;
        }
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = Arc::make_mut(&mut remembered);
        for object in objects {
            remembered.made(object.clone());
        }
    }

    /// A reading that began with `before` has shown what there is.
    pub(crate) fn compare(&self, before: &Remembered, catalog: &Catalog) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |kind: ObjectKind, database: &str, schema: Option<&str>, name: &str| {
            let is_it = |object: &StoredObject| {
                object.kind == kind
                    && object.name.name.eq_ignore_ascii_case(name)
                    && schema.is_none_or(|schema| {
                        object.name.schema.as_deref().is_none_or(|other| other.eq_ignore_ascii_case(schema))
                    })
                    && object.name.database.as_deref().is_none_or(|other| other.eq_ignore_ascii_case(database))
            };
            // What could not be read may be there.
            !catalog.covers(database) && !database.is_empty()
                || catalog.gap(kind).is_some()
                || catalog.objects().iter().any(|object| is_it(object))
        };
        Arc::make_mut(&mut remembered).forget(before, has);
    }

    /// All that is remembered now.
    #[must_use]
    pub(crate) fn taken(&self) -> Arc<Remembered> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
