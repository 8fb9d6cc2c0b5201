//! Finds one chain that reaches a role, starting from its end: who is named in its trust policy, and who in theirs.

use std::collections::VecDeque;

use crate::{
    chain::RoleArn,
    iam::{
        explain::Decision,
        facts::Facts,
        judge::{Caller, hop_decision, service_step},
    },
};

/// The longest chain to look for, and the most steps to judge: a client waits meanwhile.
const MAX_ROLES: usize = 4;
const MAX_STEPS: usize = 400;

/// The shortest chain from an attached role to `target` along roles that trust policies name, if one is found within the limits.
pub(crate) fn chain_to(facts: &Facts, target: &RoleArn, caller: &Caller<'_>) -> Option<Vec<RoleArn>> {
    let attached: Vec<RoleArn> = caller
        .cluster
        .attached_roles()
        .into_iter()
        .filter(|role| service_step(facts, role, caller).outcome.decision() == Decision::Allowed)
        .collect();
    let mut steps = 0_usize;
    let mut allowed = |source: &RoleArn, target: &RoleArn| {
        steps = steps.saturating_add(1);
        (steps <= MAX_STEPS).then(|| hop_decision(facts, source, target, caller) == Decision::Allowed)
    };
    let mut seen = vec![target.clone()];
    let mut queue = VecDeque::from([vec![target.clone()]]);
    while let Some(end) = queue.pop_front() {
        let Some(first) = end.first() else { continue };
        let behind = |role: &RoleArn| [role.clone()].into_iter().chain(end.iter().cloned()).collect::<Vec<_>>();
        for role in attached.iter().filter(|role| !end.contains(role)) {
            if allowed(role, first)? {
                return Some(behind(role));
            }
        }
        if end.len().saturating_add(1) >= MAX_ROLES {
            continue;
        }
        for role in named_in_trust(facts, first) {
            if !seen.contains(&role) && allowed(&role, first)? {
                queue.push_back(behind(&role));
                seen.push(role);
            }
        }
    }
    None
}

/// The known roles that a role's trust policy names.
fn named_in_trust(facts: &Facts, role: &RoleArn) -> Vec<RoleArn> {
    let statements = facts.role(role).map(|role| role.trust.document().statements.as_slice()).unwrap_or_default();
    let texts = statements.iter().filter_map(|statement| statement.grants_to()).flatten();
    texts.filter_map(|text| RoleArn::parse(text).ok()).filter(|role| facts.knows(role)).collect()
}
