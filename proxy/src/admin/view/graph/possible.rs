//! The steps that the facts allow, from the roles attached to a cluster on.

use std::collections::{HashSet, VecDeque};

use crate::chain::RoleArn;
use crate::iam::{Caller, Explorer, Facts};

/// A step that the facts allow, or do not exclude.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::admin) struct PossibleStep {
    /// The role that assumes; `None`: the cluster.
    pub from: Option<RoleArn>,
    pub to: RoleArn,
    /// What cannot be told of it.
    pub doubt: Option<String>,
}

/// At most so many steps, the nearest to the cluster first, and whether there may be more.
pub(in crate::admin) fn possible(facts: &Facts, caller: Caller<'_>, most: usize) -> (Vec<PossibleStep>, bool) {
    let mut explorer = Explorer::new(facts, caller);
    let (mut steps, mut queue, mut seen) = (Vec::new(), VecDeque::new(), HashSet::new());
    for link in explorer.attached() {
        if seen.insert(link.role.clone()) {
            queue.push_back(link.role.clone());
        }
        steps.push(PossibleStep { from: None, to: link.role, doubt: link.doubt });
    }
    while let Some(role) = queue.pop_front() {
        if steps.len() >= most {
            steps.truncate(most);
            return (steps, true);
        }
        for link in explorer.next(&role).to_vec() {
            if seen.insert(link.role.clone()) {
                queue.push_back(link.role.clone());
            }
            steps.push(PossibleStep { from: Some(role.clone()), to: link.role, doubt: link.doubt });
        }
    }
    let is_cut = steps.len() > most;
    steps.truncate(most);
    (steps, is_cut)
}
