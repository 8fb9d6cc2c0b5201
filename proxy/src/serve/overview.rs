//! What the admin address shows of the facts and the caches.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use strum::VariantArray;

use crate::admin::{Check, StatusSource};
use crate::chain::AccountId;
use crate::gate::policy::ClusterGroups;
use crate::iam::{Facts, Live, Origin};
use crate::observe::Metrics;
use crate::observe::values::{Holder, LimitKind};
use crate::serve::certificates;
use crate::serve::gates::{Counts, Gates};
use crate::serve::readiness::{self, Probes};
use crate::serve::reload::Shown;
use crate::session::service::Service;

/// The running gates, seen from the admin address.
#[derive(Debug)]
pub(super) struct Overview {
    metrics: Metrics,
    shown: Arc<Shown>,
    counts: Counts,
    probes: Probes,
    open: OnceLock<Open>,
}

/// What is shown once everything is loaded.
#[derive(Debug)]
struct Open {
    gates: Arc<Gates>,
    live: Option<Arc<Live>>,
}

impl Overview {
    /// The overview of a process whose gates are not open yet.
    pub(super) fn new(metrics: &Metrics, counts: &Counts, shown: &Arc<Shown>) -> Self {
        Self {
            metrics: metrics.clone(),
            shown: Arc::clone(shown),
            counts: counts.clone(),
            probes: Probes::default(),
            open: OnceLock::new(),
        }
    }

    /// Shows these gates from now on.
    pub(super) fn open(&self, gates: &Arc<Gates>, live: Option<&Arc<Live>>) {
        self.open.get_or_init(|| Open { gates: Arc::clone(gates), live: live.map(Arc::clone) });
    }

    /// The facts in force.
    fn facts_in_force(&self) -> Option<Arc<Facts>> {
        self.open.get().and_then(|open| open.gates.facts())
    }
}

impl StatusSource for Overview {
    fn measure(&self) {
        let config = self.shown.config.load_full();
        for gate in &config.gate {
            let Some(counts) = self.counts.iter().find(|(name, _)| *name == gate.name).map(|(_, counts)| counts) else {
                continue;
            };
            for (leg, (name, not_after)) in certificates::of(gate) {
                if let Ok(not_after) = not_after {
                    counts.certificate(leg, &name, not_after);
                }
            }
        }
        let Some(open) = self.open.get() else { return };
        for service in open.gates.services() {
            measure_sessions(service);
        }
        self.metrics.cache_entries(open.gates.services().iter().map(|service| service.gate.cached()).sum());
        if let Some(service) = open.gates.services().first() {
            let (policy, now) = (service.gate.policy(), Timestamp::now());
            self.metrics.exceptions(policy.exceptions().iter().map(|exception| exception.days_left(now)));
        }
        let Some(facts) = open.gates.facts() else { return };
        for &origin in Origin::VARIANTS {
            let of_it: Vec<_> = facts.accounts().filter(|(_, account)| account.origin() == origin).collect();
            let roles = of_it.iter().map(|(_, account)| account.role_count()).sum();
            let oldest = of_it.iter().map(|(_, account)| age(account.captured_at())).max().unwrap_or_default();
            if !of_it.is_empty() || (origin == Origin::Aws && open.live.is_some()) {
                self.metrics.facts(origin, roles, of_it.len(), oldest);
            }
        }
        self.metrics.facts_read(&read_at(&facts, open.live.as_deref()));
    }

    fn checks(&self) -> Vec<Check> {
        let checks = |open: &Open| readiness::checks(&self.shown.config.load(), &open.gates, &self.probes);
        self.open.get().map(checks).unwrap_or_default()
    }

    fn configuration(&self) -> Json {
        let status = self.shown.status.load();
        json!({
            "applied_at": status.applied_at.map(|at| at.to_string()), "fault": status.fault,
            "restart_pending": status.restart_pending,
        })
    }

