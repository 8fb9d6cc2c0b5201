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

impl People {
    /// The name of the user with a number.
    #[must_use]
    pub(crate) fn name_of(&self, id: i64) -> Option<&str> {
        self.users.iter().find(|(_, user)| user.id == Some(id)).map(|(name, _)| name.as_str())
    }

    /// The roles that a user holds, by way of other roles too.
    #[must_use]
    pub(crate) fn roles_of(&self, user: &str) -> BTreeSet<&str> {
        let direct = self.roles.iter().filter(|(_, members)| members.users.contains(user));
        let mut waiting: Vec<&str> = direct.map(|(role, _)| role.as_str()).collect();
        let mut held = BTreeSet::new();
        while let Some(role) = waiting.pop() {
            if held.insert(role) {
                let granted = self.roles.iter().filter(|(_, members)| members.roles.contains(role));
                waiting.extend(granted.map(|(role, _)| role.as_str()));
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::{People, RoleHolders};

    #[test]
    fn roles_are_held_by_way_of_roles() {
        let mut people = People::default();
        let members = |users: &[&str], roles: &[&str]| RoleHolders {
            users: users.iter().map(|name| (*name).to_owned()).collect(),
            roles: roles.iter().map(|name| (*name).to_owned()).collect(),
        };
        // `reads` is granted to `writes`, `writes` to anna, and a circle is no trouble.
        people.roles.insert("reads".to_owned(), members(&[], &["writes"]));
        people.roles.insert("writes".to_owned(), members(&["anna"], &["reads"]));
        people.roles.insert("other".to_owned(), members(&["bert"], &[]));
        assert_eq!(people.roles_of("anna").into_iter().collect::<Vec<_>>(), ["reads", "writes"]);
        assert!(people.roles_of("nobody").is_empty());
    }
}
