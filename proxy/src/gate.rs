//! Role uses + principal + facts + rules = verdict, through the policy cache. Knows nothing of sockets.

pub mod finding;
pub mod judge;
pub mod policy;
pub mod principal;
pub mod verdict;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::sql::{self, Reading};

/// Texts longer than this are judged anew each time: they are rare, and one must not push out thousands.
const MAX_CACHED_TEXT_BYTES: usize = 16 * 1024;

/// Size and life of the policy cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CacheSettings {
    /// Verdicts kept.
    pub capacity: u64,
    /// How long a verdict is kept.
    pub ttl: Duration,
}

/// Everything that a verdict depends on. Facts, rules and settings stand behind the policy's version.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    policy: u64,
    principal: Principal,
    text: Box<[u8]>,
}

/// How a verdict was come by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The lexer met nothing to judge.
    Scan,
    /// From the policy cache.
    Cached,
    /// Judged now.
    Cold,
}

/// One gate's judgement: a policy that can be exchanged while statements are judged, and its cache.
#[derive(Debug)]
pub struct Gate {
    policy: ArcSwap<Policy>,
    cache: Cache<Key, Arc<Verdict>>,
}

impl Gate {
    /// A gate under `policy`; `evicted` is told why a verdict leaves the cache.
    #[must_use]
    pub fn new(policy: Policy, cache: CacheSettings, evicted: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        let told = move |_key, _verdict, cause| {
            evicted(match cause {
                RemovalCause::Expired => "expired",
                RemovalCause::Explicit => "reload",
                RemovalCause::Replaced => "replaced",
                RemovalCause::Size => "size",
            });
        };
        let cache =
            Cache::builder().max_capacity(cache.capacity).time_to_live(cache.ttl).eviction_listener(told).build();
        Self { policy: ArcSwap::from_pointee(policy), cache }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Puts another policy in force. Verdicts of the old one are not used any more.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
        self.cache.invalidate_all();
    }

    /// Verdicts in the cache, about.
    #[must_use]
    pub fn cached(&self) -> u64 {
        self.cache.entry_count()
    }

    /// Judges the text of one `Query` or `Parse`, without its NUL. `None`: nothing in it is to be judged. One pass of
    /// the lexer and no allocation in that case, nor is the clock asked.
    #[must_use]
    pub fn judge(
        &self,
        text: &[u8],
        principal: &Principal,
        now: impl FnOnce() -> Timestamp,
    ) -> (Option<Arc<Verdict>>, Source) {
        let policy = self.policy.load();
        if sql::is_plain(text, policy.dialect()) {
            return (None, Source::Scan);
        }
        let is_kept = text.len() <= MAX_CACHED_TEXT_BYTES;
        let key = is_kept.then(|| Key { policy: policy.generation(), principal: principal.clone(), text: text.into() });
        if let Some(verdict) = key.as_ref().and_then(|key| self.cache.get(key)) {
            return (Some(verdict), Source::Cached);
        }
        let Reading::Analysed(analysis) = sql::read(text, policy.dialect()) else { return (None, Source::Scan) };
        let verdict = Arc::new(policy.judge(text, analysis, principal, now()));
        if let Some(key) = key.filter(|_| !verdict.depends_on_time) {
            self.cache.insert(key, Arc::clone(&verdict));
        }
        (Some(verdict), Source::Cold)
    }
}

/// Judges one text outside any session, without a cache. `None`: nothing in it is to be judged.
#[must_use]
pub fn judge_alone(policy: &Policy, text: &[u8], principal: &Principal, now: Timestamp) -> Option<Verdict> {
    match sql::read(text, policy.dialect()) {
        Reading::Plain => None,
        Reading::Analysed(analysis) => Some(policy.judge(text, analysis, principal, now)),
    }
}
