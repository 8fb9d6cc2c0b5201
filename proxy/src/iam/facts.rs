//! What is known of AWS: roles and their policies, clusters and their roles, policies of organisations.

mod account;
mod cluster;
mod load;
mod membership;
mod part;
mod read;
mod store;
mod text;

pub use account::{Account, Origin};
pub(crate) use account::{Managed, Role};
pub(crate) use cluster::IN_SYNC;
pub use cluster::{Cluster, ClusterError, DefaultRole};
pub use load::Sources;
pub(crate) use membership::Affiliation;
pub use read::FactsError;
pub(super) use read::{clusters::ClusterPages, page::Page, snapshot::SnapshotReader};
pub use store::Facts;
pub(crate) use store::{Outdated, short};
pub(crate) use text::Shelf;
