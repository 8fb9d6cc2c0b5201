//! Clusters: the output of `aws redshift describe-clusters`, and of `aws redshift-serverless list-workgroups` with
//! `list-namespaces`. Source: Redshift API Reference, `Cluster`, `ClusterIamRole`; Redshift Serverless API Reference.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{
    Cluster, Workgroup,
    page::{FactsError, Page},
};
use crate::chain::{AccountId, RoleArn};

/// What such a file holds.
pub(crate) const COMMAND: &str = "aws redshift describe-clusters";

/// Adds the clusters of one page.
pub(crate) fn add(clusters: &mut HashMap<String, Cluster>, page: &Page) -> Result<(), FactsError> {
    if let (Some(_), Some(_)) = (page.value.get("workgroups"), page.value.get("namespaces")) {
        return add_workgroups(clusters, page);
    }
    if page.value.get("Clusters").is_none() {
        let advice = "write the file with: aws redshift describe-clusters; for serverless, one object with the lists \
                      workgroups and namespaces of aws redshift-serverless list-workgroups and list-namespaces";
        return Err(page.error("top level", "Clusters", advice));
    }
    for (number, value) in page.list(&page.value, "Clusters", "")?.iter().enumerate() {
        let cluster = read(page, &format!("Clusters[{number}]"), value)?;
        insert(clusters, page, cluster)?;
    }
    Ok(())
}

fn insert(clusters: &mut HashMap<String, Cluster>, page: &Page, cluster: Cluster) -> Result<(), FactsError> {
    let name = cluster.name.clone();
    if clusters.insert(name.clone(), cluster).is_some() {
        return Err(page.error(&format!("cluster {name}"), "each name once", "keep one description of each cluster"));
    }
    Ok(())
}

fn read(page: &Page, place: &str, value: &Json) -> Result<Cluster, FactsError> {
    let name = page.text(value, "ClusterIdentifier", place)?.to_owned();
    let mut roles = Vec::new();
    for role in page.list(value, "IamRoles", place)? {
        let field = |key| page.text(role, key, &format!("{place}.IamRoles")).map(str::to_owned);
        roles.push((field("IamRoleArn")?, field("ApplyStatus")?));
    }
    let namespace = fields(value.get("ClusterNamespaceArn"));
    let zone = value.get("AvailabilityZone").and_then(Json::as_str).and_then(region_of_zone);
    let first_role = roles.iter().find_map(|(role, _)| RoleArn::parse(role).ok());
    Ok(Cluster {
        name,
        partition: namespace
            .partition
            .or_else(|| first_role.as_ref().map(|role| role.partition().to_owned()))
            .unwrap_or_else(aws),
        region: namespace.region.or(zone),
        account: namespace.account.or_else(|| first_role.as_ref().map(RoleArn::account)),
        roles,
        default_role: value.get("DefaultIamRoleArn").and_then(Json::as_str).and_then(|role| RoleArn::parse(role).ok()),
        serverless: None,
    })
}

fn aws() -> String {
    "aws".to_owned()
}

#[derive(Debug, Default)]
struct Fields {
    partition: Option<String>,
    region: Option<String>,
    account: Option<AccountId>,
}

/// Partition, region and account of an ARN.
fn fields(arn: Option<&Json>) -> Fields {
    let Some(text) = arn.and_then(Json::as_str) else { return Fields::default() };
    let field = |place| text.split(':').nth(place).filter(|field: &&str| !field.is_empty());
    Fields {
        partition: field(1).map(str::to_owned),
        region: field(3).map(str::to_owned),
        account: field(4).and_then(AccountId::parse),
    }
}

/// `us-east-1a` and the local zone `us-west-2-lax-1a` lie in `us-east-1` and `us-west-2`.
fn region_of_zone(zone: &str) -> Option<String> {
    let parts: Vec<&str> = zone.split('-').collect();
    let end = parts.iter().position(|part| part.starts_with(|first: char| first.is_ascii_digit()))?;
    let region = parts.into_iter().take(end.saturating_add(1)).collect::<Vec<_>>().join("-");
    Some(region.trim_end_matches(|last: char| last.is_ascii_alphabetic()).to_owned())
}

fn add_workgroups(clusters: &mut HashMap<String, Cluster>, page: &Page) -> Result<(), FactsError> {
    let namespaces = page.list(&page.value, "namespaces", "")?;
    for (number, workgroup) in page.list(&page.value, "workgroups", "")?.iter().enumerate() {
        let place = format!("workgroups[{number}]");
        let wanted = page.text(workgroup, "namespaceName", &place)?;
        let is_wanted = |each: &&Json| each.get("namespaceName").and_then(Json::as_str) == Some(wanted);
        let namespace = namespaces.iter().find(is_wanted).ok_or_else(|| {
            page.error(
                &place,
                format!("namespace {wanted} in the list namespaces"),
                "add the output of list-namespaces",
            )
        })?;
        let mut roles = Vec::new();
        for role in page.list(namespace, "iamRoles", "namespaces")? {
            let read = role.as_str().and_then(namespace_role);
            roles.push(read.ok_or_else(|| {
                page.error("namespaces.iamRoles", "IamRole(applyStatus=..., iamRoleArn=...)", "write the file again")
            })?);
        }
        let arn = page.text(workgroup, "workgroupArn", &place)?.to_owned();
        let owner = fields(workgroup.get("workgroupArn"));
        let default = namespace.get("defaultIamRoleArn").and_then(Json::as_str);
        let cluster = Cluster {
            name: page.text(workgroup, "workgroupName", &place)?.to_owned(),
            partition: owner.partition.unwrap_or_else(aws),
            region: owner.region,
            account: owner.account,
            roles,
            default_role: default.and_then(|role| RoleArn::parse(role).ok()),
            serverless: Some(Workgroup { id: page.text(workgroup, "workgroupId", &place)?.to_owned(), arn }),
        };
        insert(clusters, page, cluster)?;
    }
    Ok(())
}

/// Reads `IamRole(applyStatus=in-sync, iamRoleArn=arn:...)`, as the API writes a namespace's role.
fn namespace_role(text: &str) -> Option<(String, String)> {
    let inside = text.strip_prefix("IamRole(")?.strip_suffix(')')?;
    let field = |key: &str| inside.split(", ").find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    Some((field("iamRoleArn")?.to_owned(), field("applyStatus")?.to_owned()))
}
