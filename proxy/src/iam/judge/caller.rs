//! For whom a chain is judged, and by which rules.

use jiff::Timestamp;

use super::stated::StatedContext;
use crate::iam::{evaluate::EvaluationMode, facts::Cluster};

/// On which steps Redshift sends the database user as `sts:ExternalId`. The documents show the first only.
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString, strum::Display)]
#[strum(serialize_all = "kebab-case")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalIdOn {
    /// The same value on every step.
    #[default]
    Same,
    /// When the cluster assumes the first role; role steps carry none.
    FirstOnly,
    /// When the cluster assumes the first role; for role steps it cannot be told.
    Unknown,
}

/// For whom a chain is judged, and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The cluster, or serverless workgroup.
    pub cluster: &'a Cluster,
    /// The current database user.
    pub database_user: &'a str,
    /// An external id to assume in place of the database user's ARN.
    pub external_id: Option<&'a str>,
    /// Which steps carry the external id.
    pub external_id_on: ExternalIdOn,
    /// Whose rules count inside one account.
    pub mode: EvaluationMode,
    /// What the operator has stated about keys that the gate cannot know.
    pub stated: &'a StatedContext,
    /// The time of the call.
    pub now: Timestamp,
}