    fn facts(&self) -> Json {
        let services = self.open.get().map(|open| open.gates.services()).unwrap_or_default();
        let catalogs: Vec<_> = services.iter().filter_map(|service| catalog(service)).collect();
        let Some(facts) = self.facts_in_force() else {
            return json!({ "accounts": [], "clusters": [], "fetches": [], "catalogs": catalogs });
        };
        let accounts = facts.accounts().map(|(id, account)| {
            json!({
                "account": id.to_string(), "source": account.origin().as_str(), "roles": account.role_count(),
                "captured_at": account.captured_at().to_string(), "age_seconds": age(account.captured_at()).as_secs(),
            })
        });
        let clusters = facts.clusters().into_iter().map(|cluster| {
            let attached: Vec<_> = cluster.attached_roles().iter().map(ToString::to_string).collect();
            json!({
                "name": cluster.name(), "account": cluster.account().map(|account| account.to_string()),
                "region": cluster.region(), "attached_roles": attached,
            })
        });
        let fetches = self.open.get().and_then(|open| open.live.as_ref()).into_iter().flat_map(|live| live.status()).map(|status| {
            json!({
                "account": status.account.to_string(), "roles": status.roles,
                "read_at": status.read_at.map(|at| at.to_string()), "age_seconds": status.age.map(|age| age.as_secs()),
                "stale": status.is_stale, "failures": status.failures, "last_error": status.last_error,
            })
        });
        json!({
            "version": facts.version(), "accounts": accounts.collect::<Vec<_>>(),
            "clusters": clusters.collect::<Vec<_>>(), "fetches": fetches.collect::<Vec<_>>(), "catalogs": catalogs,
        })
    }
}

/// Who holds how many sessions of a gate, and how many there may be.
fn measure_sessions(service: &Service) {
    let (census, settings) = (service.held.census(), service.settings.load());
    let metrics = &service.metrics;
    metrics.measure_sessions();
    metrics.most_held(Holder::User, census.of_one_user);
    metrics.most_held(Holder::Address, census.of_one_address);
    metrics.in_flight(census.unauthenticated, census.cancels);
    let limits = &settings.limits;
    for (kind, most) in [
        (LimitKind::Sessions, Some(limits.max_sessions)),
        (LimitKind::SessionsPerUser, limits.holders.per_user),
        (LimitKind::SessionsPerAddress, limits.holders.per_address),
        (LimitKind::Unauthenticated, limits.holders.unauthenticated),
        (LimitKind::Cancels, limits.holders.cancels),
    ] {
        metrics.limit(kind, most);
    }
}

/// What is known of a cluster's groups, where they are asked for.
fn catalog(service: &Service) -> Option<Json> {
    if *service.gate.policy().catalog() == ClusterGroups::NotRead {
        return None;
    }
    let status = service.catalog.load();
    Some(json!({
        "gate": service.name, "groups": status.groups, "read_at": status.read_at.map(|at| at.to_string()),
        "last_error": status.last_error,
    }))
}

/// The Unix times at which what is known of accounts was taken from AWS. An account that AWS no longer tells of keeps the last.
fn read_at(facts: &Facts, live: Option<&Live>) -> BTreeMap<(Origin, AccountId), f64> {
    let seconds = |at: Timestamp| at.as_duration().as_secs_f64();
    let files = facts.accounts().filter(|(_, account)| account.origin() == Origin::File);
    let files = files.map(|(id, account)| ((Origin::File, id), seconds(account.captured_at())));
    let fetched = live.into_iter().flat_map(Live::status);
    let fetched = fetched.filter_map(|status| Some(((Origin::Aws, status.account), seconds(status.read_at?))));
    files.chain(fetched).collect()
}

fn age(read_at: Timestamp) -> Duration {
    // A clock that was set back makes nothing younger than new.
    Timestamp::now().duration_since(read_at).try_into().unwrap_or_default()
}
