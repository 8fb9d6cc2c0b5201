//! Rules about names that are nowhere known: most often a slip of the pen, by which a forbid never applies.

use std::collections::BTreeSet;

use strum::VariantArray;

use crate::chain::{AccountId, Chain, RoleArn};
use crate::rules::meant::did_you_mean;
use crate::rules::profile::{RuleCondition, RuleProfile, Subject, Test, fits};
use crate::rules::request::{TargetKind, WEEKDAYS};
use crate::rules::{RuleEffect, RuleSet};
use crate::sql::{Clause, MethodKind};

/// Names of one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NameList {
    /// Those that are known.
    pub names: BTreeSet<String>,
    /// Whether there are no others.
    pub is_whole: bool,
}

/// The names that configuration and facts hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KnownNames {
    /// Groups.
    pub groups: NameList,
    /// Database users.
    pub users: NameList,
    /// Databases.
    pub databases: NameList,
    /// Gates.
    pub gates: NameList,
    /// Clusters.
    pub clusters: NameList,
    /// ARNs of roles.
    pub roles: NameList,
}

/// A rule that holds a name which is nowhere known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleWarning {
    /// The rule's `@id`.
    pub rule: String,
    /// File, line and column of the rule.
    pub place: String,
    /// What is wrong with the name.
    pub what: String,
    /// Whether it keeps the rule from ever applying.
    pub never_applies: bool,
}

impl std::fmt::Display for RuleWarning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, place, what, never_applies } = self;
        let never = if *never_applies { " can never apply" } else { "" };
        write!(formatter, "{place}: rule \"{rule}\"{never}: {what}")
    }
}

/// What is wrong with a name.
struct NameFault {
    what: String,
    /// Whatever else is known, nothing has this name.
    is_sure: bool,
}

impl RuleSet {
    /// The names in the rules that are nowhere known. Of permits only those that cannot be a name at all: a permit that never applies
    /// lets nothing through.
    #[must_use]
    pub fn warnings(&self, known: &KnownNames) -> Vec<RuleWarning> {
        self.profiles().iter().flat_map(|rule| warnings(rule, known)).collect()
    }
}

fn warnings(rule: &RuleProfile, known: &KnownNames) -> Vec<RuleWarning> {
    let counts = |fault: &NameFault| fault.is_sure || rule.effect == RuleEffect::Forbid;
    let missing = |subject: &Subject, name: &str| known.fault(subject, name).filter(counts);
    let holds = |subject: &Subject, test: &Test| match test {
        Test::Any(names) => names.iter().all(|name| missing(subject, name).is_some()).then_some(false),
        Test::All(names) => names.iter().any(|name| missing(subject, name).is_some()).then_some(false),
        Test::Like(_) => known.pattern_fault(subject, test).filter(counts).map(|_| false),
        Test::Within(_) | Test::Number(_) | Test::Time(_) | Test::Range(_) => None,
    };
    let never_applies = rule.condition.weigh(&holds) == Some(false);
    let mut found: Vec<String> = Vec::new();
    let mut add = |fault: NameFault| {
        if !found.contains(&fault.what) {
            found.push(fault.what);
        }
    };
    rule.condition.comparisons(&mut |subject, test| match test {
        Test::Any(names) | Test::All(names) | Test::Within(names) => {
            names.iter().filter_map(|name| missing(subject, name)).for_each(&mut add);
        }
        test => known.pattern_fault(subject, test).filter(counts).into_iter().for_each(&mut add),
    });
    if found.is_empty() && never_applies && rule.condition != RuleCondition::Constant(false) {
        found.push("its conditions exclude each other".to_owned());
    }
    let warning = |what| RuleWarning { rule: rule.id.clone(), place: rule.place.clone(), what, never_applies };
    found.into_iter().map(warning).collect()
}

