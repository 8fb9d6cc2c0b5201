//! What is known of AWS: roles and their policies, clusters and their roles, policies of organisations.

mod cluster;
mod load;
mod read;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    evaluate::{Level, Levels, PolicyInForce},
    policy::document::Document,
};
use crate::chain::{AccountId, RoleArn};

pub use cluster::{Cluster, ClusterError, DefaultRole};
pub(crate) use cluster::{IN_SYNC, Workgroup};
pub use load::Sources;
pub use read::FactsError;
pub(super) use read::{clusters::ClusterPages, page::Page, snapshot::SnapshotReader};
pub(crate) use text::{PolicyText, Shelf};

/// Immutable IAM facts: newer ones are another value, which shares the accounts that did not change.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(crate) accounts: BTreeMap<AccountId, Arc<Account>>,
    pub(crate) clusters: Vec<Cluster>,
    /// `None` when no file of them was given: then they are left out of the judgement.
    organisation: Option<Arc<HashMap<AccountId, Membership>>>,
    pub(crate) version: String,
    loaded_at: Timestamp,
    /// The files that all this was read from.
    files: Arc<[Arc<load::LoadedFile>]>,
    /// How old an account's data may be before its roles count as unknown.
    max_age: Option<Duration>,
}

/// Documents of managed policies, by ARN.
pub(crate) type Managed = HashMap<Arc<str>, Arc<PolicyText>>;

/// What is known of one account.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) roles: HashMap<RoleArn, Arc<Role>>,
    /// Managed policies, of each file that told of the account.
    pub(crate) managed: Vec<Arc<Managed>>,
    /// Whether these are all its roles, so that any other does not exist.
    pub(crate) is_complete: bool,
    pub(crate) origin: Origin,
    pub(crate) captured_at: Timestamp,
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

    /// When AWS said so: the time of the call, or that which the file names, or that at which it was written.
    #[must_use]
    pub fn captured_at(&self) -> Timestamp {
        self.captured_at
    }

    /// An account of which only roles that were looked up are known.
    pub(crate) fn incomplete(captured_at: Timestamp) -> Self {
        Self { roles: HashMap::new(), managed: Vec::new(), is_complete: false, origin: Origin::Aws, captured_at }
    }

    /// What two files say of one account.
    ///
    /// # Errors
    /// A role that both hold.
    fn merged(&self, other: &Self) -> Result<Self, RoleArn> {
        let mut merged = self.clone();
        for (arn, role) in &other.roles {
            if merged.roles.insert(arn.clone(), Arc::clone(role)).is_some() {
                return Err(arn.clone());
            }
        }
        merged.managed.extend(other.managed.iter().cloned());
        merged.is_complete |= other.is_complete;
        merged.captured_at = merged.captured_at.min(other.captured_at);
        Ok(merged)
    }

    fn managed(&self, arn: &str) -> Option<&Document> {
        self.managed.iter().find_map(|managed| managed.get(arn)).map(|text| text.document())
    }
}

/// One role.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) id: Option<Box<str>>,
    /// `None` when they were not listed.
    pub(crate) tags: Option<Box<[(Arc<str>, Arc<str>)]>>,
    pub(crate) trust: Arc<PolicyText>,
    pub(crate) policies: Box<[RolePolicy]>,
    /// The ARN of the permissions boundary.
    pub(crate) boundary: Option<Arc<str>>,
}

/// A permissions policy of a role.
#[derive(Debug)]
pub(crate) struct RolePolicy {
    /// What to call it, as `inline policy "etl"`; of a managed policy its ARN.
    name: Arc<str>,
    content: PolicyContent,
}

#[derive(Debug)]
enum PolicyContent {
    Inline(Arc<PolicyText>),
    Managed,
    /// The snapshot says nothing about such policies of the role.
    Unread,
}

impl RolePolicy {
    pub(crate) fn inline(name: Arc<str>, text: Arc<PolicyText>) -> Self {
        Self { name, content: PolicyContent::Inline(text) }
    }

    pub(crate) fn managed(name: Arc<str>) -> Self {
        Self { name, content: PolicyContent::Managed }
    }

    pub(crate) fn unread(name: Arc<str>) -> Self {
        Self { name, content: PolicyContent::Unread }
    }
}

/// The organisation that an account belongs to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Affiliation {
    /// The file does not say.
    #[default]
    NotGiven,
    /// It is in no organisation.
    None,
    /// It is this one.
    Organisation(String),
}

/// What an organisation imposes on one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    pub(crate) affiliation: Affiliation,
    /// Its place in the organisation, as `o-example/r-ab12/ou-ab12-11111111/`.
    pub(crate) path: Option<String>,
    /// The management account, which no policy of the organisation binds.
    pub(crate) is_management: bool,
    /// `None` when the file does not say; then none binds the account.
    pub(crate) service_control: Option<Vec<ControlLevel>>,
    pub(crate) resource_control: Option<Vec<ControlLevel>>,
}

/// The policies that are attached at one level of an organisation, with their names.
#[derive(Clone, Debug)]
pub(crate) struct ControlLevel {
    pub(crate) name: String,
    pub(crate) policies: Vec<(String, Document)>,
}

