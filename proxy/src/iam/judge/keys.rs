//! The condition keys of `sts:AssumeRole` as Redshift calls it: what holds for the attachment (the service calls), and for a hop (a
//! session of a role calls). Source of the list: IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS
//! condition context keys"; a row names the section or page that settles it.

use std::sync::LazyLock;

use super::presence::Presence as P;

pub(super) use super::presence::{Fact, Presence};
use Fact as F;

/// One key, or a family of keys where its name ends with a slash.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyRow {
    pub(super) name: &'static str,
    /// When the Redshift service assumes the first role.
    pub(super) service: Presence,
    /// When a session of a role assumes the next.
    pub(super) role: Presence,
    /// What says so.
    pub(super) source: &'static str,
}

const fn row(name: &'static str, service: Presence, role: Presence, source: &'static str) -> KeyRow {
    KeyRow { name, service, role, source }
}

const PRINCIPAL: &str = "Properties of the principal";
const SESSION: &str = "Properties of a role session: set by the service that it names, and Redshift is not one of them";
const NETWORK: &str = "Properties of the network: Redshift does not document from where it calls";
const RESOURCE: &str = "Properties of the resource";
const REQUEST: &str = "Properties of the request";
const DEPUTY: &str =
    "Properties of the request: sent when a service calls on behalf of a resource, not by sessions of roles";
const MCP: &str = "Properties of the request: set by AWS MCP services, and Redshift is none";
const STS: &str = "IAM and AWS STS condition context keys: Redshift documents neither tags nor a source identity";

