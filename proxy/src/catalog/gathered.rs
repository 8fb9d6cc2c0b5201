//! What the rows of one reading have said so far.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::catalog::draft::CatalogDraft;
use crate::catalog::kind::ObjectKind;
use crate::catalog::name::ObjectName;
use crate::catalog::object::{LearnedFrom, StoredObject};
use crate::catalog::people::People;
use crate::catalog::remembered::Remembered;
use crate::catalog::source::{SystemView, ViewState};

/// A schema as `pg_namespace` shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct SchemaRow {
    pub owner: Option<i64>,
    pub acl: Option<String>,
}

/// A model that is there, and whose role is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AskedModel {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    pub(super) owner: Option<String>,
}

/// What has been read of one database.
#[derive(Debug)]
pub(super) struct Gathered {
    pub database: String,
    /// The user who reads.
    pub user: String,
    pub draft: CatalogDraft,
    pub people: People,
    pub names: HashMap<i64, Arc<str>>,
    pub namespaces: BTreeMap<String, SchemaRow>,
    /// Schemas that the view of external schemas shows.
    pub shown: BTreeSet<String>,
    /// Schemas that are known to be no external ones.
    pub local: BTreeSet<String>,
    /// What `svv_all_schemas` says of external schemas of the database that is read.
    pub told: BTreeMap<String, Vec<StoredRole>>,
    pub models: Vec<AskedModel>,
    /// Databases of the cluster that are not read.
    pub others: BTreeSet<String>,
    pub remembered: Arc<Remembered>,
}

impl Gathered {
    pub(super) fn new(database: &str, user: &str, remembered: Arc<Remembered>) -> Self {
        let mut draft = CatalogDraft::default();
        draft.enter(database);
        Self {
            database: database.to_owned(),
            user: user.to_owned(),
            draft,
            people: People::default(),
            names: HashMap::new(),
            namespaces: BTreeMap::new(),
            shown: BTreeSet::new(),
            local: BTreeSet::new(),
            told: BTreeMap::new(),
            models: Vec::new(),
            others: BTreeSet::new(),
            remembered,
        }
    }

    /// The name of the user with a number; the number where there is no such user.
    pub(super) fn owner(&self, id: Option<i64>) -> Option<Arc<str>> {
        id.map(|id| self.names.get(&id).cloned().unwrap_or_else(|| format!("user {id}").into()))
    }

    pub(super) fn within(&self, schema: &str, name: &str) -> ObjectName {
        ObjectName::within(Some(&self.database), schema, name)
    }

    /// Whether the user who reads sees what belongs to others.
    pub(super) fn sees_everything(&self) -> bool {
        self.people.users.get(&self.user).is_some_and(|user| user.is_superuser)
    }

    /// What the statement that made an object stored, where the cluster does not say; or what the cluster said.
    pub(super) fn recalled(&self, mut object: StoredObject) -> StoredObject {
        let is_known = !object.roles.is_empty() && object.roles.iter().all(|role| role.credential.is_known());
        if !is_known
            && let Some((roles, kind)) =
                self.remembered.of(object.kind, &self.database, object.name.schema.as_deref(), &object.name.name)
        {
            object.roles.clone_from(roles);
            object.from = LearnedFrom::Statement(*kind);
        }
        object
    }

    /// All schemas are read, as far as they will be: those that exist and are shown nowhere may be external ones of other owners.
    pub(super) fn settle_schemas(&mut self, external: &ViewState, namespaces: Option<&ViewState>) -> ViewState {
        for name in self.namespaces.keys() {
            self.draft.add_place(name);
        }
        if namespaces.is_some_and(|state| state.gap().is_none()) {
            self.draft.close_places();
        }
        if matches!(external, ViewState::Absent { .. }) || self.sees_everything() {
            return external.clone();
        }
        let is_hidden = |name: &&String| !self.shown.contains(*name) && !self.local.contains(*name) && !is_system(name);
        let hidden: Vec<String> = self.namespaces.keys().filter(is_hidden).cloned().collect();
        for name in &hidden {
            let object = self.hidden_schema(name);
            self.draft.add(object);
        }
        if hidden.is_empty() {
            external.clone()
        } else {
            external.lacking(&format!(
                "{} schemas may be external ones of other owners, whose options only they and superusers may read",
                hidden.len()
            ))
        }
    }

    fn hidden_schema(&self, name: &str) -> StoredObject {
        let namespace = self.namespaces.get(name).cloned().unwrap_or_default();
        let from = LearnedFrom::View(SystemView::PgNamespace);
        let unknown = StoredCredential::unknown(
            "an external schema of another owner, or a schema of tables: only its owner and superusers may read which",
        );
        let roles = self.told.get(name).cloned().unwrap_or_else(|| vec![StoredRole::iam(unknown)]);
        let object = StoredObject::new(ObjectKind::ExternalSchema, ObjectName::bare(Some(&self.database), name), from);
        self.recalled(StoredObject {
            owner: self.owner(namespace.owner),
            grantees: namespace.acl.as_deref().map(grantees),
            ..object.keeping(roles)
        })
    }
}

/// Schemas of the server's own.
pub(super) fn is_system(schema: &str) -> bool {
    schema == "information_schema" || schema.starts_with("pg_") || schema == "catalog_history"
}

/// Who is named in an access list, such as `{rdsdb=UC/rdsdb,=U/rdsdb,"group analysts=U/rdsdb"}`.
pub(super) fn grantees(acl: &str) -> Vec<Arc<str>> {
    let items = acl.trim().trim_start_matches('{').trim_end_matches('}').split(',');
    let granted = items.filter_map(|item| item.trim_matches('"').rsplit_once('/')?.0.rsplit_once('='));
    let mut names: Vec<Arc<str>> = granted
        .map(|(name, _)| if name.is_empty() { Arc::from("public") } else { name.replace('\\', "").into() })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::grantees;

    #[test]
    fn access_lists() {
        let names = |acl| grantees(acl).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            names("{rdsdb=UC/rdsdb,=U/rdsdb,\"group analysts=U/rdsdb\"}"),
            ["group analysts", "public", "rdsdb"]
        );
        assert!(names("{}").is_empty() && names("").is_empty());
    }
}
