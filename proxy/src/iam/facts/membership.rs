//! What an organisation imposes on an account.

use std::sync::Arc;

use jiff::Timestamp;

use crate::iam::{
    evaluate::{Level, PolicyInForce},
    policy::document::Document,
};

/// The organisation that an account belongs to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Affiliation {
    /// The file does not say.
    #[default]
    NotGiven,
    /// It is in no organisation.
    None,
    /// It is this one.
    Organisation(String),
}

/// What an organisation imposes on one account.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) affiliation: Affiliation,
    /// Its place in the organisation, as `o-example/r-ab12/ou-ab12-11111111/`.
    pub(crate) path: Option<String>,
    /// The management account, which no policy of the organisation binds.
    pub(crate) is_management: bool,
    /// `None` when the file does not say: then it is not known what binds the account.
    pub(crate) service_control: Option<Vec<ControlLevel>>,
    pub(crate) resource_control: Option<Vec<ControlLevel>>,
    /// When the file was made: it says so, or the time at which it was written.
    pub(crate) captured_at: Timestamp,
}

/// The policies that are attached at one level of an organisation, with their names.
#[derive(Clone, Debug)]
pub(crate) struct ControlLevel {
    pub(crate) name: String,
    pub(crate) policies: Vec<(String, Arc<Document>)>,
}

impl Membership {
    /// Whether no policy of an organisation binds the account, whatever is listed.
    pub(super) fn is_bound_by_none(&self) -> bool {
        self.is_management || self.affiliation == Affiliation::None
    }

    /// The id of its organisation.
    pub(super) fn organisation(&self) -> Option<&str> {
        match &self.affiliation {
            Affiliation::Organisation(id) => Some(id),
            Affiliation::NotGiven | Affiliation::None => None,
        }
    }
}

impl ControlLevel {
    pub(super) fn in_force(&self) -> Level<'_> {
        let policies =
            self.policies.iter().map(|(name, document)| PolicyInForce { name, document: Some(document.as_ref()) });
        Level { name: &self.name, policies: policies.collect() }
    }
}
