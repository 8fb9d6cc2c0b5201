//! What differs between two configurations, key by key, and what each key needs to take effect.

use std::collections::BTreeSet;

use crate::config::{Config, FlatKey};

/// What it takes for a new value of a key to take effect.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Need {
    /// A new policy, which is made anyway.
    Policy,
    /// The organisation's rules are read again.
    Rules,
    /// The exceptions are read again.
    Exceptions,
    /// The facts are read again.
    Facts,
    /// New settings, for sessions that start later.
    Settings,
    /// An empty cache of the new size.
    Cache,
    /// Groups are read from the cluster in another way.
    Catalog,
    /// A new filter for the log.
    Log,
    /// The audit goes elsewhere, or is kept otherwise.
    Audit,
    /// Nothing now: it is read when it matters, at the stop or when somebody asks for health.
    Asked,
    /// Nothing but a restart.
    Restart,
}

/// Every key, or the section that stands for all keys below it, with what it needs.
const NEEDS: &[(&str, Need)] = &[
    ("admin.listen", Need::Restart),
    ("admin.insecure", Need::Restart),
    ("admin.token_file", Need::Restart),
    ("admin.hosts", Need::Restart),
    ("admin.tls", Need::Restart),
    ("admin.recent", Need::Restart),
    ("admin.recent_bytes", Need::Restart),
    ("admin.readiness", Need::Asked),
    ("metrics", Need::Restart),
    ("log.level", Need::Log),
    ("log.format", Need::Restart),
    ("audit", Need::Audit),
    ("runtime.workers", Need::Restart),
    ("runtime.reuse_port", Need::Restart),
    ("runtime.drain_timeout", Need::Asked),
    ("runtime.drain_delay", Need::Asked),
    ("policy.mode", Need::Policy),
    ("policy.mode_by_group", Need::Policy),
    ("policy.mode_by_code", Need::Policy),
    ("policy.exceptions", Need::Exceptions),
    ("policy.break_glass", Need::Policy),
    ("policy.severity", Need::Policy),
    ("policy.groups", Need::Policy),
    ("policy.stored", Need::Policy),
    ("policy.rules", Need::Rules),
    ("policy.time_zone", Need::Rules),
    ("policy.known", Need::Rules),
    ("policy.notice", Need::Settings),
    ("policy.comment", Need::Settings),
    ("policy.shadow_notice", Need::Settings),
    ("policy.shadow_comment", Need::Settings),
    ("policy.cache", Need::Cache),
    ("facts.iam", Need::Facts),
    ("facts.clusters", Need::Facts),
    ("facts.service_control", Need::Facts),
    ("facts.mode", Need::Policy),
    ("facts.external_id", Need::Policy),
    ("facts.max_age", Need::Facts),
    ("facts.when_old", Need::Facts),
    ("facts.context", Need::Policy),
    ("facts.aws", Need::Restart),
    ("gate.name", Need::Restart),
    ("gate.listen", Need::Restart),
    ("gate.unix_socket", Need::Restart),
    ("gate.cluster", Need::Policy),
    ("gate.iam", Need::Policy),
    ("gate.mode", Need::Policy),
    ("gate.dialect", Need::Settings),
    ("gate.function_call", Need::Settings),
    ("gate.proxy_protocol_from", Need::Settings),
    ("gate.upstream", Need::Settings),
    ("gate.tls", Need::Settings),
    ("gate.limits", Need::Settings),
    ("gate.catalog", Need::Catalog),
    ("gate.coverage", Need::Restart),
];

/// The keys of the table that need a restart: the values of a closed label.
pub(super) fn restart_keys() -> impl Iterator<Item = &'static str> {
    NEEDS.iter().filter(|(_, need)| *need == Need::Restart).map(|(key, _)| *key)
}

/// A key with another value, set in one configuration only included.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Change {
    pub(super) key: FlatKey,
    /// The entry of the table that it belongs to.
    pub(super) entry: &'static str,
    pub(super) need: Need,
}

/// The keys in which two configurations differ. Of a gate that only one of them has, its name stands for everything.
pub(super) fn between(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (old.flat(), new.flat());
    let gates = |keys: &std::collections::BTreeMap<FlatKey, _>| -> BTreeSet<String> {
        keys.keys().filter_map(|key| key.gate.clone()).collect()
    };
    let (old_gates, new_gates) = (gates(&old), gates(&new));
    let is_in_both = |gate: &String| old_gates.contains(gate) && new_gates.contains(gate);
    let keys: BTreeSet<&FlatKey> = old.keys().chain(new.keys()).collect();
    let differing = keys.into_iter().filter(|key| old.get(key) != new.get(key));
    let told = differing.filter(|key| key.path == "gate.name" || key.gate.as_ref().is_none_or(is_in_both));
    told.map(|key| {
        let (entry, need) = need_of(&key.path);
        Change { key: key.clone(), entry, need }
    })
    .collect()
}

/// The entry of a key. A key that is not in the table is never reported as applied.
fn need_of(path: &str) -> (&'static str, Need) {
    let is_of = |entry: &str| path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    NEEDS.iter().find(|(entry, _)| is_of(entry)).copied().unwrap_or(("other", Need::Restart))
}

/// The configuration that a running process can apply: the written one, except for what needs a restart, which stays as it is in
/// force. A gate that is not written any more keeps its section until then.
pub(super) fn applicable(written: &Config, in_force: &Config) -> Config {
    let mut config = written.clone();
    config.admin = crate::config::AdminSection { readiness: config.admin.readiness, ..in_force.admin.clone() };
    config.metrics.clone_from(&in_force.metrics);
    config.log.format = in_force.log.format;
    config.runtime.workers = in_force.runtime.workers;
    config.runtime.reuse_port = in_force.runtime.reuse_port;
    config.facts.aws.clone_from(&in_force.facts.aws);
    config.gate.clone_from(&in_force.gate);
    for gate in &mut config.gate {
        if let Some(fresh) = written.gate.iter().find(|fresh| fresh.name == gate.name) {
            let (listen, unix_socket, coverage) = (gate.listen, gate.unix_socket.take(), gate.coverage.take());
            *gate = crate::config::GateSection { listen, unix_socket, coverage, ..fresh.clone() };
        }
    }
    config
}

#[cfg(test)]
mod tests;
