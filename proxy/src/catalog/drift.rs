//! What became of stored credentials between two readings without a statement that passed the gate. Pure: the time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use strum::VariantArray as _;

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::catalog::kind::ObjectKind;
use crate::catalog::model::Catalog;
use crate::catalog::object::{LearnedFrom, StoredObject};
use crate::catalog::passed::{PassedChanges, PassedEffect};
use crate::catalog::source::SystemView;

closed_sets! {
    /// What became of something that is stored.
    #[derive(Ord, PartialOrd)]
    pub enum DriftChange {
        /// It was not there before.
        Appeared,
        /// It keeps something else, or is used on something else.
        Changed,
        /// It is there no more.
        Gone,
    }
}

/// A change that no statement explains which passed the gate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Drift {
    /// What happened.
    pub change: DriftChange,
    /// To what.
    pub kind: ObjectKind,
    /// Its name, as a statement would write it.
    pub name: String,
    /// Who owns it, where the cluster says so.
    pub owner: Option<Arc<str>>,
    /// What it kept: chains, or words for other credentials.
    pub before: Vec<String>,
    /// What it keeps.
    pub after: Vec<String>,
}

/// An object by what tells it from others, in lower case.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct DriftKey {
    kind: ObjectKind,
    database: Option<String>,
    schema: Option<String>,
    name: String,
}

impl DriftKey {
    fn of(object: &StoredObject) -> Self {
        let lower = |part: &Arc<str>| part.to_ascii_lowercase();
        Self {
            kind: object.kind,
            database: object.name.database.as_ref().map(lower),
            schema: object.name.schema.as_ref().map(lower),
            name: lower(&object.name.name),
        }
    }

    fn parts(&self) -> (Option<&str>, Option<&str>, &str) {
        (self.database.as_deref(), self.schema.as_deref(), &self.name)
    }
}

/// What objects of one name keep.
#[derive(Clone, Debug, Default)]
struct Kept {
    name: String,
    owner: Option<Arc<str>>,
    roles: Vec<StoredRole>,
    /// What they are used on, and the commands of a grant.
    uses: BTreeSet<String>,
}

impl Kept {
    fn add(&mut self, object: &StoredObject) {
        if self.name.is_empty() {
            self.name = object.name.to_string();
            self.owner.clone_from(&object.owner);
        }
        self.roles.extend(object.roles.iter().filter(|role| !self.roles.contains(role)).cloned().collect::<Vec<_>>());
        if object.kind == ObjectKind::AssumeroleGrant {
            let commands = object.detail.as_deref().unwrap_or_default();
            self.uses.extend(object.roles.iter().map(|role| format!("{} {commands}", told(&role.credential))));
        } else {
            self.uses.extend(object.target.as_ref().map(ToString::to_string));
        }
    }

    fn is_known(&self) -> bool {
        self.roles.iter().all(|role| role.credential.is_known())
    }

    /// Whether another reading shows something else; what one of them does not show says nothing.
    fn differs(&self, other: &Self) -> bool {
        let lacks = |one: &Self, other: &Self| {
            one.roles.iter().any(|role| !other.roles.iter().any(|twin| may_be_same(role, twin)))
        };
        let is_used_otherwise = !self.uses.is_empty() && !other.uses.is_empty() && self.uses != other.uses;
        is_used_otherwise || lacks(self, other) || lacks(other, self)
    }

    fn told(&self) -> Vec<String> {
        self.roles.iter().map(|role| told(&role.credential)).collect()
    }
}

/// A credential as the audit names it: the chain, or the word for anything else.
fn told(credential: &StoredCredential) -> String {
    credential.chain().map_or_else(|| credential.as_str().to_owned(), ToString::to_string)
}

/// Whether two readings of a credential may show the same.
fn may_be_same(one: &StoredRole, other: &StoredRole) -> bool {
    use StoredCredential::{Chain, Cut, Hidden, Unknown};
    one.clause == other.clause
        && match (&one.credential, &other.credential) {
            (Unknown(_) | Hidden, _) | (_, Unknown(_) | Hidden) => true,
            (Cut(start), Chain(chain)) | (Chain(chain), Cut(start)) => chain.to_string().starts_with(&**start),
            (one, other) => one == other,
        }
}

