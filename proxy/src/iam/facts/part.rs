//! What one file said: kept, so that a reload reads only the files that changed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{account::Account, cluster::Cluster, membership::Membership, read::file::FileVersion};
use crate::chain::AccountId;

/// A file that was read, and what it said.
#[derive(Debug)]
pub(super) struct FilePart {
    pub(super) version: FileVersion,
    pub(super) content: Content,
}

/// What a file says.
#[derive(Debug)]
pub(super) enum Content {
    Accounts(BTreeMap<AccountId, Arc<Account>>),
    Clusters(Vec<Cluster>),
    Organisation(HashMap<AccountId, Membership>),
}

/// What a file is read as.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum FileKind {
    Accounts,
    Clusters,
    Organisation,
}

impl Content {
    pub(super) const fn kind(&self) -> FileKind {
        match self {
            Self::Accounts(_) => FileKind::Accounts,
            Self::Clusters(_) => FileKind::Clusters,
            Self::Organisation(_) => FileKind::Organisation,
        }
    }
}
