//! The files that all gates share, read once: the organisation's rules, and IAM facts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::warn;

use crate::config::{Config, ConfigError, Period, WhenOld, load_exceptions};
use crate::gate::exception::Exception;
use crate::iam::{Facts, FactsError, Live, Sources};
use crate::rules::{RuleSet, RulesError};
use crate::serve::error::BuildError;

/// What all gates share.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) rules: Arc<RuleSet>,
    pub(super) exceptions: Arc<[Arc<Exception>]>,
    /// From files alone.
    pub(super) base: Arc<Facts>,
}

/// Which of the shared files must be read again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Stale {
    pub(super) rules: bool,
    pub(super) exceptions: bool,
    pub(super) facts: bool,
}

impl Loaded {
    /// Reads everything.
    pub(super) fn read(config: &Config) -> Result<Self, BuildError> {
        Ok(Self { rules: rules(config)?, exceptions: exceptions(config)?, base: facts(config, &Facts::empty())? })
    }

    /// Reads all but the facts.
    pub(super) fn without_facts(config: &Config) -> Result<Self, BuildError> {
        Ok(Self { rules: rules(config)?, exceptions: exceptions(config)?, base: Arc::new(Facts::empty()) })
    }

    /// Reads all but the rules.
    pub(super) fn without_rules(config: &Config) -> Result<Self, BuildError> {
        let base = facts(config, &Facts::empty())?;
        Ok(Self { rules: Arc::new(RuleSet::none()), exceptions: exceptions(config)?, base })
    }

    /// The same with the rules of these files.
    pub(super) fn with_rules(&self, config: &Config, files: &[PathBuf]) -> Result<Self, BuildError> {
        Ok(Self { rules: rules_of(config, files)?, ..self.clone() })
    }

    /// The same with what is stale read again.
    pub(super) fn renewed(&self, config: &Config, stale: Stale) -> Result<Self, BuildError> {
        let mut renewed = self.clone();
        if stale.rules {
            renewed.rules = rules(config)?;
        }
        if stale.exceptions {
            renewed.exceptions = exceptions(config)?;
        }
        if stale.facts {
            renewed.base = facts(config, &self.base)?;
        }
        Ok(renewed)
    }

    /// Whether nobody else holds any of it, but for what `other` holds too.
    pub(super) fn is_free_beside(&self, other: &Self) -> bool {
        let is_free = |is_shared: bool, holders: usize| is_shared || holders == 1;
        is_free(Arc::ptr_eq(&self.rules, &other.rules), Arc::strong_count(&self.rules))
            && is_free(Arc::ptr_eq(&self.base, &other.base), Arc::strong_count(&self.base))
    }

    /// What policies judge by: the facts from files, with what is known from AWS. `None`: no source is configured.
    pub(super) fn facts(&self, config: &Config, live: Option<&Live>) -> Option<Arc<Facts>> {
        config.facts.is_configured().then(|| match live {
            None => Arc::clone(&self.base),
            Some(live) => Arc::new(live.facts_over(&self.base)),
        })
    }
}

fn exceptions(config: &Config) -> Result<Arc<[Arc<Exception>]>, ConfigError> {
    let read = config.policy.exceptions.as_deref().map(load_exceptions).transpose()?;
    Ok(Arc::from(read.unwrap_or_default()))
}

fn rules(config: &Config) -> Result<Arc<RuleSet>, RulesError> {
    rules_of(config, &config.policy.rules)
}

fn rules_of(config: &Config, files: &[PathBuf]) -> Result<Arc<RuleSet>, RulesError> {
    let rules = RuleSet::load(files)?;
    // The configuration was checked, so the zone is there.
    let zone = TimeZone::get(&config.policy.time_zone).unwrap_or(TimeZone::UTC);
    Ok(Arc::new(rules.in_time_zone(zone)))
}

/// Reads the files that changed since `before` was read.
fn facts(config: &Config, before: &Facts) -> Result<Arc<Facts>, FactsError> {
    let facts = &config.facts;
    let sources = Sources {
        iam: facts.iam.clone(),
        clusters: facts.clusters.clone(),
        service_control: facts.service_control.clone(),
    };
    let read = Facts::load_after(&sources, before)?;
    let max_age = facts.max_age.map(Period::get);
    if let (Some(max_age), WhenOld::Warn) = (max_age, facts.when_old) {
        warn_of_old(&read, max_age);
    }
    Ok(Arc::new(read.with_max_age(max_age.filter(|_| facts.when_old == WhenOld::Unknown))))
}

/// Names what is older than it should be.
fn warn_of_old(facts: &Facts, max_age: Duration) {
    let now = Timestamp::now();
    for (what, captured_at) in facts.captures() {
        // A clock that was set back makes nothing older.
        let age = Duration::try_from(now.duration_since(captured_at)).unwrap_or_default();
        if age > max_age {
            warn!(%what, %captured_at, "facts are older than facts.max_age; take them again");
        }
    }
}
