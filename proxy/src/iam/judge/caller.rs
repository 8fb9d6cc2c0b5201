//! For whom a chain is judged, and by which rules.

use jiff::Timestamp;

use super::stated::StatedContext;
use crate::iam::{
    evaluate::EvaluationMode,
    explain::{Cause, Refusal},
    facts::Cluster,
};

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
    /// What the user may be called instead in its ARN: for a login as `IAM:name` it is not documented which of the two is sent. Sources:
    /// Amazon Redshift API Reference, `GetClusterCredentials`, `DbUser`; an example of `CloudTrail` shows `dbuser:cluster/IAM:name`.
    pub written_user: Option<&'a str>,
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

impl Caller<'_> {
    /// The same caller, under the other name that may be sent; `None` if there is one name only, or it is not sent.
    pub(super) fn under_other_name(&self) -> Option<Self> {
        let written = self.written_user.filter(|_| self.external_id.is_none())?;
        Some(Self { database_user: written, written_user: None, ..*self })
    }
}

/// Why a step is undecided for a user of two names: it is refused under one of them only.
pub(super) fn in_doubt(refusal: &Refusal, caller: &Caller<'_>, other: &Caller<'_>) -> Refusal {
    let (plain, written) = (caller.database_user, other.database_user);
    Refusal {
        cause: Cause::Undecided,
        message: format!("{}, if Redshift sends the user under that name", refusal.message),
        evidence: format!(
            "whether sts:ExternalId ends in /{plain} or in /{written} for a login as {written} is not documented, and under one of the two \
             the step is allowed; under the other: {}",
            refusal.evidence
        ),
        remedy: Some(format!(
            "ask the owner of the policy to treat {plain} and {written} alike, or log in as {plain} with a password"
        )),
        addition: None,
    }
}
