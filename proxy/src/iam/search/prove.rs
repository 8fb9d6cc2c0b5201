//! Guards over all chains that the facts allow, not only those in use.

use std::collections::{HashSet, VecDeque};

use super::paths::Explorer;
use crate::chain::{AccountId, MAX_ROLES, RoleArn};
use crate::iam::facts::{Affiliation, Facts};
use crate::iam::policy::truth::Truth;

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

/// Whether a guard holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Over every chain, even if all that is undecided were allowed.
    Holds,
    /// A chain that is surely allowed breaks it: the shortest.
    Broken(Vec<RoleArn>),
    /// Only a chain with an undecided step would break it: the shortest.
    Undecided(Vec<RoleArn>),
}

/// Proves a guard for the cluster and the user of an explorer.
pub fn prove(facts: &Facts, explorer: &mut Explorer<'_>, guard: &Guard) -> Proof {
    if let Some(chain) = shortest(facts, explorer, guard, false) {
        return Proof::Broken(chain);
    }
    shortest(facts, explorer, guard, true).map_or(Proof::Holds, Proof::Undecided)
}

/// The shortest chain that breaks a guard: surely, or if what is undecided were allowed.
fn shortest(facts: &Facts, explorer: &mut Explorer<'_>, guard: &Guard, with_doubts: bool) -> Option<Vec<RoleArn>> {
    let counts = |truth: Truth| if with_doubts { !truth.is_false() } else { truth.is_true() };
    let mut seen = HashSet::new();
    let mut queue = VecDeque::new();
    for link in explorer.attached().into_iter().filter(|link| with_doubts || link.doubt.is_none()) {
        if counts(guard.is_broken(facts, None, &link.role)) {
            return Some(vec![link.role]);
        }
        if seen.insert(link.role.clone()) {
            queue.push_back(vec![link.role]);
        }
    }
    while let Some(chain) = queue.pop_front() {
        let Some(last) = chain.last().filter(|_| chain.len() < MAX_ROLES) else { continue };
        for link in explorer.next(last).iter().filter(|link| with_doubts || link.doubt.is_none()) {
            let longer = || chain.iter().cloned().chain([link.role.clone()]).collect::<Vec<_>>();
            if counts(guard.is_broken(facts, Some(last), &link.role)) {
                return Some(longer());
            }
            if seen.insert(link.role.clone()) {
                queue.push_back(longer());
            }
        }
    }
    None
}

impl Guard {
    /// Whether a step onto a role breaks it; `source` is `None` for a cluster.
    fn is_broken(&self, facts: &Facts, source: Option<&RoleArn>, target: &RoleArn) -> Truth {
        match self {
            Self::NeverAccount(account) => (target.account() == *account).into(),
            Self::Only { role, sources } => (target == role && !sources.contains(source.unwrap_or(target))).into(),
            Self::WithinOrganisation(wanted) => {
                match facts.membership(target.account()).map(|membership| &membership.affiliation) {
                    Some(Affiliation::Organisation(id)) => (id != wanted).into(),
                    Some(Affiliation::None) => Truth::True,
                    Some(Affiliation::NotGiven) | None => Truth::Unknown,
                }
            }
        }
    }
}
