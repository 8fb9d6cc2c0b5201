//! Facts that follow AWS: fetched in the background, kept while AWS cannot be reached, single roles looked up on demand.
//!
//! Every account has a task that fetches its roles and clusters again and again. A role first seen in a statement is
//! looked up by itself: one call however many sessions wait for it, and a role that is not there is remembered for a while.

#[cfg(feature = "aws")]
pub mod aws;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moka::Expiry;
use moka::future::Cache;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::facts::{
    Account, Cluster, ClusterPages, Facts, FactsError, Managed, Origin, Page, Role, Shelf, SnapshotReader, short,
};
use crate::chain::{AccountId, RoleArn};

pub use source::{FactsSource, FetchError, Fetching};

/// Accounts fetched at one time, so as not to be throttled.
const AT_ONCE: usize = 4;

/// The first pause after a failure; it doubles up to the refresh interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How often, at most, facts are checked for being too old.
const SOON: Duration = Duration::from_millis(20);

/// How long a failed look-up is remembered, so that an outage is not answered by a storm of calls.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// Roles looked up by themselves that are remembered, present or absent.
const MAX_LOOKUPS: u64 = 100_000;

/// How live facts are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiveSettings {
    /// The accounts that are followed.
    pub accounts: Vec<AccountId>,
    /// From one fetch to the next.
    pub refresh: Duration,
    /// How old facts may become while AWS cannot be reached; afterwards the account is unknown.
    pub max_stale: Duration,
    /// How long a statement waits for a role first seen in it.
    pub deadline: Duration,
    /// How long it is remembered that a role is not there.
    pub absent_for: Duration,
}

/// What is reported of a fetch: `roles`, `clusters` or `role`; whether it succeeded; how long it took.
pub type Observer = Box<dyn Fn(&'static str, bool, Duration) + Send + Sync>;

/// An account with its pages of roles and of clusters.
pub type AccountPages = (AccountId, Vec<Json>, Vec<Json>);

/// Facts that follow AWS, over facts read from files.
pub struct Live {
    source: Arc<dyn FactsSource>,
    settings: LiveSettings,
    observer: Observer,
    base: Mutex<Arc<Facts>>,
    held: Mutex<BTreeMap<AccountId, Held>>,
    lookups: Cache<RoleArn, Lookup>,
    changed: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Changes are reported one after the other, so that the last reported is the newest.
    telling: Mutex<()>,
    home: Handle,
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Live")
            .field("source", &self.source)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What is known of one account.
#[derive(Debug, Default)]
struct Held {
    listed: Option<Listed>,
    /// Roles looked up by themselves since the listing began.
    extra: HashMap<RoleArn, Extra>,
    failures: u32,
    last_error: Option<String>,
}

/// A role that was looked up by itself.
#[derive(Debug)]
struct Extra {
    role: Arc<Role>,
    managed: Vec<Arc<Managed>>,
    version: String,
    at: Instant,
}

/// One whole fetch of an account.
#[derive(Debug)]
struct Listed {
    account: Arc<Account>,
    clusters: Vec<Cluster>,
    version: String,
    at: Instant,
}

/// The result of looking up one role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lookup {
    Found,
    Absent,
    Failed,
}

/// How long each kind of look-up is remembered.
struct Remember {
    found: Duration,
    absent: Duration,
}

impl Expiry<RoleArn, Lookup> for Remember {
    fn expire_after_create(&self, _role: &RoleArn, lookup: &Lookup, _now: Instant) -> Option<Duration> {
        Some(match lookup {
            Lookup::Found => self.found,
            Lookup::Absent => self.absent,
            Lookup::Failed => FAILED_FOR,
        })
    }
}

/// The state of one account's facts, for people and metrics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountStatus {
    /// The account.
    pub account: AccountId,
    /// How many roles are known.
    pub roles: usize,
    /// When the last whole fetch ended; `None` when none did.
    pub read_at: Option<Timestamp>,
    /// How old the last whole fetch is.
    pub age: Option<Duration>,
    /// Older than the limit: the account is treated as unknown.
    pub is_stale: bool,
    /// Failed fetches since the last successful one.
    pub failures: u32,
    /// The error of the last of them.
    pub last_error: Option<String>,
}