/// Every key that the documentation names for such calls.
pub(super) const ROWS: &[KeyRow] = &[
    row("aws:PrincipalArn", P::Absent, P::Is(F::PrincipalArn), PRINCIPAL),
    row("aws:PrincipalAccount", P::Unknown, P::Is(F::PrincipalAccount), PRINCIPAL),
    row("aws:PrincipalOrgID", P::Absent, P::Is(F::PrincipalOrganisation), PRINCIPAL),
    row("aws:PrincipalOrgPaths", P::Absent, P::Is(F::PrincipalPath), PRINCIPAL),
    row("aws:PrincipalTag/", P::Absent, P::Is(F::PrincipalTags), PRINCIPAL),
    row("aws:PrincipalIsAWSService", P::Is(F::True), P::Is(F::False), PRINCIPAL),
    row("aws:PrincipalServiceName", P::Is(F::ServiceName), P::Absent, PRINCIPAL),
    row("aws:PrincipalServiceNamesList", P::Is(F::ServiceNames), P::Absent, PRINCIPAL),
    row("aws:PrincipalType", P::Unknown, P::Is(F::AssumedRole), PRINCIPAL),
    row("aws:userid", P::Unknown, P::Is(F::UserId), PRINCIPAL),
    row("aws:username", P::Absent, P::Absent, PRINCIPAL),
    row("aws:AssumedRoot", P::Absent, P::Absent, SESSION),
    row("aws:FederatedProvider", P::Absent, P::Absent, SESSION),
    row("aws:TokenIssueTime", P::Absent, P::Is(F::Now), SESSION),
    row("aws:SignInSessionArn", P::Absent, P::Absent, SESSION),
    row("aws:MultiFactorAuthAge", P::Absent, P::Absent, SESSION),
    row("aws:MultiFactorAuthPresent", P::Absent, P::Absent, SESSION),
    row("aws:ChatbotSourceArn", P::Absent, P::Absent, SESSION),
    row("aws:Ec2InstanceSourceVpc", P::Absent, P::Absent, SESSION),
    row("aws:Ec2InstanceSourcePrivateIPv4", P::Absent, P::Absent, SESSION),
    row("aws:SourceIdentity", P::Absent, P::Absent, STS),
    row("ec2:RoleDelivery", P::Absent, P::Absent, SESSION),
    row("ec2:SourceInstanceArn", P::Absent, P::Absent, SESSION),
    row("glue:RoleAssumedBy", P::Absent, P::Absent, SESSION),
    row("glue:CredentialIssuingService", P::Absent, P::Absent, SESSION),
    row("codebuild:BuildArn", P::Absent, P::Absent, SESSION),
    row("codebuild:ProjectArn", P::Absent, P::Absent, SESSION),
    row("lambda:SourceFunctionArn", P::Absent, P::Absent, SESSION),
    row("ssm:SourceInstanceArn", P::Absent, P::Absent, SESSION),
    row("identitystore:UserId", P::Absent, P::Absent, SESSION),
    row("aws:SourceIp", P::Unknown, P::Unknown, NETWORK),
    row("aws:SourceVpc", P::Unknown, P::Unknown, NETWORK),
    row("aws:SourceVpcArn", P::Unknown, P::Unknown, NETWORK),
    row("aws:SourceVpce", P::Unknown, P::Unknown, NETWORK),
    row("aws:VpceAccount", P::Unknown, P::Unknown, NETWORK),
    row("aws:VpceOrgID", P::Unknown, P::Unknown, NETWORK),
    row("aws:VpceOrgPaths", P::Unknown, P::Unknown, NETWORK),
    row("aws:VpcSourceIp", P::Unknown, P::Unknown, NETWORK),
    row("aws:ResourceAccount", P::Is(F::ResourceAccount), P::Is(F::ResourceAccount), RESOURCE),
    row("aws:ResourceOrgID", P::Is(F::ResourceOrganisation), P::Is(F::ResourceOrganisation), RESOURCE),
    row("aws:ResourceOrgPaths", P::Is(F::ResourcePath), P::Is(F::ResourcePath), RESOURCE),
    row("aws:ResourceTag/", P::Is(F::ResourceTags), P::Is(F::ResourceTags), RESOURCE),
    row("iam:ResourceTag/", P::Is(F::ResourceTags), P::Is(F::ResourceTags), "IAM and AWS STS condition context keys"),
    row("aws:CalledVia", P::Unknown, P::Unknown, REQUEST),
    row("aws:CalledViaFirst", P::Unknown, P::Unknown, REQUEST),
    row("aws:CalledViaLast", P::Unknown, P::Unknown, REQUEST),
    row("aws:CalledViaAWSMCP", P::Absent, P::Absent, MCP),
    row("aws:ViaAWSService", P::Unknown, P::Unknown, REQUEST),
    row("aws:ViaAWSMCPService", P::Unknown, P::Unknown, REQUEST),
    row("aws:IsMcpServiceAction", P::Unknown, P::Unknown, REQUEST),
    row("aws:CurrentTime", P::Is(F::Now), P::Is(F::Now), REQUEST),
    row("aws:EpochTime", P::Is(F::EpochSeconds), P::Is(F::EpochSeconds), REQUEST),
    row("aws:referer", P::Absent, P::Absent, "Properties of the request: not included for programmatic requests"),
    row("aws:RequestedRegion", P::Unknown, P::Unknown, REQUEST),
    row("aws:RequestTag/", P::Absent, P::Absent, STS),
    row("aws:TagKeys", P::Absent, P::Absent, STS),
    row("aws:SecureTransport", P::Is(F::True), P::Is(F::True), REQUEST),
    row("aws:SourceAccount", P::Is(F::ClusterAccount), P::Absent, DEPUTY),
    row("aws:SourceArn", P::Is(F::ClusterArn), P::Absent, DEPUTY),
    row("aws:SourceOrgID", P::Is(F::ClusterOrganisation), P::Absent, DEPUTY),
    row("aws:SourceOrgPaths", P::Is(F::ClusterPath), P::Absent, DEPUTY),
    row("aws:SourceOwner", P::Absent, P::Absent, "a former key of Amazon SNS"),
    row("aws:UserAgent", P::Unknown, P::Unknown, REQUEST),
    row(
        "sts:ExternalId",
        P::Is(F::ExternalId),
        P::Is(F::ExternalId),
        "Amazon Redshift Management Guide, \"Restricting access to IAM roles\"",
    ),
    row(
        "sts:RoleSessionName",
        P::Is(F::SessionName),
        P::Unknown,
        "seen in an AWS error text for the first role; not documented for others",
    ),
    row("sts:TransitiveTagKeys", P::Absent, P::Absent, STS),
    row("sts:SourceIdentity", P::Absent, P::Absent, STS),
    row("sts:DurationSeconds", P::Absent, P::Absent, "IAM and AWS STS condition context keys: of bearer tokens only"),
];

