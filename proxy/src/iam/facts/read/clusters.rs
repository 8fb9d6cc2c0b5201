//! Clusters: the output of `aws redshift describe-clusters`, and of the `list-` and `get-` commands of `aws redshift-serverless` for
//! workgroups and namespaces. Source: Redshift API Reference, `Cluster`, `ClusterIamRole`; Redshift Serverless API Reference.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{error::FactsError, page::Page};
use crate::{
    chain::{AccountId, RoleArn},
    iam::facts::cluster::{Cluster, DefaultRole, Workgroup},
};

/// What such a file holds.
pub(in crate::iam) const COMMAND: &str = "aws redshift describe-clusters";

const SERVERLESS: &str = "aws redshift-serverless list-workgroups and list-namespaces";

/// The clusters of one file, or of one account's answers. Workgroups and their namespaces may stand on different pages.
#[derive(Debug)]
pub(in crate::iam) struct ClusterPages {
    /// When pages were written that do not say when they were captured.
    written_at: Timestamp,
    clusters: Vec<Cluster>,
    workgroups: Vec<Unplaced>,
    namespaces: Vec<Namespace>,
}

/// A workgroup whose namespace may stand on a later page.
#[derive(Debug)]
struct Unplaced {
    cluster: Cluster,
    namespace: String,
    error: FactsError,
}

#[derive(Debug)]
struct Namespace {
    name: String,
    owner: Fields,
    roles: Option<Vec<(String, String)>>,
    default_role: DefaultRole,
    captured_at: Timestamp,
}

impl ClusterPages {
    /// No page yet.
    pub(in crate::iam) fn of(written_at: Timestamp) -> Self {
        Self { written_at, clusters: Vec::new(), workgroups: Vec::new(), namespaces: Vec::new() }
    }

    /// Adds one page.
    ///
    /// # Errors
    /// [`FactsError`]: the first thing that cannot be used.
    pub(in crate::iam) fn add(&mut self, page: &Page) -> Result<(), FactsError> {
        let value = &page.value;
        let keys = ["Clusters", "workgroups", "workgroup", "namespaces", "namespace"];
        if !keys.iter().any(|key| value.get(key).is_some()) {
            let advice =
                format!("write the file with: {COMMAND}; for serverless with: {SERVERLESS}, one after the other");
            return Err(page.error("top level", "Clusters, workgroups or namespaces", advice));
        }
        let captured_at = page.captured_at()?.unwrap_or(self.written_at);
        for (number, value) in page.list(value, "Clusters", "")?.iter().enumerate() {
            let found = cluster(page, &format!("Clusters[{number}]"), value)?;
            self.clusters.push(Cluster { captured_at: Some(captured_at), ..found });
        }
        for (place, value) in each(page, "namespaces", "namespace")? {
            self.namespaces.push(Namespace { captured_at, ..namespace(page, &place, value)? });
        }
        for (place, value) in each(page, "workgroups", "workgroup")? {
            let mut found = workgroup(page, &place, value)?;
            found.cluster.captured_at = Some(captured_at);
            self.workgroups.push(found);
        }
        Ok(())
    }

    /// The clusters, workgroups with the roles of their namespaces.
    ///
    /// # Errors
    /// A workgroup whose namespace is on no page.
    pub(in crate::iam) fn finish(self) -> Result<Vec<Cluster>, FactsError> {
        let mut clusters = self.clusters;
        for Unplaced { mut cluster, namespace, error } in self.workgroups {
            let is_its = |found: &&Namespace| {
                let same_account = found.owner.account.is_none() || found.owner.account == cluster.account;
                let same_region = found.owner.region.is_none() || found.owner.region == cluster.region;
                found.name == namespace && same_account && same_region
            };
            let Some(found) = self.namespaces.iter().find(is_its) else { return Err(error) };
            cluster.roles.clone_from(&found.roles);
            cluster.default_role = found.default_role.clone();
            cluster.captured_at = cluster.captured_at.map(|captured_at| captured_at.min(found.captured_at));
            clusters.push(cluster);
        }
        Ok(clusters)
    }
}

/// The objects under a key that holds a list, and under one that holds one.
fn each<'p>(page: &'p Page, list: &str, one: &str) -> Result<Vec<(String, &'p Json)>, FactsError> {
    let numbered = page.list(&page.value, list, "")?.iter().enumerate();
    let mut found: Vec<_> = numbered.map(|(number, value)| (format!("{list}[{number}]"), value)).collect();
    found.extend(page.value.get(one).filter(|value| value.is_object()).map(|value| (one.to_owned(), value)));
    Ok(found)
}

