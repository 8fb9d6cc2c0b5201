//! What statements have made since the cluster's catalogue was read: known at once, until a reading that began after them shows it, or that
//! it is not there.

use std::sync::Arc;

use crate::catalog::{Casing, NameIndex, NameRef, NamedAs, NamedEntry, StoredUse};

/// Messages of which is remembered what they made. The oldest give way.
pub(crate) const MAX_FRESH: usize = 1_000;

/// What one message made.
#[derive(Clone, Debug)]
struct FreshObjects {
    number: u64,
    made: Arc<[NamedEntry]>,
    /// Its transaction is over, so that a reading that begins now shows what came of it.
    is_settled: bool,
}

/// Objects that are newer than the catalogue.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreshCatalog {
    objects: Vec<FreshObjects>,
    last: u64,
    index: NameIndex,
}

impl FreshCatalog {
    /// With what a message makes, under a number of its own.
    #[must_use]
    pub(crate) fn with(&self, made: &Arc<[NamedEntry]>) -> (Self, u64) {
        let number = self.last.saturating_add(1);
        let mut objects = self.objects.clone();
        if objects.len() >= MAX_FRESH {
            objects.remove(0);
        }
        objects.push(FreshObjects { number, made: Arc::clone(made), is_settled: false });
        (Self::of(objects, number), number)
    }

    /// The same, where the transactions of these messages are over.
    #[must_use]
    pub(crate) fn settled(&self, numbers: &[u64]) -> Self {
        let mut fresh = self.clone();
        for one in fresh.objects.iter_mut().filter(|one| numbers.contains(&one.number)) {
            one.is_settled = true;
        }
        fresh
    }

    /// The messages that a reading which begins now tells of.
    pub(crate) fn settled_numbers(&self) -> Vec<u64> {
        self.objects.iter().filter(|one| one.is_settled).map(|one| one.number).collect()
    }

    /// Without what these messages made; `None`: they are not among these.
    #[must_use]
    pub(crate) fn without(&self, numbers: &[u64]) -> Option<Self> {
        let left: Vec<_> = self.objects.iter().filter(|one| !numbers.contains(&one.number)).cloned().collect();
        (left.len() < self.objects.len()).then(|| Self::of(left, self.last))
    }

    fn of(objects: Vec<FreshObjects>, last: u64) -> Self {
        let mut index = NameIndex::default();
        for entry in objects.iter().flat_map(|one| &*one.made) {
            index.add(entry.clone());
        }
        Self { objects, last, index }
    }

    /// What a name uses.
    pub(super) fn uses<'f>(
        &'f self,
        named_as: NamedAs,
        name: NameRef<'f>,
        casing: Casing,
    ) -> impl Iterator<Item = &'f StoredUse> + 'f {
        self.index.uses(named_as, name, casing)
    }

    /// The names, each with whether it is an external schema's alone.
    pub(super) fn watched(&self) -> impl Iterator<Item = (&str, bool)> {
        self.index.watched()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView, Via};

    fn made(name: &str) -> Arc<[NamedEntry]> {
        let name = ObjectName::bare(None, name);
        let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
        let object =
            Arc::new(StoredObject::new(ObjectKind::ExternalSchema, name.clone(), from).with_iam_role("default"));
        let uses = vec![StoredUse { via: Via::Schema, object, through: Arc::from([]) }];
        Arc::from([NamedEntry { name, kind: ObjectKind::ExternalSchema, uses }])
    }

    fn names(fresh: &FreshCatalog) -> Vec<&str> {
        let mut names: Vec<_> = fresh.watched().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_was_made_is_known_until_a_reading_tells_of_it() {
        let (first, a) = FreshCatalog::default().with(&made("a"));
        let (both, b) = first.with(&made("b"));
        assert_eq!((names(&first), names(&both)), (vec!["a"], vec!["a", "b"]));
        assert!(both.settled_numbers().is_empty(), "no reading shows what an open transaction has made");
        let settled = both.settled(&[a]);
        assert_eq!(settled.settled_numbers(), [a]);
        assert_eq!(names(&settled.without(&settled.settled_numbers()).unwrap()), ["b"]);
        assert!(settled.without(&[b + 1]).is_none());
    }

    #[test]
    fn so_much_is_remembered() {
        let fresh = (0..MAX_FRESH + 10).fold(FreshCatalog::default(), |fresh, n| fresh.with(&made(&format!("s{n}"))).0);
        assert_eq!(names(&fresh).len(), MAX_FRESH);
        assert!(!names(&fresh).contains(&"s9") && names(&fresh).contains(&"s10"));
    }
}
