//! The configuration: one TOML file, overridden by `ROLEGATE__SECTION__KEY` variables of the environment. The only room
//! that knows TOML.

mod address;
mod audit;
mod cases;
mod error;
mod exceptions;
mod facts;
mod flat;
mod gates;
mod guards;
mod load;
mod locate;
mod overrides;
mod paths;
mod period;
mod sections;
mod severity;
#[cfg(test)]
mod tests;
mod validate;
pub mod value;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use audit::AuditSection;
pub use cases::{Case, CaseFile};
pub use error::{ConfigError, KeyPlace};
pub use exceptions::load_exceptions;
pub use facts::{AwsAccount, AwsSection, FactsSection, StatedValue, WhenOld, stated};
pub use flat::FlatKey;
pub use gates::{
    CatalogSection, CoverageSection, GateIamSection, GateSection, GateTlsSection, IdentitySection, LimitsSection,
    UpstreamSection,
};
pub use guards::{GuardCase, GuardFile};
pub use period::Period;
pub use sections::{
    AdminSection, AdminTlsSection, CacheSection, LogSection, MetricsSection, PolicySection, RuntimeSection,
};

/// A whole configuration that was read, completed with defaults and checked. Its paths are resolved against the folder
/// of its file, its patterns are expanded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The admin HTTP server.
    #[serde(default)]
    pub admin: AdminSection,
    /// What `/metrics` may hold.
    #[serde(default)]
    pub metrics: MetricsSection,
    /// The log on stderr.
    #[serde(default)]
    pub log: LogSection,
    /// The record of verdicts.
    #[serde(default)]
    pub audit: AuditSection,
    /// Threads and shutdown.
    #[serde(default)]
    pub runtime: RuntimeSection,
    /// What is refused, and how.
    #[serde(default)]
    pub policy: PolicySection,
    /// What is known of IAM.
    #[serde(default)]
    pub facts: FactsSection,
    /// The gates; at least one.
    #[serde(default)]
    pub gate: Vec<GateSection>,
    /// The file it came from.
    #[serde(skip)]
    source: PathBuf,
    /// The patterns that the lists of files were expanded from.
    #[serde(skip)]
    patterns: Vec<PathBuf>,
}

impl Config {
    /// The file that the configuration came from.
    #[must_use]
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The patterns behind the lists of rules and facts, each resolved against the folder of the file: one that a new file fits makes
    /// the list another one.
    #[must_use]
    pub fn patterns(&self) -> &[PathBuf] {
        &self.patterns
    }

    /// A hash over the effective values: equal configurations have equal versions, whatever their file looks like.
    #[must_use]
    pub fn version(&self) -> String {
        let hash = Sha256::digest(self.to_toml_masked());
        hash.first_chunk::<8>().map(hex::encode).unwrap_or_default()
    }

    /// The effective configuration as TOML, for `rolegate config show`. Holds no secret: keys and certificates are
    /// paths, and an upstream address is host and port only.
    #[must_use]
    pub fn to_toml_masked(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_else(|error| format!("# cannot be shown as TOML: {error}\n"))
    }
}
