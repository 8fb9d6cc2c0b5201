//! The names that a configuration and its facts hold, and what rules say beside them.

use std::collections::BTreeSet;

use tracing::warn;

use crate::chain::RoleArn;
use crate::config::Config;
use crate::iam::Facts;
use crate::rules::RuleSet;
use crate::rules::names::{KnownNames, NameList, RuleWarning};
use crate::rules::profile::Subject;

/// The attributes that hold ARNs of roles.
const ROLES: [&str; 5] = ["first_role", "last_role", "roles", "middle_roles", "chain"];

/// The names in the rules that are nowhere known.
pub(super) fn warnings(config: &Config, rules: &RuleSet, facts: &Facts) -> Vec<RuleWarning> {
    let mut known = known(config);
    if config.facts.is_configured() && look_at_roles(rules) {
        // AWS is asked for a role that no file holds.
        let is_whole = config.facts.aws.is_none();
        known.roles = NameList { is_whole, ..NameList::whole(facts.roles().map(RoleArn::as_str)) };
    }
    rules.warnings(&known)
}

/// What was warned of: each name once, for as long as it stands in the rules and nothing knows it.
#[derive(Debug, Default)]
pub(super) struct WarnedNames(BTreeSet<String>);

impl WarnedNames {
    /// Logs what is new among the names in the rules that are nowhere known.
    pub(super) fn warn(&mut self, config: &Config, rules: &RuleSet, facts: &Facts) {
        for warning in self.fresh(warnings(config, rules, facts).iter().map(ToString::to_string).collect()) {
            warn!("{warning}");
        }
    }

    fn fresh(&mut self, now: BTreeSet<String>) -> Vec<String> {
        let fresh = now.difference(&self.0).cloned().collect();
        self.0 = now;
        fresh
    }
}

fn known(config: &Config) -> KnownNames {
    let policy = &config.policy;
    // The cluster's own catalogue holds groups and users that are not known here.
    let is_alone = config.gate.iter().all(|gate| gate.catalog.is_none());
    let some = |names: Vec<&String>, is_whole: bool| {
        let is_whole = is_whole && !names.is_empty();
        NameList { is_whole, ..NameList::whole(names) }
    };
    let catalogs = config.gate.iter().filter_map(|gate| gate.catalog.as_ref());
    KnownNames {
        groups: NameList { is_whole: is_alone, ..NameList::whole(policy.groups.keys()) },
        users: some(policy.groups.values().flatten().chain(&policy.known.users).collect(), is_alone),
        databases: some(catalogs.map(|catalog| &catalog.database).chain(&policy.known.databases).collect(), true),
        gates: NameList::whole(config.gate.iter().map(|gate| &gate.name)),
        clusters: NameList::whole(config.gate.iter().map(|gate| &gate.cluster)),
        roles: NameList::default(),
    }
}

fn look_at_roles(rules: &RuleSet) -> bool {
    let mut found = false;
    for rule in rules.profiles() {
        rule.condition.comparisons(&mut |subject, _test| {
            found |= matches!(subject, Subject::Attribute(name) if ROLES.contains(&name.as_str()));
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{WarnedNames, known};
    use crate::config::Config;

    fn names(policy: &str, catalog: &str) -> crate::rules::names::KnownNames {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.toml");
        let gate = "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:0\"\n[gate.upstream]\naddress = \"h:1\"\n";
        std::fs::write(&file, format!("{policy}{gate}{catalog}")).unwrap();
        known(&Config::load(&file).unwrap())
    }

    #[test]
    fn what_is_known_is_whole_only_where_nothing_else_could_hold_more() {
        let none = names("", "");
        assert!(none.groups.is_whole && none.gates.is_whole, "no group has members");
        assert!(!none.users.is_whole && !none.databases.is_whole, "nothing tells users or databases");
        let groups =
            names("[policy.groups]\netl = [\"ann\"]\n[policy.known]\nusers = [\"bob\"]\ndatabases = [\"dev\"]\n", "");
        assert!(groups.users.is_whole && groups.databases.is_whole);
        assert_eq!(groups.users.names.iter().collect::<Vec<_>>(), ["ann", "bob"]);
    }

    #[test]
    fn a_name_is_warned_of_once_until_it_is_gone() {
        let mut warned = WarnedNames::default();
        let looks: [(&[&str], &[&str]); 5] =
            [(&["a", "b"], &["a", "b"]), (&["a", "b"], &[]), (&["a", "c"], &["c"]), (&[], &[]), (&["a"], &["a"])];
        for (found, want) in looks {
            assert_eq!(warned.fresh(found.iter().map(ToString::to_string).collect()), want, "{found:?}");
        }
    }

    #[test]
    fn a_catalogue_may_hold_more() {
        let catalog = "[gate.catalog]\nuser = \"gate\"\ndatabase = \"dev\"\n";
        let known = names("[policy.groups]\netl = [\"ann\"]\n", catalog);
        assert!(!known.groups.is_whole && !known.users.is_whole && known.databases.is_whole);
    }
}
