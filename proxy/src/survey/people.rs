//! The principals of the grid: a member of each group, and of all those that one rule looks at, every user whom a rule names, real users who differ in their groups, and a
//! stranger. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::profile::{Subject, Test, fits};
use crate::survey::values::{RuleValues, STRANGER, texts};

/// Real users of the grid.
const MAX_REAL_USERS: usize = 200;

/// A user of the grid, with the groups that rules may name.
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
    people.extend(rules.iter().filter_map(member_of_all));
    for user in named(&Subject::User) {
        people.extend(all_groups.iter().map(|group| member(&user, group)));
        people.push(Person { user: user.clone(), groups: None, label: user });
    }
    people.extend(real(rules, groups));
    people
}

/// Somebody of every group that one rule looks at, where it looks at several.
fn member_of_all(rule: &RuleValues) -> Option<Person> {
    let groups: BTreeSet<String> = rule.tests(&Subject::Group).flat_map(texts).collect();
    let groups: Vec<String> = groups.into_iter().collect();
    let label = format!("a member of {}", groups.join(" and "));
    (groups.len() > 1).then(|| Person { user: STRANGER.to_owned(), groups: Some(groups), label })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::{forbid, groups as of, values};

    fn told(condition: &str, groups: &[&BTreeMap<String, Vec<String>>]) -> Vec<String> {
        let of = |person: &Person| person.groups.as_ref().map_or_else(|| "?".to_owned(), |groups| groups.join("+"));
        people(&values(&forbid(condition)), groups)
            .iter()
            .map(|one| format!("{}: {} [{}]", one.label, one.user, of(one)))
            .collect()
    }

    /// (condition, everybody as label, user and groups; `?` where the policy tells them)
    #[test]
    fn whom_rules_name() {
        let stranger = "a stranger: rolegate-stranger []";
        let group = |name: &str| format!("Rolegate::Group::\"{name}\"");
        let rows: Vec<(String, Vec<&str>)> = vec![
            ("resource.length == 1".into(), vec![stranger]),
            ("principal.name == \"bob\"".into(), vec![stranger, "bob: bob [?]"]),
            (
                "principal == Rolegate::User::\"bob\" || principal.name == \"bob\"".into(),
                vec![stranger, "bob: bob [?]"],
            ),
            ("principal.name like \"svc_*\"".into(), vec![stranger, "svc_x: svc_x [?]"]),
            (format!("principal in {}", group("etl")), vec![stranger, "a member of etl: rolegate-stranger [etl]"]),
            (
                format!("principal in {} && principal.name != \"bob\"", group("etl")),
                vec![stranger, "a member of etl: rolegate-stranger [etl]", "bob in etl: bob [etl]", "bob: bob [?]"],
            ),
            (
                format!("principal in {} && principal in {}", group("b"), group("a")),
                vec![
                    stranger,
                    "a member of a: rolegate-stranger [a]",
                    "a member of b: rolegate-stranger [b]",
                    "a member of a and b: rolegate-stranger [a+b]",
                ],
            ),
        ];
        for (condition, want) in rows {
            assert_eq!(told(&condition, &[]), want, "{condition}");
        }
    }

    /// Real users stand for all who have the same groups and fit the same patterns, the first in order.
    #[test]
    fn real_users_who_differ() {
        let users = of(&[("etl", &["carol", "bob", "svc_a"]), ("night", &["carol", "dan"])]);
        let real = |condition: &str, groups: &[&BTreeMap<String, Vec<String>>]| -> Vec<String> {
            let all = people(&values(&forbid(condition)), groups).into_iter();
            let mut names: Vec<String> = all.filter(|one| one.groups.is_none()).map(|one| one.label).collect();
            names.sort();
            names
        };
        assert_eq!(real("resource.length == 1", &[&users]), ["bob", "carol", "dan"]);
        assert_eq!(real("principal.name like \"svc_*\"", &[&users]), ["bob", "carol", "dan", "svc_a", "svc_x"]);
        let later = of(&[("etl", &["bob"]), ("night", &["carol", "dan", "svc_a"])]);
        assert_eq!(
            real("resource.length == 1", &[&users, &later]),
            ["bob", "carol", "dan", "svc_a"],
            "who moves is one more"
        );
        assert_eq!(real("resource.length == 1", &[&of(&[("empty", &[])])]), Vec::<String>::new());
    }

    #[test]
    fn real_users_are_bounded() {
        let names: Vec<String> = (0..MAX_REAL_USERS + 5).map(|number| format!("u{number:03}")).collect();
        let groups: BTreeMap<String, Vec<String>> =
            names.iter().map(|name| (format!("g{name}"), vec![name.clone()])).collect();
        let all = people(&values(&forbid("resource.length == 1")), &[&groups]);
        assert_eq!(all.iter().filter(|one| one.groups.is_none()).count(), MAX_REAL_USERS);
        assert_eq!(all.iter().filter(|one| one.groups.is_some()).count(), names.len() + 1, "a member of each group");
    }
}
