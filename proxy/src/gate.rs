//! Role uses + principal + facts + rules = verdict, through the policy cache; and every word of that verdict. Knows nothing of
//! sockets.

pub mod admission;
pub mod cache;
pub mod codes;
pub mod enforcement;
pub mod enforcer;
pub mod exception;
pub mod finding;
pub mod judge;
pub mod lenience;
pub mod modes;
pub mod naming;
pub mod policy;
pub mod principal;
pub mod stored;
pub mod verdict;
pub mod wording;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::gate::cache::{CacheSettings, EvictionCause, Key, VerdictCache};
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::sql::{self, Analysis, Glance, Reading};

closed_sets! {
    /// Where a verdict came from.
    pub enum DecisionPath {
        /// The lexer met nothing to judge.
        Scan,
        /// The policy cache held it.
        Cached,
        /// The text was judged anew.
        Cold,
    }
}

/// One gate's judgement: a policy that can be exchanged while statements are judged, and its cache.
#[derive(Debug)]
pub struct Gate {
    policy: ArcSwap<Policy>,
    cache: ArcSwap<VerdictCache>,
}

impl Gate {
    /// A gate under `policy`; `evicted` is told why a verdict leaves the cache.
    #[must_use]
    pub fn new(policy: Policy, cache: CacheSettings, evicted: impl Fn(EvictionCause) + Send + Sync + 'static) -> Self {
        Self { policy: ArcSwap::from_pointee(policy), cache: ArcSwap::from_pointee(VerdictCache::new(cache, evicted)) }
    }

    /// Judges on with an empty cache of another size or life.
    pub fn resize(&self, cache: CacheSettings, evicted: impl Fn(EvictionCause) + Send + Sync + 'static) {
        self.cache.store(Arc::new(VerdictCache::new(cache, evicted)));
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Puts another policy in force. Verdicts of the old one are not used any more, unless the new one continues it.
    pub fn replace(&self, policy: Policy) {
        let generation = policy.generation();
        let old = self.policy.swap(Arc::new(policy));
        if old.generation() != generation {
            self.cache.load().clear();
        }
    }

    /// About how many verdicts the cache holds.
    #[must_use]
    pub fn cached(&self) -> u64 {
        self.cache.load().len()
    }

    /// What one pass of the lexer shows of a text.
    #[must_use]
    pub fn glance(&self, text: &[u8]) -> Glance {
        let policy = self.policy.load();
        sql::glance(text, policy.dialect(), policy.stored().names())
    }

    /// Whether names are watched for, so that statements in which some stand are parsed.
    #[must_use]
    pub fn watches_names(&self) -> bool {
        self.policy.load().stored().names().is_some()
    }

    /// Judges the text of one `Query` or `Parse`, without its NUL. `None`: nothing in it is to be judged. One pass of
    /// the lexer and no allocation in that case, nor is the clock asked.
    #[must_use]
    pub fn judge(
        &self,
        text: &[u8],
        principal: &Principal,
        now: impl Fn() -> Timestamp,
    ) -> (Option<Arc<Verdict>>, DecisionPath) {
        let policy = self.policy.load();
        if sql::glance(text, policy.dialect(), policy.stored().names()) == Glance::Plain {
            return (None, DecisionPath::Scan);
        }
        let key = Key::of(policy.generation(), principal, text);
        let cache = self.cache.load();
        let held = key.as_ref().and_then(|key| cache.get(key));
        if let Some(verdict) = held.filter(|verdict| verdict.holds_until.is_none_or(|until| now() < until)) {
            return (Some(verdict), DecisionPath::Cached);
        }
        let Some(verdict) = judge_alone(&policy, text, principal, now()) else { return (None, DecisionPath::Scan) };
        let verdict = Arc::new(verdict);
        cache.keep(key, &verdict);
        (Some(verdict), DecisionPath::Cold)
    }
}

/// Judges one text outside any session, without a cache. `None`: nothing in it is to be judged.
#[must_use]
pub fn judge_alone(policy: &Policy, text: &[u8], principal: &Principal, now: Timestamp) -> Option<Verdict> {
    let stored = policy.stored().names().map(|names| sql::stored_names(text, policy.dialect(), names));
    match (sql::read(text, policy.dialect()), stored) {
        (Reading::Plain, None) => None,
        (Reading::Plain, Some(names)) if names.is_empty() => None,
        (Reading::Plain, Some(names)) => Some(policy.judge_with(text, (Analysis::default(), names), principal, now)),
        (Reading::Analysed(analysis), names) => {
            Some(policy.judge_with(text, (analysis, names.unwrap_or_default()), principal, now))
        }
    }
}
