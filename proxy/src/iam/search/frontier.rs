//! The graph of all steps, those included that lead through roles of which nothing is known: absent data is never taken for "no".

use std::collections::{BTreeMap, BTreeSet};

use super::{
    paths::{Explorer, Link},
    reach::RoleReach,
};
use crate::{
    chain::{AccountId, RoleArn},
    iam::{
        advise::age_of_cluster,
        facts::Facts,
        judge::{Caller, age_of},
    },
};

/// Accounts that are named where any can be meant.
const NAMED_ACCOUNTS: usize = 5;

/// Where a chain can be.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum ChainPlace {
    /// At this role, which the facts need not hold.
    Role(RoleArn),
    /// At some role of an account whose roles are not all known.
    SomeRole(AccountId),
    /// At some role of an account that nothing names.
    Elsewhere,
}

/// A step to a place, and what makes it unsure.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) to: ChainPlace,
    pub(super) doubt: Option<String>,
}

/// Every place that a chain may be at, and the steps between them.
#[derive(Debug)]
pub(super) struct Frontier<'f> {
    facts: &'f Facts,
    explorer: Explorer<'f>,
    /// Accounts whose roles are not all known, and why not.
    unread: BTreeMap<AccountId, String>,
    /// Roles of those accounts that something names.
    strangers: BTreeMap<AccountId, BTreeSet<RoleArn>>,
    /// Whether a chain has been followed from a place that is not known: all others of that kind were reached from there.
    is_entered: bool,
}

impl From<Link> for Edge {
    fn from(link: Link) -> Self {
        Self { to: ChainPlace::Role(link.role), doubt: link.doubt }
    }
}

impl<'f> Frontier<'f> {
    /// The graph for a caller. `accounts` and `roles` are named by a question, and may stand nowhere in the facts.
    pub(super) fn new(explorer: Explorer<'f>, accounts: &[AccountId], roles: &[RoleArn]) -> Self {
        let (facts, caller) = (explorer.facts, explorer.caller);
        let attached = explorer.starts();
        let mut named: BTreeSet<AccountId> = explorer.named_accounts().chain(accounts.iter().copied()).collect();
        named.extend(facts.accounts.keys().copied().chain(facts.members()).chain(caller.cluster.account()));
        named.extend(roles.iter().chain(attached.iter().map(|link| &link.role)).map(RoleArn::account));
        let why = |account: AccountId| unread(facts, account, &caller).map(|why| (account, why));
        let unread: BTreeMap<AccountId, String> = named.into_iter().filter_map(why).collect();
        let mut strangers: BTreeMap<AccountId, BTreeSet<RoleArn>> = BTreeMap::new();
        let unknown = roles.iter().filter(|role| !facts.knows(role));
        for role in explorer.strangers().iter().chain(unknown).filter(|role| unread.contains_key(&role.account())) {
            strangers.entry(role.account()).or_default().insert(role.clone());
        }
        Self { facts, explorer, unread, strangers, is_entered: false }
    }

    /// The steps from the cluster. Where it is not known what is attached, any role that may trust the service can be.
    pub(super) fn starts(&self) -> Vec<Edge> {
        let (cluster, now) = (self.explorer.caller.cluster, self.explorer.caller.now);
        let mut edges: Vec<Edge> = self.explorer.starts().into_iter().map(Edge::from).collect();
        let age = self.facts.outdated_cluster(cluster, now).map(|age| age_of_cluster(cluster, age));
        let unlisted = || format!("the description of cluster {} does not list its roles", cluster.name());
        let Some(doubt) = age.or_else(|| cluster.roles.is_none().then(unlisted)) else { return edges };
        let is_own = |account: AccountId| cluster.account().is_none_or(|own| own == account);
        for role in self.facts.roles().filter(|role| is_own(role.account())) {
            edges.extend(self.explorer.attachment(role, Some(doubt.clone())).map(Edge::from));
        }
        let unknown =
            self.unread.keys().filter(|account| is_own(**account)).map(|account| ChainPlace::SomeRole(*account));
        edges.extend(unknown.map(|to| Edge { to, doubt: Some(doubt.clone()) }));
        if cluster.account().is_none() {
            edges.push(Edge { to: ChainPlace::Elsewhere, doubt: Some(doubt) });
        }
        // Facts hold roles in no order.
        edges.sort_by(|one, other| (one.doubt.is_some(), &one.to).cmp(&(other.doubt.is_some(), &other.to)));
        edges
    }

