//! What the clusters store, as `/api/v1/catalog` says it.

use serde::Serialize;
use utoipa::ToSchema;

/// What the clusters store.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Catalog)]
pub(crate) struct CatalogView {
    /// Whether any gate reads it.
    pub available: bool,
    /// Why it is not there.
    pub reason: Option<String>,
}