/// What was last known to be stored, and where.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    place: Option<String>,
    objects: BTreeMap<DriftKey, Kept>,
    /// Kinds of which everything has been read once: one that shows later is new.
    whole: HashSet<ObjectKind>,
}

impl Baseline {
    /// What changed since the last reading of `place`, a name for cluster and database, and is explained by nothing that passed. The
    /// first reading of a place shows no change.
    pub(crate) fn compare(
        &mut self,
        place: &str,
        catalog: &Catalog,
        passed: &mut PassedChanges,
        now: Instant,
    ) -> Vec<Drift> {
        let fresh = kept(catalog);
        let whole: HashSet<ObjectKind> =
            ObjectKind::VARIANTS.iter().copied().filter(|kind| catalog.gap(*kind).is_none()).collect();
        if self.place.as_deref() != Some(place) {
            *self = Self { place: Some(place.to_owned()), objects: fresh, whole };
            return Vec::new();
        }
        let mut drifts = self.shown(&fresh, passed, now);
        drifts.extend(self.gone(&fresh, &whole, passed, now));
        self.take(fresh, whole);
        drifts
    }

    /// What of a reading is new or other than before.
    fn shown(&self, fresh: &BTreeMap<DriftKey, Kept>, passed: &mut PassedChanges, now: Instant) -> Vec<Drift> {
        let mut drifts = Vec::new();
        for (key, after) in fresh {
            let before = self.objects.get(key);
            let change = match before {
                None if self.whole.contains(&key.kind) => DriftChange::Appeared,
                Some(before) if before.differs(after) => DriftChange::Changed,
                _ => continue,
            };
            let nothing = Kept::default();
            let fits = |effect: &PassedEffect| match effect {
                PassedEffect::Keeps(roles) => are_of(key.kind, roles, before.unwrap_or(&nothing), after),
                PassedEffect::Moves => true,
                PassedEffect::Goes => false,
            };
            if !passed.explains(key.kind, key.parts(), now, fits) {
                drifts.push(drift(change, key.kind, before, Some(after)));
            }
        }
        drifts
    }

    /// What a reading that shows all of its kind does not show any more.
    fn gone(
        &self,
        fresh: &BTreeMap<DriftKey, Kept>,
        whole: &HashSet<ObjectKind>,
        passed: &mut PassedChanges,
        now: Instant,
    ) -> Vec<Drift> {
        let missing = self.objects.iter().filter(|(key, _)| whole.contains(&key.kind) && !fresh.contains_key(key));
        let mut drifts = Vec::new();
        for (key, before) in missing {
            let fits = |effect: &PassedEffect| match effect {
                PassedEffect::Keeps(roles) if key.kind == ObjectKind::AssumeroleGrant => {
                    are_of(key.kind, roles, before, &Kept::default())
                }
                // Another of the name that keeps nothing.
                PassedEffect::Keeps(roles) => roles.is_empty(),
                PassedEffect::Moves | PassedEffect::Goes => true,
            };
            if !passed.explains(key.kind, key.parts(), now, fits) {
                drifts.push(drift(DriftChange::Gone, key.kind, Some(before), None));
            }
        }
        drifts
    }

    /// What was known of objects that a reading does not show, or not in full, stays known.
    fn take(&mut self, fresh: BTreeMap<DriftKey, Kept>, whole: HashSet<ObjectKind>) {
        self.objects.retain(|key, _| !whole.contains(&key.kind) || fresh.contains_key(key));
        for (key, mut after) in fresh {
            if let Some(before) = self.objects.get(&key).filter(|before| before.is_known() && !before.differs(&after)) {
                after.roles.clone_from(&before.roles);
            }
            self.objects.insert(key, after);
        }
        self.whole.extend(whole);
    }
}

/// What keeps credentials of its own. A schema that may be one of tables is none, as far as can be told.
fn kept(catalog: &Catalog) -> BTreeMap<DriftKey, Kept> {
    let is_told = |object: &&Arc<StoredObject>| {
        let may_be_local = object.from == LearnedFrom::View(SystemView::PgNamespace)
            && object.roles.iter().all(|role| !role.credential.is_known());
        !object.roles.is_empty() && !may_be_local && !matches!(object.kind, ObjectKind::View | ObjectKind::Function)
    };
    let mut all: BTreeMap<DriftKey, Kept> = BTreeMap::new();
    for object in catalog.objects().iter().filter(is_told) {
        all.entry(DriftKey::of(object)).or_default().add(object);
    }
    all
}

