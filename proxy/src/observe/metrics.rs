//! Every metric, declared once. One struct, built once and handed down; no global registry.

mod exemplars;
mod exposition;
mod families;
mod gate;
mod openmetrics;
mod sessions;
#[cfg(test)]
mod tests;
mod tuples;
mod vouched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Encoder, IntCounter, Registry, TextEncoder};
use strum::VariantArray;

use crate::chain::AccountId;
use crate::gate::cache::EvictionCause;
use crate::iam::Origin;
use crate::observe::logging::LogLevel;
use crate::observe::metrics::exemplars::Exemplars;
use crate::observe::metrics::families::{Families, Maker};
use crate::observe::metrics::tuples::{BoundedFamily, TupleCollector, Tuples};
use crate::observe::metrics::vouched::Vouched;
use crate::observe::values::{AttemptResult, CacheResult, DaysLeft, Fetched, NewAuditFile, ReloadResult, Reloaded};
use crate::observe::{logging, panics};

pub use exposition::{Exposition, gzip, takes_gzip};
pub use gate::{GateMetrics, JudgedLabels};
pub use sessions::{SessionGuard, SessionStates, StateOfSession};
pub use vouched::FactsSay;

/// Series of labels that sessions choose, over all families together, unless the configuration says otherwise.
pub const MAX_SERIES: usize = 5000;

