//! Every metric, declared once. One struct, built once and handed down; no global registry.

mod families;
mod gate;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Encoder, Registry, TextEncoder};
use strum::VariantArray;

use crate::chain::AccountId;
use crate::gate::cache::EvictionCause;
use crate::iam::Origin;
use crate::observe::labels::Bounded;
use crate::observe::metrics::families::{Families, Maker};
use crate::observe::values::{BoundedLabel, CacheResult, DaysLeft, Fetched, NewFile, Outcome, ReloadResult, Reloaded};

pub use gate::{GateMetrics, SessionGuard};

/// Values that each label with values from clients or policies may have.
const LABEL_LIMIT: usize = 1000;

/// Handles to every exported series. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    chain: Bounded,
    user: Bounded,
    role: Bounded,
    rule: Bounded,
    /// The accounts whose age is shown.
    accounts: Arc<Mutex<BTreeSet<(Origin, AccountId)>>>,
    exception: Bounded,
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
        let make = Maker(Registry::new());
        make.register(Ok(Process(Arc::new(prometheus::process_collector::ProcessCollector::for_self()))));
        let families = Families::new(&make);
        families.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let bounded =
            |label: BoundedLabel| Bounded::new(LABEL_LIMIT, families.overflow.with_label_values(&[label.as_str()]));
        let metrics = Self {
            chain: bounded(BoundedLabel::Chain),
            user: bounded(BoundedLabel::User),
            role: bounded(BoundedLabel::Role),
            rule: bounded(BoundedLabel::Rule),
            accounts: Arc::default(),
            exception: bounded(BoundedLabel::Exception),
            registry: make.0,
            families,
        };
        metrics.start_closed_series();
        metrics
    }

    /// Puts the series of closed label sets that belong to no gate at zero.
    fn start_closed_series(&self) {
        self.reload_is_good(true);
        self.exceptions(std::iter::empty());
        for what in Reloaded::VARIANTS {
            for result in ReloadResult::VARIANTS {
                self.families.reloads.with_label_values(&[what.as_str(), result.as_str()]).inc_by(0);
            }
        }
        for result in CacheResult::VARIANTS {
            self.families.cache_requests.with_label_values(&[result.as_str()]).inc_by(0);
        }
        for reason in NewFile::VARIANTS {
            self.families.audit_files.with_label_values(&[reason.as_str()]).inc_by(0);
        }
        for cause in EvictionCause::VARIANTS {
            self.families.cache_evictions.with_label_values(&[cause.as_str()]).inc_by(0);
        }
        for source in Fetched::VARIANTS {
            for result in Outcome::VARIANTS {
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
    pub fn facts_fetched(&self, source: Fetched, result: Outcome, took: Duration) {
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
    pub fn audit_file(&self, reason: NewFile) {
        self.families.audit_files.with_label_values(&[reason.as_str()]).inc();
    }

    /// All series in the text exposition format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            return format!("# metrics cannot be written: {error}\n");
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The uses of chains so far: gate, chain, user, kind, verdict, what enforcement would do, and how many.
    #[must_use]
    pub fn chain_uses(&self) -> Vec<([String; 6], u64)> {
        let families = self.families.chain_uses.collect();
        let uses = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric).map(|metric| {
            let label = |name: &str| {
                let found = metric.get_label().iter().find(|label| label.name() == name);
                found.map(|label| label.value().to_owned()).unwrap_or_default()
            };
            let labels = ["gate", "chain", "user", "kind", "verdict", "would_be"].map(label);
            // Counters of this family are whole numbers.
            let count = metric.get_counter().get_value().round();
            (labels, format!("{count}").parse().unwrap_or_default())
        });
        uses.collect()
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The process collector, which is not `Clone` itself.
#[derive(Clone)]
struct Process(Arc<prometheus::process_collector::ProcessCollector>);

impl Collector for Process {
    fn desc(&self) -> Vec<&prometheus::core::Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.0.collect()
    }
}
