//! What a gate knows of the credentials that its cluster stores, and what is told of a use of one.

use std::sync::Arc;

use serde::Serialize;

use crate::catalog::{Catalog, Via};
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
    /// `None`: nothing is stored that a statement can use by its name, or nobody looks.
    names: Option<Arc<WatchedNames>>,
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
        let names = if mode == StoredMode::Off { None } else { watched(&catalog) };
        Self { mode, catalog, names: names.map(Arc::new) }
    }

    /// The same over what was read since.
    #[must_use]
    pub fn with_catalog(&self, catalog: Arc<Catalog>) -> Self {
        Self::new(self.mode, catalog)
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
    pub fn names(&self) -> Option<&WatchedNames> {
        self.names.as_deref()
    }
}

fn watched(catalog: &Catalog) -> Option<WatchedNames> {
    let counts = |is_schema: bool| NameCounts { before_dot: is_schema, anywhere: !is_schema };
    WatchedNames::new(catalog.watched().map(|(name, is_schema)| (name, counts(is_schema))))
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
