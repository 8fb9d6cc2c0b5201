//! What the cluster itself stores, read over a connection that belongs to the gate: groups for the rules, and every object that keeps a
//! role.

mod read;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::catalog::{Catalog, ObjectKind, SystemView};
use crate::config::{CatalogSection, Config, GateSection};
use crate::gate::policy::{ClusterGroups, Policy};
use crate::observe::Metrics;
use crate::observe::values::{AttemptResult, Fetched};
use crate::serve::changes::{Change, Need};
use crate::serve::gates::Gates;
use crate::serve::in_force::Renewal;
use crate::serve::inputs;
use crate::serve::{build, drift};
use crate::session::service::{CatalogStatus, Service};

/// Reads the catalogue of a gate's cluster once, for a command that is no gate.
///
/// # Errors
/// The gate has no `[gate.catalog]`, or the cluster cannot be asked.
pub(crate) fn now(gate: &GateSection) -> Result<Catalog, String> {
    let settings = gate.catalog.as_ref();
    let settings = settings
        .ok_or_else(|| format!("gate \"{}\": add [gate.catalog] with a database user of the gate's own", gate.name))?;
    let backend = build::backend(gate).map_err(|error| error.to_string())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let read = runtime.block_on(read::read(&backend, settings, Arc::default()));
    read.map_err(|error| format!("gate \"{}\": {error}", gate.name))
}

/// The tasks that read the groups of clusters, by gate.
#[derive(Debug)]
pub(super) struct Followers {
    gates: Arc<Gates>,
    metrics: Metrics,
    tasks: HashMap<String, JoinHandle<()>>,
}

impl Followers {
    /// Reads the groups of every cluster that is to be asked for them. Must be called within a runtime.
    pub(super) fn start(gates: &Arc<Gates>, metrics: &Metrics, config: &Config) -> Self {
        let mut followers = Self { gates: Arc::clone(gates), metrics: metrics.clone(), tasks: HashMap::new() };
        for gate in &config.gate {
            followers.follow(gate);
        }
        followers
    }

    /// Starts anew where another cluster, user or password is to be asked with.
    pub(super) fn renew(&mut self, config: &Config, renewal: &Renewal) {
        for gate in &config.gate {
            let concerns = |change: &Change| {
                change.key.gate.as_ref() == Some(&gate.name)
                    && (change.need == Need::Catalog || change.entry == "gate.upstream")
            };
            let has_new_password =
                inputs::password(gate).is_some_and(|file| renewal.files.iter().any(|new| new == file));
            if has_new_password || renewal.keys.iter().any(concerns) {
                self.follow(gate);
            }
        }
    }

    fn follow(&mut self, gate: &GateSection) {
        if let Some(old) = self.tasks.remove(&gate.name) {
            old.abort();
        }
        let Some(service) = self.gates.service(&gate.name) else { return };
        service.metrics.catalog_refresh(gate.catalog.as_ref().map(|settings| settings.refresh.get()));
        let Some(settings) = &gate.catalog else { return };
        let reading = follow(Arc::clone(&self.gates), Arc::clone(service), settings.clone(), self.metrics.clone());
        self.tasks.insert(gate.name.clone(), tokio::spawn(reading));
    }
}

/// Reads the catalogue of one gate's cluster again and again, and applies what changed. What was read stays in force while the
/// cluster cannot be asked: fewer groups could mean fewer refusals. Never resolves.
async fn follow(gates: Arc<Gates>, service: Arc<Service>, settings: CatalogSection, metrics: Metrics) {
    loop {
        let began = Instant::now();
        let backend = service.settings.load().backend.clone();
        let (remembered, settled) = (service.remembered.taken(), service.gate.settled());
        let read = read::read(&backend, &settings, Arc::clone(&remembered)).await;
        let result = AttemptResult::of(read.is_ok());
        metrics.facts_fetched(Fetched::Catalog, result, began.elapsed());
        service.metrics.catalog_reading(result);
        match read {
            Ok(catalog) => {
                service.remembered.compare(&remembered, &catalog);
                drift::of_catalog(&service, (&backend.address, &settings), &catalog);
                put_in_force(&gates, &service, catalog);
                service.gate.forget(&settled);
            }
            Err(error) => {
                warn!(gate = %service.name, %error, "the cluster's catalogue cannot be read; what is at hand stays in force");
                let old = service.catalog.load();
                let failed = CatalogStatus { last_error: Some(error.to_string()), ..CatalogStatus::clone(&old) };
                service.catalog.store(Arc::new(failed));
            }
        }
        pause(&service, settings.refresh.get(), began.elapsed()).await;
    }
}

/// Waits until the catalogue is to be read again: at once where a statement has changed what it tells of, but never for more than a
/// fifth of the time.
async fn pause(service: &Service, refresh: Duration, took: Duration) {
    let rest = took.saturating_mul(4).max(LEAST_PAUSE).min(refresh);
    tokio::time::sleep(rest).await;
    let changed = service.stored_changed.notified();
    let _is_time = tokio::time::timeout(refresh.saturating_sub(rest), changed).await;
}

/// Between two readings.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

fn put_in_force(gates: &Gates, service: &Service, catalog: Catalog) {
    let old = service.catalog.load();
    // What says the same is the same: nothing that was made of the old one has to be made anew.
    let catalog = if *old.catalog == catalog { Arc::clone(&old.catalog) } else { Arc::new(catalog) };
    let groups = &catalog.people().groups;
    let (count, read_at) = (groups.len(), Timestamp::now());
    show(service, &catalog, read_at);
    let status =
        CatalogStatus { read_at: Some(read_at), groups: count, last_error: None, catalog: Arc::clone(&catalog) };
    service.catalog.store(Arc::new(status));
    let groups = Arc::new(groups.clone());
    let change = |policy: &Policy| {
        let stored = policy.stored().with_catalog(Arc::clone(&catalog));
        policy.with_catalog(ClusterGroups::Known(groups)).with_stored(stored)
    };
    if gates.exchange(service, change) {
        info!(gate = %service.name, groups = count, objects = catalog.objects().len(), "the catalogue was read from the cluster");
    }
}

/// Shows a catalogue in the metrics.
fn show(service: &Service, catalog: &Catalog, read_at: Timestamp) {
    let mut objects: HashMap<ObjectKind, usize> = HashMap::new();
    for object in catalog.objects() {
        let count = objects.entry(object.kind).or_default();
        *count = count.saturating_add(1);
    }
    let gaps: HashSet<SystemView> =
        catalog.views().iter().filter(|(_, state)| state.gap().is_some()).map(|((view, _), _)| *view).collect();
    let count = |kind: ObjectKind| objects.get(&kind).copied().unwrap_or_default();
    service.metrics.catalog(read_at.as_duration().as_secs_f64(), count, |view| gaps.contains(&view));
}