impl Live {
    /// Follows accounts of `source`. Must be called within a runtime, which then does all fetching.
    #[must_use]
    pub fn new(source: Arc<dyn FactsSource>, settings: LiveSettings, observer: Observer) -> Arc<Self> {
        let remember = Remember { found: settings.refresh, absent: settings.absent_for };
        let held = settings.accounts.iter().map(|account| (*account, Held::default())).collect();
        Arc::new(Self {
            lookups: Cache::builder().max_capacity(MAX_LOOKUPS).expire_after(remember).build(),
            source,
            settings,
            observer,
            base: Mutex::new(Arc::new(Facts::empty())),
            held: Mutex::new(held),
            changed: OnceLock::new(),
            telling: Mutex::default(),
            home: Handle::current(),
        })
    }

    /// Puts facts from files under the live ones.
    pub fn set_base(&self, base: Arc<Facts>) {
        *lock(&self.base) = base;
    }

    /// Calls `changed` whenever [`Live::facts`] would give something new. Only the first call counts.
    pub fn on_change(&self, changed: impl Fn() + Send + Sync + 'static) {
        drop(self.changed.set(Box::new(changed)));
    }

    /// The facts at this moment: those from files, and over them every account that is fresh enough.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let base = Arc::clone(&lock(&self.base));
        self.facts_over(&base)
    }

    /// The same over other facts from files.
    #[must_use]
    pub fn facts_over(&self, base: &Facts) -> Facts {
        let mut facts = base.clone();
        let mut hash = Sha256::new();
        hash.update(&facts.version);
        for (id, held) in lock(&self.held).iter() {
            let listed = held.listed.as_ref().filter(|listed| listed.at.elapsed() < self.settings.max_stale);
            hash.update(format!("{id} {}", listed.map_or("", |listed| &listed.version)));
            if let Some(listed) = listed {
                facts.clusters.retain(|known| !listed.clusters.iter().any(|cluster| cluster.is_same(known)));
                facts.clusters.extend(listed.clusters.iter().cloned());
                facts.accounts.insert(*id, Arc::clone(&listed.account));
            }
            if !held.extra.is_empty() {
                let mut versions: Vec<_> = held.extra.values().map(|extra| extra.version.as_str()).collect();
                versions.sort_unstable();
                hash.update(versions.concat());
                let account =
                    facts.accounts.entry(*id).or_insert_with(|| Arc::new(Account::incomplete(Timestamp::now())));
                let account = Arc::make_mut(account);
                for (arn, extra) in &held.extra {
                    account.roles.insert(arn.clone(), Arc::clone(&extra.role));
                    account.managed.extend(extra.managed.iter().cloned());
                }
            }
        }
        facts.version = short(&hash.finalize());
        facts
    }

    /// The state of every followed account, in order.
    #[must_use]
    pub fn status(&self) -> Vec<AccountStatus> {
        let held = lock(&self.held);
        let status = |(account, held): (&AccountId, &Held)| {
            let age = held.listed.as_ref().map(|listed| listed.at.elapsed());
            AccountStatus {
                account: *account,
                roles: held
                    .listed
                    .as_ref()
                    .map_or(0, |listed| listed.account.roles.len())
                    .saturating_add(held.extra.len()),
                read_at: held.listed.as_ref().map(|listed| listed.account.captured_at),
                age,
                is_stale: age.is_none_or(|age| age >= self.settings.max_stale),
                failures: held.failures,
                last_error: held.last_error.clone(),
            }
        };
        held.iter().map(status).collect()
    }

    /// When an account was last read as a whole.
    #[must_use]
    pub fn read_at(&self, account: AccountId) -> Option<Timestamp> {
        lock(&self.held).get(&account)?.listed.as_ref().map(|listed| listed.account.captured_at)
    }

    /// Fetches every account once, a few at a time.
    ///
    /// # Errors
    /// What could not be fetched; the rest is in force.
    pub async fn fetch_all(self: &Arc<Self>) -> Result<(), Vec<FetchError>> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut fetches = JoinSet::new();
        for account in self.settings.accounts.clone() {
            let (live, turns) = (Arc::clone(self), Arc::clone(&turns));
            fetches.spawn(async move { live.in_turn(&turns, account).await });
        }
        let errors: Vec<_> = fetches.join_all().await.into_iter().filter_map(Result::err).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Every account's roles and clusters as the source gives them, for writing them down.
    ///
    /// # Errors
    /// The first account that cannot be read.
    pub async fn pages(&self) -> Result<Vec<AccountPages>, FetchError> {
        let mut found = Vec::new();
        for account in &self.settings.accounts {
            let roles = self.source.roles(*account).await?;
            found.push((*account, roles, self.source.clusters(*account).await?));
        }
        Ok(found)
    }

    /// The organisation that an account manages, or the first account when none is named, in the form of the organisation file.
    ///
    /// # Errors
    /// What cannot be read.
    pub async fn organisation(&self, account: Option<AccountId>) -> Result<Json, FetchError> {
        match account.or_else(|| self.settings.accounts.first().copied()) {
            Some(account) => self.source.organisation(account).await,
            None => Ok(Json::Null),
        }
    }

    /// Fetches every account again and again; never resolves.
    pub async fn follow(self: Arc<Self>) {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for account in self.settings.accounts.clone() {
            let (live, turns) = (Arc::clone(&self), Arc::clone(&turns));
            tasks.spawn(async move {
                loop {
                    tokio::time::sleep(live.pause(account)).await;
                    if let Err(error) = live.in_turn(&turns, account).await {
                        tracing::warn!(%error, "IAM facts could not be fetched; those at hand stay in force");
                    }
                }
            });
        }
        tasks.spawn(async move { self.watch_staleness().await });
        tasks.join_all().await;
        std::future::pending::<()>().await;
    }

    /// Takes accounts out of force when they have become too old, however long a fetch that could help hangs. Never resolves.
    async fn watch_staleness(&self) {
        let look = (self.settings.max_stale / 10).clamp(SOON, FIRST_PAUSE);
        let mut before = Vec::new();
        loop {
            let accounts = self.settings.accounts.iter().copied();
            let stale: Vec<_> = accounts.filter(|account| self.has_gone_stale(*account)).collect();
            if stale.iter().any(|account| !before.contains(account)) {
                self.tell();
            }
            before = stale;
            tokio::time::sleep(look).await;
        }
    }

    /// How long to wait before the next fetch: longer after every failure.
    fn pause(&self, account: AccountId) -> Duration {
        let held = lock(&self.held);
        let Some(held) = held.get(&account) else { return self.settings.refresh };
        if held.failures == 0 {
            return self.settings.refresh;
        }
        FIRST_PAUSE.saturating_mul(1_u32 << held.failures.min(16).saturating_sub(1)).min(self.settings.refresh)
    }

    fn has_gone_stale(&self, account: AccountId) -> bool {
        let held = lock(&self.held);
        let listed = held.get(&account).and_then(|held| held.listed.as_ref());
        listed.is_some_and(|listed| listed.at.elapsed() >= self.settings.max_stale)
    }

    async fn in_turn(&self, turns: &Semaphore, account: AccountId) -> Result<(), FetchError> {
        // A closed semaphore would only mean that nobody takes turns.
        let _turn = turns.acquire().await;
        self.fetch(account).await
    }

    /// Fetches one account's roles and clusters and puts them in force.
    async fn fetch(&self, account: AccountId) -> Result<(), FetchError> {
        let began = Instant::now();
        let fetched = self.fetched(account, began).await;
        let listed = match fetched {
            Ok(listed) => listed,
            Err(error) => {
                let mut held = lock(&self.held);
                let held = held.entry(account).or_default();
                held.failures = held.failures.saturating_add(1);
                held.last_error = Some(error.to_string());
                return Err(error);
            }
        };
        let (is_new, forgotten) = {
            let mut held = lock(&self.held);
            let held = held.entry(account).or_default();
            (held.failures, held.last_error) = (0, None);
            let is_same =
                |before: &Listed| before.version == listed.version && before.at.elapsed() < self.settings.max_stale;
            let is_new = !held.listed.as_ref().is_some_and(is_same) || !held.extra.is_empty();
            held.listed = Some(listed);
            // What was looked up while the listing ran may be newer than it.
            let forgotten: Vec<_> = held.extra.extract_if(|_, extra| extra.at < began).map(|(role, _)| role).collect();
            (is_new, forgotten)
        };
        for role in forgotten {
            self.lookups.invalidate(&role).await;
        }
        if is_new {
            self.tell();
        }
        Ok(())
    }

    async fn fetched(&self, account: AccountId, began: Instant) -> Result<Listed, FetchError> {
        let roles = self.observed("roles", self.source.roles(account)).await?;
        let described = self.observed("clusters", self.source.clusters(account)).await?;
        let unreadable = |call| move |error: FactsError| FetchError { account, call, message: error.to_string() };
        let mut hash = Sha256::new();
        let roles = joined(&roles);
        hash.update(&roles);
        let roles = read_roles(&roles).map_err(unreadable("iam:GetAccountAuthorizationDetails"))?.remove(&account);
        let now = Timestamp::now();
        let roles = roles.unwrap_or_else(|| Account { is_complete: true, ..Account::incomplete(now) });
        let described = joined(&described);
        hash.update(&described);
        let clusters = read_clusters(&described).map_err(unreadable("redshift:DescribeClusters"))?;
        Ok(Listed { account: Arc::new(roles), clusters, version: short(&hash.finalize()), at: began })
    }

    async fn observed<T>(
        &self,
        what: &'static str,
        fetch: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let began = Instant::now();
        let fetched = fetch.await;
        (self.observer)(what, fetched.is_ok(), began.elapsed());
        fetched
    }

    /// Looks up those of `roles` that belong to followed accounts and are not known, waiting no longer than the deadline. What
    /// comes later is put in force then.
    pub async fn look_up(self: &Arc<Self>, roles: &[RoleArn]) {
        let mut lookups = JoinSet::new();
        for role in roles.iter().filter(|role| self.settings.accounts.contains(&role.account())) {
            if self.lookups.get(role).await.is_none() {
                let (live, role) = (Arc::clone(self), role.clone());
                // A task of its own: a statement that stops waiting must not stop the look-up.
                let task = self.home.spawn(async move {
                    let key = role.clone();
                    live.lookups.get_with(key, live.look_up_one(&role)).await;
                });
                lookups.spawn(task);
            }
        }
        if tokio::time::timeout(self.settings.deadline, lookups.join_all()).await.is_err() {
            tracing::warn!(?roles, "roles could not be looked up in time; they count as unknown");
        }
    }

    async fn look_up_one(&self, role: &RoleArn) -> Lookup {
        let page = match self.observed("role", self.source.role(role)).await {
            Ok(Some(page)) => page,
            Ok(None) => return Lookup::Absent,
            Err(error) => {
                tracing::warn!(%error, %role, "a role could not be looked up");
                return Lookup::Failed;
            }
        };
        let version = short(&Sha256::digest(page.to_string()));
        match single(&page, role) {
            Ok(Some((found, managed))) => {
                let extra = Extra { role: found, managed, version, at: Instant::now() };
                lock(&self.held).entry(role.account()).or_default().extra.insert(role.clone(), extra);
                self.tell();
                Lookup::Found
            }
            Ok(None) => Lookup::Absent,
            Err(error) => {
                tracing::warn!(%error, %role, "a role that was looked up cannot be read");
                Lookup::Failed
            }
        }
    }

    /// Says that [`Live::facts`] may give something new.
    pub fn tell(&self) {
        let _one_at_a_time = lock(&self.telling);
        if let Some(changed) = self.changed.get() {
            changed();
        }
    }
}

