//! Files of facts: from bytes to JSON to facts.

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
