//! Who sends a statement, as far as a verdict depends on it.

use std::net::IpAddr;
use std::sync::Arc;

use crate::gate::naming::Naming;

/// The database session's principal. Cheap to clone, compared by content: it is part of the policy cache's key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Principal(Arc<Attributes>);

/// The attributes of a principal.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Attributes {
    /// The database user.
    pub user: String,
    /// The user who logged in: another one after SET SESSION AUTHORIZATION.
    pub login_user: String,
    /// The user's groups, from the command line when it says so; otherwise the policy's groups apply.
    pub groups: Option<Vec<String>>,
    /// The database.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// Where the session comes from.
    pub client_address: Option<IpAddr>,
    /// The subject of the client's TLS certificate, once its chain was verified; `None` without such a certificate.
    pub tls_subject: Option<String>,
    /// The subject alternative names of that certificate: DNS names, addresses, URIs and mail addresses.
    pub tls_names: Vec<String>,
    /// How the session resolves names.
    pub naming: Naming,
}

impl Attributes {
    /// A client that logs in under this name, of which nothing else is known.
    #[must_use]
    pub fn of_login(login: &str) -> Self {
        Self { user: database_user(login).to_owned(), login_user: login.to_owned(), ..Self::default() }
    }
}

impl Principal {
    /// A principal with these attributes.
    #[must_use]
    pub fn new(attributes: Attributes) -> Self {
        Self(Arc::new(attributes))
    }

    /// The same, with names resolved in another way.
    #[must_use]
    pub fn with_naming(&self, naming: &Naming) -> Self {
        if self.naming == *naming {
            return self.clone();
        }
        Self::new(Attributes { naming: naming.clone(), ..Attributes::clone(&self.0) })
    }

    /// The same session under another database user, after SET SESSION AUTHORIZATION.
    #[must_use]
    pub fn with_user(&self, user: &str) -> Self {
        Self::new(Attributes { user: user.to_owned(), ..Attributes::clone(&self.0) })
    }
}

/// The database user for whom a client logs in. `IAM:` and `IAMA:` before a name say how its password was made and are no part of
/// the user's name; `IAMR:role` and `namespace:user` of an identity provider are the names of users of their own, who must not
/// be taken for a user of the bare name. Sources: Amazon Redshift API Reference, `GetClusterCredentials` and
/// `GetClusterCredentialsWithIAM`, `DbUser`; Management Guide, "Native identity provider federation".
#[must_use]
pub fn database_user(login: &str) -> &str {
    ["IAM:", "IAMA:"]
        .iter()
        .find_map(|prefix| login.strip_prefix(prefix))
        .filter(|name| !name.is_empty())
        .unwrap_or(login)
}

impl std::ops::Deref for Principal {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::database_user;

    #[test]
    fn login_names() {
        let rows = [
            ("alice", "alice"),
            ("IAM:alice", "alice"),
            ("IAMA:alice", "alice"),
            ("IAMA:alice:dev", "alice:dev"),
            ("IAMR:loader", "IAMR:loader"),
            ("azure:alice@example.com", "azure:alice@example.com"),
            ("iam:alice", "iam:alice"),
            ("IAM:", "IAM:"),
            ("", ""),
        ];
        for (login, want) in rows {
            assert_eq!(database_user(login), want, "{login}");
        }
    }
}
