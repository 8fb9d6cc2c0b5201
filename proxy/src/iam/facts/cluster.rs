//! Clusters and serverless workgroups, and the names by which they are called.

use std::fmt;

use jiff::Timestamp;

use crate::chain::{AccountId, RoleArn, distance};

/// A Redshift cluster, or a serverless workgroup, as far as it is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cluster {
    pub(crate) name: String,
    pub(crate) partition: String,
    pub(crate) region: Option<String>,
    pub(crate) account: Option<AccountId>,
    /// Role ARNs with their `ApplyStatus`; `None` when they were not listed.
    pub(crate) roles: Option<Vec<(String, String)>>,
    pub(crate) default_role: DefaultRole,
    pub(crate) workgroup: Option<Workgroup>,
    /// When it was described; `None` of one of which only the name is known.
    pub(crate) captured_at: Option<Timestamp>,
}

/// The role that the keyword `default` stands for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum DefaultRole {
    /// It is this one.
    Is(RoleArn),
    /// None is set, so a statement with the keyword fails.
    None,
    /// The facts do not say.
    #[default]
    Unknown,
}

/// What a serverless workgroup has in place of a cluster's identity.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Workgroup {
    /// Its unique id, part of the database users' ARNs.
    pub(crate) id: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// The namespace that holds its roles.
    pub(crate) namespace: String,
}

/// Why a name does not lead to one cluster. `Display` completes the sentence "cluster "…" ...".
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClusterError {
    /// No cluster has that name.
    #[error("is not in the IAM facts{}", meant(near.as_deref(), known))]
    Unknown {
        /// The name of a cluster that is spelled nearly the same.
        near: Option<String>,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Several have that name: identifiers are unique only within an account and region.
    #[error("is ambiguous: write it as one of {}", candidates.join(", "))]
    Ambiguous {
        /// Their whole names.
        candidates: Vec<String>,
    },
}

/// Names that are listed where none is meant.
const SHOWN_NAMES: usize = 10;

fn meant(near: Option<&str>, known: &[String]) -> String {
    let listed = known.iter().take(SHOWN_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (near, known.len().checked_sub(SHOWN_NAMES)) {
        (Some(name), _) => format!("; did you mean \"{name}\"?"),
        (None, _) if known.is_empty() => ", which hold no cluster".to_owned(),
        (None, None | Some(0)) => format!(", which hold {listed}"),
        (None, Some(more)) => format!(", which hold {listed} and {more} more"),
    }
}

/// The one status in which an attached role can be used. Source: Redshift API Reference, `ClusterIamRole`.
pub(crate) const IN_SYNC: &str = "in-sync";

/// Finds a cluster by its identifier, `account/region/identifier`, or its ARN.
pub(super) fn find<'c>(
    clusters: impl Iterator<Item = &'c Cluster> + Clone,
    name: &str,
) -> Result<&'c Cluster, ClusterError> {
    let mut found: Vec<&Cluster> = clusters.clone().filter(|cluster| cluster.is_called(name)).collect();
    if found.len() > 1 {
        let unique = |cluster: &Cluster| {
            let whole = cluster.to_string();
            let is_taken = clusters.clone().filter(|other| other.to_string() == whole).count() > 1;
            cluster.arn().filter(|_| is_taken).unwrap_or(whole)
        };
        return Err(ClusterError::Ambiguous { candidates: found.into_iter().map(unique).collect() });
    }
    found.pop().ok_or_else(|| {
        let known = clusters.clone().map(|cluster| cluster.name.clone()).collect();
        let named = clusters.map(|cluster| {
            let whole = cluster.to_string();
            let edits = distance(&cluster.name, name).min(distance(&whole, name));
            (edits, if name.contains('/') { whole } else { cluster.name.clone() })
        });
        let near = named.filter(|(edits, _)| *edits <= 2).min();
        ClusterError::Unknown { near: near.map(|(_, name)| name), known }
    })
}

/// `account/region/identifier`, with a question mark for what is not known.
impl fmt::Display for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.account {
            Some(account) => write!(formatter, "{account}/")?,
            None => formatter.write_str("?/")?,
        }
        write!(formatter, "{}/{}", self.region.as_deref().unwrap_or("?"), self.name)
    }
}

