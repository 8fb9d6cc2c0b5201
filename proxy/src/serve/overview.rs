//! What the admin address shows of the facts and the caches.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use strum::VariantArray;

use crate::admin::view::catalog::CatalogDrift;
use crate::admin::view::coverage::GateCoverage;
use crate::admin::view::facts::FactsView;
use crate::admin::view::sessions::SessionView;
use crate::admin::view::status::{AuditView, ConfigurationView, ExceptionView, GateView};
use crate::admin::{Check, StatusSource};
use crate::catalog::Catalog;
use crate::chain::AccountId;
use crate::gate::policy::Policy;
use crate::iam::{Facts, Live, Origin};
use crate::observe::Metrics;
use crate::observe::values::Holder;
use crate::serve::gates::Gates;
use crate::serve::readiness::{self, Probes};
use crate::serve::reload::Shown;
use crate::serve::views;
use crate::session::service::Service;

/// The running gates, seen from the admin address.
#[derive(Debug)]
pub(super) struct Overview {
    metrics: Metrics,
    shown: Arc<Shown>,
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
    pub(super) fn new(metrics: &Metrics, shown: &Arc<Shown>) -> Self {
        Self { metrics: metrics.clone(), shown: Arc::clone(shown), probes: Probes::default(), open: OnceLock::new() }
    }

    /// Shows these gates from now on.
    pub(super) fn open(&self, gates: &Arc<Gates>, live: Option<&Arc<Live>>) {
        self.open.get_or_init(|| Open { gates: Arc::clone(gates), live: live.map(Arc::clone) });
    }

    fn services(&self) -> &[Arc<Service>] {
        self.open.get().map(|open| open.gates.services()).unwrap_or_default()
    }

    /// The facts in force.
    fn facts_in_force(&self) -> Option<Arc<Facts>> {
        self.open.get().and_then(|open| open.gates.facts())
    }
}

impl StatusSource for Overview {
    fn measure(&self) {
        let Some(open) = self.open.get() else { return };
        for service in open.gates.services() {
            measure_sessions(service);
            measure_certificates(service);
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
            let ages =
                of_it.iter().map(|(id, account)| views::age(views::known_at(*id, account, open.live.as_deref())));
            let oldest = ages.max().unwrap_or_default();
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

    fn configuration(&self) -> ConfigurationView {
        let status = self.shown.status.load();
        ConfigurationView {
            applied_at: status.applied_at,
            fault: status.fault.clone(),
            restart_pending: status.restart_pending.clone(),
        }
    }

    fn facts(&self) -> FactsView {
        views::facts(
            self.services(),
            self.facts_in_force().as_deref(),
            self.open.get().and_then(|open| open.live.as_deref()),
        )
    }

    fn gates(&self) -> Vec<GateView> {
        let config = self.shown.config.load();
        let Some(open) = self.open.get() else { return Vec::new() };
        let view = |service: &Arc<Service>| {
            let section = config.gate.iter().find(|gate| gate.name == service.name)?;
            Some(views::gate(service, section, open.gates.changed_at(service)))
        };
        open.gates.services().iter().filter_map(view).collect()
    }

    fn audit(&self) -> AuditView {
        self.services().first().map(|service| views::audit(&service.audit)).unwrap_or_default()
    }

    fn exceptions(&self) -> Vec<ExceptionView> {
        let policy = self.services().first().map(|service| service.gate.policy());
        let exceptions = policy.as_ref().map(|policy| policy.exceptions()).unwrap_or_default();
        exceptions.iter().map(|exception| views::exception(exception, Timestamp::now())).collect()
    }

    fn sessions(&self) -> Vec<SessionView> {
        let of = |service: &Arc<Service>| views::sessions(service);
        self.services().iter().flat_map(of).collect()
    }

    fn catalogs(&self) -> Vec<(String, Arc<Catalog>)> {
        let reads = |service: &&Arc<Service>| service.gate.policy().reads_catalog();
        let catalog = |service: &Arc<Service>| (service.name.clone(), Arc::clone(&service.catalog.load().catalog));
        self.services().iter().filter(reads).map(catalog).collect()
    }

    fn drift(&self, gate: &str) -> Vec<CatalogDrift> {
        let of = |open: &Open| open.gates.service(gate).map(|service| views::drift(service));
        self.open.get().and_then(of).unwrap_or_default()
    }

    fn coverage(&self) -> Vec<GateCoverage> {
        self.services().iter().map(|service| views::coverage(service)).collect()
    }

    fn policies(&self) -> Vec<(String, Arc<Policy>)> {
        self.services().iter().map(|service| (service.name.clone(), service.gate.policy())).collect()
    }
}

/// Who holds how many sessions of a gate, and how many there may be.
fn measure_sessions(service: &Service) {
    let census = service.held.census();
    let metrics = &service.metrics;
    metrics.measure_sessions();
    metrics.most_held(Holder::User, census.of_one_user);
    metrics.most_held(Holder::Address, census.of_one_address);
    metrics.in_flight(census.unauthenticated, census.cancels);
    for (kind, most, _) in views::limits(service) {
        metrics.limit(kind, most);
    }
}

/// When the certificates expire that new sessions are shown, or trust.
fn measure_certificates(service: &Service) {
    let settings = service.settings.load();
    let all = settings.certificates.iter().map(|one| (one.leg, one.name.as_str(), one.not_after));
    service.metrics.certificates(all, settings.backend.tls.is_some());
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
