//! Roles that the facts do not hold, or whose facts are too old.

use crate::{
    chain::{AccountId, Likeness, RoleArn, alike},
    iam::{
        explain::{Cause, Outcome, Refusal},
        facts::{Facts, Origin, Outdated},
    },
};

/// What the facts lack for a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lack<'r> {
    /// This role.
    Role(&'r RoleArn),
    /// What is known of this role's account is too old.
    Outdated(&'r RoleArn, Outdated),
}

impl Lack<'_> {
    /// A snapshot that was taken again says the same and is not too old: what was told of the old one holds for its moment only.
    pub(super) const fn depends_on_time(&self) -> bool {
        matches!(self, Self::Outdated(..))
    }
}

/// The outcome of a step about which the facts lack something.
pub(super) fn outcome(facts: &Facts, lack: Lack<'_>) -> Outcome {
    match lack {
        Lack::Role(arn) => role(facts, arn),
        Lack::Outdated(role, outdated) => Outcome::Unknown(too_old(role, outdated)),
    }
}

/// What is too old, and how old it is.
pub(crate) fn age_of(account: AccountId, outdated: Outdated) -> String {
    let (what, age) = match outdated {
        Outdated::Roles(age) => (format!("the facts of account {account}"), age),
        Outdated::Membership(age) => (format!("what the files of facts.service_control say of account {account}"), age),
    };
    format!("{what}: {} hours old, more than max_age in [facts] allows", age.as_secs() / 3600)
}

fn too_old(role: &RoleArn, outdated: Outdated) -> Refusal {
    let again = match outdated {
        Outdated::Roles(_) => "take the snapshot of the account again",
        Outdated::Membership(_) => "write the organisation file again, as with rolegate iam pull --organization",
    };
    Refusal {
        cause: Cause::Undecided,
        message: format!("what is known of role {role} is too old to tell"),
        evidence: age_of(role.account(), outdated),
        remedy: Some(again.to_owned()),
        addition: None,
    }
}

/// A role that its account's snapshot does not hold cannot be assumed; of an account that was not read in full nothing can be told.
fn role(facts: &Facts, role: &RoleArn) -> Outcome {
    let account = role.account();
    let known = facts.accounts.get(&account).filter(|known| known.is_complete);
    let meant = nearest(facts, role);
    let (evidence, remedy) = match known {
        None => (
            format!("the roles of account {account} were not read"),
            format!(
                "add a snapshot: aws iam get-account-authorization-details > {account}.json, run in account {account}; \
                 or name the account in [[facts.aws.account]]"
            ),
        ),
        Some(known) => match known.origin {
            Origin::File => (
                format!("the snapshot of account {account} was read and has no such role"),
                format!("correct the role's ARN, or take the snapshot of account {account} again if the role is new"),
            ),
            Origin::Aws => (
                format!("AWS account {account} was read and has no such role"),
                "correct the role's ARN, or create the role".to_owned(),
            ),
        },
    };
    let (evidence, remedy) = match &meant {
        Some((likeness, meant)) => (
            format!("{evidence}; there is {meant}, which differs in its {}", likeness.difference()),
            format!("did you mean {meant}? If not, {remedy}"),
        ),
        None => (evidence, remedy),
    };
    let refusal = Refusal {
        cause: Cause::UnknownRole,
        message: format!("role {role} is unknown to the IAM facts"),
        evidence,
        remedy: Some(remedy),
        addition: None,
    };
    if known.is_some() { Outcome::Denied(refusal) } else { Outcome::Unknown(refusal) }
}

/// The known role that is most like one that is not known: of its account, or of one whose number is nearly the same.
pub(crate) fn nearest(facts: &Facts, role: &RoleArn) -> Option<(Likeness, RoleArn)> {
    let in_account = |account: AccountId| facts.accounts.get(&account).into_iter().flat_map(|known| known.roles.keys());
    let same_name = |account: &AccountId| {
        let arn = role.as_str().replacen(&role.account().to_string(), &account.to_string(), 1);
        RoleArn::parse(&arn).ok().filter(|arn| facts.knows(arn))
    };
    let elsewhere: Vec<RoleArn> = facts.accounts.keys().filter_map(same_name).collect();
    let candidates = in_account(role.account()).chain(&elsewhere);
    let likeness = |other: &RoleArn| alike(role.as_str(), other).map(|likeness| (likeness, other.clone()));
    candidates.filter_map(likeness).min()
}
