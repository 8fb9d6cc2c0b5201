//! Everything that is known, as one value that never changes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    account::{Account, Origin, PolicyContent, Role, RolePolicy},
    cluster::{self, Cluster, ClusterError},
    membership::{Affiliation, ControlLevel, Membership},
    part::FilePart,
};
use crate::{
    chain::{AccountId, RoleArn},
    iam::{
        evaluate::{Levels, PolicyInForce},
        policy::document::Document,
    },
};

/// Immutable IAM facts: newer ones are another value, which shares the accounts that did not change.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(crate) accounts: BTreeMap<AccountId, Arc<Account>>,
    pub(crate) clusters: Vec<Cluster>,
    /// `None` when no file of them was given: then they are left out of the judgement.
    pub(super) organisation: Option<Arc<HashMap<AccountId, Membership>>>,
    pub(crate) version: String,
    pub(super) loaded_at: Timestamp,
    /// The files that all this was read from.
    pub(super) files: Arc<[Arc<FilePart>]>,
    /// How old an account's data may be before its roles count as unknown.
    max_age: Option<Duration>,
}

/// What is older than it may be, and how old it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outdated {
    /// The roles of an account.
    Roles(Duration),
    /// What the organisation file says of it.
    Membership(Duration),
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

    /// When what is known of an account was taken from AWS.
    #[must_use]
    pub fn captured_at(&self, account: AccountId) -> Option<Timestamp> {
        self.accounts.get(&account).map(|account| account.captured_at())
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

    /// The tags of a role as `key=value`, where they are known.
    #[must_use]
    pub fn tag_words(&self, role: &RoleArn) -> Option<BTreeSet<String>> {
        Some(self.role(role)?.tags.as_deref()?.iter().map(|(key, value)| format!("{key}={value}")).collect())
    }

    /// One role, by its exact ARN.
    pub(crate) fn role(&self, arn: &RoleArn) -> Option<&Role> {
        self.accounts.get(&arn.account())?.roles.get(arn).map(Arc::as_ref)
    }

    /// What files say of an account and is older at `now` than it may be, with its age: the roles, or the place in the organisation.
    /// What was read from AWS itself is not among these facts any more when it is too old.
    pub(crate) fn outdated(&self, account: AccountId, now: Timestamp) -> Option<Outdated> {
        let max_age = self.max_age?;
        // A clock that was set back makes nothing older.
        let age = |captured_at: Timestamp| Duration::try_from(now.duration_since(captured_at)).unwrap_or_default();
        let known = self.accounts.get(&account)?;
        let roles = age(known.captured_at);
        if known.origin == Origin::File && roles > max_age {
            return Some(Outdated::Roles(roles));
        }
        let membership = self.membership(account).map(|membership| age(membership.captured_at));
        membership.filter(|age| *age > max_age).map(Outdated::Membership)
    }

    /// The age of a cluster's description at `now`, where it is older than it may be.
    pub(crate) fn outdated_cluster(&self, cluster: &Cluster, now: Timestamp) -> Option<Duration> {
        let (max_age, captured_at) = (self.max_age?, cluster.captured_at?);
        let age = Duration::try_from(now.duration_since(captured_at)).unwrap_or_default();
        (age > max_age).then_some(age)
    }

    /// Everything that files tell, whose age is known, by what messages call it: accounts, clusters, and the oldest of what organisation
    /// files say.
    pub fn captures(&self) -> impl Iterator<Item = (String, Timestamp)> {
        let accounts = self.accounts.iter().filter(|(_, account)| account.origin == Origin::File);
        let accounts = accounts.map(|(id, account)| (format!("account {id}"), account.captured_at));
        let organisation = self.organisation.iter().flat_map(|accounts| accounts.values());
        let oldest = organisation.map(|membership| membership.captured_at).min();
        let clusters = self.clusters.iter();
        let clusters = clusters.filter_map(|cluster| Some((format!("cluster {cluster}"), cluster.captured_at?)));
        accounts.chain(clusters).chain(oldest.map(|captured_at| ("the organisation".to_owned(), captured_at)))
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

    /// Whether it is known which service control policies bind an account.
    pub(crate) fn knows_service_control(&self, account: AccountId) -> bool {
        self.knows_levels(account, |membership| membership.service_control.is_some())
    }

    /// Whether it is known which resource control policies bind an account.
    pub(crate) fn knows_resource_control(&self, account: AccountId) -> bool {
        self.knows_levels(account, |membership| membership.resource_control.is_some())
    }

    fn knows_levels(&self, account: AccountId, are_listed: impl Fn(&Membership) -> bool) -> bool {
        self.membership(account).is_some_and(|membership| membership.is_bound_by_none() || are_listed(membership))
    }

    /// Whether roles of this account are known from a snapshot or from AWS.
    #[must_use]
    pub fn has_account(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// Whether anything is known of organisations.
    #[must_use]
    pub fn has_organisation(&self) -> bool {
        self.organisation.is_some()
    }

    /// Whether two accounts belong to one organisation; `None` when the facts do not tell.
    #[must_use]
    pub fn same_organisation(&self, one: AccountId, other: AccountId) -> Option<bool> {
        if one == other {
            return Some(true);
        }
        let affiliation = |account| self.membership(account).map(|membership| &membership.affiliation);
        match (affiliation(one)?, affiliation(other)?) {
            (Affiliation::Organisation(one), Affiliation::Organisation(other)) => Some(one == other),
            (Affiliation::None, Affiliation::Organisation(_) | Affiliation::None)
            | (Affiliation::Organisation(_), Affiliation::None) => Some(false),
            (Affiliation::NotGiven, _) | (_, Affiliation::NotGiven) => None,
        }
    }

    /// The accounts that organisation files list.
    pub(crate) fn members(&self) -> impl Iterator<Item = AccountId> {
        self.organisation.iter().flat_map(|accounts| accounts.keys().copied())
    }

    /// The organisations that accounts belong to.
    pub(crate) fn organisations(&self) -> BTreeSet<&str> {
        let memberships = self.organisation.iter().flat_map(|accounts| accounts.values());
        memberships.filter_map(|membership| membership.organisation()).collect()
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
            Some(membership) if membership.is_bound_by_none() => Levels::Known(Vec::new()),
            Some(membership) => pick(membership)
                .map_or(Levels::Unknown, |levels| Levels::Known(levels.iter().map(ControlLevel::in_force).collect())),
        }
    }
}

/// The first twelve hexadecimal digits of a hash.
pub(crate) fn short(digest: &[u8]) -> String {
    hex::encode(digest.get(..6).unwrap_or(digest))
}