/// Whether a statement with these credentials leads from one state of an object to the other.
fn are_of(kind: ObjectKind, roles: &[StoredRole], before: &Kept, after: &Kept) -> bool {
    if kind == ObjectKind::AssumeroleGrant {
        // A grant to a group or to PUBLIC shows as one of each user.
        let is_granted = |role: &StoredRole| roles.iter().any(|one| grants(&one.credential, &role.credential));
        let changes =
            |one: &Kept, other: &Kept| one.roles.iter().filter(|role| !other.roles.contains(role)).all(is_granted);
        let is_about_it = before.roles.iter().chain(&after.roles).any(is_granted);
        return is_about_it && changes(before, after) && changes(after, before);
    }
    let is_kept = |role: &StoredRole| after.roles.iter().any(|one| stands_for(one, role));
    let is_explained = |role: &StoredRole| {
        !role.credential.is_known()
            || roles.iter().any(|one| stands_for(role, one))
            || before.roles.iter().any(|one| may_be_same(role, one))
    };
    !after.is_known() || (roles.iter().all(is_kept) && after.roles.iter().all(is_explained))
}

/// Whether a grant of one credential shows as the other: of every role, it shows as one of `default`.
fn grants(stored: &StoredCredential, shown: &StoredCredential) -> bool {
    stored == shown || (*shown == StoredCredential::All && *stored == StoredCredential::Default)
}

/// Whether what is shown may be what a statement stored. How `default` shows is not documented.
fn stands_for(shown: &StoredRole, stored: &StoredRole) -> bool {
    let is_default = stored.clause == shown.clause && stored.credential == StoredCredential::Default;
    (is_default && shown.credential.chain().is_some_and(|chain| chain.roles().len() == 1)) || may_be_same(shown, stored)
}

fn drift(change: DriftChange, kind: ObjectKind, before: Option<&Kept>, after: Option<&Kept>) -> Drift {
    let shown = after.or(before);
    Drift {
        change,
        kind,
        name: shown.map(|kept| kept.name.clone()).unwrap_or_default(),
        owner: shown.and_then(|kept| kept.owner.clone()),
        before: before.map(Kept::told).unwrap_or_default(),
        after: after.map(Kept::told).unwrap_or_default(),
    }
}

/// The roles that may be used without being assumed by another: those attached to a cluster, and the one that `default` stands for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ClusterRoles {
    /// Which cluster.
    pub cluster: String,
    /// The attached ones; `None` where the facts do not say.
    pub attached: Option<BTreeSet<String>>,
    /// The default one, empty where none is set; `None` where the facts do not say.
    pub default: Option<String>,
}

impl ClusterRoles {
    /// What other facts of the same cluster say otherwise. What they do not say any more stays as it was.
    pub(crate) fn compare(&mut self, fresh: Self) -> Vec<Drift> {
        if self.cluster != fresh.cluster {
            *self = fresh;
            return Vec::new();
        }
        let mut drifts = Vec::new();
        if let Some((old, new)) = self.attached.as_ref().zip(fresh.attached.as_ref()) {
            drifts.extend(new.difference(old).map(|role| attached(DriftChange::Appeared, role)));
            drifts.extend(old.difference(new).map(|role| attached(DriftChange::Gone, role)));
        }
        if let Some((old, new)) = self.default.as_ref().zip(fresh.default.as_ref()).filter(|(old, new)| old != new) {
            let roles = |role: &String| if role.is_empty() { Vec::new() } else { vec![role.clone()] };
            drifts.push(Drift {
                before: roles(old),
                after: roles(new),
                ..of_cluster(DriftChange::Changed, ObjectKind::DefaultRole, "default")
            });
        }
        self.attached = fresh.attached.or_else(|| self.attached.take());
        self.default = fresh.default.or_else(|| self.default.take());
        drifts
    }
}

fn attached(change: DriftChange, role: &str) -> Drift {
    of_cluster(change, ObjectKind::AttachedRole, role)
}

fn of_cluster(change: DriftChange, kind: ObjectKind, name: &str) -> Drift {
    Drift { change, kind, name: name.to_owned(), owner: None, before: Vec::new(), after: Vec::new() }
}

#[cfg(test)]
mod tests;
