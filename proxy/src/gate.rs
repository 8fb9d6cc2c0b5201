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

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::catalog::NamedEntry;
use crate::gate::cache::{CacheSettings, EvictionCause, Key, VerdictCache};
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::stored::fresh::FreshCatalog;
use crate::gate::verdict::Verdict;
use crate::sql::{self, Analysis, Glance, Reading, StoredNames};

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
    /// Held while a policy is exchanged: what sessions make and what is put in force must not undo each other.
    turn: Mutex<()>,
}

impl Gate {
    /// A gate under `policy`; `evicted` is told why a verdict leaves the cache.
    #[must_use]
    pub fn new(policy: Policy, cache: CacheSettings, evicted: impl Fn(EvictionCause) + Send + Sync + 'static) -> Self {
        let cache = ArcSwap::from_pointee(VerdictCache::new(cache, evicted));
        Self { policy: ArcSwap::from_pointee(policy), cache, turn: Mutex::default() }
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

    /// Puts another policy in force. Verdicts of the old one are not used any more, unless the new one continues it; where only what the
    /// cluster stores is different, those that it has no part in are. What sessions have made since stays known.
    pub fn replace(&self, policy: Policy) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.policy.load_full();
        let fresh = old.stored().fresh();
        let is_carried = Arc::ptr_eq(policy.stored().fresh(), fresh);
        // A generation older than the one in force is that of verdicts by which less was known.
        let is_behind = policy.generation() < old.generation();
        let policy = if is_carried { policy } else { policy.with_fresh(fresh, is_behind) };
        let base = policy.base_generation();
        self.policy.store(Arc::new(policy));
        drop(turn);
        if old.base_generation() != base {
            self.cache.load().clear();
        }
    }

    /// A message goes to the cluster that makes these: they are known from now on. The number by which that is told again.
    pub(crate) fn learn(&self, made: &Arc<[NamedEntry]>) -> u64 {
        self.change_fresh(true, |fresh| Some(fresh.with(made))).unwrap_or_default()
    }

    /// The transactions are over in which messages of these numbers ran.
    pub(crate) fn settle(&self, numbers: &[u64]) {
        // Most transactions have made nothing.
        if numbers.is_empty() {
            return;
        }
        self.change_fresh(false, |fresh| Some((fresh.settled(numbers), ())));
    }

    /// What a reading of the catalogue that begins now will tell of.
    #[must_use]
    pub(crate) fn settled(&self) -> Vec<u64> {
        self.policy.load().stored().fresh().settled_numbers()
    }

    /// A reading has told of these.
    pub(crate) fn forget(&self, numbers: &[u64]) {
        self.change_fresh(true, |fresh| Some((fresh.without(numbers)?, ())));
    }

    fn change_fresh<T>(
        &self,
        may_differ: bool,
        change: impl FnOnce(&FreshCatalog) -> Option<(FreshCatalog, T)>,
    ) -> Option<T> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = self.policy.load();
        let (fresh, told) = change(policy.stored().fresh())?;
        self.policy.store(Arc::new(policy.with_fresh(&Arc::new(fresh), may_differ)));
        Some(told)
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
        let key = Key::of(policy.base_generation(), principal, text);
        let cache = self.cache.load();
        if let Some(held) = key.as_ref().and_then(|key| cache.get(key))
            && let Some(verdict) = as_of(&policy, text, &held)
            && verdict.holds_until.is_none_or(|until| now() < until)
        {
            if !Arc::ptr_eq(&held, &verdict) {
                cache.keep(key, &verdict);
            }
            return (Some(verdict), DecisionPath::Cached);
        }
        let Some(verdict) = judge_alone(&policy, text, principal, now()) else { return (None, DecisionPath::Scan) };
        let verdict = Arc::new(verdict);
        cache.keep(key, &verdict);
        (Some(verdict), DecisionPath::Cold)
    }
}

/// A verdict that was judged before the cluster stored something else, as the policy would judge now: the same, where nothing stored has a
/// part in it.
fn as_of(policy: &Policy, text: &[u8], verdict: &Arc<Verdict>) -> Option<Arc<Verdict>> {
    if verdict.generation == policy.generation() {
        return Some(Arc::clone(verdict));
    }
    let names = policy.stored().names();
    let is_apart = !verdict.concerns_names() && !names.is_some_and(|names| sql::holds_names(text, names));
    let renewed = || Verdict {
        generation: policy.generation(),
        policy_version: policy.version().to_owned(),
        ..Verdict::clone(verdict)
    };
    is_apart.then(renewed).map(Arc::new)
}

/// Times that a message is read again with what it makes itself.
const MAX_ROUNDS: usize = 4;

/// Judges one text outside any session, without a cache. `None`: nothing in it is to be judged.
#[must_use]
pub fn judge_alone(policy: &Policy, text: &[u8], principal: &Principal, now: Timestamp) -> Option<Verdict> {
    let mut verdict = judge_once(policy, text, principal, now)?;
    // A statement may use what one before it makes.
    for _round in 0..MAX_ROUNDS {
        if verdict.made.is_empty() || !may_hold_several(text) {
            break;
        }
        let (fresh, _number) = policy.stored().fresh().with(&verdict.made);
        let Some(again) = judge_once(&policy.with_fresh(&Arc::new(fresh), false), text, principal, now) else { break };
        let is_all = again.made == verdict.made;
        verdict = again;
        if is_all {
            break;
        }
    }
    Some(verdict)
}

/// Whether a text may be of more than one statement.
fn may_hold_several(text: &[u8]) -> bool {
    text.split(|byte| *byte == b';').filter(|part| !part.trim_ascii().is_empty()).count() > 1
}

fn judge_once(policy: &Policy, text: &[u8], principal: &Principal, now: Timestamp) -> Option<Verdict> {
    let stored = match policy.stored().names() {
        Some(names) => Some(sql::stored_names(text, policy.dialect(), names)),
        None => policy.stored().follows().then(|| sql::made_names(text)),
    };
    let turns = stored.as_ref().map(|names| names.turns.as_slice()).unwrap_or_default();
    let principal = if turns.is_empty() || !may_hold_several(text) {
        principal.clone()
    } else {
        principal.with_naming(&principal.naming.within(&principal.database, turns))
    };
    match (sql::read(text, policy.dialect()), stored) {
        (Reading::Plain, None) => None,
        (Reading::Plain, Some(names)) if names.is_empty() => None,
        (Reading::Plain, Some(names)) => Some(policy.judge_with(text, (Analysis::default(), names), &principal, now)),
        (Reading::Analysed(analysis), names) => {
            let names: StoredNames = names.unwrap_or_default();
            Some(policy.judge_with(text, (analysis, names), &principal, now))
        }
    }
}
