//! Every metric, declared once. One struct, built once and handed down; no global registry.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::observe::labels::Bounded;

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
    /// All metrics at zero.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table: every metric is declared here and nowhere else")]
    pub fn new() -> Self {
        let make = Maker(Registry::new());
        let registry = make.0.clone();
        make.register(Ok(Process(Arc::new(prometheus::process_collector::ProcessCollector::for_self()))));
        make.gauges("rolegate_build_info", "The running version.", &["version"])
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let overflow =
            make.counters("rolegate_label_overflow_total", "Label values that count under \"other\".", &["label"]);
        let bounded = |label: &str| Bounded::new(LABEL_LIMIT, overflow.with_label_values(&[label]));
        let metrics = Self {
            registry,
            sessions_opened: make.counters("rolegate_sessions_opened_total", "Sessions opened.", &["gate"]),
            sessions_closed: make.counters("rolegate_sessions_closed_total", "Sessions closed.", &["gate", "reason"]),
            sessions_refused: make.counters(
                "rolegate_sessions_refused_total",
                "Connections refused before authentication.",
                &["gate", "reason"],
            ),
            statements: make.counters(
                "rolegate_statements_total",
                "Query and Parse messages, and the judged statements in them.",
                &["gate", "kind", "verdict"],
            ),
            role_uses: make.counters(
                "rolegate_role_uses_total",
                "Credential clauses.",
                &["gate", "kind", "method", "verdict"],
            ),
            chain_uses: make.counters(
                "rolegate_chain_uses_total",
                "Uses of a role chain.",
                &["gate", "chain", "user", "kind", "verdict"],
            ),
            chain_roles: make.histograms(
                "rolegate_chain_roles",
                "Roles of a chain.",
                &["gate"],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0],
            ),
            hops: make.counters("rolegate_hops_total", "Evaluated hops.", &["gate", "source", "target", "result"]),
            findings: make.counters("rolegate_findings_total", "Findings.", &["gate", "code", "severity"]),
            rule_hits: make.counters("rolegate_rule_hits_total", "Rules that decided.", &["gate", "rule", "effect"]),
            decision_seconds: make.histograms(
                "rolegate_decision_seconds",
                "From the bytes of a statement to its verdict.",
                &["gate", "path"],
                &DECISION_BUCKETS,
            ),
            statement_bytes: make.histograms(
                "rolegate_statement_bytes",
                "Size of inspected statements.",
                &["gate"],
                &[64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 1_048_576.0, 16_777_216.0],
            ),
            cache_requests: make.counters(
                "rolegate_policy_cache_requests_total",
                "Verdicts asked of the policy cache.",
                &["result"],
            ),
            facts_roles: make.gauges("rolegate_facts_roles", "Roles in the IAM facts.", &["source"]),
            facts_accounts: make.gauges("rolegate_facts_accounts", "Accounts in the IAM facts.", &["source"]),
            facts_age: make.moments(
                "rolegate_facts_age_seconds",
                "How long ago the oldest account of the IAM facts was read.",
                &["source"],
            ),
            facts_fetches: make.counters(
                "rolegate_facts_fetches_total",
                "Fetches of IAM facts from AWS.",
                &["source", "result"],
            ),
            facts_fetch_seconds: make.histograms(
                "rolegate_facts_fetch_seconds",
                "How long fetches of IAM facts took.",
                &["source", "result"],
                &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0],
            ),
            cache_entries: make
                .register(IntGauge::new("rolegate_policy_cache_entries", "Verdicts in the policy caches, about.")),
            cache_evictions: make.counters(
                "rolegate_policy_cache_evictions_total",
                "Verdicts that left the policy caches.",
                &["cause"],
            ),
            attached_roles: make.gauges("rolegate_attached_roles", "Roles attached to the cluster.", &["gate"]),
            attached_roles_quota: make.gauges(
                "rolegate_attached_roles_quota",
                "Roles that may be attached to a cluster.",
                &["gate"],
            ),
            reloads: make.counters("rolegate_reloads_total", "Reloads.", &["what", "result"]),
            reload_timestamp: make.moments(
                "rolegate_reload_timestamp_seconds",
                "When the last reload took effect.",
                &["what"],
            ),
            policy_info: make.gauges("rolegate_policy_info", "The policy in force.", &["gate", "version", "mode"]),
            relayed_bytes: make.counters("rolegate_relayed_bytes_total", "Bytes relayed.", &["gate", "direction"]),
            upstream_connect_seconds: make.histograms(
                "rolegate_upstream_connect_seconds",
                "Name, TCP and TLS of the backend.",
                &["gate"],
                &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            ),
            upstream_errors: make.counters(
                "rolegate_upstream_errors_total",
                "Failed connections to the backend.",
                &["gate", "reason"],
            ),
            cancels: make.counters("rolegate_cancels_total", "Cancel requests.", &["gate", "result"]),
            tls_handshakes: make.counters(
                "rolegate_tls_handshakes_total",
                "TLS handshakes.",
                &["gate", "side", "result"],
            ),
            audit_records: make.counter("rolegate_audit_records_total", "Audit records written."),
            audit_dropped: make.counter("rolegate_audit_dropped_total", "Audit records lost."),
            audit_queue: make.register(IntGauge::new("rolegate_audit_queue_records", "Audit records waiting.")),
            chain: bounded("chain"),
            user: bounded("user"),
            role: bounded("role"),
            rule: bounded("rule"),
        };
        for result in ["applied", "refused"] {
            metrics.reloads.with_label_values(&["config", result]).inc_by(0);
        }
        for result in ["hit", "miss"] {
            metrics.cache_requests.with_label_values(&[result]).inc_by(0);
        }
        metrics
    }

    /// The series of one gate, those of closed label sets at zero.
    #[must_use]
    pub fn gate(&self, name: &str) -> GateMetrics {
        for reason in ["client", "upstream", "limit", "drain", "error"] {
            self.sessions_closed.with_label_values(&[name, reason]).inc_by(0);
        }
        for reason in ["tls", "limit_total", "limit_user", "limit_address", "limit_unauthenticated", "startup", "drain"]
        {
            self.sessions_refused.with_label_values(&[name, reason]).inc_by(0);
        }
        for verdict in ["forward", "annotate", "reject"] {
            self.statements.with_label_values(&[name, "other", verdict]).inc_by(0);
        }
        for result in ["hit", "miss"] {
            self.cache_requests.with_label_values(&[result]).inc_by(0);
        }
        for result in ["forwarded", "failed"] {
            self.cancels.with_label_values(&[name, result]).inc_by(0);
        }
        GateMetrics {
            gate: name.into(),
            sessions_opened: self.sessions_opened.with_label_values(&[name]),
            plain: self.statements.with_label_values(&[name, "other", "forward"]),
            scan: self.decision_seconds.with_label_values(&[name, "scan"]),
            cached: self.decision_seconds.with_label_values(&[name, "cached"]),
            cold: self.decision_seconds.with_label_values(&[name, "cold"]),
            statement_bytes: self.statement_bytes.with_label_values(&[name]),
            to_backend: self.relayed_bytes.with_label_values(&[name, "to_backend"]),
            to_frontend: self.relayed_bytes.with_label_values(&[name, "to_frontend"]),
            upstream_connect: self.upstream_connect_seconds.with_label_values(&[name]),
            open: Arc::default(),
            policy: Arc::default(),
            all: self.clone(),
        }
    }

    /// Shows what the facts of one source hold, and how old the oldest account is.
    pub fn facts(&self, source: &str, roles: usize, accounts: usize, age: Duration) {
        self.facts_roles.with_label_values(&[source]).set(gauge(roles));
        self.facts_accounts.with_label_values(&[source]).set(gauge(accounts));
        self.facts_age.with_label_values(&[source]).set(age.as_secs_f64());
    }

    /// A fetch of facts ended.
    pub fn facts_fetched(&self, source: &str, is_good: bool, took: Duration) {
        let labels = [source, if is_good { "ok" } else { "failed" }];
        self.facts_fetches.with_label_values(&labels).inc();
        self.facts_fetch_seconds.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// Shows how many verdicts are cached.
    pub fn cache_entries(&self, entries: u64) {
        self.cache_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// A verdict left a cache.
    pub fn cache_evicted(&self, cause: &str) {
        self.cache_evictions.with_label_values(&[cause]).inc();
    }

    /// Counts a reload. `now` is the Unix time in seconds.
    pub fn reload(&self, what: &str, applied: bool, now: f64) {
        self.reloads.with_label_values(&[what, if applied { "applied" } else { "refused" }]).inc();
        if applied {
            self.reload_timestamp.with_label_values(&[what]).set(now);
        }
    }

    /// A record waits.
    pub fn audit_queued(&self) {
        self.audit_queue.inc();
    }

    /// A record waits no more.
    pub fn audit_taken(&self) {
        self.audit_queue.dec();
    }

    /// A record is written.
    pub fn audit_written(&self) {
        self.audit_records.inc();
    }

    /// A record is lost.
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

/// The series of one gate; what an ordinary statement touches is looked up once, not per statement.
#[derive(Clone, Debug)]
pub struct GateMetrics {
    gate: Arc<str>,
    sessions_opened: IntCounter,
    plain: IntCounter,
    scan: Histogram,
    cached: Histogram,
    cold: Histogram,
    statement_bytes: Histogram,
    to_backend: IntCounter,
    to_frontend: IntCounter,
    upstream_connect: Histogram,
    open: Arc<AtomicUsize>,
    /// The labels of the policy that is shown.
    policy: Arc<RwLock<Option<(String, String)>>>,
    all: Metrics,
}

/// How a decision was come by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DecisionPath {
    /// The lexer met nothing to judge.
    Scan,
    /// From the policy cache.
    Cached,
    /// Judged anew.
    Cold,
}

impl GateMetrics {
    /// Counts a session as open until the guard is dropped.
    #[must_use]
    pub fn session_opened(&self) -> SessionGuard {
        self.sessions_opened.inc();
        self.open.fetch_add(1, Ordering::Relaxed);
        SessionGuard {
            gate: Arc::clone(&self.gate),
            open: Arc::clone(&self.open),
            closed: self.all.sessions_closed.clone(),
            reason: "error",
        }
    }

    /// Sessions that are open now.
    #[must_use]
    pub fn sessions_open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A connection is refused before authentication.
    pub fn session_refused(&self, reason: &str) {
        self.all.sessions_refused.with_label_values(&[&*self.gate, reason]).inc();
    }

    /// An ordinary statement, in which there was nothing to judge.
    pub fn plain_statement(&self, bytes: usize, took: Duration) {
        self.plain.inc();
        self.scan.observe(took.as_secs_f64());
        self.size(bytes);
    }

    fn size(&self, bytes: usize) {
        self.statement_bytes.observe(u32::try_from(bytes).map_or(f64::MAX, f64::from));
    }

    /// A message with something to judge: how the verdict was come by, how long it took, and its size.
    pub fn decision(&self, path: DecisionPath, took: Duration, bytes: usize) {
        self.size(bytes);
        let (histogram, result) = match path {
            DecisionPath::Scan => return self.scan.observe(took.as_secs_f64()),
            DecisionPath::Cached => (&self.cached, "hit"),
            DecisionPath::Cold => (&self.cold, "miss"),
        };
        histogram.observe(took.as_secs_f64());
        self.all.cache_requests.with_label_values(&[result]).inc();
    }

    /// A judged statement.
    pub fn statement(&self, kind: &str, verdict: &str) {
        self.all.statements.with_label_values(&[&*self.gate, kind, verdict]).inc();
    }

    /// A credential clause.
    pub fn role_use(&self, kind: &str, method: &str, verdict: &str) {
        self.all.role_uses.with_label_values(&[&*self.gate, kind, method, verdict]).inc();
    }

    /// A use of a chain, given as account and name of each role.
    pub fn chain_use(&self, roles: &[(&str, &str)], user: &str, kind: &str, verdict: &str) {
        let chain: Vec<String> = roles.iter().map(|(account, name)| format!("{account}/{name}")).collect();
        let chain = chain.join(">");
        let (chain, user) = (self.all.chain.admit(&chain), self.all.user.admit(user));
        self.all.chain_uses.with_label_values(&[&*self.gate, chain, user, kind, verdict]).inc();
        let count = u32::try_from(roles.len()).unwrap_or(u32::MAX);
        self.all.chain_roles.with_label_values(&[&*self.gate]).observe(f64::from(count));
    }

    /// An evaluated hop.
    pub fn hop(&self, source: &str, target: &str, result: &str) {
        let (source, target) = (self.all.role.admit(source), self.all.role.admit(target));
        self.all.hops.with_label_values(&[&*self.gate, source, target, result]).inc();
    }

    /// A finding.
    pub fn finding(&self, code: &str, severity: &str) {
        self.all.findings.with_label_values(&[&*self.gate, code, severity]).inc();
    }

    /// A rule that decided.
    pub fn rule_hit(&self, rule: &str, effect: &str) {
        let rule = self.all.rule.admit(rule);
        self.all.rule_hits.with_label_values(&[&*self.gate, rule, effect]).inc();
    }

    /// Bytes to the backend.
    pub fn relayed_to_backend(&self, bytes: usize) {
        self.to_backend.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Bytes to the frontend.
    pub fn relayed_to_frontend(&self, bytes: usize) {
        self.to_frontend.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The backend was reached.
    pub fn upstream_connect(&self, took: Duration) {
        self.upstream_connect.observe(took.as_secs_f64());
    }

    /// The backend was not reached.
    pub fn upstream_error(&self, reason: &str) {
        self.all.upstream_errors.with_label_values(&[&*self.gate, reason]).inc();
    }

    /// A cancel request.
    pub fn cancel(&self, result: &str) {
        self.all.cancels.with_label_values(&[&*self.gate, result]).inc();
    }

    /// A TLS handshake on `side`, `frontend` or `backend`.
    pub fn tls_handshake(&self, side: &str, result: &str) {
        self.all.tls_handshakes.with_label_values(&[&*self.gate, side, result]).inc();
    }

    /// Shows the policy in force instead of the one before.
    pub fn policy_info(&self, version: &str, mode: &str) {
        let mut shown = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, mode)) = shown.take() {
            // Absent already is as good.
            let _absent = self.all.policy_info.remove_label_values(&[&*self.gate, version.as_str(), mode.as_str()]);
        }
        self.all.policy_info.with_label_values(&[&*self.gate, version, mode]).set(1);
        *shown = Some((version.to_owned(), mode.to_owned()));
    }

    /// The version of the policy in force.
    #[must_use]
    pub fn policy_version(&self) -> String {
        let shown = self.policy.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|(version, _mode)| version.clone()).unwrap_or_default()
    }

    /// Roles attached to the cluster, and how many may be.
    pub fn attached_roles(&self, attached: usize, quota: usize) {
        self.all.attached_roles.with_label_values(&[&*self.gate]).set(gauge(attached));
        self.all.attached_roles_quota.with_label_values(&[&*self.gate]).set(gauge(quota));
    }
}

