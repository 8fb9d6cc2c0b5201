//! `[[gate]]`: an address to listen on and the cluster behind it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::address;
use crate::config::facts::StatedValue;
use crate::config::period::Period;
use crate::config::value::{TlsMode, TlsVersion};
use crate::gate::enforcement::Mode;
use crate::iam::{EvaluationMode, ExternalIdOn};
use crate::sql::Dialect;
use crate::wire::function_call::FunctionCalls;

/// One `[[gate]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateSection {
    /// Its name in metrics, logs and rules; unique.
    pub name: String,
    /// Where SQL clients connect; unique.
    #[serde(deserialize_with = "address::listen")]
    pub listen: SocketAddr,
    /// A Unix socket beside it, for clients on the same machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<PathBuf>,
    /// The cluster's name in the facts; required when there are facts, else it may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Networks of load balancers whose connections start with a PROXY protocol header, which names the client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxy_protocol_from: Vec<IpNet>,
    /// Whether refusals are carried out or only recorded, where this gate differs from `[policy]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The lexical rules of the backend.
    #[serde(default = "redshift")]
    pub dialect: Dialect,
    /// How a FunctionCall message is handled; when not set, it is refused before a Redshift and relayed before a PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCalls>,
    /// The cluster.
    pub upstream: UpstreamSection,
    /// TLS for SQL clients; absent: none is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<GateTlsSection>,
    /// Reads groups from the cluster itself; absent: only those of the configuration exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<CatalogSection>,
    /// Compares the cluster's own history with the audit; absent: nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageSection>,
    /// How chains are evaluated, where this gate differs from `[facts]`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub iam: GateIamSection,
    /// What clients may cost.
    #[serde(default)]
    pub limits: LimitsSection,
}

/// `[gate.iam]`: where this gate differs from `[facts]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateIamSection {
    /// By whose rules a chain is evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<EvaluationMode>,
    /// On which hops the database user is sent as `sts:ExternalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalIdOn>,
    /// Condition keys and their values, beside or in place of those of `[facts.context]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, StatedValue>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `[gate.catalog]`: a service connection that reads users, groups, and what the cluster stores.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSection {
    /// The database user; for groups it needs no rights but to connect.
    pub user: String,
    /// A file that holds the user's password; read for every connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The database.
    pub database: String,
    /// The time from one reading to the next.
    #[serde(default = "catalog_refresh")]
    pub refresh: Period,
    /// The longest that connecting, and each question, may take.
    #[serde(default = "connect_timeout")]
    pub timeout: Period,
}

/// `[gate.coverage]`: looks for statements with roles that the cluster ran and that did not pass the gate. Needs `[gate.catalog]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageSection {
    /// The time from one look to the next.
    pub interval: Period,
    /// The audit of every replica of the gate, as files or patterns, beside the one that this process writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<PathBuf>,
    /// How far the gate's clock and the cluster's may be apart.
    #[serde(default = "clocks")]
    pub clocks: Period,
}

const fn clocks() -> Period {
    Period::from_secs(5)
}

const fn catalog_refresh() -> Period {
    Period::from_secs(300)
}

/// `[gate.upstream]`: the backend and how it is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// `host:port`; the host may be a name, which is resolved for every connection, or an IPv6 address in brackets.
    #[serde(deserialize_with = "address::upstream")]
    pub address: String,
    /// How much TLS is demanded.
    #[serde(default = "verify_full")]
    pub tls: TlsMode,
    /// A PEM file of authorities to trust beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The name that the certificate must carry; the host of `address` when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The longest that resolving the name, TCP and TLS may take together.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
}

const fn redshift() -> Dialect {
    Dialect::Redshift
}

const fn verify_full() -> TlsMode {
    TlsMode::VerifyFull
}

const fn connect_timeout() -> Period {
    Period::from_secs(10)
}

/// `[gate.tls]`: the gate's own certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GateTlsSection {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// Whether clients without TLS are refused.
    #[serde(default)]
    pub required: bool,
    /// The oldest version of TLS that is accepted.
    #[serde(default = "tls12")]
    pub minimum_version: TlsVersion,
    /// A PEM file of authorities whose client certificates are accepted; absent: none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Whether clients without a certificate are refused.
    #[serde(default)]
    pub client_certificate_required: bool,
    /// Further certificates, for clients that name the host that they want.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<IdentitySection>,
}

const fn tls12() -> TlsVersion {
    TlsVersion::Tls12
}

/// `[[gate.tls.also]]`: a certificate for further host names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySection {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

impl GateTlsSection {
    /// Every pair of certificate and key, the one for any name first.
    #[must_use]
    pub fn identities(&self) -> Vec<(PathBuf, PathBuf)> {
        let first = (self.certificate.clone(), self.key.clone());
        let also = self.also.iter().map(|identity| (identity.certificate.clone(), identity.key.clone()));
        std::iter::once(first).chain(also).collect()
    }
}

/// `[gate.limits]`: what clients may cost.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// The longest message with a statement; a longer one is refused.
    pub max_statement_bytes: usize,
    /// The most that the texts of a session's prepared statements with roles may hold in total.
    pub max_prepared_bytes: usize,
    /// How long a client may take to be authenticated.
    pub startup_timeout: Period,
    /// The most sessions at one time.
    pub max_sessions: usize,
    /// The most sessions of one database user at one time; any number when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions_per_user: Option<usize>,
    /// The most sessions from one client address at one time; any number when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions_per_address: Option<usize>,
    /// The most connections at one time that are not authenticated yet.
    pub max_unauthenticated: usize,
    /// The most cancel requests under way to the cluster at one time.
    pub max_cancels: usize,
    /// A session that is outside a transaction and quiet for this long ends; never when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Period>,
    /// A session older than this ends as soon as it is idle; never when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_lifetime: Option<Period>,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            max_statement_bytes: 16 * 1024 * 1024,
            max_prepared_bytes: 1024 * 1024,
            startup_timeout: Period::from_secs(30),
            max_sessions: 5000,
            max_sessions_per_user: None,
            max_sessions_per_address: None,
            max_unauthenticated: 1000,
            max_cancels: 100,
            idle_timeout: None,
            session_lifetime: None,
        }
    }
}
