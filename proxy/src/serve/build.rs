//! From the configuration to running parts: policies, TLS, services. Used at start, at reload and by the command line.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::value::{DialectWord, ExternalIdWord, FactsMode, ModeWord, SeverityWord, TlsMode, TlsVersion};
use crate::config::{Config, ConfigError, Gate as GateConfig, Period};
use crate::gate::finding::{Code, Severity};
use crate::gate::policy::{Catalog, Enforcement, Iam, Parts, Policy};
use crate::gate::{CacheSettings, Gate};
use crate::iam::{ExternalIdOn, Facts, FactsError, Live, Mode, Sources};
use crate::net::backend::{self, Backend};
use crate::net::tls::{self, Frontend, TlsError, Verify};
use crate::observe::{Audit, Metrics};
use crate::rules::{Rules, RulesError};
use crate::serve::live;
use crate::session::limits::{HolderLimits, SessionLimits};
use crate::session::service::{Annotations, Limits, Service, Settings};
use crate::sql::Dialect;
use crate::wire::function_call::FunctionCalls;
use crate::wire::startup::Offer;

/// Redshift's limit of roles attached to a cluster. Source: Amazon Redshift Management Guide, "Quotas and limits".
const ATTACHED_ROLES_QUOTA: usize = 50;

/// Why what a configuration names cannot be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A rule.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A snapshot.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The upstream's name.
    #[error("[[gate]] {gate}: \"{name}\" cannot stand in a certificate; set server_name in [gate.upstream]")]
    ServerName {
        /// The gate.
        gate: String,
        /// The name.
        name: String,
    },
    /// The cluster is not in the facts.
    #[error("{}: [[gate]] {gate}: cluster \"{cluster}\" is not in the files of facts.clusters", path.display())]
    Cluster {
        /// The configuration.
        path: PathBuf,
        /// The gate.
        gate: String,
        /// The cluster's name.
        cluster: String,
    },
    /// AWS is named as a source, and this build cannot ask it.
    #[error("{}: [facts.aws]: this build has no AWS source; use a release image, or build with --features aws", path.display())]
    NoAws {
        /// The configuration.
        path: PathBuf,
    },
    /// AWS cannot be asked.
    #[error("{}: [facts.aws]: {message}", path.display())]
    Aws {
        /// The configuration.
        path: PathBuf,
        /// What was asked, and what came back.
        message: String,
    },
    /// The audit file.
    #[error("{}: the audit cannot be written: {source}; check [audit] path", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// What all gates share, loaded once.
struct Shared {
    rules: Arc<Rules>,
    /// From files alone.
    base: Arc<Facts>,
    /// With what is known from AWS.
    facts: Option<Arc<Facts>>,
}

impl Shared {
    fn load(config: &Config, live: Option<&Live>) -> Result<Self, BuildError> {
        let rules = Arc::new(Rules::load(&config.policy.rules)?);
        let base = Arc::new(Facts::load(&Sources {
            iam: config.facts.iam.clone(),
            clusters: config.facts.clusters.clone(),
            service_control: config.facts.service_control.clone(),
        })?);
        let facts = config.facts.is_configured().then(|| match live {
            None => Arc::clone(&base),
            Some(live) => Arc::new(live.facts_over(&base)),
        });
        Ok(Self { rules, base, facts })
    }
}

/// The policy of one gate, outside of any running gate. Facts that come from AWS are fetched now.
///
/// # Errors
/// [`BuildError`].
pub fn policy(config: &Config, gate: &GateConfig) -> Result<Policy, BuildError> {
    let live = live::fetched(config)?;
    policy_of(config, gate, &Shared::load(config, live.as_deref())?)
}