    /// The steps from a place; without `with_doubts` the sure ones only.
    pub(super) fn next(&mut self, place: &ChainPlace, with_doubts: bool) -> Vec<Edge> {
        let Some(role) = self.known(place) else {
            self.is_entered |= with_doubts;
            return if with_doubts { self.behind_unknown(place) } else { Vec::new() };
        };
        let mut edges: Vec<Edge> = self.explorer.next(role).iter().cloned().map(Edge::from).collect();
        if !with_doubts {
            edges.retain(|edge| edge.doubt.is_none());
        } else if !self.is_entered {
            edges.extend(self.beyond(role));
        }
        edges
    }

    /// The role of a place, if the facts hold it.
    pub(super) fn known<'p>(&self, place: &'p ChainPlace) -> Option<&'p RoleArn> {
        match place {
            ChainPlace::Role(role) => Some(role).filter(|role| self.facts.knows(role)),
            ChainPlace::SomeRole(_) | ChainPlace::Elsewhere => None,
        }
    }

    /// The steps of a known role into what is not known.
    fn beyond(&self, role: &RoleArn) -> Vec<Edge> {
        let reach = RoleReach::of(self.facts, role);
        let partition = role.partition();
        let mut edges = Vec::new();
        for (account, why) in self.unread.iter().filter(|(account, _)| reach.names(**account)) {
            if !reach.meets(&format!("arn:{partition}:iam::{account}:role/*")) {
                continue;
            }
            let doubt = Some(format!("{why}; role {role} may be allowed to assume one of them"));
            let named = self.strangers.get(account).into_iter().flatten();
            let named = named.filter(|stranger| *stranger != role && reach.meets(stranger.as_str()));
            edges.extend(
                named.map(|stranger| Edge { to: ChainPlace::Role(stranger.clone()), doubt: Some(why.clone()) }),
            );
            edges.push(Edge { to: ChainPlace::SomeRole(*account), doubt });
        }
        if reach.meets_any_account() {
            let named: Vec<String> =
                self.unread.keys().take(NAMED_ACCOUNTS).map(|account| format!("account {account}, ")).collect();
            let doubt = format!(
                "role {role} may be allowed to assume roles of any account, and {}accounts that no file names were not read",
                named.concat()
            );
            edges.push(Edge { to: ChainPlace::Elsewhere, doubt: Some(doubt) });
        }
        edges
    }

    /// The steps of a role of which nothing is known: to whoever may trust it, to every role of its own account, whose trust policies are no
    /// better known, and to everything else that is not known.
    fn behind_unknown(&self, place: &ChainPlace) -> Vec<Edge> {
        let (account, mut trusting, why) = match place {
            ChainPlace::Role(role) => {
                let account = role.account();
                (Some(account), self.explorer.trusting(account, Some(role.name())), self.why(account))
            }
            ChainPlace::SomeRole(account) => {
                (Some(*account), self.explorer.trusting(*account, None), self.why(*account))
            }
            ChainPlace::Elsewhere => {
                (None, self.explorer.open().to_vec(), "accounts that no file names were not read".to_owned())
            }
        };
        trusting.extend(
            account.and_then(|account| self.facts.accounts.get(&account)).into_iter().flat_map(|own| own.roles.keys()),
        );
        trusting.sort_unstable();
        trusting.dedup();
        let known = trusting.into_iter().map(|role| ChainPlace::Role(role.clone()));
        let strangers = self.strangers.values().flatten().map(|role| ChainPlace::Role(role.clone()));
        let accounts = self.unread.keys().map(|account| ChainPlace::SomeRole(*account));
        let all = known.chain(strangers).chain(accounts).chain([ChainPlace::Elsewhere]);
        all.filter(|to| to != place).map(|to| Edge { to, doubt: Some(why.clone()) }).collect()
    }

    fn why(&self, account: AccountId) -> String {
        self.unread
            .get(&account)
            .cloned()
            .unwrap_or_else(|| format!("the snapshot of account {account} has no such role"))
    }
}

/// Why not every role of an account is known; `None`: each one is.
fn unread(facts: &Facts, account: AccountId, caller: &Caller<'_>) -> Option<String> {
    match facts.accounts.get(&account) {
        None => Some(format!("the roles of account {account} were not read")),
        Some(known) if !known.is_complete => {
            Some(format!("what was read of account {account} does not list its roles"))
        }
        Some(_) => facts.outdated(account, caller.now).map(|outdated| age_of(account, outdated)),
    }
}

/// In words: a role's ARN, or what is not known more closely.
impl std::fmt::Display for ChainPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => formatter.write_str(role.as_str()),
            Self::SomeRole(account) => write!(formatter, "(some role of account {account})"),
            Self::Elsewhere => formatter.write_str("(some role of an account that no file names)"),
        }
    }
}
