//! What no chain may do, and whether a guard means anything to the facts.

use crate::{
    chain::{AccountId, RoleArn, distance},
    iam::{
        facts::{Affiliation, Facts},
        judge::nearest,
        policy::truth::Truth,
    },
};

use super::frontier::ChainPlace;

/// What no chain may do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Guard {
    /// No chain reaches a role of this account.
    NeverAccount(AccountId),
    /// The role is assumed by none but these; by a cluster only where it is one of them itself.
    Only {
        /// The role that is guarded.
        role: RoleArn,
        /// Those that may assume it.
        sources: Vec<RoleArn>,
    },
    /// Every role of every chain belongs to an account of this organisation.
    WithinOrganisation(String),
}

impl Guard {
    /// Whether what it names can be meant: a guard over a misspelt name would hold for ever.
    ///
    /// # Errors
    /// What it names that the facts do not know, and what may be meant.
    pub fn check(&self, facts: &Facts) -> Result<(), String> {
        match self {
            Self::NeverAccount(account) => check_account(facts, *account),
            Self::Only { role, sources } => {
                [role].into_iter().chain(sources).try_for_each(|role| check_role(facts, role))
            }
            Self::WithinOrganisation(id) => check_organisation(facts, id),
        }
    }

    /// The accounts and roles that it names.
    pub(super) fn names(&self) -> (Vec<AccountId>, Vec<RoleArn>) {
        match self {
            Self::NeverAccount(account) => (vec![*account], Vec::new()),
            Self::Only { role, .. } => (Vec::new(), vec![role.clone()]),
            Self::WithinOrganisation(_) => Default::default(),
        }
    }

    /// Whether a step onto a place breaks it, and why that cannot be told; `source` is `None` for a cluster.
    pub(super) fn is_broken(
        &self,
        facts: &Facts,
        source: Option<&ChainPlace>,
        target: &ChainPlace,
    ) -> (Truth, Option<String>) {
        match (self, target) {
            (Self::NeverAccount(account), place) => ((place.account() == Some(*account)).into(), None),
            (Self::Only { role, sources }, ChainPlace::Role(target)) => {
                let is_one = match source.unwrap_or(&ChainPlace::Role(target.clone())) {
                    ChainPlace::Role(source) => sources.contains(source),
                    ChainPlace::SomeRole(_) | ChainPlace::Elsewhere => false,
                };
                ((target == role && !is_one).into(), None)
            }
            (Self::Only { .. }, _) => (Truth::False, None),
            (Self::WithinOrganisation(wanted), place) => {
                let membership = place.account().and_then(|account| facts.membership(account));
                match membership.map(|membership| &membership.affiliation) {
                    Some(Affiliation::Organisation(id)) => ((id != wanted).into(), None),
                    Some(Affiliation::None) => (Truth::True, None),
                    Some(Affiliation::NotGiven) | None => {
                        let account =
                            place.account().map_or("its account".to_owned(), |account| format!("account {account}"));
                        let why =
                            format!("no file of facts.service_control says to which organisation {account} belongs");
                        (Truth::Unknown, Some(why))
                    }
                }
            }
        }
    }
}

impl ChainPlace {
    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Role(role) => Some(role.account()),
            Self::SomeRole(account) => Some(*account),
            Self::Elsewhere => None,
        }
    }
}

fn check_account(facts: &Facts, account: AccountId) -> Result<(), String> {
    if facts.has_account(account) || facts.membership(account).is_some() {
        return Ok(());
    }
    let known = facts.accounts.keys().copied().chain(facts.members());
    let mut near = known.filter(|known| distance(&known.to_string(), &account.to_string()) == 1);
    near.next().map_or(Ok(()), |near| Err(format!("account {account} is not in the facts; did you mean {near}?")))
}

fn check_role(facts: &Facts, role: &RoleArn) -> Result<(), String> {
    if facts.knows(role) {
        return Ok(());
    }
    let is_read = facts.accounts.get(&role.account()).is_some_and(|account| account.is_complete);
    let meant = nearest(facts, role).map(|(_, meant)| format!("; did you mean {meant}?"));
    match meant {
        None if !is_read => Ok(()),
        meant => Err(format!("role {role} is not in the IAM facts{}", meant.unwrap_or_default())),
    }
}

fn check_organisation(facts: &Facts, id: &str) -> Result<(), String> {
    let is_id = id
        .strip_prefix("o-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !is_id {
        return Err(format!("\"{id}\" is no id of an organisation: write one such as \"o-a1b2c3d4e5\""));
    }
    let known = facts.organisations();
    if known.is_empty() || known.contains(id) {
        return Ok(());
    }
    let near = known.iter().find(|known| distance(known, id) <= 2).map(|near| format!("; did you mean \"{near}\"?"));
    let all = || format!(", which name {}", known.iter().copied().collect::<Vec<_>>().join(", "));
    Err(format!(
        "no account belongs to organisation {id} by the files of facts.service_control{}",
        near.unwrap_or_else(all)
    ))
}
