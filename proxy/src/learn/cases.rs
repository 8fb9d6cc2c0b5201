//! Cases of `rolegate policy test` that pin the proposals: a statement that each lets through, and near misses that must stay refused.

use jiff::Timestamp;

use crate::config::Case;
use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::learn::place::S3Place;
use crate::learn::propose::ProposedPermit;
use crate::learn::uses::Sample;
use crate::rules::TargetKind;

/// A user who is in no group.
pub(crate) const STRANGER: &str = "rolegate-stranger";

/// The cases of a proposal that come out as they should under the proposed rules: what another rule lets through is no near miss. Empty
/// when no statement was short enough to be kept.
#[must_use]
pub(crate) fn cases(proposal: &ProposedPermit, policy: &Policy) -> Vec<Case> {
    let Some((user, sample)) = &proposal.sample else { return Vec::new() };
    let allowed = case(format!("{} is let through", proposal.words()), user, sample, Action::Forward);
    let action = outcome(&allowed, policy);
    // Something else in its message can be too rare to be learned.
    if action == Action::Reject {
        return Vec::new();
    }
    let near = near_misses(proposal, user, sample).into_iter().filter(|case| outcome(case, policy) == Action::Reject);
    [Case { verdict: action, ..allowed }].into_iter().chain(near).collect()
}

fn near_misses(proposal: &ProposedPermit, user: &str, sample: &Sample) -> Vec<Case> {
    let words = proposal.words();
    let miss = |who: &str, what: &str, sample: &Sample| case(format!("{words}: {what}"), who, sample, Action::Reject);
    let mut misses = vec![miss(STRANGER, "a stranger", sample)];
    if let Some(chain) = other_chain(&sample.chain) {
        misses.push(miss(user, "another chain", &sample.through(&chain)));
    }
    if proposal.class.target == TargetKind::S3 {
        let bucket = format!("{}-elsewhere", proposal.class.name);
        misses.push(miss(user, "another bucket", &sample.on(&bucket, proposal.place.text())));
        if proposal.place != S3Place::Under(String::new()) {
            misses.push(miss(user, "another place", &sample.on(&proposal.class.name, "~elsewhere/")));
        }
    }
    misses.retain(|case| case.user == STRANGER || case.sql != sample.text);
    misses
}

/// The chain in the other direction, or a role with another name.
fn other_chain(chain: &str) -> Option<String> {
    let roles: Vec<&str> = chain.split(',').filter(|role| !role.is_empty()).collect();
    let turned = roles.iter().rev().copied().collect::<Vec<_>>().join(",");
    match roles.as_slice() {
        [] => None,
        _ if turned != chain => Some(turned),
        _ => Some(format!("{chain}-other")),
    }
}

fn case(name: String, user: &str, sample: &Sample, verdict: Action) -> Case {
    Case {
        name,
        user: user.to_owned(),
        groups: None,
        database: sample.database.clone(),
        application: sample.application.clone(),
        client_address: sample.client_address.as_deref().and_then(|address| address.parse().ok()),
        tls_subject: None,
        tls_names: Vec::new(),
        time: sample.time,
        sql: sample.text.clone(),
        verdict,
        codes: None,
    }
}

fn outcome(case: &Case, policy: &Policy) -> Action {
    case.judge(policy, Timestamp::UNIX_EPOCH).map_or(Action::Forward, |verdict| verdict.would_be)
}