impl ControlLevel {
    fn in_force(&self) -> Level<'_> {
        let policies = self.policies.iter().map(|(name, document)| PolicyInForce { name, document: Some(document) });
        Level { name: &self.name, policies: policies.collect() }
    }
}

impl Facts {
    /// Facts that hold nothing: every role is unknown.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            accounts: BTreeMap::new(),
            clusters: Vec::new(),
            organisation: None,
            version: "none".to_owned(),
            loaded_at: Timestamp::now(),
            files: Arc::default(),
            max_age: None,
        }
    }

    /// The same facts, with accounts whose data is older than this counted as unknown.
    #[must_use]
    pub fn with_max_age(self, max_age: Option<Duration>) -> Self {
        let version = match max_age {
            Some(max_age) => short(&Sha256::digest(format!("{} {}", self.version, max_age.as_secs()))),
            None => self.version,
        };
        Self { version, max_age, ..self }
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

    /// The tags of a role, where they are known.
    #[must_use]
    pub fn tags(&self, role: &RoleArn) -> Option<&[(Arc<str>, Arc<str>)]> {
        self.role(role)?.tags.as_deref()
    }

    /// One role, by its exact ARN.
    pub(crate) fn role(&self, arn: &RoleArn) -> Option<&Role> {
        self.accounts.get(&arn.account())?.roles.get(arn).map(Arc::as_ref)
    }

    /// How old an account's data is, if it is older at `now` than it may be.
    pub(crate) fn outdated(&self, account: AccountId, now: Timestamp) -> Option<Duration> {
        let captured_at = self.accounts.get(&account)?.captured_at;
        let age = Duration::try_from(now.duration_since(captured_at)).ok()?;
        self.max_age.filter(|max_age| age > *max_age).map(|_| age)
    }

    /// The permissions policies of a role.
    pub(crate) fn identity_policies<'f>(&'f self, account: AccountId, role: &'f Role) -> Vec<PolicyInForce<'f>> {
        let document = |policy: &'f RolePolicy| match &policy.content {
            PolicyContent::Inline(text) => Some(text.document()),
            PolicyContent::Managed => self.managed(account, &policy.name),
            PolicyContent::Unread => None,
        };
        role.policies.iter().map(|policy| PolicyInForce { name: &policy.name, document: document(policy) }).collect()
    }

    /// The permissions boundary of a role.
    pub(crate) fn boundary<'f>(&'f self, account: AccountId, role: &'f Role) -> Option<PolicyInForce<'f>> {
        role.boundary.as_deref().map(|arn| PolicyInForce { name: arn, document: self.managed(account, arn) })
    }

    /// A managed policy, as the snapshot of an account has it, or else any other.
    fn managed(&self, account: AccountId, arn: &str) -> Option<&Document> {
        let own = self.accounts.get(&account).and_then(|account| account.managed(arn));
        own.or_else(|| self.accounts.values().find_map(|account| account.managed(arn)))
    }

    /// Every known cluster, in order of name.
    #[must_use]
    pub fn clusters(&self) -> Vec<&Cluster> {
        let mut clusters: Vec<_> = self.clusters.iter().collect();
        clusters.sort_by(|one, other| {
            (&one.name, one.account, &one.region).cmp(&(&other.name, other.account, &other.region))
        });
        clusters
    }

    /// The cluster, or serverless workgroup, of that name: an identifier, `account/region/identifier`, or an ARN.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.find_cluster(name).ok()
    }

    /// The same, or what is wrong with the name.
    ///
    /// # Errors
    /// [`ClusterError`]: no cluster is called so, or several are.
    pub fn find_cluster(&self, name: &str) -> Result<&Cluster, ClusterError> {
        cluster::find(self.clusters.iter(), name)
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

    /// Whether the policies of an organisation over an account are known.
    #[must_use]
    pub fn knows_control_policies(&self, account: AccountId) -> bool {
        self.membership(account).is_some_and(|membership| {
            membership.is_management
                || membership.affiliation == Affiliation::None
                || membership.service_control.is_some()
        })
    }

    /// What the organisation's file says of an account.
    pub(crate) fn membership(&self, account: AccountId) -> Option<&Membership> {
        self.organisation.as_ref()?.get(&account)
    }

    /// The service control policies over an account.
    pub(crate) fn service_control(&self, account: AccountId) -> Levels<'_> {
        self.levels(account, |membership| membership.service_control.as_deref())
    }

    /// The resource control policies over an account.
    pub(crate) fn resource_control(&self, account: AccountId) -> Levels<'_> {
        self.levels(account, |membership| membership.resource_control.as_deref())
    }

    fn levels<'f>(
        &'f self,
        account: AccountId,
        pick: impl Fn(&'f Membership) -> Option<&'f [ControlLevel]>,
    ) -> Levels<'f> {
        let Some(accounts) = &self.organisation else { return Levels::Known(Vec::new()) };
        match accounts.get(&account) {
            None => Levels::Unknown,
            Some(membership) if membership.is_management => Levels::Known(Vec::new()),
            Some(membership) => {
                Levels::Known(pick(membership).unwrap_or_default().iter().map(ControlLevel::in_force).collect())
            }
        }
    }
}

/// The first twelve hexadecimal digits of a hash.
pub(crate) fn short(digest: &[u8]) -> String {
    hex::encode(digest.get(..6).unwrap_or(digest))
}
