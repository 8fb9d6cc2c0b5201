//! `[facts]`: what is known of IAM and of the clusters, and where it comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::period::Period;
use crate::iam::{EvaluationMode, ExternalIdOn, StatedContext};

closed_sets! {
    /// What happens to facts that are older than `max_age`.
    #[derive(Default)]
    pub enum WhenOld {
        /// The log says so when they are read.
        #[default]
        Warn,
        /// The account's roles count as unknown.
        Unknown,
    }
}

/// The value of a condition key, or its values. An empty list: the key is never sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum StatedValue {
    /// A single value.
    One(String),
    /// Several, or none.
    Many(Vec<String>),
}

impl StatedValue {
    /// The values.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Many(texts) => texts.clone(),
        }
    }
}

/// What is stated for a gate: `[facts.context]`, and over it `[gate.iam.context]`.
///
/// # Errors
/// A key that may not be stated.
pub fn stated(
    facts: &BTreeMap<String, StatedValue>,
    gate: &BTreeMap<String, StatedValue>,
) -> Result<StatedContext, String> {
    let lower = |(key, value): (&String, &StatedValue)| (key.to_lowercase(), (key.clone(), value.texts()));
    let mut all: BTreeMap<String, (String, Vec<String>)> = facts.iter().map(lower).collect();
    all.extend(gate.iter().map(lower));
    StatedContext::new(all.into_values())
}

/// `[facts]`. Without a source only what needs no facts is judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactsSection {
    /// Snapshots of accounts, in alphabetical order.
    pub iam: Vec<PathBuf>,
    /// Descriptions of clusters, in alphabetical order.
    pub clusters: Vec<PathBuf>,
    /// Service control policies, in alphabetical order.
    pub service_control: Vec<PathBuf>,
    /// How old the facts of an account may become; any age when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Period>,
    /// What happens to an account that is older.
    pub when_old: WhenOld,
    /// By whose rules a chain is evaluated.
    pub mode: EvaluationMode,
    /// On which hops the database user is sent as `sts:ExternalId`.
    pub external_id: ExternalIdOn,
    /// Condition keys that the gate cannot know, and their values, the same for every call.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, StatedValue>,
    /// AWS itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsSection>,
}

impl Default for FactsSection {
    fn default() -> Self {
        Self {
            iam: Vec::new(),
            clusters: Vec::new(),
            service_control: Vec::new(),
            max_age: None,
            when_old: WhenOld::Warn,
            mode: EvaluationMode::Guide,
            external_id: ExternalIdOn::Same,
            context: BTreeMap::new(),
            aws: None,
        }
    }
}

impl FactsSection {
    /// Whether any source is named.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.aws.is_some() || !(self.iam.is_empty() && self.clusters.is_empty() && self.service_control.is_empty())
    }
}

/// `[facts.aws]`: accounts that are read from AWS, in the background and role by role.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsSection {
    /// The time from one reading of an account to the next.
    pub refresh: Period,
    /// How old facts may become while AWS cannot be reached; after that the account is unknown.
    pub max_stale: Period,
    /// How long a statement waits for a role first seen in it.
    pub lookup_timeout: Period,
    /// How long it is remembered that a role is not there.
    pub absent_for: Period,
    /// The accounts.
    pub account: Vec<AwsAccount>,
}

impl Default for AwsSection {
    fn default() -> Self {
        Self {
            refresh: Period::from_secs(300),
            max_stale: Period::from_secs(24 * 3600),
            lookup_timeout: Period::from_secs(2),
            absent_for: Period::from_secs(30),
            account: Vec::new(),
        }
    }
}

/// `[[facts.aws.account]]`: one account and how it is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AwsAccount {
    /// The account's twelve digits.
    pub id: String,
    /// A profile of the AWS configuration files; the default credentials when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A role to assume for reading the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id that the role demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The regions whose clusters are read; none: the account has roles only.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Whether serverless workgroups of those regions are read too.
    #[serde(default)]
    pub serverless: bool,
}
