//! What stores a credential, and a use of it.

use std::sync::Arc;

use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::catalog::kind::{ObjectKind, Via};
use crate::catalog::name::ObjectName;
use crate::catalog::source::SystemView;
use crate::sql::{StatementKind, Target};

/// How an object became known.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LearnedFrom {
    /// The cluster shows it.
    View(SystemView),
    /// The statement that made it passed the gate, and what it stores is shown nowhere.
    Statement(StatementKind),
    /// The IAM facts of the cluster.
    Facts,
}

/// Something that is stored in the cluster and keeps credentials, or reads what keeps some.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: ObjectName,
    /// Another name by which statements use it: the function of a model.
    pub called: Option<ObjectName>,
    /// The user who owns it, where the cluster says so.
    pub owner: Option<Arc<str>>,
    /// Whom the cluster lets use it, beside the owner: `None` where it does not say.
    pub grantees: Option<Vec<Arc<str>>>,
    /// The credentials that it keeps itself; none where it is known to keep none.
    pub(crate) roles: Vec<StoredRole>,
    /// What its role is used on, where that is stored with it.
    pub target: Option<Target>,
    /// What kind of source it is, in the words of the documentation.
    pub detail: Option<Arc<str>>,
    /// How it became known.
    pub from: LearnedFrom,
}

impl StoredObject {
    /// An object of which nothing but its name is known.
    #[must_use]
    pub const fn new(kind: ObjectKind, name: ObjectName, from: LearnedFrom) -> Self {
        Self {
            kind,
            name,
            called: None,
            owner: None,
            grantees: None,
            roles: Vec::new(),
            target: None,
            detail: None,
            from,
        }
    }

    /// The same with this text in `IAM_ROLE`.
    #[must_use]
    pub fn with_iam_role(self, text: &str) -> Self {
        self.keeping([StoredRole::iam(StoredCredential::of_text(text))])
    }

    /// The same with these credentials.
    #[must_use]
    pub(crate) fn keeping(self, roles: impl IntoIterator<Item = StoredRole>) -> Self {
        Self { roles: roles.into_iter().collect(), ..self }
    }
}

/// A use of stored credentials that follows from a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoredUse {
    /// What the statement names.
    pub via: Via,
    /// What keeps the credentials.
    pub object: Arc<StoredObject>,
    /// The views, functions and procedures from what the statement names, included, to the object, not included.
    pub through: Arc<[ObjectName]>,
}
