//! How the audit is kept.

use std::path::PathBuf;
use std::time::Duration;

use crate::observe::audit::checkpoint::SigningKey;
use crate::observe::audit::rotate::Retention;

closed_sets! {
    /// What becomes of statements with roles while the audit cannot be written.
    pub enum OnFailure {
        /// They are refused until it can be.
        Refuse,
        /// They go on, and what is lost is counted.
        Continue,
    }
}

closed_sets! {
    /// Which uses of stored credentials have records of their own.
    #[derive(Default)]
    pub enum StoredRecords {
        /// None, unless the statement has a record anyway.
        Off,
        /// The first of each in a session.
        #[default]
        First,
        /// Every one is recorded.
        All,
    }
}

/// Where records go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// No audit is written.
    Off,
    /// To standard output.
    Stdout,
    /// To a file.
    File(PathBuf),
}

impl Destination {
    /// `-` is standard output, `off` nowhere, all else a file.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "off" => Self::Off,
            "-" => Self::Stdout,
            file => Self::File(PathBuf::from(file)),
        }
    }
}

/// How the audit is kept.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// Where records go.
    pub destination: Destination,
    /// What happens when they cannot go there.
    pub on_failure: OnFailure,
    /// Whether a record counts as written only when it outlives the machine.
    pub sync: bool,
    /// Whether logins, failed logins and ends of sessions have records.
    pub sessions: bool,
    /// Which uses of stored credentials have records of their own.
    pub stored_uses: StoredRecords,
    /// What signs checkpoints.
    pub signing_key: Option<SigningKey>,
    /// A file of its own that every checkpoint goes to as well.
    pub checkpoint_file: Option<PathBuf>,
    /// A checkpoint comes after so many records,
    pub checkpoint_records: u64,
    /// or after so long, if there is a record since the last.
    pub checkpoint_every: Duration,
    /// A file is full at this size.
    pub rotate_bytes: Option<u64>,
    /// A file is old after this time.
    pub rotate_every: Option<Duration>,
    /// Whether old files are compressed.
    pub compress: bool,
    /// How long old files stay.
    pub retention: Retention,
    /// Refusals alike that have their own record in each period.
    pub fold_after: u64,
    /// The length of that period.
    pub fold_every: Duration,
    /// The names of the gates, for the record of the start.
    pub gates: Vec<String>,
}

impl AuditSettings {
    /// The defaults of a configuration that says where records go, and nothing else.
    #[must_use]
    pub fn to(destination: Destination) -> Self {
        Self {
            destination,
            on_failure: OnFailure::Continue,
            sync: false,
            sessions: true,
            stored_uses: StoredRecords::First,
            signing_key: None,
            checkpoint_file: None,
            checkpoint_records: 1000,
            checkpoint_every: Duration::from_mins(1),
            rotate_bytes: Some(256 * 1024 * 1024),
            rotate_every: None,
            compress: true,
            retention: Retention::default(),
            fold_after: 100,
            fold_every: Duration::from_mins(1),
            gates: Vec::new(),
        }
    }
}
