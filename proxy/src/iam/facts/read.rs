//! Files of facts: what bytes they hold, which JSON, and what it says.

pub(in crate::iam) mod clusters;
mod encoding;
mod error;
mod fields;
pub(in crate::iam) mod file;
pub(in crate::iam) mod organisation;
pub(in crate::iam) mod page;
pub(in crate::iam) mod snapshot;
mod unique;

pub use error::FactsError;
