//! One account: its roles and managed policies.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::text::PolicyText;
use crate::{chain::RoleArn, iam::policy::document::Document};

/// Documents of managed policies, by ARN.
pub(crate) type Managed = HashMap<Arc<str>, Arc<PolicyText>>;

/// What is known of one account.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) roles: HashMap<RoleArn, Arc<Role>>,
    /// Managed policies, of each file that told of the account.
    pub(crate) managed: Vec<Arc<Managed>>,
    /// Whether these are all its roles, so that any other does not exist.
    pub(crate) is_complete: bool,
    pub(crate) origin: Origin,
    pub(crate) captured_at: Timestamp,
}

closed_sets! {
    /// Where facts come from.
    #[derive(Ord, PartialOrd)]
    pub enum Origin {
        /// A file.
        File,
        /// AWS itself.
        Aws,
    }
}

impl Account {
    /// How many roles are known.
    #[must_use]
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }

    /// Where they come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// When AWS said so: the time of the call, or that which the file names, or that at which it was written.
    #[must_use]
    pub fn captured_at(&self) -> Timestamp {
        self.captured_at
    }

    /// An account of which only roles that were looked up are known.
    pub(crate) fn incomplete(captured_at: Timestamp) -> Self {
        Self { roles: HashMap::new(), managed: Vec::new(), is_complete: false, origin: Origin::Aws, captured_at }
    }

    /// What two files say of one account.
    ///
    /// # Errors
    /// A role that both hold.
    pub(super) fn merged(&self, other: &Self) -> Result<Self, RoleArn> {
        let mut merged = self.clone();
        for (arn, role) in &other.roles {
            if merged.roles.insert(arn.clone(), Arc::clone(role)).is_some() {
                return Err(arn.clone());
            }
        }
        merged.managed.extend(other.managed.iter().cloned());
        merged.is_complete |= other.is_complete;
        merged.captured_at = merged.captured_at.min(other.captured_at);
        Ok(merged)
    }

    pub(super) fn managed(&self, arn: &str) -> Option<&Document> {
        self.managed.iter().find_map(|managed| managed.get(arn)).map(|text| text.document())
    }
}

/// A role of the account: who may assume it and what it may do.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) id: Option<Box<str>>,
    /// `None` when they were not listed.
    pub(crate) tags: Option<Box<[(Arc<str>, Arc<str>)]>>,
    pub(crate) trust: Arc<PolicyText>,
    pub(crate) policies: Box<[RolePolicy]>,
    /// The ARN of the permissions boundary.
    pub(crate) boundary: Option<Arc<str>>,
}

/// A permissions policy of a role.
#[derive(Debug)]
pub(crate) struct RolePolicy {
    /// What to call it, as `inline policy "etl"`; of a managed policy its ARN.
    pub(super) name: Arc<str>,
    pub(super) content: PolicyContent,
}

#[derive(Debug)]
pub(super) enum PolicyContent {
    Inline(Arc<PolicyText>),
    Managed,
    /// The snapshot says nothing about such policies of the role.
    Unread,
}

impl RolePolicy {
    pub(crate) fn inline(name: Arc<str>, text: Arc<PolicyText>) -> Self {
        Self { name, content: PolicyContent::Inline(text) }
    }

    pub(crate) fn managed(name: Arc<str>) -> Self {
        Self { name, content: PolicyContent::Managed }
    }

    pub(crate) fn unread(name: Arc<str>) -> Self {
        Self { name, content: PolicyContent::Unread }
    }
}
