//! What the SDK returns, as the command line writes it. Policy documents come percent-encoded and leave decoded.

use aws_sdk_iam::types::{ManagedPolicyDetail, Role, RoleDetail, Tag};
use aws_sdk_redshift::types::Cluster;
use aws_sdk_redshiftserverless::types::{Namespace, Workgroup};
use serde_json::{Value as Json, json};

use crate::iam::policy::document;

/// A document decoded; what cannot be decoded stays as it came, and the evaluator says what is wrong with it.
fn decoded(text: Option<&str>) -> Json {
    text.map_or(Json::Null, |text| document::parse_text(text).unwrap_or_else(|_unreadable| Json::from(text)))
}

/// A page of `get-account-authorization-details`.
pub(super) fn details(roles: &[RoleDetail], policies: &[ManagedPolicyDetail]) -> Json {
    json!({
        "RoleDetailList": roles.iter().map(role_detail).collect::<Vec<_>>(),
        "Policies": policies.iter().map(managed_policy_detail).collect::<Vec<_>>(),
    })
}

fn role_detail(role: &RoleDetail) -> Json {
    let inline = role.role_policy_list().iter();
    let inline = inline.map(|policy| {
        inline_policy(policy.policy_name().unwrap_or_default(), policy.policy_document().unwrap_or_default())
    });
    let attached = role.attached_managed_policies().iter();
    let boundary = role.permissions_boundary().and_then(|it| it.permissions_boundary_arn());
    json!({
        "Path": role.path(), "RoleName": role.role_name(), "RoleId": role.role_id(), "Arn": role.arn(),
        "AssumeRolePolicyDocument": decoded(role.assume_role_policy_document()),
        "RolePolicyList": inline.collect::<Vec<_>>(),
        "AttachedManagedPolicies": attached
            .map(|policy| json!({ "PolicyName": policy.policy_name(), "PolicyArn": policy.policy_arn() }))
            .collect::<Vec<_>>(),
        "PermissionsBoundary": boundary.map(self::boundary),
        "Tags": tags(role.tags()),
    })
}

/// A role of `GetRole` with what was asked for beside it.
pub(super) fn role(role: &Role, inline: &[Json], attached: &[String]) -> Json {
    let boundary = role.permissions_boundary().and_then(|it| it.permissions_boundary_arn());
    json!({
        "Path": role.path(), "RoleName": role.role_name(), "RoleId": role.role_id(), "Arn": role.arn(),
        "AssumeRolePolicyDocument": decoded(role.assume_role_policy_document()),
        "RolePolicyList": inline,
        "AttachedManagedPolicies": attached.iter().map(|arn| json!({ "PolicyArn": arn })).collect::<Vec<_>>(),
        "PermissionsBoundary": boundary.map(self::boundary),
        "Tags": tags(role.tags()),
    })
}

fn boundary(arn: &str) -> Json {
    json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn })
}

fn tags(tags: &[Tag]) -> Vec<Json> {
    tags.iter().map(|tag| json!({ "Key": tag.key(), "Value": tag.value() })).collect()
}

pub(super) fn inline_policy(name: &str, document: &str) -> Json {
    json!({ "PolicyName": name, "PolicyDocument": decoded(Some(document)) })
}

fn managed_policy_detail(policy: &ManagedPolicyDetail) -> Json {
    let versions = policy.policy_version_list().iter().map(|version| {
        json!({
            "VersionId": version.version_id(), "IsDefaultVersion": version.is_default_version(),
            "Document": decoded(version.document()),
        })
    });
    json!({
        "PolicyName": policy.policy_name(), "Arn": policy.arn(), "DefaultVersionId": policy.default_version_id(),
        "PolicyVersionList": versions.collect::<Vec<_>>(),
    })
}

/// A managed policy of which the default version alone was asked for.
pub(super) fn managed_policy(arn: &str, version: &str, document: Option<&str>) -> Json {
    json!({
        "Arn": arn, "DefaultVersionId": version,
        "PolicyVersionList": [{ "VersionId": version, "IsDefaultVersion": true, "Document": decoded(document) }],
    })
}

/// A page of `describe-clusters`.
pub(super) fn clusters(clusters: &[Cluster]) -> Json {
    json!({ "Clusters": clusters.iter().map(cluster).collect::<Vec<_>>() })
}

fn cluster(cluster: &Cluster) -> Json {
    let roles = cluster.iam_roles().iter();
    json!({
        "ClusterIdentifier": cluster.cluster_identifier(),
        "ClusterNamespaceArn": cluster.cluster_namespace_arn(),
        "AvailabilityZone": cluster.availability_zone(),
        "DefaultIamRoleArn": cluster.default_iam_role_arn(),
        "IamRoles": roles
            .map(|role| json!({ "IamRoleArn": role.iam_role_arn(), "ApplyStatus": role.apply_status() }))
            .collect::<Vec<_>>(),
    })
}

/// One entry of `list-workgroups`.
pub(super) fn workgroup(workgroup: &Workgroup) -> Json {
    json!({
        "workgroupName": workgroup.workgroup_name(), "workgroupId": workgroup.workgroup_id(),
        "workgroupArn": workgroup.workgroup_arn(), "namespaceName": workgroup.namespace_name(),
    })
}

/// One entry of `list-namespaces`.
pub(super) fn namespace(namespace: &Namespace) -> Json {
    json!({
        "namespaceName": namespace.namespace_name(), "defaultIamRoleArn": namespace.default_iam_role_arn(),
        "iamRoles": namespace.iam_roles(),
    })
}
