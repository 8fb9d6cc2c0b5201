//! Reads facts from files.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Facts, Membership, Origin, clusters, organisation,
    page::{FactsError, File},
    short,
    snapshot::Snapshot,
};

/// The files that facts are read from, patterns already expanded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Output of `aws iam get-account-authorization-details`, one file for each account.
    pub iam: Vec<PathBuf>,
    /// Output of `aws redshift describe-clusters`.
    pub clusters: Vec<PathBuf>,
    /// Policies of organisations; may be empty, and then none are taken into account.
    pub service_control: Vec<PathBuf>,
}

impl Facts {
    /// Reads all files.
    ///
    /// # Errors
    /// [`FactsError`] for the first file that cannot be used; it names the file, the place, and what to do.
    pub fn load(sources: &Sources) -> Result<Self, FactsError> {
        let mut hash = Sha256::new();
        let mut snapshot = Snapshot::default();
        for file in &sources.iam {
            for page in File::read(file, SNAPSHOT_COMMAND, &mut hash)?.into_pages()? {
                snapshot.add(&page)?;
            }
        }
        let mut found = HashMap::new();
        for file in &sources.clusters {
            for page in File::read(file, clusters::COMMAND, &mut hash)?.into_pages()? {
                clusters::add(&mut found, &page)?;
            }
        }
        let mut accounts = HashMap::new();
        for file in &sources.service_control {
            for page in File::read(file, organisation::SOURCE, &mut hash)?.into_pages()? {
                organisation::add(&mut accounts, &page)?;
            }
        }
        let organisation: Option<HashMap<_, Membership>> =
            Some(accounts).filter(|_| !sources.service_control.is_empty());
        let accounts = snapshot.finish(Origin::Snapshot).into_iter().map(|(id, account)| (id, Arc::new(account)));
        Ok(Self {
            accounts: accounts.collect(),
            clusters: found,
            organisation: organisation.map(Arc::new),
            version: short(&hash.finalize()),
            loaded_at: Timestamp::now(),
        })
    }
}

const SNAPSHOT_COMMAND: &str = "aws iam get-account-authorization-details";
