//! Users, groups and roles of the database.

use std::collections::{BTreeMap, BTreeSet};

/// A user of the database.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DatabaseUser {
    /// The number by which other tables name the user.
    pub id: Option<i64>,
    /// May do anything.
    pub is_superuser: bool,
}

/// Who holds a role of the database.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RoleHolders {
    /// Users to whom it is granted.
    pub users: BTreeSet<String>,
    /// Roles to which it is granted; their holders have it too.
    pub roles: BTreeSet<String>,
}

/// Users, groups and roles, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct People {
    /// The users of the cluster, by name.
    pub users: BTreeMap<String, DatabaseUser>,
    /// The users of every group, in order.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The holders of every role.
    pub roles: BTreeMap<String, RoleHolders>,
}
