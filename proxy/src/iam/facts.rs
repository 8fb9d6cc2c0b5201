//! What is known of AWS: roles with their policies, clusters with their roles, policies of organisations.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

mod clusters;
mod load;
mod organisation;
mod page;
mod snapshot;

use super::{
    evaluate::{Levels, PolicyInForce},
    policy::document::Document,
};
use crate::chain::{AccountId, RoleArn};

pub(crate) use clusters::add as add_clusters;
pub use load::Sources;
pub use page::FactsError;
pub(crate) use page::Page;
pub(crate) use snapshot::Snapshot;

/// IAM facts, never changed: newer ones are another value, which shares the accounts that are the same.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(crate) accounts: BTreeMap<AccountId, Arc<Account>>,
    pub(crate) clusters: HashMap<String, Cluster>,
    /// `None` when no file of them was given: then they are left out of the judgement.
    pub(crate) organisation: Option<Arc<HashMap<AccountId, Membership>>>,
    pub(crate) version: String,
    pub(crate) loaded_at: Timestamp,
}

/// What is known of one account.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) roles: HashMap<RoleArn, Arc<Role>>,
    /// Whether these are all its roles: another one does not exist then.
    pub(crate) is_complete: bool,
    pub(crate) origin: Origin,
    pub(crate) read_at: Timestamp,
}

/// Where facts come from.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A file.
    Snapshot,
    /// AWS itself.
    Aws,
}

impl Origin {
    /// Value of the `source` label, and the word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Account {
    /// How many roles are known.
    #[must_use]
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }

    /// Where they come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// When they were read; of a file, when the file was.
    #[must_use]
    pub fn read_at(&self) -> Timestamp {
        self.read_at
    }
}

/// One role.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) trust: Document,
    pub(crate) policies: Vec<RolePolicy>,
    pub(crate) boundary: Option<RolePolicy>,
}

/// A policy of a role.
#[derive(Clone, Debug)]
pub(crate) enum RolePolicy {
    /// Its document, which several roles may share.
    Document(Arc<Document>),
    /// The ARN of a policy whose document the snapshot does not hold.
    Missing(String),
}

impl RolePolicy {
    pub(crate) fn in_force(&self) -> PolicyInForce<'_> {
        match self {
            Self::Document(document) => PolicyInForce::Document(document),
            Self::Missing(policy) => PolicyInForce::Missing(policy),
        }
    }
}

/// What an organisation lays on one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    pub(crate) organisation: Option<String>,
    pub(crate) service_control: Vec<Vec<Document>>,
    pub(crate) resource_control: Vec<Vec<Document>>,
}

/// A Redshift cluster, or what little is known of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cluster {
    pub(crate) name: String,
    pub(crate) partition: String,
    pub(crate) region: Option<String>,
    pub(crate) account: Option<AccountId>,
    /// Role ARNs with their `ApplyStatus`.
    pub(crate) roles: Vec<(String, String)>,
    pub(crate) default_role: Option<RoleArn>,
    pub(crate) serverless: Option<Workgroup>,
}

/// What a serverless workgroup has in place of a cluster's identity.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Workgroup {
    /// Its unique id, part of the database users' ARNs.
    pub(crate) id: String,
    /// Its ARN.
    pub(crate) arn: String,
}

impl Facts {
    /// Facts that hold nothing: every role is unknown.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            accounts: BTreeMap::new(),
            clusters: HashMap::new(),
            organisation: None,
            version: "none".to_owned(),
            loaded_at: Timestamp::now(),
        }
    }

    /// How many roles are known.
    #[must_use]
    pub fn role_count(&self) -> usize {
        self.accounts.values().map(|account| account.role_count()).sum()
    }

    /// The known accounts, in order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account.as_ref()))
    }

    /// Every known role, in no order.
    pub fn roles(&self) -> impl Iterator<Item = &RoleArn> {
        self.accounts.values().flat_map(|account| account.roles.keys())
    }

    /// Whether a role is known.
    #[must_use]
    pub fn knows(&self, role: &RoleArn) -> bool {
        self.role(role).is_some()
    }

    /// One role, by its exact ARN.
    pub(crate) fn role(&self, arn: &RoleArn) -> Option<&Role> {
        self.accounts.get(&arn.account())?.roles.get(arn).map(Arc::as_ref)
    }

    /// Every known cluster, in order of name.
    #[must_use]
    pub fn clusters(&self) -> Vec<&Cluster> {
        let mut clusters: Vec<_> = self.clusters.values().collect();
        clusters.sort_by(|one, other| one.name.cmp(&other.name));
        clusters
    }

    /// The cluster, or serverless workgroup, of that name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.get(name)
    }

    /// A hash of what was read: the same facts have the same version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// When the facts were read.
    #[must_use]
    pub fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }

    pub(crate) fn service_control(&self, account: AccountId) -> Levels<'_> {
        self.levels(account, |membership| &membership.service_control)
    }

    pub(crate) fn resource_control(&self, account: AccountId) -> Levels<'_> {
        self.levels(account, |membership| &membership.resource_control)
    }

    fn levels(&self, account: AccountId, pick: impl Fn(&Membership) -> &Vec<Vec<Document>>) -> Levels<'_> {
        match &self.organisation {
            None => Levels::Known(Vec::new()),
            Some(accounts) => accounts.get(&account).map_or(Levels::Unknown, |membership| {
                Levels::Known(pick(membership).iter().map(|level| level.iter().collect()).collect())
            }),
        }
    }
}

impl Cluster {
    /// A cluster of which only the name is known: no role is attached to it, and its users' ARNs are not known.
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
    pub fn default_role(&self) -> Option<&RoleArn> {
        self.default_role.as_ref()
    }

    /// The roles that are attached and ready for use.
    #[must_use]
    pub fn attached_roles(&self) -> Vec<RoleArn> {
        let ready = self.roles.iter().filter(|(_, status)| status == IN_SYNC);
        ready.filter_map(|(role, _)| RoleArn::parse(role).ok()).collect()
    }

    /// The names under which the service assumes the first role.
    pub(crate) fn service_names(&self) -> Vec<String> {
        let service = if self.serverless.is_some() { "redshift-serverless" } else { "redshift" };
        let mut names = vec![format!("{service}.amazonaws.com")];
        if let Some(region) = &self.region {
            names.push(format!("{service}.{region}.amazonaws.com"));
        }
        names
    }

    /// The cluster's ARN, sent as `aws:SourceArn`.
    pub(crate) fn arn(&self) -> Option<String> {
        if let Some(workgroup) = &self.serverless {
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
        let owner = match &self.serverless {
            Some(workgroup) => format!("serverless-{account}-{}", workgroup.id),
            None => self.name.clone(),
        };
        let arn = format!("arn:{}:redshift:{region}:{account}:dbuser:{owner}/{user}", self.partition);
        let is_sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        (!user.is_empty() && arn.len() <= 1224 && arn.bytes().all(is_sendable)).then_some(arn)
    }
}

/// The one status in which an attached role can be used. Source: Redshift API Reference, `ClusterIamRole`.
pub(crate) const IN_SYNC: &str = "in-sync";

/// The first twelve hexadecimal digits of a hash.
pub(crate) fn short(digest: &[u8]) -> String {
    hex::encode(digest.get(..6).unwrap_or(digest))
}
