//! Exceptions: refusals that somebody has agreed to bear with for a while. Pure: the time is an argument.

use jiff::Timestamp;

use crate::gate::codes::Code;

/// What is let off a refusal: who, with what, until when.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Serialize)]
pub struct Exception {
    /// Its name, as an annotation says it; unique.
    pub id: String,
    /// The database users for whom it holds.
    pub users: Vec<String>,
    /// The groups for whose members it holds.
    pub groups: Vec<String>,
    /// The chains that it is about, as statements write them, or the keyword `default`; with none, it is about any.
    pub chains: Vec<String>,
    /// The codes that it is about; with none, it is about what facts and rules say of its chains.
    pub codes: Vec<Code>,
    /// From this moment on it does not hold.
    pub until: Timestamp,
    /// Who answers for it.
    pub owner: String,
    /// Where it was agreed.
    pub ticket: String,
    /// Why it was granted, in its owner's words.
    pub reason: Option<String>,
}

impl Exception {
    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether it holds for this user, a member of these groups.
    #[must_use]
    pub fn is_for(&self, user: &str, groups: &[String]) -> bool {
        self.users.iter().any(|name| name == user) || self.groups.iter().any(|group| groups.contains(group))
    }

    /// Whether it is about a finding of this code on a credential that reads `chain`; `None`: the finding is on none.
    #[must_use]
    pub fn is_about(&self, code: Code, chain: Option<&str>) -> bool {
        let by_chain = chain.is_some_and(|chain| self.chains.iter().any(|named| named == chain));
        match (self.chains.is_empty(), self.codes.is_empty()) {
            (true, true) => false,
            (true, false) => self.codes.contains(&code),
            (false, true) => by_chain && code.is_of_chain(),
            (false, false) => by_chain && self.codes.contains(&code),
        }
    }

    /// Whole days until it ends, and `None` once it has.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        (!self.is_over(now)).then(|| self.until.as_second().saturating_sub(now.as_second()).div_euclid(86_400))
    }
}

#[cfg(test)]
pub(in crate::gate) mod tests {
    use super::*;

    const CHAIN: &str = "arn:aws:iam::123456789012:role/A,arn:aws:iam::123456789012:role/B";

    /// An exception for `etl` and for the group `loaders`, until second 1000.
    pub(in crate::gate) fn exception(chains: &[&str], codes: &[Code]) -> Exception {
        Exception {
            id: "SEC-1".to_owned(),
            users: vec!["etl".to_owned()],
            groups: vec!["loaders".to_owned()],
            chains: chains.iter().map(ToString::to_string).collect(),
            codes: codes.to_vec(),
            until: Timestamp::from_second(1000).unwrap(),
            owner: "data platform".to_owned(),
            ticket: "SEC-1".to_owned(),
            reason: None,
        }
    }

    #[test]
    fn it_holds_for_its_users_and_groups_until_its_end() {
        let one = exception(&[CHAIN], &[]);
        let groups = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(one.is_for("etl", &[]) && one.is_for("x", &groups(&["a", "loaders"])));
        assert!(!one.is_for("ETL", &groups(&["etl"])) && !one.is_for("loaders", &[]) && !one.is_for("", &[]));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(!one.is_over(at(999)) && one.is_over(at(1000)) && one.is_over(at(1001)));
        let days = |second| one.days_left(at(second));
        assert_eq!(
            (days(999), days(1000), days(1000 - 86_400), days(1000 - 86_401)),
            (Some(0), None, Some(1), Some(1))
        );
    }

    /// (chains, codes, code of the finding, its chain, whether it is about it)
    #[test]
    fn what_it_is_about() {
        use Code::{Rg101, Rg102, Rg104, Rg109, Rg203, Rg301, Rg302};
        let rows: &[(&[&str], &[Code], Code, Option<&str>, bool)] = &[
            (&[CHAIN], &[], Rg203, Some(CHAIN), true),
            (&[CHAIN], &[], Rg302, Some(CHAIN), true),
            (&[CHAIN], &[], Rg203, Some("default"), false),
            (&[CHAIN], &[], Rg203, None, false),
            (&[CHAIN], &[], Rg102, Some(CHAIN), false),
            (&[CHAIN], &[], Rg101, Some(CHAIN), false),
            (&[CHAIN], &[Rg102], Rg102, Some(CHAIN), true),
            (&[CHAIN], &[Rg301], Rg302, Some(CHAIN), false),
            (&["default"], &[Rg301], Rg301, Some("default"), true),
            (&[], &[Rg109, Rg104], Rg109, None, true),
            (&[], &[Rg109], Rg301, Some(CHAIN), false),
            (&[], &[], Rg301, Some(CHAIN), false),
        ];
        for (chains, codes, code, chain, want) in rows {
            assert_eq!(
                exception(chains, codes).is_about(*code, *chain),
                *want,
                "{chains:?} {codes:?} {code} {chain:?}"
            );
        }
    }
}
