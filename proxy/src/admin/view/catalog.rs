//! What the clusters store, as `/api/v1/catalog` says it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::view::facts::GroupsView;
use crate::admin::view::words;
use crate::catalog::{
    Catalog, DriftChange, LearnedFrom, ObjectKind, StoredCredential, StoredObject, SystemView, ViewState,
};

/// What the clusters store: objects that keep roles, and what reads them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Catalog)]
pub(in crate::admin) struct CatalogView {
    /// Whether any gate reads it.
    pub available: bool,
    /// Why it is not there.
    pub reason: Option<String>,
    /// How reading goes, by gate.
    pub gates: Vec<CatalogReading>,
    /// Objects by gate, kind and name.
    pub items: Vec<CatalogObject>,
    /// How many fit, on all pages.
    pub total: usize,
    /// What to hand over as `after` for the page after this one; none after the last.
    pub next: Option<usize>,
}

/// How reading what a cluster stores goes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct CatalogReading {
    pub gate: String,
    /// When it was last read; none if never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    /// Why it could not be read since.
    pub last_error: Option<String>,
    /// A hash over what was read; empty before the first reading.
    pub version: String,
    pub objects: usize,
    pub users: usize,
    pub groups: usize,
    pub views: Vec<CatalogSource>,
    /// What changed without a statement that passed the gate, the newest first.
    pub drift: Vec<CatalogDrift>,
}

/// A change of what a cluster stores, or of its attached roles, that no statement explains which passed the gate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDrift {
    /// When a reading showed it.
    #[schema(value_type = String, format = DateTime)]
    pub noticed_at: Timestamp,
    #[schema(schema_with = words::drift_change)]
    pub change: DriftChange,
    #[schema(schema_with = words::object_kind)]
    pub kind: ObjectKind,
    /// As a statement would write it; the ARN of an attached role.
    pub name: String,
    pub owner: Option<String>,
    /// What it kept: chains, or words for other credentials.
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// How reading a system view went.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct CatalogSource {
    #[schema(schema_with = words::system_view)]
    pub view: SystemView,
    /// The database; none for what belongs to the whole cluster.
    pub database: Option<String>,
    pub rows: usize,
    /// Why not everything is known.
    pub gap: Option<String>,
}

/// An object that keeps roles, or reads what does.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) struct CatalogObject {
    pub gate: String,
    #[schema(schema_with = words::object_kind)]
    pub kind: ObjectKind,
    /// As a statement would write it.
    pub name: String,
    pub owner: Option<String>,
    /// Whom the cluster lets use it, beside the owner; none where it does not say.
    pub grantees: Option<Vec<String>>,
    pub credentials: Vec<CatalogCredential>,
    /// What its role is used on.
    pub target: Option<String>,
    /// What kind of source it is.
    pub detail: Option<String>,
    /// Whether the cluster shows it, rather than a statement that passed.
    pub shown: bool,
}

/// A credential that an object keeps.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) struct CatalogCredential {
    /// `chain`, `default`, `session`, `all`, `keys`, `cut`, `hidden` or `unknown`.
    pub kind: &'static str,
    /// The roles of a chain.
    pub roles: Vec<String>,
    /// Why it is not known, or what it begins with.
    pub note: Option<String>,
}

impl CatalogReading {
    /// `read` says how the last readings went.
    pub(in crate::admin) fn of(gate: &str, catalog: &Catalog, read: Option<&GroupsView>) -> Self {
        let source = |((view, database), state): (&(SystemView, Option<Arc<str>>), &ViewState)| CatalogSource {
            view: *view,
            database: database.as_deref().map(str::to_owned),
            rows: state.rows(),
            gap: state.gap().map(str::to_owned),
        };
        Self {
            gate: gate.to_owned(),
            read_at: read.and_then(|read| read.read_at),
            last_error: read.and_then(|read| read.last_error.clone()),
            version: catalog.version().to_owned(),
            objects: catalog.objects().len(),
            users: catalog.people().users.len(),
            groups: catalog.people().groups.len(),
            views: catalog.views().iter().map(source).collect(),
            drift: Vec::new(),
        }
    }
}

impl CatalogObject {
    pub(in crate::admin) fn of(gate: &str, object: &StoredObject) -> Self {
        let texts = |names: &Vec<Arc<str>>| names.iter().map(ToString::to_string).collect();
        Self {
            gate: gate.to_owned(),
            kind: object.kind,
            name: object.name.to_string(),
            owner: object.owner.as_deref().map(str::to_owned),
            grantees: object.grantees.as_ref().map(texts),
            credentials: object.roles.iter().map(|role| CatalogCredential::of(&role.credential)).collect(),
            target: object.target.as_ref().map(ToString::to_string),
            detail: object.detail.as_deref().map(str::to_owned),
            shown: !matches!(object.from, LearnedFrom::Statement(_)),
        }
    }
}

impl CatalogCredential {
    fn of(credential: &StoredCredential) -> Self {
        let (kind, note) = match credential {
            StoredCredential::Chain(_) => ("chain", None),
            StoredCredential::Default => ("default", None),
            StoredCredential::Session => ("session", None),
            StoredCredential::All => ("all", None),
            StoredCredential::Keys => ("keys", None),
            StoredCredential::Cut(start) => ("cut", Some(start.to_string())),
            StoredCredential::Hidden => ("hidden", None),
            StoredCredential::Unknown(why) => ("unknown", Some(why.to_string())),
        };
        let roles = match credential {
            StoredCredential::Chain(chain) => chain.roles().iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Self { kind, roles, note }
    }
}
