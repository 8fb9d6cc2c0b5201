//! The policy cache: verdicts by policy, principal and text.

use std::sync::Arc;
use std::time::Duration;

use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::gate::principal::Principal;
use crate::gate::verdict::{JudgedStatement, Verdict};

/// Longer texts are judged anew each time: they are rare, and one must not push out thousands.
const MAX_CACHED_TEXT_BYTES: usize = 16 * 1024;

/// The limits of the policy cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CacheSettings {
    /// How many verdicts are kept.
    pub capacity: u64,
    /// How long a verdict is kept.
    pub ttl: Duration,
}

closed_sets! {
    /// Why a verdict left the cache.
    pub enum EvictionCause {
        /// Its time to live had passed.
        Expired,
        /// Another policy is in force.
        Reload,
        /// The same text was judged again.
        Replaced,
        /// The cache was full.
        Size,
    }
}

impl From<RemovalCause> for EvictionCause {
    fn from(cause: RemovalCause) -> Self {
        match cause {
            RemovalCause::Expired => Self::Expired,
            RemovalCause::Explicit => Self::Reload,
            RemovalCause::Replaced => Self::Replaced,
            RemovalCause::Size => Self::Size,
        }
    }
}

/// Everything that a verdict depends on, but for what the cluster stores: a verdict says itself by which generation it was judged. Facts,
/// rules, dialect and settings stand behind the policy's base.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    base: u64,
    principal: Principal,
    text: Box<[u8]>,
}

impl Key {
    /// The key of a text, unless the text is too long to be kept.
    pub(super) fn of(base: u64, principal: &Principal, text: &[u8]) -> Option<Self> {
        let is_kept = text.len() <= MAX_CACHED_TEXT_BYTES;
        is_kept.then(|| Self { base, principal: principal.clone(), text: text.into() })
    }
}

/// The verdicts of one gate.
#[derive(Debug)]
pub(super) struct VerdictCache(Cache<Key, Arc<Verdict>>);

impl VerdictCache {
    pub(super) fn new(settings: CacheSettings, evicted: impl Fn(EvictionCause) + Send + Sync + 'static) -> Self {
        let told = move |_key, _verdict, cause: RemovalCause| evicted(cause.into());
        let cache = Cache::builder().max_capacity(settings.capacity).time_to_live(settings.ttl);
        Self(cache.eviction_listener(told).build())
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Verdict>> {
        self.0.get(key)
    }

    /// Keeps a verdict, unless it holds for its moment only or has nothing to tell: the many users of a flood of SET SESSION
    /// AUTHORIZATION push out nobody's.
    pub(super) fn keep(&self, key: Option<Key>, verdict: &Arc<Verdict>) {
        let is_told = verdict.uses_stored() || verdict.statements.iter().any(JudgedStatement::is_told);
        if let Some(key) = key.filter(|_| is_told && !verdict.depends_on_time) {
            self.0.insert(key, Arc::clone(verdict));
        }
    }

    pub(super) fn clear(&self) {
        self.0.invalidate_all();
    }

    pub(super) fn len(&self) -> u64 {
        self.0.entry_count()
    }
}