/// The rows with their names in lower case, by which keys are looked up.
static LOWER: LazyLock<Vec<(String, &KeyRow)>> =
    LazyLock::new(|| ROWS.iter().map(|row| (row.name.to_lowercase(), row)).collect());

/// Every row, with its name in lower case.
pub(super) fn rows() -> impl Iterator<Item = (&'static str, &'static KeyRow)> {
    LOWER.iter().map(|(name, row)| (name.as_str(), *row))
}

/// The row of a key, whatever its case.
pub(super) fn find(key: &str) -> Option<&'static KeyRow> {
    let key = key.to_lowercase();
    let is_of = |name: &str| if name.ends_with('/') { key.starts_with(name) } else { key == name };
    rows().find(|(name, _)| is_of(name)).map(|(_, row)| row)
}

/// Whether a key takes several values.
pub(super) fn is_multivalued(key: &str) -> bool {
    let key = key.to_lowercase();
    key.ends_with("orgpaths")
        || matches!(key.as_str(), "aws:calledvia" | "aws:tagkeys" | "aws:principalservicenameslist")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_stands_once_and_has_its_source() {
        let names: BTreeSet<String> = ROWS.iter().map(|row| row.name.to_lowercase()).collect();
        assert_eq!(names.len(), ROWS.len());
        assert!(ROWS.iter().all(|row| !row.source.is_empty() && row.name.contains(':')));
    }

    /// The table of the page "AWS global condition context keys", column by column.
    const PAGE: [&[&str]; 5] = [
        &[
            "aws:PrincipalArn",
            "aws:PrincipalAccount",
            "aws:PrincipalOrgPaths",
            "aws:PrincipalOrgID",
            "aws:PrincipalTag/",
            "aws:PrincipalIsAWSService",
            "aws:PrincipalServiceName",
            "aws:PrincipalServiceNamesList",
            "aws:PrincipalType",
            "aws:userid",
            "aws:username",
        ],
        &[
            "aws:AssumedRoot",
            "aws:FederatedProvider",
            "aws:TokenIssueTime",
            "aws:SignInSessionArn",
            "aws:MultiFactorAuthAge",
            "aws:MultiFactorAuthPresent",
            "aws:ChatbotSourceArn",
            "aws:Ec2InstanceSourceVpc",
            "aws:Ec2InstanceSourcePrivateIPv4",
            "aws:SourceIdentity",
            "ec2:RoleDelivery",
            "ec2:SourceInstanceArn",
            "glue:RoleAssumedBy",
            "glue:CredentialIssuingService",
            "codebuild:BuildArn",
            "codebuild:ProjectArn",
            "lambda:SourceFunctionArn",
            "ssm:SourceInstanceArn",
            "identitystore:UserId",
        ],
        &[
            "aws:SourceIp",
            "aws:SourceVpc",
            "aws:SourceVpcArn",
            "aws:SourceVpce",
            "aws:VpceAccount",
            "aws:VpceOrgID",
            "aws:VpceOrgPaths",
            "aws:VpcSourceIp",
        ],
        &["aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:ResourceTag/"],
        &[
            "aws:CalledVia",
            "aws:CalledViaFirst",
            "aws:CalledViaLast",
            "aws:CalledViaAWSMCP",
            "aws:ViaAWSService",
            "aws:ViaAWSMCPService",
            "aws:CurrentTime",
            "aws:EpochTime",
            "aws:referer",
            "aws:RequestedRegion",
            "aws:RequestTag/",
            "aws:TagKeys",
            "aws:SecureTransport",
            "aws:SourceAccount",
            "aws:SourceArn",
            "aws:SourceOrgID",
            "aws:SourceOrgPaths",
            "aws:UserAgent",
            "aws:IsMcpServiceAction",
        ],
    ];

    /// What the page of IAM and STS adds, and a former key that old policies still name.
    const OTHERS: [&str; 7] = [
        "iam:ResourceTag/",
        "sts:ExternalId",
        "sts:RoleSessionName",
        "sts:TransitiveTagKeys",
        "sts:SourceIdentity",
        "sts:DurationSeconds",
        "aws:SourceOwner",
    ];

    #[test]
    fn the_table_has_every_key_of_the_documentation() {
        let documented: BTreeSet<&str> = PAGE.into_iter().flatten().copied().chain(OTHERS).collect();
        let listed: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(listed, documented);
    }

    /// The keys that calls carry, at the attachment and on hops; those that nobody can tell; every other one is absent from both.
    #[test]
    fn presence() {
        let known = [
            ("aws:PrincipalArn", "absent", "known"),
            ("aws:PrincipalAccount", "unknown", "known"),
            ("aws:PrincipalOrgID", "absent", "known"),
            ("aws:PrincipalOrgPaths", "absent", "known"),
            ("aws:PrincipalTag/team", "absent", "known"),
            ("aws:PrincipalIsAWSService", "known", "known"),
            ("aws:PrincipalServiceName", "known", "absent"),
            ("aws:PrincipalServiceNamesList", "known", "absent"),
            ("aws:PrincipalType", "unknown", "known"),
            ("AWS:UserId", "unknown", "known"),
            ("aws:TokenIssueTime", "absent", "known"),
            ("aws:ResourceAccount", "known", "known"),
            ("aws:ResourceOrgID", "known", "known"),
            ("aws:ResourceOrgPaths", "known", "known"),
            ("aws:ResourceTag/team", "known", "known"),
            ("iam:ResourceTag/team", "known", "known"),
            ("aws:CurrentTime", "known", "known"),
            ("aws:EpochTime", "known", "known"),
            ("aws:SecureTransport", "known", "known"),
            ("aws:SourceAccount", "known", "absent"),
            ("aws:SourceArn", "known", "absent"),
            ("AWS:sourceorgid", "known", "absent"),
            ("aws:SourceOrgPaths", "known", "absent"),
            ("sts:ExternalId", "known", "known"),
            ("sts:RoleSessionName", "known", "unknown"),
        ];
        let unknown = [
            "aws:SourceIp",
            "aws:SourceVpc",
            "aws:SourceVpcArn",
            "aws:SourceVpce",
            "aws:VpceAccount",
            "aws:VpceOrgID",
            "aws:VpceOrgPaths",
            "aws:VpcSourceIp",
            "aws:CalledVia",
            "aws:CalledViaFirst",
            "aws:CalledViaLast",
            "aws:ViaAWSService",
            "aws:ViaAWSMCPService",
            "aws:IsMcpServiceAction",
            "aws:RequestedRegion",
            "aws:UserAgent",
        ];
        let word = |presence| match presence {
            Presence::Absent => "absent",
            Presence::Unknown => "unknown",
            Presence::Is(_) => "known",
        };
        let mut told = BTreeSet::new();
        let unknown = unknown.map(|key| (key, "unknown", "unknown"));
        for (key, service, role) in known.into_iter().chain(unknown) {
            let row = find(key).unwrap();
            assert_eq!((word(row.service), word(row.role)), (service, role), "{key}");
            told.insert(row.name);
        }
        for row in ROWS.iter().filter(|row| !told.contains(row.name)) {
            assert_eq!((word(row.service), word(row.role)), ("absent", "absent"), "{}", row.name);
        }
        assert!(find("aws:NoSuchKey").is_none());
    }
}