/// A role, and the managed policies that came with it.
type Single = (Arc<Role>, Vec<Arc<Managed>>);

fn single(page: &Json, role: &RoleArn) -> Result<Option<Single>, FactsError> {
    let account = read_roles(&page.to_string())?.remove(&role.account());
    Ok(account.and_then(|mut account| account.roles.remove(role).map(|role| (role, account.managed))))
}

fn joined(pages: &[Json]) -> String {
    pages.iter().map(Json::to_string).collect::<Vec<_>>().join("\n")
}

/// What errors call an answer of AWS.
const ANSWER: &str = "its answer";

fn read_roles(text: &str) -> Result<BTreeMap<AccountId, Account>, FactsError> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (file, shelf) = (Path::new(ANSWER), &Shelf::new());
    SnapshotReader { file, shelf, origin: Origin::Aws, captured_at: Timestamp::now() }.read(text)
}

fn read_clusters(text: &str) -> Result<Vec<Cluster>, FactsError> {
    let mut found = ClusterPages::of(Timestamp::now());
    if !text.is_empty() {
        for page in Page::all(text, Path::new(ANSWER), "redshift:DescribeClusters")? {
            found.add(&page)?;
        }
    }
    // Facts that say the same are not exchanged, so they keep no age: what becomes too old is let go.
    let clusters = found.finish()?;
    Ok(clusters.into_iter().map(|cluster| Cluster { captured_at: None, ..cluster }).collect())
}

/// No code panics while it holds these locks.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