/// Handles to every exported series. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    tuples: Tuples,
    vouched: Vouched,
    /// Of histograms; counters keep their own.
    exemplars: Arc<Mutex<Exemplars>>,
    /// Held while all series are brought up to date and read.
    turn: Arc<Mutex<()>>,
    /// The label of the configuration that is shown.
    config: Arc<Mutex<Option<String>>>,
    /// The accounts whose age is shown.
    accounts: Arc<Mutex<BTreeSet<(Origin, AccountId)>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics; the series of closed label sets stand at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(MAX_SERIES)
    }

    /// All metrics, with at most `max_series` series whose labels sessions choose.
    #[must_use]
    pub fn bounded(max_series: usize) -> Self {
        let make = Maker(Registry::new());
        make.register(Ok(Shared::of(prometheus::process_collector::ProcessCollector::for_self())));
        let tuples = Tuples::new(max_series);
        make.register(TupleCollector::new(tuples.clone()).map(Shared::of));
        let families = Families::new(&make);
        let build = [env!("CARGO_PKG_VERSION"), env!("ROLEGATE_COMMIT"), env!("ROLEGATE_RUSTC")];
        families.build_info.with_label_values(&build).set(1);
        let metrics = Self {
            registry: make.0,
            families,
            tuples,
            vouched: Vouched::new(max_series),
            exemplars: Arc::default(),
            turn: Arc::default(),
            config: Arc::default(),
            accounts: Arc::default(),
        };
        metrics.start_closed_series();
        metrics
    }

    /// Puts the series of closed label sets that belong to no gate at zero.
    fn start_closed_series(&self) {
        self.reload_is_good(true);
        self.exceptions(std::iter::empty());
        for family in BoundedFamily::VARIANTS {
            self.families.overflow.with_label_values(&[family.row().name]).inc_by(0);
        }
        for level in LogLevel::VARIANTS {
            self.families.log_messages.with_label_values(&[level.as_str()]).inc_by(0);
        }
        for what in Reloaded::VARIANTS {
            for result in ReloadResult::VARIANTS {
                self.families.reloads.with_label_values(&[what.as_str(), result.as_str()]).inc_by(0);
            }
        }
        for result in CacheResult::VARIANTS {
            self.families.cache_requests.with_label_values(&[result.as_str()]).inc_by(0);
        }
        for reason in NewAuditFile::VARIANTS {
            self.families.audit_files.with_label_values(&[reason.as_str()]).inc_by(0);
        }
        for cause in EvictionCause::VARIANTS {
            self.families.cache_evictions.with_label_values(&[cause.as_str()]).inc_by(0);
        }
        for source in Fetched::VARIANTS {
            for result in AttemptResult::VARIANTS {
                self.families.facts_fetches.with_label_values(&[source.as_str(), result.as_str()]).inc_by(0);
            }
        }
    }

    /// Shows what the facts of one source hold, and how old the oldest account is.
    pub fn facts(&self, source: Origin, roles: usize, accounts: usize, age: Duration) {
        let source = source.as_str();
        self.families.facts_roles.with_label_values(&[source]).set(gauge(roles));
        self.families.facts_accounts.with_label_values(&[source]).set(gauge(accounts));
        self.families.facts_age.with_label_values(&[source]).set(age.as_secs_f64());
    }

    /// Shows the Unix times at which what is known of accounts was taken from AWS; accounts that are not among them are no longer shown.
    pub fn facts_read(&self, accounts: &BTreeMap<(Origin, AccountId), f64>) {
        let labels = |(source, account): &(Origin, AccountId)| (source.as_str(), account.to_string());
        let mut shown = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, account) in shown.iter().filter(|before| !accounts.contains_key(before)).map(labels) {
            // It fails only where there is no such series.
            drop(self.families.facts_read.remove_label_values(&[source, &account]));
        }
        for (key, at) in accounts {
            let (source, account) = labels(key);
            self.families.facts_read.with_label_values(&[source, &account]).set(*at);
        }
        *shown = accounts.keys().copied().collect();
    }

    /// Shows how many exceptions there are, by the days that each has left; `None`: it is over.
    pub fn exceptions(&self, days_left: impl Iterator<Item = Option<i64>>) {
        let mut counts = BTreeMap::new();
        for days in days_left {
            let count: &mut i64 = counts.entry(DaysLeft::of(days).as_str()).or_default();
            *count = count.saturating_add(1);
        }
        for days in DaysLeft::VARIANTS {
            let count = counts.get(days.as_str()).copied().unwrap_or_default();
            self.families.exceptions.with_label_values(&[days.as_str()]).set(count);
        }
    }

    /// Counts a background read that has ended.
    pub fn facts_fetched(&self, source: Fetched, result: AttemptResult, took: Duration) {
        let labels = [source.as_str(), result.as_str()];
        self.families.facts_fetches.with_label_values(&labels).inc();
        self.families.facts_fetch_seconds.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// Shows how many verdicts are cached.
    pub fn cache_entries(&self, entries: u64) {
        self.families.cache_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Counts a verdict that left a cache.
    pub fn cache_evicted(&self, cause: EvictionCause) {
        self.families.cache_evictions.with_label_values(&[cause.as_str()]).inc();
    }

    /// Counts a reload. `now` is the Unix time in seconds.
    pub fn reload(&self, what: Reloaded, result: ReloadResult, now: f64) {
        self.families.reloads.with_label_values(&[what.as_str(), result.as_str()]).inc();
        if result == ReloadResult::Applied {
            self.families.reload_timestamp.with_label_values(&[what.as_str()]).set(now);
        }
    }

    /// Shows whether the files were good when they were last read.
    pub fn reload_is_good(&self, is_good: bool) {
        self.families.reload_is_good.set(is_good.into());
    }

    /// Shows whether a key waits for a restart.
    pub fn restart_pending(&self, key: &str, is_pending: bool) {
        self.families.restart_pending.with_label_values(&[key]).set(is_pending.into());
    }

    /// Counts an audit record that waits to be written.
    pub fn audit_queued(&self) {
        self.families.audit_queue.inc();
    }

    /// Counts an audit record that the writer has taken.
    pub fn audit_taken(&self) {
        self.families.audit_queue.dec();
    }

    /// Shows how many audit records may wait.
    pub fn audit_queue_limit(&self, records: usize) {
        self.families.audit_queue_limit.set(gauge(records));
    }

    /// Counts audit records that are written.
    pub fn audit_written(&self, records: u64) {
        self.families.audit_records.inc_by(records);
    }

    /// Counts audit records that are lost.
    pub fn audit_dropped(&self, records: u64) {
        self.families.audit_dropped.inc_by(records);
    }

    /// Shows whether the audit cannot be written.
    pub fn audit_failing(&self, is_failing: bool) {
        self.families.audit_failing.set(i64::from(is_failing));
    }

    /// Counts a statement that is refused, since the audit cannot be written.
    pub fn audit_refused(&self) {
        self.families.audit_refused.inc();
    }

    /// Counts refusals that one record stands for.
    pub fn audit_folded(&self) {
        self.families.audit_folded.inc();
    }

    /// Counts a checkpoint of the audit.
    pub fn audit_checkpoint(&self) {
        self.families.audit_checkpoints.inc();
    }

    /// Counts a file that the audit goes on in.
    pub fn audit_file(&self, reason: NewAuditFile) {
        self.families.audit_files.with_label_values(&[reason.as_str()]).inc();
    }

    /// Shows the configuration in force, by its version, instead of the one before.
    pub fn config_info(&self, version: &str) {
        let mut shown = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = shown.replace(version.to_owned()).filter(|before| before != version) {
            // A series that is already gone needs no removing.
            let _absent = self.families.config_info.remove_label_values(&[&before]);
        }
        self.families.config_info.with_label_values(&[version]).set(1);
    }

    /// Calls `measure`, which brings gauges up to date, and gives all series. Blocks nobody who counts for longer than it takes to copy
    /// the series that are bounded.
    #[must_use]
    pub fn render_after(&self, exposition: Exposition, measure: impl FnOnce()) -> String {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        measure();
        self.measure();
        let families = self.registry.gather();
        match exposition {
            Exposition::OpenMetrics => openmetrics::encode(&families, &self.all_exemplars()),
            Exposition::Text => {
                let mut out = Vec::new();
                if let Err(error) = TextEncoder::new().encode(&families, &mut out) {
                    return format!("# metrics cannot be written: {error}\n");
                }
                String::from_utf8_lossy(&out).into_owned()
            }
        }
    }

    /// All series in the text exposition format.
    #[must_use]
    pub fn render(&self) -> String {
        self.render_after(Exposition::Text, || ())
    }

    /// What is counted elsewhere.
    fn measure(&self) {
        let (used, limit) = self.tuples.size();
        self.families.series.set(gauge(used));
        self.families.series_limit.set(gauge(limit));
        let raise = |counter: &IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        for (family, left) in self.tuples.overflow() {
            raise(&self.families.overflow.with_label_values(&[family.row().name]), left);
        }
        for (level, count) in logging::messages() {
            raise(&self.families.log_messages.with_label_values(&[level.as_str()]), count);
        }
        raise(&self.families.panics, panics::count());
    }

    fn all_exemplars(&self) -> Exemplars {
        let mut exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.tuples.exemplars(&mut exemplars);
        exemplars
    }

    /// The uses of chains so far: gate, chain, user, kind, verdict, what enforcement would do, by what it is named, and how many.
    #[must_use]
    pub fn chain_uses(&self) -> Vec<([String; 7], u64)> {
        let in_order = |(labels, count): (Vec<String>, u64)| {
            let [gate, kind, verdict, would_be, via, chain, user] = <[String; 7]>::try_from(labels).ok()?;
            Some(([gate, chain, user, kind, verdict, would_be, via], count))
        };
        self.tuples.of(BoundedFamily::ChainUses).into_iter().filter_map(in_order).collect()
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A collector that is not `Clone` itself.
struct Shared<C>(Arc<C>);

impl<C> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Shared<C> {
    fn of(collector: C) -> Self {
        Self(Arc::new(collector))
    }
}

impl<C: Collector> Collector for Shared<C> {
    fn desc(&self) -> Vec<&prometheus::core::Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.0.collect()
    }
}
