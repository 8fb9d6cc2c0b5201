//! Every metric, declared once. One struct, built once and handed down; no global registry.

mod gate;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use strum::VariantArray;

use crate::gate::cache::EvictionCause;
use crate::iam::Origin;
use crate::observe::labels::Bounded;
use crate::observe::values::{BoundedLabel, CacheResult, Fetched, Outcome, ReloadResult, Reloaded};

pub use gate::{GateMetrics, SessionGuard};

/// Values that each label with values from clients or policies may have.
const LABEL_LIMIT: usize = 1000;

/// Seconds, from 100 ns to 100 ms.
const DECISION_BUCKETS: [f64; 13] =
    [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// Handles to every exported series. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    sessions_opened: IntCounterVec,
    sessions_closed: IntCounterVec,
    sessions_refused: IntCounterVec,
    statements: IntCounterVec,
    role_uses: IntCounterVec,
    chain_uses: IntCounterVec,
    chain_roles: HistogramVec,
    hops: IntCounterVec,
    verdicts: IntCounterVec,
    findings: IntCounterVec,
    rule_hits: IntCounterVec,
    decision_seconds: HistogramVec,
    statement_bytes: HistogramVec,
    cache_requests: IntCounterVec,
    facts_roles: IntGaugeVec,
    facts_accounts: IntGaugeVec,
    facts_age: GaugeVec,
    facts_fetches: IntCounterVec,
    facts_fetch_seconds: HistogramVec,
    cache_entries: IntGauge,
    cache_evictions: IntCounterVec,
    attached_roles: IntGaugeVec,
    attached_roles_quota: IntGaugeVec,
    reloads: IntCounterVec,
    reload_timestamp: GaugeVec,
    policy_info: IntGaugeVec,
    relayed_bytes: IntCounterVec,
    upstream_connect_seconds: HistogramVec,
    upstream_errors: IntCounterVec,
    cancels: IntCounterVec,
    tls_handshakes: IntCounterVec,
    audit_records: IntCounter,
    audit_dropped: IntCounter,
    audit_queue: IntGauge,
    chain: Bounded,
    user: Bounded,
    role: Bounded,
    rule: Bounded,
}

struct Maker(Registry);

