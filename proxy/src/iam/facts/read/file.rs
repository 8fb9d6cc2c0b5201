//! One file of facts on disk: whether it is still the version that was read, its text, and its age.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{encoding, error::FactsError};

/// A file that changed this shortly before it was read could change again and keep its time.
const SETTLED: Duration = Duration::from_secs(2);

/// What distinguishes versions of a file without reading it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What is known of a file that was read.
#[derive(Clone, Debug)]
pub(in crate::iam::facts) struct FileVersion {
    pub(in crate::iam::facts) path: PathBuf,
    stamp: FileStamp,
    /// Whether the stamp alone may be trusted.
    is_settled: bool,
    /// When its content was last written.
    pub(in crate::iam::facts) modified: Timestamp,
    /// A hash over its bytes.
    pub(in crate::iam::facts) hash: [u8; 32],
}

/// A file's version and bytes.
#[derive(Debug)]
pub(in crate::iam::facts) struct Bytes {
    pub(in crate::iam::facts) version: FileVersion,
    content: Vec<u8>,
}

impl FileVersion {
    /// Whether the file on disk is certainly still this version.
    pub(in crate::iam::facts) fn is_current(&self) -> bool {
        self.is_settled && fs::metadata(&self.path).is_ok_and(|metadata| FileStamp::of(&metadata) == self.stamp)
    }
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Bytes {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FactsError::Read`].
    pub(in crate::iam::facts) fn read(path: &Path) -> Result<Self, FactsError> {
        let failed = |source| FactsError::Read { file: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(failed)?;
        let content = fs::read(path).map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        let hash = Sha256::digest(&content).into();
        Ok(Self {
            version: FileVersion {
                path: path.to_owned(),
                stamp: FileStamp::of(&metadata),
                is_settled: modified.elapsed().is_ok_and(|age| age > SETTLED),
                modified: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
                hash,
            },
            content,
        })
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`FactsError::Encoding`].
    pub(in crate::iam::facts) fn into_text(self, command: &'static str) -> Result<String, FactsError> {
        let file = self.version.path;
        encoding::decode(self.content).map_err(|message| FactsError::Encoding { file, message, command })
    }
}
