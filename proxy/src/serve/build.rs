//! From a configuration to everything that it names, loaded and checked. Used at start, at reload and by the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::{Config, GateSection};
use crate::gate::exception::Exception;
use crate::gate::policy::Policy;
use crate::iam::{Facts, Live};
use crate::net::backend::Backend;
use crate::observe::logging;
use crate::rules::names::RuleWarning;
pub use crate::serve::error::BuildError;
use crate::serve::gates::GateParts;
use crate::serve::load::Loaded;
use crate::serve::{admin_address, audit, certificates, known, live, policy, secrets, settings};

/// A certificate that expires within this time is told of.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The policy of one gate, for use outside a running gate. Facts that come from AWS are fetched now.
///
/// # Errors
/// [`BuildError`].
pub fn policy(config: &Config, gate: &GateSection) -> Result<Policy, BuildError> {
    let live = live::fetched(config)?;
    let loaded = Loaded::read(config)?;
    policy::of(config, gate, &loaded, loaded.facts(config, live.as_deref()).as_ref())
}

/// The policy of one gate without its facts: enough to tell how refusals would be carried out.
///
/// # Errors
/// [`BuildError`].
pub fn policy_without_facts(config: &Config, gate: &GateSection) -> Result<Policy, BuildError> {
    policy::of(config, gate, &Loaded::without_facts(config)?, None)
}

/// What the policies of a configuration share: everything but the rules.
#[derive(Debug)]
pub struct Base {
    config: Config,
    loaded: Loaded,
    facts: Option<Arc<Facts>>,
}

impl Base {
    /// Reads it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn read(config: Config) -> Result<Self, BuildError> {
        let live = live::fetched(&config)?;
        let loaded = Loaded::without_rules(&config)?;
        let facts = loaded.facts(&config, live.as_deref());
        Ok(Self { config, loaded, facts })
    }

    /// The configuration that it was read for.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The policy of one gate under the rules of these files, and the names in them that are nowhere known.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn policy(&self, gate: &GateSection, files: &[PathBuf]) -> Result<(Policy, Vec<RuleWarning>), BuildError> {
        let loaded = self.loaded.with_rules(&self.config, files)?;
        let warnings = known::warnings(&self.config, &loaded.rules, &loaded.base);
        Ok((policy::of(&self.config, gate, &loaded, self.facts.as_ref())?, warnings))
    }
}

/// Everything that a configuration names.
#[derive(Debug)]
pub struct Built {
    /// In the order of the configuration.
    pub gates: Vec<GateParts>,
    /// What all gates share.
    pub(super) loaded: Loaded,
}

impl Built {
    /// The exceptions, those that are over included.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.loaded.exceptions
    }
}

/// Loads everything that a configuration names; facts from AWS as far as `live` knows them.
///
/// # Errors
/// [`BuildError`], the first thing that cannot be used.
pub fn all(config: &Config, live: Option<&Live>) -> Result<Built, BuildError> {
    if config.facts.aws.is_some() && !cfg!(feature = "aws") {
        return Err(BuildError::NoAws { path: config.source().to_owned() });
    }
    let loaded = Loaded::read(config)?;
    let facts = loaded.facts(config, live);
    let parts = |gate| {
        let policy = policy::of(config, gate, &loaded, facts.as_ref())?;
        Ok(GateParts { policy, settings: settings::of(config, gate)? })
    };
    let gates = config.gate.iter().map(parts).collect::<Result<_, BuildError>>()?;
    Ok(Built { gates, loaded })
}

/// How a gate reaches its cluster.
///
/// # Errors
/// [`BuildError`]: a file of authorities, or a name that no certificate can carry.
pub fn backend(gate: &GateSection) -> Result<Backend, BuildError> {
    settings::upstream_of(gate)
}

/// Reads every account of `[facts.aws]` from AWS, and keeps nothing of it.
///
/// # Errors
/// [`BuildError`]: what AWS or the network said.
pub fn facts_from_aws(config: &Config) -> Result<(), BuildError> {
    live::fetched(config).map(|_read| ())
}

/// The facts of a configuration's files alone.
///
/// # Errors
/// [`BuildError`]: a file that cannot be read, or holds something else.
pub fn facts_from_files(config: &Config) -> Result<Arc<Facts>, BuildError> {
    Ok(Loaded::without_rules(config)?.base)
}

/// The names in the rules that are nowhere known: a slip of the pen, most often.
#[must_use]
pub fn warnings(config: &Config, built: &Built) -> Vec<RuleWarning> {
    known::warnings(config, &built.loaded.rules, &built.loaded.base)
}

/// Whether `serve` will find what it needs beside what [`all`] loads: the audit can be written, the log's directives can be read, secrets
/// are secret, certificates are good today. Nothing is written or left behind. Returns what will need somebody soon.
///
/// # Errors
/// [`BuildError`], the first thing that is not as it must be.
pub fn check_needs(config: &Config) -> Result<Vec<String>, BuildError> {
    logging::filter(&config.log.level)?;
    let now = Timestamp::now().as_duration().as_secs_f64();
    if let Some(what) = certificates::ending_by(config, now)? {
        return Err(BuildError::Expired { what });
    }
    admin_address::check(config)?;
    check_writable(config)?;
    secrets::check(config)?;
    let soon = certificates::ending_by(config, now + SOON.as_secs_f64())?;
    Ok(soon.map(|what| format!("{what} within {} days", SOON.as_secs() / 86_400)).into_iter().collect())
}

/// Whether the audit could be written. Nothing is, and nothing is left behind.
///
/// # Errors
/// [`BuildError`].
pub fn check_writable(config: &Config) -> Result<(), BuildError> {
    audit::check(config)
}
