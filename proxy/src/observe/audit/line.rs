//! What binds a line of the audit to the others, read again.

use serde::Deserialize;

use crate::observe::audit::chain::{Hash, LogChainError, LogHead, LogTree};
use crate::observe::audit::event::{SCHEMA_VERSION, Torn};

/// The fields of a record that the chain is made of. Fields that stand twice make no record.
#[derive(Debug, Deserialize)]
pub(super) struct ChainFields<'a> {
    v: u8,
    pub(super) log: &'a str,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) prev: Option<&'a str>,
    pub(super) id: &'a str,
    pub(super) time: &'a str,
    #[serde(default)]
    subtrees: Option<Vec<String>>,
    #[serde(default)]
    pub(super) checkpoint: Option<String>,
    #[serde(default)]
    pub(super) signed: bool,
    #[serde(default)]
    pub(super) torn: Vec<Torn>,
    #[serde(default)]
    pub(super) of_log: Option<String>,
    #[serde(default)]
    pub(super) removed_before: Option<u64>,
    #[serde(default)]
    pub(super) lost: Option<u64>,
}

impl<'a> ChainFields<'a> {
    /// The fields of a line, unless it is no record.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        // Whatever its own fields are, a verdict holds no tree: a text of the client's in one of these names is not possible,
        // since the names are the gate's.
        let fields: Self = serde_json::from_slice(line).ok()?;
        (fields.v == SCHEMA_VERSION).then_some(fields)
    }

    /// The hash that the record names as that of the one before. `None` in the first of a log, and where it is no hash.
    pub(super) fn prev_hash(&self) -> Option<Hash> {
        self.prev.and_then(|text| Hash::parse_hash(text).ok())
    }

    /// Whether the record holds the tree before it.
    pub(super) fn has_tree(&self) -> bool {
        self.subtrees.is_some()
    }

    /// The tree before this record, where it holds one.
    pub(super) fn tree(&self) -> Option<Result<LogTree, LogChainError>> {
        self.subtrees.as_ref().map(|hashes| LogTree::from_hashes(self.seq, hashes))
    }

    /// The head before this record, where it holds one.
    pub(super) fn head(&self) -> Option<LogHead> {
        let tree = self.tree()?.ok()?;
        Some(LogHead { tree, last: self.prev_hash() })
    }
}
