//! `CloudTrail`: which roles the cluster's service has assumed. What such events hold beyond the first role of a chain is not documented,
//! so what stands there is read and nothing else is promised.
//!
//! Source: AWS `CloudTrail` User Guide, "`CloudTrail` record contents"; STS API Reference, `AssumeRole`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::history::record::timestamp;

/// A role that was assumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssumedRole {
    /// When the role was assumed.
    pub time: Timestamp,
    /// The ARN of the role that was assumed.
    pub role: String,
    /// `roleSessionName`.
    pub session_name: Option<String>,
    /// `externalId`: the ARN of the database user.
    pub external_id: Option<String>,
    /// Who called, by address or service.
    pub source_address: Option<String>,
}

/// The service that assumes roles for a cluster.
const SERVICE: &str = "redshift";

#[derive(Deserialize)]
struct TrailDocument {
    #[serde(rename = "Records", default)]
    records: Vec<TrailEvent>,
    #[serde(flatten)]
    alone: TrailEvent,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TrailEvent {
    event_time: Option<String>,
    event_name: Option<String>,
    user_agent: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_address: Option<String>,
    error_code: Option<String>,
    user_identity: Option<TrailIdentity>,
    request_parameters: Option<TrailParameters>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TrailIdentity {
    invoked_by: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TrailParameters {
    role_arn: Option<String>,
    role_session_name: Option<String>,
    external_id: Option<String>,
}

impl TrailEvent {
    fn is_there(&self) -> bool {
        self.event_name.is_some()
    }

    /// Whether Redshift called: it names itself, or the session has the name that its sessions have.
    fn is_services(&self) -> bool {
        let names = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| text.starts_with(SERVICE) && text.ends_with(".amazonaws.com"))
        };
        let invoked = self.user_identity.as_ref().is_some_and(|identity| names(&identity.invoked_by));
        let session = self.request_parameters.as_ref().and_then(|it| it.role_session_name.as_deref());
        invoked || names(&self.source_address) || names(&self.user_agent) || session == Some("RedshiftIamRoleSession")
    }

    /// What was assumed, where the event tells of that.
    fn assumed(self) -> Option<AssumedRole> {
        if self.event_name.as_deref() != Some("AssumeRole") || self.error_code.is_some() || !self.is_services() {
            return None;
        }
        let parameters = self.request_parameters?;
        Some(AssumedRole {
            time: self.event_time.as_deref().and_then(timestamp)?,
            role: parameters.role_arn?,
            session_name: parameters.role_session_name,
            external_id: parameters.external_id,
            source_address: self.source_address,
        })
    }
}

/// Whether an input begins like a file of `CloudTrail`, or one of its events.
#[must_use]
pub fn is_trail(head: &[u8]) -> bool {
    let start: Vec<u8> = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(64).collect();
    start.starts_with(b"{\"Records\":[") || start.starts_with(b"{\"eventVersion\":")
}

/// The roles of a file, or of some of its events; `Err` tells what cannot be read, and the number of documents before it.
///
/// # Errors
/// The bytes are no JSON, or end in the middle of it.
pub fn assumed_roles(bytes: &[u8], mut told: impl FnMut(AssumedRole)) -> Result<u64, String> {
    let mut events = 0_u64;
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<TrailDocument>() {
        let TrailDocument { records, alone } = document.map_err(|error| format!("cannot be read: {error}"))?;
        for event in records.into_iter().chain(Some(alone).filter(TrailEvent::is_there)) {
            events = events.saturating_add(1);
            if let Some(assumed) = event.assumed() {
                told(assumed);
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        assumed_roles(text.as_bytes(), |one| found.push(format!("{} {}", one.time, one.role)))?;
        Ok(found)
    }

    #[test]
    fn what_the_service_assumes_is_read() {
        let event = |name: &str, more: &str| {
            format!(
                r#"{{"eventVersion":"1.08","eventTime":"2026-01-02T03:04:05Z","eventName":"{name}",{more}
                "requestParameters":{{"roleArn":"arn:aws:iam::1:role/A","roleSessionName":"RedshiftIamRoleSession","x":[1]}},"y":null}}"#
            )
        };
        let by = r#""userIdentity":{"type":"AWSService","invokedBy":"redshift.amazonaws.com"},"#;
        let whole = format!(r#"{{"Records": [{},{}]}}"#, event("AssumeRole", by), event("GetDataAccess", by));
        assert!(is_trail(whole.as_bytes()) && is_trail(b" {\n \"Records\" : [ ]}") && !is_trail(b"{\"records\":[]}"));
        assert_eq!(roles(&whole).unwrap(), ["2026-01-02T03:04:05Z arn:aws:iam::1:role/A"]);
        assert_eq!(roles(&event("AssumeRole", by)).unwrap().len(), 1);
        assert_eq!(roles(&event("AssumeRole", r#""errorCode":"AccessDenied","#)).unwrap().len(), 0);
        let other = event("AssumeRole", "").replace("RedshiftIamRoleSession", "me");
        assert_eq!(roles(&other).unwrap().len(), 0, "somebody else's");
        assert_eq!(roles("{\"Records\":[]}").unwrap().len(), 0);
        for broken in ["{\"Records\":[{", "{\"Records\":7}", "["] {
            assert!(roles(broken).is_err(), "{broken}");
        }
    }
}
