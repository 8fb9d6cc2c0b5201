//! Chains that may go on where the facts end: what a list of chains does not show.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::{
    frontier::{ChainPlace, Frontier},
    paths::Explorer,
};
use crate::chain::RoleArn;

/// Most that are told.
const MAX_TOLD: usize = 20;

/// A way out of the facts by which a chain may reach a role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnseenChain {
    /// The roles up to there, the last one in words if it is not known.
    pub chain: Vec<String>,
    /// Why it cannot be told what follows.
    pub why: String,
}

/// Every way out of the facts by which a chain may reach `target`, the nearest first; none when what the facts allow is all there is.
#[must_use]
pub fn unseen_chains(explorer: Explorer<'_>, target: &RoleArn) -> Vec<UnseenChain> {
    let mut frontier = Frontier::new(explorer, &[], std::slice::from_ref(target));
    let goal = ChainPlace::Role(target.clone());
    let (mut ways, mut exits) = (BTreeMap::<ChainPlace, (Vec<String>, String)>::new(), Vec::new());
    let mut seen: HashSet<ChainPlace> = HashSet::new();
    let mut queue: VecDeque<(ChainPlace, Vec<String>)> = VecDeque::new();
    let mut edges = frontier.starts();
    let mut chain: Vec<String> = Vec::new();
    loop {
        for edge in edges {
            let longer: Vec<String> = chain.iter().cloned().chain([edge.to.to_string()]).collect();
            let is_known = frontier.known(&edge.to).is_some();
            if is_known && seen.insert(edge.to.clone()) {
                queue.push_back((edge.to, longer));
            } else if !is_known && !ways.contains_key(&edge.to) {
                exits.push(edge.to.clone());
                ways.insert(edge.to, (longer, edge.doubt.unwrap_or_default()));
            }
        }
        let Some((place, to_there)) = queue.pop_front() else { break };
        edges = if place == goal { Vec::new() } else { frontier.next(&place, true) };
        chain = to_there;
    }
    if !is_reached(&mut frontier, &exits, &goal) {
        return Vec::new();
    }
    let told = exits.iter().filter_map(|exit| ways.remove(exit)).map(|(chain, why)| UnseenChain { chain, why });
    told.take(MAX_TOLD).collect()
}

/// Whether a chain that is at one of these places may reach the goal.
fn is_reached(frontier: &mut Frontier<'_>, exits: &[ChainPlace], goal: &ChainPlace) -> bool {
    let mut seen: HashSet<ChainPlace> = exits.iter().cloned().collect();
    let mut queue: VecDeque<ChainPlace> = exits.iter().cloned().collect();
    while let Some(place) = queue.pop_front() {
        if place == *goal {
            return true;
        }
        for edge in frontier.next(&place, true) {
            if seen.insert(edge.to.clone()) {
                queue.push_back(edge.to);
            }
        }
    }
    false
}
