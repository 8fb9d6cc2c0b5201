//! Guards over all chains that the facts allow, not only those in use.

use std::collections::{HashSet, VecDeque};

use super::{
    frontier::{ChainPlace, Edge, Frontier},
    guard::Guard,
    paths::Explorer,
};
use crate::{
    chain::{MAX_ROLES, RoleArn},
    iam::{
        EvaluationMode,
        explain::Decision,
        facts::Facts,
        judge::{Caller, hop_decision},
    },
};

/// Whether a guard holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Over every chain, even if all that is undecided were allowed.
    Holds,
    /// A chain that is surely allowed breaks it: the shortest.
    Broken(Witness),
    /// Only a chain with an undecided step would break it: the shortest.
    Undecided(Witness),
}

/// A chain that breaks a guard, or may do so.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Witness {
    /// Its steps, the attachment first.
    pub steps: Vec<WitnessStep>,
    /// What else is to be said of it.
    pub note: Option<String>,
}

/// One step of such a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessStep {
    /// The ARN of the role that is assumed, or in words which roles that are not known it may be.
    pub role: String,
    /// Why it cannot be told whether the step is allowed, or breaks the guard.
    pub doubt: Option<String>,
}

/// A place that was reached, from which place, and how surely.
struct Visit {
    place: ChainPlace,
    from: Option<usize>,
    doubt: Option<String>,
}

/// Proves a guard for a caller's cluster and user, by IAM's own rules: what only the Redshift guide, and with it a gate, asks for is no
/// obstacle to other ways in.
#[must_use]
pub fn prove(facts: &Facts, caller: Caller<'_>, guard: &Guard) -> Proof {
    let (accounts, roles) = guard.names();
    let by_iam = Caller { mode: EvaluationMode::Aws, ..caller };
    let mut frontier = Frontier::new(Explorer::new(facts, by_iam), &accounts, &roles);
    let sure = shortest(facts, &mut frontier, guard, false);
    match sure {
        Some(sure) if sure.len() <= MAX_ROLES => {
            let note = refused_by_guide(facts, &sure, &caller);
            Proof::Broken(Witness { steps: steps(sure), note })
        }
        sure => match shortest(facts, &mut frontier, guard, true).or(sure) {
            None => Proof::Holds,
            Some(found) => Proof::Undecided(Witness { note: too_long(found.len()), steps: steps(found) }),
        },
    }
}

/// The shortest chain that breaks a guard: surely, or if what is undecided were allowed.
fn shortest(facts: &Facts, frontier: &mut Frontier<'_>, guard: &Guard, with_doubts: bool) -> Option<Vec<Edge>> {
    let mut visits: Vec<Visit> = Vec::new();
    let mut seen: HashSet<ChainPlace> = HashSet::new();
    let mut queue: VecDeque<Option<usize>> = VecDeque::from([None]);
    while let Some(from) = queue.pop_front() {
        let source = from.and_then(|at| visits.get(at)).map(|visit| visit.place.clone());
        let edges = match &source {
            None => frontier.starts(),
            Some(place) => frontier.next(place, with_doubts),
        };
        for Edge { to, doubt } in edges.into_iter().filter(|edge| with_doubts || edge.doubt.is_none()) {
            let (broken, open) = guard.is_broken(facts, source.as_ref(), &to);
            let ends = if with_doubts { !broken.is_false() } else { broken.is_true() };
            let is_new = !ends && seen.insert(to.clone());
            if ends || is_new {
                let doubt = match (doubt, open.filter(|_| ends)) {
                    (Some(doubt), Some(open)) => Some(format!("{doubt}; {open}")),
                    (doubt, open) => doubt.or(open),
                };
                visits.push(Visit { place: to, from, doubt });
            }
            if ends {
                return Some(back(&visits));
            }
            if is_new {
                queue.push_back(visits.len().checked_sub(1));
            }
        }
    }
    None
}

/// The chain that ends with the last visit.
fn back(visits: &[Visit]) -> Vec<Edge> {
    let mut chain = Vec::new();
    let mut at = visits.last();
    while let Some(visit) = at {
        chain.push(Edge { to: visit.place.clone(), doubt: visit.doubt.clone() });
        at = visit.from.and_then(|from| visits.get(from));
    }
    chain.reverse();
    chain
}

fn steps(chain: Vec<Edge>) -> Vec<WitnessStep> {
    chain.into_iter().map(|edge| WitnessStep { role: edge.to.to_string(), doubt: edge.doubt }).collect()
}

fn too_long(roles: usize) -> Option<String> {
    let note = || {
        format!(
            "the shortest such chain has {roles} roles: the gate refuses chains of more than {MAX_ROLES}, and AWS documents no limit for \
             other ways in"
        )
    };
    (roles > MAX_ROLES).then(note)
}

/// Whether the gate refuses a chain that IAM allows.
fn refused_by_guide(facts: &Facts, chain: &[Edge], caller: &Caller<'_>) -> Option<String> {
    let roles: Vec<&RoleArn> =
        chain.iter().filter_map(|edge| if let ChainPlace::Role(role) = &edge.to { Some(role) } else { None }).collect();
    let is_refused = |pair: &[&RoleArn]| match pair {
        [source, target] => hop_decision(facts, source, target, caller) != Decision::Allowed,
        _ => false,
    };
    let number = roles.windows(2).position(is_refused)?.saturating_add(1);
    Some(format!(
        "IAM's own rules allow it; at hop {number} the Redshift guide asks for a permission of the role that calls too, so the gate refuses \
         it (facts.mode = \"guide\")"
    ))
}