fn policy_of(config: &Config, gate: &GateConfig, shared: &Shared) -> Result<Policy, BuildError> {
    let iam = match &shared.facts {
        None => None,
        // A cluster that AWS has not told of yet may come with the next reading.
        Some(facts) if facts.cluster(&gate.cluster).is_none() && config.facts.aws.is_none() => {
            let (path, gate, cluster) = (config.source().to_owned(), gate.name.clone(), gate.cluster.clone());
            return Err(BuildError::Cluster { path, gate, cluster });
        }
        Some(facts) => Some(Iam {
            facts: Arc::clone(facts),
            cluster: gate.cluster.clone(),
            mode: match gate.iam.mode.unwrap_or(config.facts.mode) {
                FactsMode::Guide => Mode::Guide,
                FactsMode::Aws => Mode::Aws,
            },
            external_id: match gate.iam.external_id.unwrap_or(config.facts.external_id) {
                ExternalIdWord::Same => ExternalIdOn::Same,
                ExternalIdWord::FirstOnly => ExternalIdOn::FirstOnly,
                ExternalIdWord::Unknown => ExternalIdOn::Unknown,
            },
        }),
    };
    Ok(Policy::new(Parts {
        gate: gate.name.clone(),
        dialect: dialect(gate),
        iam,
        rules: Arc::clone(&shared.rules),
        groups: config.policy.groups.clone(),
        catalog: if gate.catalog.is_some() { Catalog::Unknown } else { Catalog::NotRead },
        severities: severities(config),
        enforcement: match config.policy.mode {
            ModeWord::Enforce => Enforcement::Enforce,
            ModeWord::Shadow => Enforcement::Shadow,
        },
    }))
}

fn severities(config: &Config) -> BTreeMap<Code, Severity> {
    let severity = |word: &SeverityWord| match word {
        SeverityWord::Reject => Severity::Reject,
        SeverityWord::Annotate => Severity::Annotate,
        SeverityWord::Allow => Severity::Allow,
    };
    let known =
        config.policy.severity.iter().filter_map(|(code, word)| Code::parse(code).map(|code| (code, severity(word))));
    known.collect()
}

fn dialect(gate: &GateConfig) -> Dialect {
    match gate.dialect {
        DialectWord::Redshift => Dialect::Redshift,
        DialectWord::PostgreSql => Dialect::PostgreSql,
    }
}

/// What can be exchanged while a gate runs.
#[derive(Debug)]
pub struct Replaceable {
    policy: Policy,
    settings: Settings,
}

/// Everything that a configuration names.
#[derive(Debug)]
pub struct Built {
    /// In the order of the configuration.
    pub gates: Vec<Replaceable>,
    /// The facts from files.
    base: Arc<Facts>,
}

/// Loads everything that a configuration names; facts from AWS as far as `live` knows them.
///
/// # Errors
/// [`BuildError`], the first thing that cannot be used.
pub fn all(config: &Config, live: Option<&Live>) -> Result<Built, BuildError> {
    if config.facts.aws.is_some() && !cfg!(feature = "aws") {
        return Err(BuildError::NoAws { path: config.source().to_owned() });
    }
    let shared = Shared::load(config, live)?;
    let replaceable =
        |gate| Ok(Replaceable { policy: policy_of(config, gate, &shared)?, settings: settings(config, gate)? });
    let gates = config.gate.iter().map(replaceable).collect::<Result<_, BuildError>>()?;
    Ok(Built { gates, base: shared.base })
}

fn settings(config: &Config, gate: &GateConfig) -> Result<Settings, BuildError> {
    let policy = &config.policy;
    Ok(Settings {
        limits: limits(gate),
        offer: offer(gate)?,
        backend: upstream_of(gate)?,
        proxies: gate.proxy_protocol_from.clone(),
        annotations: Annotations { comment: policy.comment, notice: policy.notice },
        shadow_annotations: Annotations {
            comment: policy.comment && policy.shadow_comment,
            notice: policy.notice && policy.shadow_notice,
        },
        function_calls: gate.function_call.unwrap_or(match gate.dialect {
            DialectWord::Redshift => FunctionCalls::Refuse,
            DialectWord::PostgreSql => FunctionCalls::Relay,
        }),
    })
}

fn limits(gate: &GateConfig) -> Limits {
    let limits = &gate.limits;
    Limits {
        max_statement_bytes: limits.max_statement_bytes,
        max_prepared_bytes: limits.max_prepared_bytes,
        startup_timeout: limits.startup_timeout.get(),
        max_sessions: limits.max_sessions,
        holders: HolderLimits {
            per_user: limits.max_sessions_per_user,
            per_address: limits.max_sessions_per_address,
            unauthenticated: Some(limits.max_unauthenticated),
            cancels: Some(limits.max_cancels),
        },
        idle_timeout: limits.idle_timeout.map(Period::get),
        session_lifetime: limits.session_lifetime.map(Period::get),
    }
}

