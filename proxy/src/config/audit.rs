//! The section `[audit]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::period::Period;
use crate::observe::audit::{OnFailure, StoredRecords};

/// `[audit]`: one record for every statement that names credentials or is refused, and for what happens to the gate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSection {
    /// `-` for stdout, `off`, or a file.
    pub path: String,
    /// What becomes of statements with roles while nothing can be recorded.
    pub on_failure: OnFailure,
    /// Whether a record counts as written only when it outlives the machine.
    pub sync: bool,
    /// Whether logins, failed logins and ends of sessions have records.
    pub sessions: bool,
    /// Which uses of roles that the cluster stores have records of their own.
    pub stored_uses: StoredRecords,
    /// The file of the key that signs checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<PathBuf>,
    /// A file of its own that every checkpoint goes to as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_file: Option<PathBuf>,
    /// A checkpoint comes after so many records,
    pub checkpoint_records: u64,
    /// or after so long, if there is a record since the last.
    pub checkpoint_every: Period,
    /// The size at which another file is begun; 0: at none.
    pub rotate_bytes: u64,
    /// The time after which another file is begun; never when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<Period>,
    /// Whether old files are compressed.
    pub compress: bool,
    /// How many old files are kept; all when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_files: Option<usize>,
    /// How long old files are kept; for ever when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_for: Option<Period>,
    /// Refusals of one user for one reason that have a record of their own in each period; one record stands for the rest.
    pub fold_after: u64,
    /// The length of that period.
    pub fold_every: Period,
}

impl AuditSection {
    /// Whether `path` names a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.path != "-" && self.path != "off"
    }
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            path: "-".to_owned(),
            on_failure: OnFailure::Continue,
            sync: false,
            sessions: true,
            stored_uses: StoredRecords::First,
            signing_key: None,
            checkpoint_file: None,
            checkpoint_records: 1000,
            checkpoint_every: Period::from_secs(60),
            rotate_bytes: 256 * 1024 * 1024,
            rotate_every: None,
            compress: true,
            keep_files: None,
            keep_for: None,
            fold_after: 100,
            fold_every: Period::from_secs(60),
        }
    }
}