impl Maker {
    #[expect(clippy::expect_used, reason = "names and labels are constants, and a test makes them all")]
    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("a valid metric");
        self.0.register(Box::new(made.clone())).expect("a metric of its own name");
        made
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn moments(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics; the series of closed label sets stand at zero.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table: every metric is declared here and nowhere else")]
    pub fn new() -> Self {
        let make = Maker(Registry::new());
        let registry = make.0.clone();
        make.register(Ok(Process(Arc::new(prometheus::process_collector::ProcessCollector::for_self()))));
        make.gauges("rolegate_build_info", "The running version; always 1.", &["version"])
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let overflow = make.counters(
            "rolegate_label_overflow_total",
            "Observations counted under \"other\" because the label has too many values.",
            &["label"],
        );
        let bounded =
            |label: BoundedLabel| Bounded::new(LABEL_LIMIT, overflow.with_label_values(&[label.as_str()]));
        let metrics = Self {
            registry,
            sessions_opened: make.counters("rolegate_sessions_opened_total", "Sessions opened.", &["gate"]),
            sessions_closed: make.counters(
                "rolegate_sessions_closed_total",
                "Sessions closed, by reason.",
                &["gate", "reason"],
            ),
            sessions_refused: make.counters(
                "rolegate_sessions_refused_total",
                "Connections refused before authentication, by reason.",
                &["gate", "reason"],
            ),
            statements: make.counters(
                "rolegate_statements_total",
                "Statements by kind and by what was done with them; ordinary messages count once, as kind \"other\".",
                &["gate", "kind", "verdict"],
            ),
            role_uses: make.counters(
                "rolegate_role_uses_total",
                "Credential clauses, by statement kind, credential method and verdict.",
                &["gate", "kind", "method", "verdict"],
            ),
            chain_uses: make.counters(
                "rolegate_chain_uses_total",
                "Uses of a role chain, by user, statement kind and verdict.",
                &["gate", "chain", "user", "kind", "verdict"],
            ),
            chain_roles: make.histograms(
                "rolegate_chain_roles",
                "Number of roles in a chain.",
                &["gate"],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0],
            ),
            hops: make.counters(
                "rolegate_hops_total",
                "Hops evaluated against the IAM facts, by result.",
                &["gate", "source", "target", "result"],
            ),
            verdicts: make.counters(
                "rolegate_verdicts_total",
                "Verdicts on statements: what enforcement would do, and what was done under the mode in force.",
                &["gate", "kind", "would_be", "action", "mode"],
            ),
            findings: make.counters(
                "rolegate_findings_total",
                "Findings, by code and severity.",
                &["gate", "code", "severity"],
            ),
            rule_hits: make.counters(
                "rolegate_rule_hits_total",
                "Organisation rules that applied, by effect.",
                &["gate", "rule", "effect"],
            ),
            decision_seconds: make.histograms(
                "rolegate_decision_seconds",
                "Time from the bytes of a message to its verdict, by where the verdict came from.",
                &["gate", "path"],
                &DECISION_BUCKETS,
            ),
            statement_bytes: make.histograms(
                "rolegate_statement_bytes",
                "Size of inspected messages.",
                &["gate"],
                &[64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 1_048_576.0, 16_777_216.0],
            ),
            cache_requests: make.counters(
                "rolegate_policy_cache_requests_total",
                "Policy cache lookups, by result.",
                &["result"],
            ),
            facts_roles: make.gauges("rolegate_facts_roles", "Roles in the IAM facts, by source.", &["source"]),
            facts_accounts: make.gauges(
                "rolegate_facts_accounts",
                "Accounts in the IAM facts, by source.",
                &["source"],
            ),
            facts_age: make.moments(
                "rolegate_facts_age_seconds",
                "Age of the oldest account in the IAM facts, by source.",
                &["source"],
            ),
            facts_fetches: make.counters(
                "rolegate_facts_fetches_total",
                "Background reads of IAM facts and of the cluster's groups, by result.",
                &["source", "result"],
            ),
            facts_fetch_seconds: make.histograms(
                "rolegate_facts_fetch_seconds",
                "Duration of background reads of IAM facts and of the cluster's groups.",
                &["source", "result"],
                &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0],
            ),
            cache_entries: make
                .register(IntGauge::new("rolegate_policy_cache_entries", "Verdicts in the policy caches, roughly.")),
            cache_evictions: make.counters(
                "rolegate_policy_cache_evictions_total",
                "Verdicts removed from the policy caches, by cause.",
                &["cause"],
            ),
            attached_roles: make.gauges("rolegate_attached_roles", "Roles attached to the cluster.", &["gate"]),
            attached_roles_quota: make.gauges(
                "rolegate_attached_roles_quota",
                "Number of roles that can be attached to the cluster.",
                &["gate"],
            ),
            reloads: make.counters("rolegate_reloads_total", "Reloads, by result.", &["what", "result"]),
            reload_timestamp: make.moments(
                "rolegate_reload_timestamp_seconds",
                "Unix time at which the last reload took effect.",
                &["what"],
            ),
            policy_info: make.gauges(
                "rolegate_policy_info",
                "The policy in force; always 1.",
                &["gate", "version", "mode"],
            ),
            relayed_bytes: make.counters(
                "rolegate_relayed_bytes_total",
                "Bytes relayed, by direction.",
                &["gate", "direction"],
            ),
            upstream_connect_seconds: make.histograms(
                "rolegate_upstream_connect_seconds",
                "Time to resolve, connect to and complete TLS with the backend.",
                &["gate"],
                &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            ),
            upstream_errors: make.counters(
                "rolegate_upstream_errors_total",
                "Failed connections to the backend, by reason.",
                &["gate", "reason"],
            ),
            cancels: make.counters("rolegate_cancels_total", "Cancel requests, by result.", &["gate", "result"]),
            tls_handshakes: make.counters(
                "rolegate_tls_handshakes_total",
                "TLS handshakes, by side and result.",
                &["gate", "side", "result"],
            ),
            audit_records: make.counter("rolegate_audit_records_total", "Audit records written."),
            audit_dropped: make.counter("rolegate_audit_dropped_total", "Audit records lost."),
            audit_queue: make
                .register(IntGauge::new("rolegate_audit_queue_records", "Audit records waiting to be written.")),
            chain: bounded(BoundedLabel::Chain),
            user: bounded(BoundedLabel::User),
            role: bounded(BoundedLabel::Role),
            rule: bounded(BoundedLabel::Rule),
        };
        metrics.start_closed_series();
        metrics
    }

    /// Puts the series of closed label sets that belong to no gate at zero.
    fn start_closed_series(&self) {
        for what in Reloaded::VARIANTS {
            for result in ReloadResult::VARIANTS {
                self.reloads.with_label_values(&[what.as_str(), result.as_str()]).inc_by(0);
            }
        }
        for result in CacheResult::VARIANTS {
            self.cache_requests.with_label_values(&[result.as_str()]).inc_by(0);
        }
        for cause in EvictionCause::VARIANTS {
            self.cache_evictions.with_label_values(&[cause.as_str()]).inc_by(0);
        }
        for source in Fetched::VARIANTS {
            for result in Outcome::VARIANTS {
                self.facts_fetches.with_label_values(&[source.as_str(), result.as_str()]).inc_by(0);
            }
        }
    }

    /// Shows what the facts of one source hold, and how old the oldest account is.
    pub fn facts(&self, source: Origin, roles: usize, accounts: usize, age: Duration) {
        let source = source.as_str();
        self.facts_roles.with_label_values(&[source]).set(gauge(roles));
        self.facts_accounts.with_label_values(&[source]).set(gauge(accounts));
        self.facts_age.with_label_values(&[source]).set(age.as_secs_f64());
    }

    /// Counts a background read that has ended.
    pub fn facts_fetched(&self, source: Fetched, result: Outcome, took: Duration) {
        let labels = [source.as_str(), result.as_str()];
        self.facts_fetches.with_label_values(&labels).inc();
        self.facts_fetch_seconds.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// Shows how many verdicts are cached.
    pub fn cache_entries(&self, entries: u64) {
        self.cache_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Counts a verdict that left a cache.
    pub fn cache_evicted(&self, cause: EvictionCause) {
        self.cache_evictions.with_label_values(&[cause.as_str()]).inc();
    }

    /// Counts a reload. `now` is the Unix time in seconds.
    pub fn reload(&self, what: Reloaded, result: ReloadResult, now: f64) {
        self.reloads.with_label_values(&[what.as_str(), result.as_str()]).inc();
        if result == ReloadResult::Applied {
            self.reload_timestamp.with_label_values(&[what.as_str()]).set(now);
        }
    }

    /// Counts an audit record that waits to be written.
    pub fn audit_queued(&self) {
        self.audit_queue.inc();
    }

    /// Counts an audit record that the writer has taken.
    pub fn audit_taken(&self) {
        self.audit_queue.dec();
    }

    /// Counts an audit record that is written.
    pub fn audit_written(&self) {
        self.audit_records.inc();
    }

    /// Counts an audit record that is lost.
    pub fn audit_dropped(&self) {
        self.audit_dropped.inc();
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

    /// The uses of chains so far: gate, chain, user, kind, verdict and how many.
    #[must_use]
    pub fn chain_uses(&self) -> Vec<([String; 5], u64)> {
        let families = self.chain_uses.collect();
        let uses = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric).map(|metric| {
            let label = |name: &str| {
                let found = metric.get_label().iter().find(|label| label.name() == name);
                found.map(|label| label.value().to_owned()).unwrap_or_default()
            };
            let labels = ["gate", "chain", "user", "kind", "verdict"].map(label);
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