fn offer(gate: &GateConfig) -> Result<Offer, BuildError> {
    let Some(tls) = &gate.tls else { return Ok(Offer::default()) };
    let acceptor = tls::acceptor(&Frontend {
        identities: &tls.identities(),
        client_authorities: tls.client_ca.as_deref(),
        client_certificate_required: tls.client_certificate_required,
        only_tls13: tls.minimum_version == TlsVersion::Tls13,
    })?;
    // A certificate can be demanded within TLS only.
    Ok(Offer { tls: Some(acceptor), tls_required: tls.required || tls.client_certificate_required })
}

fn upstream_of(gate: &GateConfig) -> Result<Backend, BuildError> {
    let settings = &gate.upstream;
    let verify = match settings.tls {
        TlsMode::Disable => None,
        TlsMode::Require => Some(Verify::Nothing),
        TlsMode::VerifyCa => Some(Verify::Authority),
        TlsMode::VerifyFull => Some(Verify::Full),
    };
    let tls = match verify {
        None => None,
        Some(verify) => {
            let host = settings.address.rsplit_once(':').map_or("", |(host, _port)| host);
            let name = settings.server_name.as_deref().unwrap_or(host);
            let failed = |_invalid| BuildError::ServerName { gate: gate.name.clone(), name: name.to_owned() };
            let server_name = backend::server_name(name).map_err(failed)?;
            Some((tls::connector(verify, settings.ca.as_deref())?, server_name))
        }
    };
    Ok(Backend { address: settings.address.clone(), tls, timeout: settings.connect_timeout.get() })
}

/// The services of all gates, in the order of the configuration.
///
/// # Errors
/// [`BuildError`].
pub fn services(
    config: &Config,
    live: Option<&Arc<Live>>,
    metrics: &Metrics,
    audit: &Audit,
) -> Result<Vec<Arc<Service>>, BuildError> {
    let cache = CacheSettings { capacity: config.policy.cache.capacity, ttl: config.policy.cache.ttl.get() };
    let mut services = Vec::new();
    let built = all(config, live.map(Arc::as_ref))?;
    if let Some(live) = live {
        live.set_base(built.base);
    }
    for (gate, fresh) in config.gate.iter().zip(built.gates) {
        let (counts, all) = (metrics.gate(&gate.name), metrics.clone());
        show(&counts, &fresh.policy);
        services.push(Arc::new(Service {
            name: gate.name.clone(),
            gate: Gate::new(fresh.policy, cache, move |cause| all.cache_evicted(cause)),
            live: live.map(Arc::clone),
            settings: ArcSwap::from_pointee(fresh.settings),
            held: SessionLimits::default(),
            catalog: ArcSwap::default(),
            metrics: counts,
            audit: audit.clone(),
        }));
    }
    Ok(services)
}

/// Puts a new version of the configuration in force in running services: all of it, or nothing.
///
/// # Errors
/// [`BuildError`]; nothing is changed then.
pub fn refresh(config: &Config, live: Option<&Live>, services: &[Arc<Service>]) -> Result<(), BuildError> {
    let fresh = all(config, live)?;
    for (gate, fresh) in config.gate.iter().zip(fresh.gates) {
        if let Some(service) = services.iter().find(|service| service.name == gate.name) {
            // What the cluster said of groups stays known; a gate that asks it from now on takes that up at its next start.
            let policy = fresh.policy.with_catalog(service.gate.policy().catalog().clone());
            show(&service.metrics, &policy);
            service.gate.replace(policy);
            service.settings.store(Arc::new(fresh.settings));
        }
    }
    if let Some(live) = live {
        live.set_base(fresh.base);
        // What AWS told in the meantime stands on the old files still.
        live.tell();
    }
    Ok(())
}

/// Shows a policy in the metrics.
pub(super) fn show(gate: &crate::observe::metrics::GateMetrics, policy: &Policy) {
    gate.policy_info(policy.version(), policy.enforcement().as_str());
    if let Some(cluster) = policy.iam().and_then(|iam| iam.facts.cluster(&iam.cluster)) {
        gate.attached_roles(cluster.attached_roles().len(), ATTACHED_ROLES_QUOTA);
    }
}

/// Seconds since 1970, as the metrics show moments.
#[must_use]
pub fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
