//! `[facts]`: what is known of IAM and of the clusters, and where it comes from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::period::Period;
use crate::iam::{EvaluationMode, ExternalIdOn};

/// `[facts]`. Without a source only what needs no facts is judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Snapshots of accounts, in alphabetical order.
    pub iam: Vec<PathBuf>,
    /// Descriptions of clusters, in alphabetical order.
    pub clusters: Vec<PathBuf>,
    /// Service control policies, in alphabetical order.
    pub service_control: Vec<PathBuf>,
    /// By whose rules a chain is evaluated.
    pub mode: EvaluationMode,
    /// On which hops the database user is sent as `sts:ExternalId`.
    pub external_id: ExternalIdOn,
    /// AWS itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            iam: Vec::new(),
            clusters: Vec::new(),
            service_control: Vec::new(),
            mode: EvaluationMode::Guide,
            external_id: ExternalIdOn::Same,
            aws: None,
        }
    }
}

impl Facts {
    /// Whether any source is named.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.aws.is_some() || !(self.iam.is_empty() && self.clusters.is_empty() && self.service_control.is_empty())
    }
}

/// `[facts.aws]`: accounts that are read from AWS, in the background and role by role.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Aws {
    /// From one reading of an account to the next.
    pub refresh: Period,
    /// How old what was read may become while AWS cannot be reached; afterwards the account is unknown.
    pub max_stale: Period,
    /// How long a statement waits for a role first seen in it.
    pub lookup_timeout: Period,
    /// How long it is remembered that a role is not there.
    pub absent_for: Period,
    /// The accounts.
    pub account: Vec<AwsAccount>,
}

impl Default for Aws {
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
