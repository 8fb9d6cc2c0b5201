//! Reads facts from files, as many at a time as there are cores, and none again that has not changed.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    account::Origin,
    membership::Membership,
    part::{Content, FileKind, FilePart},
    read::{FactsError, clusters, file::Bytes, organisation, page::Page, snapshot},
    store::{Facts, short},
    text::Shelf,
};
use crate::chain::AccountId;

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
        Self::load_after(sources, &Self::empty())
    }

    /// Reads the files that changed since `before` was read; what the others said is shared with it.
    ///
    /// # Errors
    /// [`FactsError`], as of [`Facts::load`].
    pub fn load_after(sources: &Sources, before: &Self) -> Result<Self, FactsError> {
        let kinds = [
            (FileKind::Accounts, &sources.iam),
            (FileKind::Clusters, &sources.clusters),
            (FileKind::Organisation, &sources.service_control),
        ];
        let wanted: Vec<(FileKind, &Path)> =
            kinds.iter().flat_map(|(kind, files)| files.iter().map(|file| (*kind, file.as_path()))).collect();
        let known: HashMap<(&Path, FileKind), &Arc<FilePart>> =
            before.files.iter().map(|file| ((file.version.path.as_path(), file.content.kind()), file)).collect();
        let shelf = Shelf::new();
        let read: Vec<_> = wanted
            .into_par_iter()
            .map(|(kind, path)| load_file(kind, path, known.get(&(path, kind)).copied(), &shelf))
            .collect();
        // In the order of the files, so that the first error is the same each time.
        let files = read.into_iter().collect::<Result<Vec<_>, _>>()?;
        assemble(files)
    }
}

fn load_file(
    kind: FileKind,
    path: &Path,
    known: Option<&Arc<FilePart>>,
    shelf: &Shelf,
) -> Result<Arc<FilePart>, FactsError> {
    if let Some(known) = known.filter(|known| known.version.is_current()) {
        return Ok(Arc::clone(known));
    }
    let bytes = Bytes::read(path)?;
    let version = bytes.version.clone();
    let content = match kind {
        FileKind::Accounts => {
            let reader =
                snapshot::SnapshotReader { file: path, shelf, origin: Origin::File, captured_at: version.modified };
            let accounts = reader.read(&bytes.into_text(snapshot::COMMAND)?)?;
            let same =
                known.filter(|known| known.version.hash == version.hash && known.version.modified == version.modified);
            match same {
                Some(known) => return Ok(Arc::clone(known)),
                None => Content::Accounts(accounts.into_iter().map(|(id, account)| (id, Arc::new(account))).collect()),
            }
        }
        FileKind::Clusters => {
            let mut found = clusters::ClusterPages::of(version.modified);
            for page in Page::all(&bytes.into_text(clusters::COMMAND)?, path, clusters::COMMAND)? {
                found.add(&page)?;
            }
            Content::Clusters(found.finish()?)
        }
        FileKind::Organisation => {
            let mut found = HashMap::new();
            for page in Page::all_unique(&bytes.into_text(organisation::COMMAND)?, path, organisation::COMMAND)? {
                organisation::add(&mut found, &page, version.modified)?;
            }
            Content::Organisation(found)
        }
    };
    Ok(Arc::new(FilePart { version, content }))
}

/// Puts together what the files say.
fn assemble(files: Vec<Arc<FilePart>>) -> Result<Facts, FactsError> {
    let mut facts = Facts::empty();
    let mut hash = Sha256::new();
    let mut organisation: Option<HashMap<AccountId, Membership>> = None;
    for file in &files {
        let again = |what: String, advice: &str| FactsError::Shape {
            file: file.version.path.clone(),
            place: what,
            expected: "it in one file only".to_owned(),
            advice: advice.to_owned(),
        };
        hash.update([match file.content.kind() {
            FileKind::Accounts => 0_u8,
            FileKind::Clusters => 1,
            FileKind::Organisation => 2,
        }]);
        hash.update(file.version.hash);
        match &file.content {
            Content::Accounts(accounts) => {
                for (id, account) in accounts {
                    let merged = match facts.accounts.get(id) {
                        None => Arc::clone(account),
                        Some(before) => Arc::new(before.merged(account).map_err(|role| {
                            again(format!("role {role}"), "the role was read before: keep one snapshot of each account")
                        })?),
                    };
                    facts.accounts.insert(*id, merged);
                }
            }
            Content::Clusters(clusters) => {
                for cluster in clusters {
                    if facts.clusters.iter().any(|before| before.is_same(cluster)) {
                        return Err(again(format!("cluster {cluster}"), "keep one description of each cluster"));
                    }
                    facts.clusters.push(cluster.clone());
                }
            }
            Content::Organisation(accounts) => {
                let all = organisation.get_or_insert_default();
                for (id, membership) in accounts {
                    if all.insert(*id, membership.clone()).is_some() {
                        return Err(again(format!("account {id}"), "list the account in one file only"));
                    }
                }
            }
        }
    }
    facts.organisation = organisation.map(Arc::new);
    facts.version = short(&hash.finalize());
    facts.files = files.into();
    facts.loaded_at = Timestamp::now();
    Ok(facts)
}
