//! How records are bound together: each names the hash of the one before it, and all are leaves of an RFC 6962 tree. Pure.

use tlog_tiles::tlog::{self, HashReader, stored_hash_index, sub_tree_index, tree_hash};

pub use tlog_tiles::tlog::Hash;

/// The hash of a record: of its line's bytes, less the line feed, as a leaf of the tree (RFC 6962, 2.1).
#[must_use]
pub fn record_hash(line: &[u8]) -> Hash {
    tlog::record_hash(line)
}

/// Why hashes make no tree.
#[derive(Debug, thiserror::Error)]
pub enum LogChainError {
    /// The tree's own reason.
    #[error("the hashes make no tree: {0}")]
    Tree(#[from] tlog::Error),
    /// There are more or fewer than a tree of that size has.
    #[error("a tree of {size} records has {expected} whole subtrees, and {found} are named")]
    Count {
        /// How many records the log holds.
        size: u64,
        /// Subtrees that it has.
        expected: usize,
        /// Subtrees that are named.
        found: usize,
    },
}

/// The tree over a log's records, of which only the hashes of its whole subtrees are kept: logarithmically many. That is
/// enough to append records and to name the root.
#[derive(Clone, Debug, Default)]
pub struct LogTree {
    size: u64,
    /// The largest first; each with its place in the order of stored hashes.
    subtrees: Vec<(u64, Hash)>,
}

impl LogTree {
    /// The tree of so many records whose whole subtrees have these hashes, in base64.
    ///
    /// # Errors
    /// [`LogChainError`].
    pub fn from_hashes(size: u64, hashes: &[impl AsRef<str>]) -> Result<Self, LogChainError> {
        let places = if size == 0 { Vec::new() } else { sub_tree_index(0, size, Vec::new()) };
        if places.len() != hashes.len() {
            return Err(LogChainError::Count { size, expected: places.len(), found: hashes.len() });
        }
        let read = |(place, text): (u64, &_)| Ok((place, Hash::parse_hash(AsRef::as_ref(text))?));
        let subtrees = places.into_iter().zip(hashes).map(read).collect::<Result<_, tlog::Error>>()?;
        Ok(Self { size, subtrees })
    }

    /// The number of records.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the whole subtrees, in base64.
    #[must_use]
    pub fn hashes(&self) -> Vec<String> {
        self.subtrees.iter().map(|(_, hash)| hash.to_string()).collect()
    }

    /// The hashes of the whole subtrees, each with its place in the order of stored hashes.
    pub(super) fn placed(&self) -> impl Iterator<Item = (u64, Hash)> + '_ {
        self.subtrees.iter().copied()
    }

    /// Adds a record and gives the hashes that it makes whole, each with its place.
    ///
    /// # Errors
    /// None of a tree that was made here.
    pub fn append(&mut self, leaf: Hash) -> Result<Vec<(u64, Hash)>, LogChainError> {
        let made = tlog::stored_hashes_for_record_hash(self.size, leaf, self)?;
        let first = stored_hash_index(0, self.size);
        let made: Vec<(u64, Hash)> = (first..).zip(made).collect();
        // All but the largest of what became whole was a subtree before, or lies within the new one.
        self.subtrees.truncate(self.subtrees.len().saturating_sub(made.len().saturating_sub(1)));
        self.subtrees.extend(made.last());
        self.size = self.size.saturating_add(1);
        Ok(made)
    }

    /// The tree head (RFC 6962, 2.1).
    ///
    /// # Errors
    /// None of a tree that was made here.
    pub fn root(&self) -> Result<Hash, LogChainError> {
        Ok(tree_hash(self.size, self)?)
    }
}

impl HashReader for LogTree {
    fn read_hashes(&self, places: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let find = |place: &u64| self.subtrees.iter().find(|(kept, _)| kept == place).map(|(_, hash)| *hash);
        places.iter().map(|place| find(place).ok_or(tlog::Error::IndexesNotInTree)).collect()
    }
}

/// What the next record of a log follows.
#[derive(Clone, Debug, Default)]
pub struct LogHead {
    /// The tree over all records so far.
    pub tree: LogTree,
    /// The hash of the last one.
    pub last: Option<Hash>,
}

impl LogHead {
    /// Adds the record of this line.
    ///
    /// # Errors
    /// None of a head that was made here.
    pub fn append(&mut self, line: &[u8]) -> Result<(), LogChainError> {
        let leaf = record_hash(line);
        self.tree.append(leaf)?;
        self.last = Some(leaf);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, 2.1, as it is written there.
    fn plain(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => tlog::EMPTY_HASH,
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                tlog::node_hash(plain(&leaves[..split]), plain(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_tree_is_that_of_rfc_6962() {
        let leaves: Vec<Hash> = (0_u32..130).map(|number| record_hash(&number.to_be_bytes())).collect();
        let mut tree = LogTree::default();
        for size in 0..leaves.len() {
            assert_eq!(tree.root().unwrap(), plain(&leaves[..size]), "{size}");
            let again = LogTree::from_hashes(tree.size(), &tree.hashes()).unwrap();
            assert_eq!(again.root().unwrap(), tree.root().unwrap(), "{size}");
            tree.append(leaves[size]).unwrap();
        }
    }

    #[test]
    fn hashes_that_make_no_tree() {
        let hash = record_hash(b"x").to_string();
        for (size, hashes) in
            [(0, vec![hash.clone()]), (1, vec![]), (2, vec![hash.clone(), hash]), (1, vec!["x".to_owned()])]
        {
            assert!(LogTree::from_hashes(size, &hashes).is_err(), "{size} {hashes:?}");
        }
    }
}
