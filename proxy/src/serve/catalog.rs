//! Groups as the cluster itself knows them, read over a connection that belongs to the gate.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{NoTls, SimpleQueryMessage};
use tracing::{debug, info, warn};

use crate::config::{CatalogSection, Config, GateSection};
use crate::gate::policy::ClusterGroups;
use crate::net::backend::BackendError;
use crate::observe::Metrics;
use crate::observe::values::{Fetched, Outcome};
use crate::serve::changes::{Change, Need};
use crate::serve::gates::Gates;
use crate::serve::in_force::Renewal;
use crate::serve::inputs;
use crate::session::service::{CatalogStatus, Service};

/// Every user in every group. Source: Amazon Redshift Database Developer Guide, `PG_GROUP`; PostgreSQL 8.0 documentation, `pg_user`.
const QUERY: &str =
    "select g.groname, u.usename from pg_catalog.pg_group g, pg_catalog.pg_user u where u.usesysid = any (g.grolist)";

/// Why the catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
enum CatalogError {
    #[error(transparent)]
    Upstream(#[from] BackendError),
    #[error("{}: cannot be read: {source}; it should hold the password of [gate.catalog] user", path.display())]
    Password { path: std::path::PathBuf, source: std::io::Error },
    #[error("the cluster refuses [gate.catalog]: {}", told(.0))]
    Refused(#[from] tokio_postgres::Error),
    #[error("the cluster did not answer within {0:?}")]
    Timeout(std::time::Duration),
}

/// The server's message, which the error's own text leaves out.
fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| format!("{}: {}", said.code().code(), said.message()))
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
        let (Some(settings), Some(service)) = (&gate.catalog, self.gates.service(&gate.name)) else { return };
        let reading = follow(Arc::clone(&self.gates), Arc::clone(service), settings.clone(), self.metrics.clone());
        self.tasks.insert(gate.name.clone(), tokio::spawn(reading));
    }
}

/// Reads the catalogue of one gate's cluster again and again, and applies what changed. What was read stays in force while the
/// cluster cannot be asked: fewer groups could mean fewer refusals. Never resolves.
async fn follow(gates: Arc<Gates>, service: Arc<Service>, settings: CatalogSection, metrics: Metrics) {
    loop {
        let began = Instant::now();
        let read = tokio::time::timeout(settings.timeout.get(), read(&service, &settings)).await;
        let read = read.unwrap_or_else(|_elapsed| Err(CatalogError::Timeout(settings.timeout.get())));
        metrics.facts_fetched(Fetched::Catalog, Outcome::of(read.is_ok()), began.elapsed());
        match read {
            Ok(groups) => put_in_force(&gates, &service, groups),
            Err(error) => {
                warn!(gate = %service.name, %error, "the groups of the cluster cannot be read; those at hand stay in force");
                let old = service.catalog.load();
                let failed = CatalogStatus { last_error: Some(error.to_string()), ..CatalogStatus::clone(&old) };
                service.catalog.store(Arc::new(failed));
            }
        }
        tokio::time::sleep(settings.refresh.get()).await;
    }
}

fn put_in_force(gates: &Gates, service: &Service, groups: BTreeMap<String, Vec<String>>) {
    let count = groups.len();
    let status = CatalogStatus { read_at: Some(Timestamp::now()), groups: count, last_error: None };
    service.catalog.store(Arc::new(status));
    if gates.exchange(service, |policy| policy.with_catalog(ClusterGroups::Known(Arc::new(groups)))) {
        info!(gate = %service.name, groups = count, "groups read from the cluster");
    }
}

async fn read(service: &Service, settings: &CatalogSection) -> Result<BTreeMap<String, Vec<String>>, CatalogError> {
    let mut config = tokio_postgres::Config::new();
    // TLS, where the upstream demands it, is around the stream already.
    config.user(&settings.user).dbname(&settings.database).application_name("rolegate").ssl_mode(SslMode::Disable);
    if let Some(path) = &settings.password_file {
        // The file may be on storage that does not answer, and this thread serves others.
        let file = path.clone();
        let password = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
        let password = password
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|source| CatalogError::Password { path: path.clone(), source })?;
        config.password(password.trim_end_matches(['\r', '\n']));
    }
    let stream = service.settings.load_full().backend.connect().await?;
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    let connection = tokio::spawn(connection);
    let answer = client.simple_query(QUERY).await;
    // Without its client the connection says Terminate and ends.
    drop(client);
    if let Ok(Err(error)) = connection.await {
        debug!(gate = %service.name, %error, "the service connection did not end well");
    }
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in answer? {
        if let SimpleQueryMessage::Row(row) = message
            && let (Some(group), Some(user)) = (row.get(0), row.get(1))
        {
            groups.entry(group.to_owned()).or_default().push(user.to_owned());
        }
    }
    for users in groups.values_mut() {
        users.sort_unstable();
    }
    Ok(groups)
}
