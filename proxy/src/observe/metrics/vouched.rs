//! Who and what has a name in the metrics: what the facts hold, and what the cluster has let in or carried out. What a client can
//! invent has none.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;

/// Chains that have a name at once at gates without facts.
const FREE: usize = 64;

/// What the facts of a gate say of a chain's roles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FactsSay {
    /// They hold every role.
    Known,
    /// They lack one, or the chain is malformed.
    Unknown,
    /// The gate has none.
    Nothing,
}

#[derive(Debug)]
struct Lists {
    users: LruCache<Box<str>, ()>,
    chains: LruCache<Box<str>, ()>,
    free: HashSet<Box<str>>,
}

/// What has a name. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Vouched(Arc<Mutex<Lists>>);

impl Vouched {
    /// At most `limit` users and as many chains are remembered, the least recently used are forgotten.
    pub(super) fn new(limit: usize) -> Self {
        let lists = Lists { users: LruCache::new(limit), chains: LruCache::new(limit), free: HashSet::new() };
        Self(Arc::new(Mutex::new(lists)))
    }

    /// The cluster has let a user in, or reports that a session acts as it.
    pub(super) fn let_in(&self, user: &str) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.users.get(user).is_none() {
            lists.users.insert(user.into(), ());
        }
    }

    /// The cluster has carried out a statement with this chain.
    pub(super) fn carried_out(&self, chain: &str) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.chains.get(chain).is_none() {
            lists.chains.insert(chain.into(), ());
        }
    }

    pub(super) fn names_user(&self, user: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).users.get(user).is_some()
    }

    pub(super) fn names_chain(&self, chain: &str, says: FactsSay) -> bool {
        match says {
            FactsSay::Known => return true,
            FactsSay::Unknown => return false,
            FactsSay::Nothing => {}
        }
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.chains.get(chain).is_some()
            || lists.free.contains(chain)
            || (lists.free.len() < FREE && lists.free.insert(chain.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_once_they_are_let_in() {
        let vouched = Vouched::new(2);
        assert!(!vouched.names_user("etl"));
        vouched.let_in("etl");
        vouched.let_in("b");
        assert!(vouched.names_user("etl"));
        vouched.let_in("c");
        assert!(vouched.names_user("etl") && !vouched.names_user("b"), "the least recently used is forgotten");
    }

    #[test]
    fn chains_are_named_by_the_facts_or_by_what_the_cluster_carries_out() {
        let vouched = Vouched::new(2);
        assert!(vouched.names_chain("1/A", FactsSay::Known) && !vouched.names_chain("1/A", FactsSay::Unknown));
        for number in 0..FREE {
            assert!(vouched.names_chain(&format!("1/{number}"), FactsSay::Nothing));
        }
        assert!(vouched.names_chain("1/0", FactsSay::Nothing) && !vouched.names_chain("1/A", FactsSay::Nothing));
        vouched.carried_out("1/A");
        assert!(vouched.names_chain("1/A", FactsSay::Nothing) && !vouched.names_chain("1/A", FactsSay::Unknown));
    }
}