impl Cluster {
    /// A cluster of which only the name is known, not its roles or its users' ARNs.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self { name: name.to_owned(), partition: "aws".to_owned(), ..Self::default() }
    }

    /// Its identifier, or the workgroup's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account that owns it, where known.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Its region, where known.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The role that the keyword `default` stands for, where one is set.
    #[must_use]
    pub fn default_role(&self) -> &DefaultRole {
        &self.default_role
    }

    /// What identifies it if it is a serverless workgroup.
    pub(crate) fn workgroup(&self) -> Option<&Workgroup> {
        self.workgroup.as_ref()
    }

    /// The roles that are attached and ready for use.
    #[must_use]
    pub fn attached_roles(&self) -> Vec<RoleArn> {
        let ready = self.roles.iter().flatten().filter(|(_, status)| status == IN_SYNC);
        ready.filter_map(|(role, _)| RoleArn::parse(role).ok()).collect()
    }

    /// Whether two descriptions are of one cluster.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let may_be = |one: bool, two: bool, equal: bool| equal || !(one && two);
        self.name == other.name
            && self.workgroup.is_some() == other.workgroup.is_some()
            && may_be(self.account.is_some(), other.account.is_some(), self.account == other.account)
            && may_be(self.region.is_some(), other.region.is_some(), self.region == other.region)
    }

    fn is_called(&self, name: &str) -> bool {
        if name.starts_with("arn:") {
            let by_name = self.workgroup.as_ref().and_then(|workgroup| {
                workgroup.arn.rsplit_once('/').map(|(start, _id)| format!("{start}/{}", self.name))
            });
            return self.arn().as_deref() == Some(name) || by_name.as_deref() == Some(name);
        }
        let mut parts = name.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(identifier), None, None, None) => identifier == self.name,
            (Some(account), Some(region), Some(identifier), None) => {
                identifier == self.name
                    && AccountId::parse(account) == self.account
                    && self.region.as_deref() == Some(region)
            }
            _ => false,
        }
    }

    /// The cluster's ARN, sent as `aws:SourceArn`.
    pub(crate) fn arn(&self) -> Option<String> {
        if let Some(workgroup) = &self.workgroup {
            return Some(workgroup.arn.clone());
        }
        Some(format!(
            "arn:{}:redshift:{}:{}:cluster:{}",
            self.partition,
            self.region.as_ref()?,
            self.account?,
            self.name
        ))
    }

    /// A database user's ARN, sent as `sts:ExternalId`. `None` when the cluster's identity is not known, or the name
    /// holds what an external id may not: what Redshift sends then is not documented. Source: STS API Reference,
    /// `AssumeRole`, `ExternalId`.
    pub(crate) fn database_user_arn(&self, user: &str) -> Option<String> {
        let (region, account) = (self.region.as_ref()?, self.account?);
        let owner = match &self.workgroup {
            Some(workgroup) => format!("serverless-{account}-{}", workgroup.id),
            None => self.name.clone(),
        };
        let arn = format!("arn:{}:redshift:{region}:{account}:dbuser:{owner}/{user}", self.partition);
        let is_sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        (!user.is_empty() && arn.len() <= 1224 && arn.bytes().all(is_sendable)).then_some(arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(account: &str, region: &str, name: &str) -> Cluster {
        let (account, region) = (AccountId::parse(account), Some(region.to_owned()));
        Cluster { region, account, ..Cluster::unknown(name) }
    }

    #[test]
    fn names() {
        let workgroup = Workgroup {
            id: "5bce".to_owned(),
            arn: "arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/5bce".to_owned(),
            namespace: "ns".to_owned(),
        };
        let clusters = [
            cluster("111122223333", "us-east-1", "warehouse"),
            cluster("111122223333", "eu-west-1", "warehouse"),
            cluster("111122223333", "eu-west-1", "reports"),
            Cluster { workgroup: Some(workgroup), ..cluster("111122223333", "eu-west-1", "adhoc") },
        ];
        let index = |name| {
            find(clusters.iter(), name).map(|found| clusters.iter().position(|cluster| std::ptr::eq(cluster, found)))
        };
        for (name, want) in [
            ("reports", 2),
            ("111122223333/us-east-1/warehouse", 0),
            ("arn:aws:redshift:eu-west-1:111122223333:cluster:warehouse", 1),
            ("arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/5bce", 3),
            ("arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/adhoc", 3),
        ] {
            assert_eq!(index(name), Ok(Some(want)), "{name}");
        }
        let candidates = ["111122223333/us-east-1/warehouse", "111122223333/eu-west-1/warehouse"].map(str::to_owned);
        assert_eq!(index("warehouse"), Err(ClusterError::Ambiguous { candidates: candidates.to_vec() }));
        for (name, near) in [("report", Some("reports")), ("Reports", Some("reports")), ("nothing", None)] {
            let Err(ClusterError::Unknown { near: told, known }) = index(name) else { panic!("{name}") };
            assert_eq!((told.as_deref(), known.len()), (near, clusters.len()), "{name}");
        }
        assert!(index("111122223333/us-west-1/reports").is_err());
    }

    /// (names that there are, the sentence's end)
    #[test]
    fn an_unknown_cluster_is_told_with_those_that_are_known() {
        let told = |count: usize| {
            let known = (0..count).map(|number| format!("c{number}")).collect();
            ClusterError::Unknown { near: None, known }.to_string()
        };
        assert_eq!(told(0), "is not in the IAM facts, which hold no cluster");
        assert_eq!(told(2), "is not in the IAM facts, which hold c0, c1");
        assert!(told(12).ends_with("c8, c9 and 2 more"), "{}", told(12));
    }
}
