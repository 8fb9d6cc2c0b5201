//! What AWS would allow: the stand-in's own small table, which shares nothing with the gate's evaluation.

/// A role may be assumed by a principal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    /// The role that assumes.
    pub source: String,
    /// The role that is assumed.
    pub target: String,
    /// For this database user alone.
    pub user: Option<String>,
}

/// The roles of the cluster and who trusts whom.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoleTable {
    /// Attached to the cluster; the first is its default role.
    pub attached: Vec<String>,
    /// Which role may assume which.
    pub trusted: Vec<Trust>,
}

impl RoleTable {
    /// The guide's two companies: account 123456789012 with RoleA, attached; account 210987654321 with RoleB.
    #[must_use]
    pub fn demo() -> Self {
        let first = "arn:aws:iam::123456789012:role/RoleA";
        let trust = |name: &str, user: Option<&str>| Trust {
            source: first.to_owned(),
            target: format!("arn:aws:iam::210987654321:role/{name}"),
            user: user.map(str::to_owned),
        };
        let trusted = vec![trust("RoleB", None), trust("RoleEtl", Some("etl")), trust("RolePartner", None)];
        Self { attached: vec![first.to_owned()], trusted }
    }

    /// Whether `user` may use the chain of a literal.
    #[must_use]
    pub fn allows(&self, literal: &str, user: &str) -> bool {
        let roles: Vec<&str> = literal.split(',').collect();
        let is_attached = roles.first().is_some_and(|first| self.attached.iter().any(|role| role == first));
        let may_assume = |source: &str, target: &str| {
            let matches = |trust: &&Trust| trust.source == source && trust.target == target;
            let for_user = |trust: &Trust| trust.user.as_deref().is_none_or(|only| only == user);
            self.trusted.iter().filter(matches).any(for_user)
        };
        is_attached && roles.iter().zip(roles.iter().skip(1)).all(|(source, target)| may_assume(source, target))
    }
}

#[cfg(test)]
mod tests {
    use super::RoleTable;

    #[test]
    fn the_demo_table() {
        let (a, b) = ("arn:aws:iam::123456789012:role/RoleA", "arn:aws:iam::210987654321:role/RoleB");
        let etl = "arn:aws:iam::210987654321:role/RoleEtl";
        for (chain, user, allowed) in [
            (a.to_owned(), "analyst", true),
            (format!("{a},{b}"), "analyst", true),
            (format!("{a},{etl}"), "etl", true),
            (format!("{a},{etl}"), "analyst", false),
            (a.to_owned() + ",arn:aws:iam::210987654321:role/RolePartner", "analyst", true),
            (b.to_owned(), "etl", false),
            (format!("{b},{a}"), "etl", false),
            (format!("{a}, {b}"), "etl", false),
            (String::new(), "etl", false),
        ] {
            assert_eq!(RoleTable::demo().allows(&chain, user), allowed, "{chain} {user}");
        }
    }
}
