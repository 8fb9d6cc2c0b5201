//! What a gate knows of the credentials that its cluster stores, and what is told of a use of one.

pub(crate) mod fresh;

use std::sync::Arc;

use serde::Serialize;

use crate::catalog::{Casing, Catalog, NameRef, NamedAs, StoredUse, Via};
use crate::gate::stored::fresh::FreshCatalog;
use crate::sql::{NameCounts, WatchedNames};

closed_sets! {
    /// What becomes of statements that use stored credentials.
    #[derive(Default)]
    pub enum StoredMode {
        /// They are not looked for.
        Off,
        /// They are counted and recorded, and what rules say of them changes nothing.
        #[default]
        Observe,
        /// What rules say of them is carried out.
        Enforce,
    }
}

/// What the cluster stores, and what becomes of its use.
#[derive(Clone, Debug)]
pub struct Stored {
    mode: StoredMode,
    catalog: Arc<Catalog>,
    /// What is newer than that.
    fresh: Arc<FreshCatalog>,
    /// `None`: nothing is stored that a statement can use by its name, or nobody looks.
    names: Option<WatchedNames>,
}

impl Stored {
    /// Nothing is known.
    #[must_use]
    pub fn none() -> Self {
        Self::new(StoredMode::Off, Arc::default())
    }

    /// What this catalogue holds.
    #[must_use]
    pub fn new(mode: StoredMode, catalog: Arc<Catalog>) -> Self {
        let names = if mode == StoredMode::Off { None } else { WatchedNames::new(counted(catalog.watched())) };
        Self { mode, catalog, fresh: Arc::default(), names }
    }

    /// The same over what was read since.
    #[must_use]
    pub fn with_catalog(&self, catalog: Arc<Catalog>) -> Self {
        Self::new(self.mode, catalog).with_fresh(Arc::clone(&self.fresh))
    }

    /// The same with other objects that are newer than what was read.
    #[must_use]
    pub(crate) fn with_fresh(&self, fresh: Arc<FreshCatalog>) -> Self {
        let newer = if self.follows() { Some(counted(fresh.watched())) } else { None };
        let names = WatchedNames::with_newer(self.names.as_ref(), newer.into_iter().flatten());
        Self { mode: self.mode, catalog: Arc::clone(&self.catalog), fresh, names }
    }

    /// Whether what statements make is followed: there is a reading that it may be newer than.
    #[must_use]
    pub(crate) fn follows(&self) -> bool {
        self.mode != StoredMode::Off && self.catalog.is_read()
    }

    /// What is newer than the catalogue.
    #[must_use]
    pub(crate) const fn fresh(&self) -> &Arc<FreshCatalog> {
        &self.fresh
    }

    /// The credentials that a statement uses by naming something, as far as it is known.
    pub(super) fn uses<'s>(
        &'s self,
        named_as: NamedAs,
        name: NameRef<'s>,
        casing: Casing,
    ) -> impl Iterator<Item = &'s StoredUse> + 's {
        self.catalog.uses(named_as, name, casing).chain(self.fresh.uses(named_as, name, casing))
    }

    /// What becomes of uses.
    #[must_use]
    pub const fn mode(&self) -> StoredMode {
        self.mode
    }

    /// What the cluster stores.
    #[must_use]
    pub const fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The names for which statements are looked through.
    #[must_use]
    pub const fn names(&self) -> Option<&WatchedNames> {
        self.names.as_ref()
    }
}

/// Where names count: those of external schemas before a dot, others wherever they stand.
fn counted<'n>(names: impl Iterator<Item = (&'n str, bool)>) -> impl Iterator<Item = (&'n str, NameCounts)> {
    names.map(|(name, is_schema)| (name, NameCounts { before_dot: is_schema, anywhere: !is_schema }))
}

/// A use of a stored credential, as the audit and the command line write it too.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct JudgedStored {
    /// What the statement names.
    pub via: Via,
    /// What stores the credential.
    pub object: String,
    /// What stands between: the views, functions and procedures, that which the statement names first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// What is stored: `chain`, `default`, `session`, `all`, `access_keys`, or `unknown`.
    pub method: &'static str,
    /// The roles of the chain.
    pub roles: Vec<String>,
    /// Whether the statement uses it for certain, rather than for all that can be told.
    pub certain: bool,
}

impl JudgedStored {
    /// The credential as exceptions write it, and as reports call it.
    #[must_use]
    pub fn credential(&self) -> String {
        if self.roles.is_empty() { self.method.to_owned() } else { self.roles.join(",") }
    }
}
