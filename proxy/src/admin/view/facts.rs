//! The IAM facts in force, and what the cluster says of groups, as `/api/v1/facts` says it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::view::words;
use crate::iam::Origin;

/// The IAM facts in force.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Facts)]
pub(crate) struct FactsView {
    /// A hash over them; none where there are no facts.
    pub version: Option<String>,
    pub accounts: Vec<AccountView>,
    pub clusters: Vec<ClusterView>,
    /// Accounts that are read from AWS.
    pub fetches: Vec<FetchView>,
    /// Gates that read groups from their cluster.
    pub catalogs: Vec<GroupsView>,
}

/// An account of the facts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FactsAccount)]
pub(crate) struct AccountView {
    pub account: String,
    #[schema(schema_with = words::origin)]
    pub source: Origin,
    pub roles: usize,
    #[schema(value_type = String, format = DateTime)]
    pub captured_at: Timestamp,
    pub age_seconds: u64,
}

/// A cluster of the facts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FactsCluster)]
pub(crate) struct ClusterView {
    pub name: String,
    pub account: Option<String>,
    pub region: Option<String>,
    pub attached_roles: Vec<String>,
}

/// How reading an account from AWS goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FactsFetch)]
pub(crate) struct FetchView {
    pub account: String,
    pub roles: usize,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    pub age_seconds: Option<u64>,
    /// Older than it may be.
    pub stale: bool,
    /// Failures since it was last read.
    pub failures: u32,
    pub last_error: Option<String>,
}

/// How reading a cluster's groups goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CatalogGroups)]
pub(crate) struct GroupsView {
    pub gate: String,
    pub groups: usize,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    pub last_error: Option<String>,
}