fn cluster(page: &Page, place: &str, value: &Json) -> Result<Cluster, FactsError> {
    let name = page.text(value, "ClusterIdentifier", place)?.to_owned();
    let roles = match page.list_if_any(value, "IamRoles", place)? {
        None => None,
        Some(list) => {
            let field = |role, key| page.text(role, key, &format!("{place}.IamRoles")).map(str::to_owned);
            let both = |role| Ok((field(role, "IamRoleArn")?, field(role, "ApplyStatus")?));
            Some(list.iter().map(both).collect::<Result<Vec<_>, FactsError>>()?)
        }
    };
    let namespace = fields(value.get("ClusterNamespaceArn"));
    let zone = value.get("AvailabilityZone").and_then(Json::as_str).and_then(region_of_zone);
    // Only roles of its own account can be attached to a cluster.
    let first_role = roles.iter().flatten().find_map(|(role, _)| RoleArn::parse(role).ok());
    Ok(Cluster {
        name,
        partition: namespace
            .partition
            .or_else(|| first_role.as_ref().map(|role| role.partition().to_owned()))
            .unwrap_or_else(aws),
        region: namespace.region.or(zone),
        account: namespace.account.or_else(|| first_role.as_ref().map(RoleArn::account)),
        default_role: default_role(page, place, value.get("DefaultIamRoleArn"), roles.is_some())?,
        roles,
        workgroup: None,
        captured_at: None,
    })
}

/// A description in which the key is missing says that no role is set, if it is a whole one.
fn default_role(page: &Page, place: &str, value: Option<&Json>, is_whole: bool) -> Result<DefaultRole, FactsError> {
    match value {
        None | Some(Json::Null) if is_whole => Ok(DefaultRole::None),
        None | Some(Json::Null) => Ok(DefaultRole::Unknown),
        Some(Json::String(text)) if text.is_empty() => Ok(DefaultRole::None),
        Some(Json::String(text)) => RoleArn::parse(text).map(DefaultRole::Is).map_err(|why| {
            page.error(&format!("{place}.DefaultIamRoleArn"), "a role's ARN", format!("\"{text}\" {why}"))
        }),
        Some(other) => Err(page.error(&format!("{place}.DefaultIamRoleArn"), "a role's ARN", format!("it is {other}"))),
    }
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

fn workgroup(page: &Page, place: &str, value: &Json) -> Result<Unplaced, FactsError> {
    let namespace = page.text(value, "namespaceName", place)?.to_owned();
    let arn = page.text(value, "workgroupArn", place)?.to_owned();
    let owner = fields(value.get("workgroupArn"));
    let error = page.error(
        place,
        format!("namespace {namespace} in the list namespaces"),
        "append the output of aws redshift-serverless list-namespaces to this file",
    );
    let cluster = Cluster {
        name: page.text(value, "workgroupName", place)?.to_owned(),
        partition: owner.partition.unwrap_or_else(aws),
        region: owner.region,
        account: owner.account,
        roles: None,
        default_role: DefaultRole::Unknown,
        workgroup: Some(Workgroup {
            id: page.text(value, "workgroupId", place)?.to_owned(),
            arn,
            namespace: namespace.clone(),
        }),
        captured_at: None,
    };
    Ok(Unplaced { cluster, namespace, error })
}

fn namespace(page: &Page, place: &str, value: &Json) -> Result<Namespace, FactsError> {
    let roles = match page.list_if_any(value, "iamRoles", place)? {
        None => None,
        Some(list) => {
            let read = |role: &Json| {
                role.as_str().and_then(namespace_role).ok_or_else(|| {
                    page.error(
                        &format!("{place}.iamRoles"),
                        "IamRole(applyStatus=..., iamRoleArn=...)",
                        format!("it is {role}: write the file again with: {SERVERLESS}"),
                    )
                })
            };
            Some(list.iter().map(read).collect::<Result<Vec<_>, _>>()?)
        }
    };
    Ok(Namespace {
        name: page.text(value, "namespaceName", place)?.to_owned(),
        owner: fields(value.get("namespaceArn")),
        default_role: default_role(page, place, value.get("defaultIamRoleArn"), roles.is_some())?,
        roles,
        captured_at: Timestamp::UNIX_EPOCH,
    })
}

/// Reads `IamRole(applyStatus=in-sync, iamRoleArn=arn:...)`, as the API writes a namespace's role, with blanks or without.
fn namespace_role(text: &str) -> Option<(String, String)> {
    let inside = text.trim().strip_prefix("IamRole(")?.strip_suffix(')')?;
    let field = |key: &str| {
        let values = inside.split(',').filter_map(|part| part.trim().split_once('='));
        values.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned()).next()
    };
    Some((field("iamRoleArn")?, field("applyStatus")?))
}
