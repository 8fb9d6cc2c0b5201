//! The principals of the grid: a member of each group, every user whom a rule names, real users who differ in their groups, and a
//! stranger. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::profile::{Subject, Test, fits};
use crate::survey::values::{RuleValues, STRANGER, texts};

/// Real users of the grid.
const MAX_REAL_USERS: usize = 200;

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Person {
    /// The user's name.
    pub(crate) user: String,
    /// The user's groups; those of each policy when not set.
    pub(crate) groups: Option<Vec<String>>,
    /// How reports call it.
    pub(crate) label: String,
}

/// All principals. `groups` holds the configured users of all policies, by group.
#[must_use]
pub(crate) fn people(rules: &[RuleValues], groups: &[&BTreeMap<String, Vec<String>>]) -> Vec<Person> {
    let mut people =
        vec![Person { user: STRANGER.to_owned(), groups: Some(Vec::new()), label: "a stranger".to_owned() }];
    let named = |subject: &Subject| -> BTreeSet<String> {
        rules.iter().flat_map(|rule| rule.tests(subject).flat_map(texts).collect::<Vec<_>>()).collect()
    };
    let known = groups.iter().flat_map(|groups| groups.keys().cloned());
    let all_groups: BTreeSet<String> = known.chain(named(&Subject::Group)).collect();
    let member = |user: &str, group: &str| Person {
        user: user.to_owned(),
        groups: Some(vec![group.to_owned()]),
        label: if user == STRANGER { format!("a member of {group}") } else { format!("{user} in {group}") },
    };
    people.extend(all_groups.iter().map(|group| member(STRANGER, group)));
    for user in named(&Subject::User) {
        people.extend(all_groups.iter().map(|group| member(&user, group)));
        people.push(Person { user: user.clone(), groups: None, label: user });
    }
    people.extend(real(rules, groups));
    people
}

/// A real user for each set of groups, and for each way to fit the patterns of names.
fn real(rules: &[RuleValues], groups: &[&BTreeMap<String, Vec<String>>]) -> Vec<Person> {
    let mut members: BTreeMap<&str, BTreeSet<(usize, &str)>> = BTreeMap::new();
    for (policy, groups) in groups.iter().enumerate() {
        for (group, users) in *groups {
            for user in users {
                members.entry(user).or_default().insert((policy, group));
            }
        }
    }
    let patterns: Vec<&Test> = rules.iter().flat_map(|rule| rule.tests(&Subject::User)).collect();
    let fitting = |user: &str| -> Vec<bool> {
        patterns.iter().map(|test| matches!(test, Test::Like(pattern) if fits(pattern, user))).collect()
    };
    let mut distinct: BTreeMap<(Vec<(usize, &str)>, Vec<bool>), &str> = BTreeMap::new();
    for (user, groups) in members {
        distinct.entry((groups.into_iter().collect(), fitting(user))).or_insert(user);
    }
    let person = |user: &str| Person { user: user.to_owned(), groups: None, label: user.to_owned() };
    distinct.into_values().take(MAX_REAL_USERS).map(person).collect()
}
