//! Where a role's own side lets it go: the patterns of its policies against places of which no policy is known.

use std::collections::BTreeSet;

use crate::{
    chain::{AccountId, RoleArn},
    iam::{
        evaluate::{Levels, PolicyInForce, binds_caller},
        facts::Facts,
        policy::document::Document,
    },
};

/// Everything a role's side may allow: each set of policies must, by one of its patterns. `None`: the set may allow anything.
#[derive(Debug)]
pub(super) struct RoleReach {
    role: RoleArn,
    sets: Vec<Option<Vec<String>>>,
    /// The accounts that its permissions policies name, where each pattern names one: a look at them saves most comparisons.
    named: Option<BTreeSet<AccountId>>,
}

impl RoleReach {
    /// What permissions policies, boundary and service control policies of a known role may allow; Deny statements and conditions are left
    /// aside, so it is never too little.
    pub(super) fn of(facts: &Facts, arn: &RoleArn) -> Self {
        let Some(role) = facts.role(arn) else { return Self { role: arn.clone(), sets: Vec::new(), named: None } };
        let account = arn.account();
        let mut sets = vec![union(facts.identity_policies(account, role))];
        sets.extend(facts.boundary(account, role).map(|boundary| union([boundary])));
        if let Levels::Known(levels) = facts.service_control(account)
            && binds_caller(Some(arn))
        {
            sets.extend(levels.into_iter().map(|level| union(level.policies)));
        }
        let own = sets.first().and_then(Option::as_ref);
        let named = own.and_then(|texts| texts.iter().map(|text| AccountId::of_arn(text)).collect());
        Self { role: arn.clone(), sets, named }
    }

    /// Whether it may reach roles of an account at all.
    pub(super) fn names(&self, account: AccountId) -> bool {
        account == self.role.account() || self.named.as_ref().is_none_or(|named| named.contains(&account))
    }

    /// Whether it may reach what this pattern stands for, in an account of which too little is known. Inside its own account it needs no
    /// permission where a trust policy names it.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let is_own = pattern.split(':').nth(4) == Some(&self.role.account().to_string());
        is_own
            || self
                .sets
                .iter()
                .all(|set| set.as_ref().is_none_or(|texts| texts.iter().any(|text| overlap(text, pattern))))
    }

    /// Whether it may reach a role of an account that no pattern names.
    pub(super) fn meets_any_account(&self) -> bool {
        let is_open = |text: &String| {
            let account = text.split(':').nth(4);
            account.is_none_or(|account| account.contains(['*', '?']))
        };
        self.sets.iter().all(|set| set.as_ref().is_none_or(|texts| texts.iter().any(is_open)))
    }
}

/// What any of these policies may allow.
fn union<'f>(policies: impl IntoIterator<Item = PolicyInForce<'f>>) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for policy in policies {
        texts.extend(may_allow(policy.document)?);
    }
    Some(texts)
}

fn may_allow(document: Option<&Document>) -> Option<Vec<String>> {
    let document = document.filter(|document| document.fault.is_none())?;
    let mut texts = Vec::new();
    for statement in &document.statements {
        texts.extend(statement.may_allow()?);
    }
    Some(texts)
}

/// Whether some text fits both patterns; case does not count.
fn overlap(one: &str, other: &str) -> bool {
    let account = |text: &str| {
        text.split(':').nth(4).filter(|field| field.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned)
    };
    // The usual case, without a walk over both.
    if let (Some(one), Some(other)) = (account(one), account(other))
        && one != other
    {
        return false;
    }
    let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (one, other) = (chars(one), chars(other));
    // For each place of `other`: whether the part of `one` read so far and `other` up to there have a text in common.
    let mut row = vec![true];
    row.extend(other.iter().scan(true, |open, each| {
        *open &= *each == '*';
        Some(*open)
    }));
    for left in &one {
        let mut next = vec![*left == '*' && row.first() == Some(&true)];
        for (right, pair) in other.iter().zip(row.windows(2)) {
            let (before, above) = (pair.first() == Some(&true), pair.last() == Some(&true));
            let beside = next.last() == Some(&true);
            let same = left == right || matches!((left, right), ('?', _) | (_, '?'));
            next.push(match (left, right) {
                ('*', _) | (_, '*') => above || beside || before,
                _ => before && same,
            });
        }
        row = next;
    }
    row.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn patterns_that_have_a_text_in_common() {
        let any = "arn:aws:iam::222233334444:role/*";
        for (pattern, want) in [
            ("*", true),
            ("arn:aws:iam::*:role/*", true),
            ("arn:aws:iam::222233334444:role/reader", true),
            ("arn:aws:iam::2222*:role/*-reader", true),
            ("arn:*:iam::222233334444:*", true),
            ("ARN:aws:iam::222233334444:role/x?", true),
            ("arn:aws:iam::222233334445:role/*", false),
            ("arn:aws:iam::3*:role/*", false),
            ("arn:aws:iam::222233334444:user/*", false),
            ("arn:aws:s3:::bucket/*", false),
            ("", false),
        ] {
            assert_eq!(overlap(pattern, any), want, "{pattern}");
            assert_eq!(overlap(any, pattern), want, "{pattern}, the other way round");
        }
        let rows = [
            ("a*c", "ab?", true),
            ("a*c", "abd", false),
            ("*a*", "?", true),
            ("a?", "?b", true),
            ("**", "", true),
            ("?", "", false),
        ];
        for (one, other, want) in rows {
            assert_eq!((overlap(one, other), overlap(other, one)), (want, want), "{one} {other}");
        }
    }
}
