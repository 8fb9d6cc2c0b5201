//! The running gates, and the one place where their policies are replaced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::config::Config;
use crate::gate::Gate;
use crate::gate::cache::CacheSettings;
use crate::gate::policy::Policy;
use crate::iam::{Facts, Live};
use crate::observe::metrics::GateMetrics;
use crate::observe::{Audit, Metrics, Recent};
use crate::serve::{drift, policy};
use crate::session::drift::DriftWatch;
use crate::session::limits::SessionLimits;
use crate::session::memory::Memory;
use crate::session::registry::LiveSessions;
use crate::session::service::{Service, Settings};

/// What a gate is made of.
#[derive(Debug)]
pub struct GateParts {
    pub(super) policy: Policy,
    pub(super) settings: Settings,
}

/// The services of all gates, in the order of the configuration at the start.
#[derive(Debug)]
pub(super) struct Gates {
    services: Vec<Arc<Service>>,
    /// A reload, live facts and the cluster's groups each make a new policy out of the one in force, on threads of their own: one
    /// after the other, or one would undo what another did. Held for an instant, and never across an await. It holds when a gate's policy
    /// came into force.
    turn: Mutex<BTreeMap<String, Timestamp>>,
}

impl Gates {
    /// The gates of a configuration, made of these parts. None listens yet.
    pub(super) fn new(
        config: &Config,
        parts: Vec<GateParts>,
        counts: &Counts,
        live: Option<&Arc<Live>>,
        metrics: &Metrics,
        (audit, recent): (&Audit, &Recent),
    ) -> Self {
        let service = |((name, counts), parts): (&(String, GateMetrics), GateParts)| {
            let all = metrics.clone();
            policy::show(counts, &parts.policy);
            Arc::new(Service {
                name: name.clone(),
                gate: Gate::new(parts.policy, cache(config), move |cause| all.cache_evicted(cause)),
                live: live.map(Arc::clone),
                settings: ArcSwap::from_pointee(parts.settings),
                held: SessionLimits::default(),
                sessions: LiveSessions::default(),
                catalog: ArcSwap::default(),
                coverage: ArcSwapOption::empty(),
                remembered: Memory::default(),
                stored_changed: Notify::new(),
                drift: DriftWatch::default(),
                metrics: counts.clone(),
                audit: audit.clone(),
                recent: recent.clone(),
            })
        };
        let services: Vec<Arc<Service>> = counts.iter().zip(parts).map(service).collect();
        for service in &services {
            drift::of_facts(service, &service.gate.policy());
        }
        let now = Timestamp::now();
        let turn = Mutex::new(services.iter().map(|service| (service.name.clone(), now)).collect());
        Self { services, turn }
    }

    /// The services, in the order of the configuration at the start.
    pub(super) fn services(&self) -> &[Arc<Service>] {
        &self.services
    }

    /// The service of the gate with this name.
    pub(super) fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The facts in force; all gates have the same. `None`: there is no source of facts.
    pub(super) fn facts(&self) -> Option<Arc<Facts>> {
        self.services.iter().find_map(|service| service.gate.policy().iam().map(|iam| Arc::clone(&iam.facts)))
    }

    /// When the policy of a gate came into force: the first that says what it says.
    pub(super) fn changed_at(&self, service: &Service) -> Option<Timestamp> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).get(&service.name).copied()
    }

    /// Puts in force what `change` makes of a gate's policy. Under one that says the same as the old one, by newer facts at most, the
    /// cache and what was judged before stay good. Whether it says something else.
    pub(super) fn exchange(&self, service: &Service, change: impl FnOnce(&Policy) -> Policy) -> bool {
        let mut changed = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let old = service.gate.policy();
        let fresh = change(&old).continuing(&old);
        let differs = fresh.generation() != old.generation();
        if differs {
            policy::show(&service.metrics, &fresh);
            changed.insert(service.name.clone(), Timestamp::now());
        }
        drift::of_facts(service, &fresh);
        service.gate.replace(fresh);
        differs
    }
}

/// The metrics of every gate, by its name.
pub(super) type Counts = Vec<(String, GateMetrics)>;

/// The metrics of every gate of a configuration, at zero.
pub(super) fn counts(config: &Config, metrics: &Metrics) -> Counts {
    config.gate.iter().map(|gate| (gate.name.clone(), metrics.gate(&gate.name))).collect()
}

/// The limits of a gate's cache.
pub(super) fn cache(config: &Config) -> CacheSettings {
    CacheSettings { capacity: config.policy.cache.capacity, ttl: config.policy.cache.ttl.get() }
}

#[cfg(test)]
impl Gates {
    pub(super) fn of_services(services: Vec<Arc<Service>>) -> Self {
        Self { services, turn: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::codes::{Code, Severity};
    use crate::gate::policy::Parts;
    use crate::gate::principal::{Attributes, Principal};
    use crate::session::service::tests::{service, settings};

    const ROLE: &[u8] = b"copy t from 's3://b' iam_role 'arn:aws:iam::111122223333:role/A'";

    #[test]
    fn a_policy_that_says_the_same_keeps_what_was_judged_and_another_does_not() {
        let gates = Gates::of_services(vec![service(Parts::without_facts(), settings())]);
        let service = gates.service("g").unwrap();
        let who = Principal::new(Attributes::of_login("etl"));
        let path = || service.gate.judge(ROLE, &who, jiff::Timestamp::now).1;
        let first = path();
        let generation = service.gate.policy().generation();
        assert!(!gates.exchange(service, Policy::clone), "the same policy");
        assert!(!gates.exchange(service, |_| Policy::new(Parts::without_facts())), "another that says the same");
        assert_eq!(service.gate.policy().generation(), generation);
        assert_ne!(path(), first, "the verdict is in the cache");
        assert!(gates.exchange(service, |old| old.with_severity(Code::Rg104, Severity::Reject)));
        assert_ne!(service.gate.policy().generation(), generation);
        assert_eq!(path(), first, "a verdict of the old policy serves nobody");
    }

    #[test]
    fn gates_are_found_by_name_and_have_facts_where_there_is_a_source() {
        let gates = Gates::of_services(vec![service(Parts::without_facts(), settings())]);
        assert!(gates.service("g").is_some() && gates.service("other").is_none() && gates.facts().is_none());
    }
}