/// An open session.
#[derive(Debug)]
pub struct SessionGuard {
    gate: Arc<str>,
    open: Arc<AtomicUsize>,
    closed: IntCounterVec,
    reason: &'static str,
}

impl SessionGuard {
    /// Says why the session ended.
    pub fn set_reason(&mut self, reason: &'static str) {
        self.reason = reason;
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.with_label_values(&[&*self.gate, self.reason]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_label_sets_start_at_zero() {
        let metrics = Metrics::new();
        let _gate = metrics.gate("g");
        let text = metrics.render();
        for line in [
            "rolegate_sessions_opened_total{gate=\"g\"} 0",
            "rolegate_sessions_closed_total{gate=\"g\",reason=\"drain\"} 0",
            "rolegate_statements_total{gate=\"g\",kind=\"other\",verdict=\"reject\"} 0",
            "rolegate_audit_dropped_total 0",
            "rolegate_label_overflow_total{label=\"chain\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn sessions_and_chains_are_counted() {
        let metrics = Metrics::new();
        let gate = metrics.gate("g");
        let mut guard = gate.session_opened();
        assert_eq!(gate.sessions_open(), 1);
        guard.set_reason("client");
        drop(guard);
        assert_eq!(gate.sessions_open(), 0);
        gate.chain_use(&[("1", "A"), ("2", "B")], "etl", "copy", "forward");
        let text = metrics.render();
        assert!(text.contains("rolegate_sessions_closed_total{gate=\"g\",reason=\"client\"} 1"), "{text}");
        let labels = ["g", "1/A>2/B", "etl", "copy", "forward"].map(str::to_owned);
        assert_eq!(metrics.chain_uses(), [(labels, 1)]);
    }

    #[test]
    fn one_policy_is_shown_for_a_gate() {
        let metrics = Metrics::new();
        let gate = metrics.gate("g");
        gate.policy_info("v1", "enforce");
        gate.policy_info("v2", "shadow");
        let text = metrics.render();
        assert!(!text.contains("v1") && text.contains("mode=\"shadow\",version=\"v2\""), "{text}");
    }
}