impl KnownNames {
    /// What is wrong with a name that a rule compares `subject` with.
    fn fault(&self, subject: &Subject, name: &str) -> Option<NameFault> {
        let attribute = match subject {
            Subject::Group => return self.groups.fault("group", name),
            Subject::User => return self.users.fault("user", name),
            Subject::Action => return None,
            Subject::Attribute(attribute) => attribute.as_str(),
        };
        match attribute {
            "database" => self.databases.fault("database", name),
            "gate" => self.gates.fault("gate", name),
            "cluster" => self.clusters.fault("cluster", name),
            "first_role" | "last_role" | "roles" | "middle_roles" => self.role_fault(name),
            "chain" if name.is_empty() => None,
            "chain" => match Chain::parse(name) {
                Ok(chain) => chain.roles().iter().find_map(|role| self.role_fault(role.as_str())),
                Err(error) => Some(NameFault { what: format!("{name:?} is no chain: {error}"), is_sure: true }),
            },
            "last_account" | "accounts" | "cluster_account" => {
                let what = || format!("{name:?} is no account: it has not twelve digits");
                AccountId::parse(name).is_none().then(|| NameFault { what: what(), is_sure: true })
            }
            "paths" => {
                let is_path = name.starts_with('/') && name.ends_with('/');
                let what = || format!("{name:?} is no path: it begins and ends with a slash");
                (!is_path).then(|| NameFault { what: what(), is_sure: true })
            }
            closed => words(closed).and_then(|words| among(closed, name, &words)),
        }
    }

    fn role_fault(&self, name: &str) -> Option<NameFault> {
        let known = || self.roles.names.iter().map(String::as_str);
        let Err(why) = RoleArn::parse(name) else { return self.roles.fault("role", name) };
        let of_name = known().find(|role| role.ends_with(&format!("/{name}")));
        let meant = of_name.map_or_else(|| did_you_mean(name, known()), |role| format!("; did you mean {role:?}?"));
        Some(NameFault { what: format!("{name:?} is not a role's ARN: it {why}{meant}"), is_sure: true })
    }

    /// What is wrong with a pattern: none of a closed list of names fits it.
    fn pattern_fault(&self, subject: &Subject, test: &Test) -> Option<NameFault> {
        let (Test::Like(pattern), Subject::Attribute(attribute)) = (test, subject) else { return None };
        let fault = |what: String, is_sure| Some(NameFault { what, is_sure });
        let list = match attribute.as_str() {
            "gate" => &self.gates,
            "cluster" => &self.clusters,
            "first_role" | "last_role" => &self.roles,
            closed => {
                let fit_none = words(closed).is_some_and(|words| !words.iter().any(|word| fits(pattern, word)));
                return if fit_none { fault(format!("no {closed} fits the pattern"), true) } else { None };
            }
        };
        let fit_none = list.is_whole && !list.names.iter().any(|name| fits(pattern, name));
        if fit_none { fault(format!("no known {} fits the pattern", attribute.replace('_', " ")), false) } else { None }
    }
}

impl NameList {
    /// Names of which there are no others.
    #[must_use]
    pub fn whole<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect(), is_whole: true }
    }

    /// A name that is not in a whole list, or that comes close to one of a list that is not.
    fn fault(&self, kind: &str, name: &str) -> Option<NameFault> {
        if self.names.contains(name) {
            return None;
        }
        let meant = did_you_mean(name, self.names.iter().map(String::as_str));
        let is_missing = self.is_whole || !meant.is_empty();
        is_missing.then(|| NameFault { what: format!("{kind} {name:?} is nowhere known{meant}"), is_sure: false })
    }
}

/// A word that is not among the few that an attribute can have.
fn among(attribute: &str, word: &str, words: &[&str]) -> Option<NameFault> {
    let what = || {
        let meant = did_you_mean(word, words.iter().copied());
        let all = if meant.is_empty() { format!("; use one of {}", words.join(", ")) } else { meant };
        format!("there is no {} {word:?}{all}", attribute.replace('_', " "))
    };
    (!words.contains(&word)).then(|| NameFault { what: what(), is_sure: true })
}

/// All values of an attribute that has few.
fn words(attribute: &str) -> Option<Vec<&'static str>> {
    fn all<T: VariantArray + Copy + Into<&'static str>>() -> Vec<&'static str> {
        T::VARIANTS.iter().map(|value| (*value).into()).collect()
    }
    match attribute {
        "method" => Some(all::<MethodKind>()),
        "clause" => Some(all::<Clause>()),
        "target_kind" => Some(all::<TargetKind>()),
        "weekday" => Some(WEEKDAYS.to_vec()),
        _ => None,
    }
}
