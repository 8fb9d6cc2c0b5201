//! What the admin address shows of the facts and the caches.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use strum::VariantArray;

use crate::admin::StatusSource;
use crate::chain::AccountId;
use crate::gate::policy::ClusterGroups;
use crate::iam::{Facts, Live, Origin};
use crate::observe::Metrics;
use crate::serve::gates::Gates;
use crate::serve::reload::Shown;
use crate::session::service::Service;

/// The running gates, seen from the admin address.
#[derive(Debug)]
pub(super) struct Overview {
    metrics: Metrics,
    shown: Arc<Shown>,
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
    pub(super) fn new(metrics: &Metrics, shown: &Arc<Shown>) -> Self {
        Self { metrics: metrics.clone(), shown: Arc::clone(shown), open: OnceLock::new() }
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
        let Some(open) = self.open.get() else { return };
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

    fn unready(&self) -> Option<&'static str> {
        let refuses = |open: &Open| open.gates.services().iter().any(|service| service.audit.refuses());
        let reason = "audit: it cannot be written, and statements with roles are refused until it can be\n";
        self.open.get().is_some_and(refuses).then_some(reason)
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
