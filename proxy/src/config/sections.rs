//! Sections that a file holds once: `[admin]`, `[log]`, `[audit]`, `[runtime]`, `[policy]`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::address;
use crate::config::period::Period;
use crate::config::value::ReadinessNeed;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Mode;
use crate::gate::stored::StoredMode;
use crate::observe::logging::LogFormat;
use crate::observe::metrics::MAX_SERIES;

/// `[admin]`: metrics and health over HTTP.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSection {
    /// Where it listens; loopback when not set.
    #[serde(deserialize_with = "address::listen")]
    pub listen: SocketAddr,
    /// Whether it may listen beyond loopback without asking anybody who they are.
    pub insecure: bool,
    /// Bearer tokens, one a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Host names under which it may be asked, beside addresses and `localhost`.
    pub hosts: Vec<String>,
    /// What `/readyz` asks for beside open gates, an audit that can be written where it must be, and certificates that are good.
    pub readiness: Vec<ReadinessNeed>,
    /// Judged statements that the console can look back at.
    pub recent: usize,
    /// Bytes that they may take.
    pub recent_bytes: usize,
    /// TLS of the address, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<AdminTlsSection>,
}

/// `[metrics]`: what `/metrics` may hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Series over all families whose labels sessions choose.
    pub max_series: usize,
}

impl Default for MetricsSection {
    fn default() -> Self {
        Self { max_series: MAX_SERIES }
    }
}

/// `[admin.tls]`: TLS on the admin address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdminTlsSection {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
}

impl AdminSection {
    /// Whether clients have to show who they are.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.token_file.is_some() || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }
}

impl Default for AdminSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9439),
            insecure: false,
            token_file: None,
            hosts: Vec::new(),
            readiness: Vec::new(),
            recent: 10_000,
            recent_bytes: 32 * 1024 * 1024,
            tls: None,
        }
    }
}

/// `[log]`: what is written to stderr.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`, or directives such as `info,rolegate::session=debug`.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// `[runtime]`: threads and shutdown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeSection {
    /// Worker threads; as many as cores when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// How long running sessions may go on after SIGTERM.
    pub drain_timeout: Period,
    /// How long new sessions are still taken after SIGTERM while `/readyz` already says no: time for a load balancer to notice.
    pub drain_delay: Period,
    /// Whether another process may listen on the same addresses, as for an upgrade that refuses no connection.
    pub reuse_port: bool,
}

impl Default for RuntimeSection {
    fn default() -> Self {
        Self {
            workers: None,
            drain_timeout: Period::from_secs(30),
            drain_delay: Period::from_secs(0),
            reuse_port: false,
        }
    }
}

/// `[policy]`: what is refused, and how the client learns of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that a user writes by itself")]
pub struct PolicySection {
    /// Whether refusals are carried out or only recorded.
    pub mode: Mode,
    /// Modes of the members of groups, where they differ.
    pub mode_by_group: BTreeMap<String, Mode>,
    /// Modes of finding codes, where they differ.
    pub mode_by_code: BTreeMap<Code, Mode>,
    /// The file of exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<PathBuf>,
    /// Groups whose members nothing is refused.
    pub break_glass: Vec<String>,
    /// Cedar files of the organisation's own rules, in alphabetical order.
    pub rules: Vec<PathBuf>,
    /// Whether an annotated statement sends the client a warning.
    pub notice: bool,
    /// Whether an annotated statement carries a comment to the cluster's query history.
    pub comment: bool,
    /// Whether `notice` holds in shadow mode too.
    pub shadow_notice: bool,
    /// Whether `comment` holds in shadow mode too.
    pub shadow_comment: bool,
    /// Severities that differ from the defaults, by finding code.
    pub severity: BTreeMap<Code, Severity>,
    /// What becomes of statements that use roles which the cluster stores.
    pub stored: StoredMode,
    /// The time zone of the weekdays and hours that rules look at: a name of the IANA database.
    pub time_zone: String,
    /// Database users by group.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Names that rules may be about although nothing else here holds them.
    pub known: KnownElsewhere,
    /// The cache of verdicts.
    pub cache: CacheSection,
}

impl Default for PolicySection {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            mode_by_group: BTreeMap::new(),
            mode_by_code: BTreeMap::new(),
            exceptions: None,
            break_glass: Vec::new(),
            rules: Vec::new(),
            notice: true,
            comment: true,
            shadow_notice: true,
            shadow_comment: true,
            severity: BTreeMap::new(),
            stored: StoredMode::Observe,
            time_zone: "UTC".to_owned(),
            groups: BTreeMap::new(),
            known: KnownElsewhere::default(),
            cache: CacheSection::default(),
        }
    }
}

/// `[policy.known]`: names that no group, gate or fact holds, so that rules about them are not taken for misspelled.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnownElsewhere {
    /// Database users.
    pub users: Vec<String>,
    /// Databases.
    pub databases: Vec<String>,
}

/// `[policy.cache]`: the cache of verdicts that each gate has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSection {
    /// How many verdicts are kept; 0 keeps none.
    pub capacity: u64,
    /// How long a verdict is kept.
    pub ttl: Period,
}

impl Default for CacheSection {
    fn default() -> Self {
        Self { capacity: 10_000, ttl: Period::from_secs(300) }
    }
}
