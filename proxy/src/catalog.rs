//! What the cluster stores: users, groups and roles, and every object that keeps a role or another credential, which a statement
//! uses without naming it. Pure: rows in, a model out. Knows nothing of the wire, and asks nobody.
//!
//! What could not be read is unknown and says why; it is never taken for nothing.

mod cells;
mod credential;
mod draft;
mod drift;
mod gathered;
mod index;
mod kind;
mod model;
mod name;
mod object;
mod options;
mod passed;
mod people;
mod procedure;
mod question;
mod reach;
mod reading;
mod references;
mod remembered;
mod rows;
mod source;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod tests;

pub(crate) use credential::{StoredCredential, StoredRole};
pub use draft::CatalogDraft;
pub use drift::DriftChange;
pub(crate) use drift::{Baseline, ClusterRoles, Drift};
pub(crate) use index::{NameIndex, NamedAs, NamedEntry};
pub use kind::{ObjectKind, Via};
pub use model::Catalog;
pub use name::ObjectName;
pub(crate) use name::{Casing, NameRef};
pub(crate) use object::StoredUse;
pub use object::{LearnedFrom, StoredObject};
pub(crate) use passed::{PassedChange, PassedChanges};
pub(crate) use question::{Form, MAX_ROWS, Question};
pub(crate) use reading::ClusterReading;
pub(crate) use remembered::{MadeObject, Remembered};
pub use source::SystemView;
pub(crate) use source::ViewState;
