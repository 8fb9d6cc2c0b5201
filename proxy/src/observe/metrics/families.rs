//! The metric families: each is one row, and nothing else declares any.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Seconds, from 100 ns to 100 ms.
const DECISION_BUCKETS: [f64; 13] =
    [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// Registers what it makes.
pub(super) struct Maker(pub(super) Registry);

impl Maker {
    #[expect(clippy::expect_used, reason = "names and labels are constants, and a test makes them all")]
    pub(super) fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("a valid metric");
        self.0.register(Box::new(made.clone())).expect("a metric of its own name");
        made
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn moments(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
    }
}

macro_rules! families {
    ($($field:ident: $type:ident = $make:ident($($argument:expr),+);)+) => {
        /// Every family.
        #[derive(Clone, Debug)]
        pub(super) struct Families {
            $(pub(super) $field: $type,)+
        }

        impl Families {
            /// Makes and registers every family.
            pub(super) fn new(make: &Maker) -> Self {
                Self { $($field: make.$make($($argument),+),)+ }
            }
        }
    };
}

families! {
    sessions_opened: IntCounterVec = counters(
        "rolegate_sessions_opened_total",
        "Sessions opened.",
        &["gate"]
    );
    sessions_closed: IntCounterVec = counters(
        "rolegate_sessions_closed_total",
        "Sessions closed, by reason.",
        &["gate", "reason"]
    );
    sessions_refused: IntCounterVec = counters(
        "rolegate_sessions_refused_total",
        "Connections refused before authentication, by reason.",
        &["gate", "reason"]
    );
    statements: IntCounterVec = counters(
        "rolegate_statements_total",
        "Statements by kind and by what was done with them; ordinary messages count once, as kind \"other\".",
        &["gate", "kind", "verdict"]
    );
    role_uses: IntCounterVec = counters(
        "rolegate_role_uses_total",
        "Credential clauses, by statement kind, credential method and verdict.",
        &["gate", "kind", "method", "verdict"]
    );
    chain_uses: IntCounterVec = counters(
        "rolegate_chain_uses_total",
        "Uses of a role chain, by user, statement kind, what was done and what enforcement would do.",
        &["gate", "chain", "user", "kind", "verdict", "would_be"]
    );
    chain_roles: HistogramVec = histograms(
        "rolegate_chain_roles",
        "Number of roles in a chain.",
        &["gate"],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0]
    );
    hops: IntCounterVec = counters(
        "rolegate_hops_total",
        "Hops evaluated against the IAM facts, by result.",
        &["gate", "source", "target", "result"]
    );
    verdicts: IntCounterVec = counters(
        "rolegate_verdicts_total",
        "Verdicts on statements: what enforcement would do, and what was done under the mode in force.",
        &["gate", "kind", "would_be", "action", "mode"]
    );
    findings: IntCounterVec = counters(
        "rolegate_findings_total",
        "Findings, by code and severity.",
        &["gate", "code", "severity"]
    );
    exception_uses: IntCounterVec = counters(
        "rolegate_exception_uses_total",
        "Messages that an exception let through.",
        &["gate", "exception"]
    );
    exceptions: IntGaugeVec = gauges(
        "rolegate_exceptions",
        "Exceptions in force and over, by the days that are left.",
        &["days_left"]
    );
    break_glass: IntCounterVec = counters(
        "rolegate_break_glass_total",
        "Messages that only break-glass let through.",
        &["gate"]
    );
    rule_hits: IntCounterVec = counters(
        "rolegate_rule_hits_total",
        "Organisation rules that applied, by effect.",
        &["gate", "rule", "effect"]
    );
    decision_seconds: HistogramVec = histograms(
        "rolegate_decision_seconds",
        "Time from the bytes of a message to its verdict, by where the verdict came from.",
        &["gate", "path"],
        &DECISION_BUCKETS
    );
    statement_bytes: HistogramVec = histograms(
        "rolegate_statement_bytes",
        "Size of inspected messages.",
        &["gate"],
        &[64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 1_048_576.0, 16_777_216.0]
    );
    cache_requests: IntCounterVec = counters(
        "rolegate_policy_cache_requests_total",
        "Policy cache lookups, by result.",
        &["result"]
    );
    facts_roles: IntGaugeVec = gauges(
        "rolegate_facts_roles",
        "Roles in the IAM facts, by source.",
        &["source"]
    );
    facts_accounts: IntGaugeVec = gauges(
        "rolegate_facts_accounts",
        "Accounts in the IAM facts, by source.",
        &["source"]
    );
    facts_age: GaugeVec = moments(
        "rolegate_facts_age_seconds",
        "Age of the oldest account in the IAM facts, by source.",
        &["source"]
    );
    facts_read: GaugeVec = moments(
        "rolegate_facts_read_timestamp_seconds",
        "Unix time at which what is known of an account was taken from AWS: for a file that of the snapshot, not of its reading.",
        &["source", "account"]
    );
    facts_fetches: IntCounterVec = counters(
        "rolegate_facts_fetches_total",
        "Background reads of IAM facts and of the cluster's groups, by result.",
        &["source", "result"]
    );
    facts_fetch_seconds: HistogramVec = histograms(
        "rolegate_facts_fetch_seconds",
        "Duration of background reads of IAM facts and of the cluster's groups.",
        &["source", "result"],
        &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]
    );
    cache_entries: IntGauge = gauge(
        "rolegate_policy_cache_entries",
        "Verdicts in the policy caches, roughly."
    );
    cache_evictions: IntCounterVec = counters(
        "rolegate_policy_cache_evictions_total",
        "Verdicts removed from the policy caches, by cause.",
        &["cause"]
    );
    attached_roles: IntGaugeVec = gauges(
        "rolegate_attached_roles",
        "Roles attached to the cluster.",
        &["gate"]
    );
    attached_roles_quota: IntGaugeVec = gauges(
        "rolegate_attached_roles_quota",
        "Number of roles that can be attached to the cluster.",
        &["gate"]
    );
    reloads: IntCounterVec = counters(
        "rolegate_reloads_total",
        "Reloads, by result.",
        &["what", "result"]
    );
    reload_timestamp: GaugeVec = moments(
        "rolegate_reload_timestamp_seconds",
        "Unix time at which the last reload took effect.",
        &["what"]
    );
    reload_is_good: IntGauge = gauge(
        "rolegate_config_last_reload_successful",
        "1 if the configuration and the files it names were valid when last read, else 0."
    );
    restart_pending: IntGaugeVec = gauges(
        "rolegate_config_restart_pending",
        "1 for a key whose written value takes effect only after a restart.",
        &["key"]
    );
    policy_info: IntGaugeVec = gauges(
        "rolegate_policy_info",
        "The policy in force; always 1.",
        &["gate", "version", "mode"]
    );
    relayed_bytes: IntCounterVec = counters(
        "rolegate_relayed_bytes_total",
        "Bytes relayed, by direction.",
        &["gate", "direction"]
    );
    upstream_connect_seconds: HistogramVec = histograms(
        "rolegate_upstream_connect_seconds",
        "Time to resolve, connect to and complete TLS with the backend.",
        &["gate"],
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
    );
    upstream_errors: IntCounterVec = counters(
        "rolegate_upstream_errors_total",
        "Failed connections to the backend, by reason.",
        &["gate", "reason"]
    );
    cancels: IntCounterVec = counters(
        "rolegate_cancels_total",
        "Cancel requests, by result.",
        &["gate", "result"]
    );
    tls_handshakes: IntCounterVec = counters(
        "rolegate_tls_handshakes_total",
        "TLS handshakes, by side and result.",
        &["gate", "side", "result"]
    );
    audit_records: IntCounter = counter(
        "rolegate_audit_records_total",
        "Audit records written."
    );
    audit_dropped: IntCounter = counter(
        "rolegate_audit_dropped_total",
        "Audit records lost."
    );
    audit_failing: IntGauge = gauge(
        "rolegate_audit_failing",
        "Whether the audit cannot be written: 1 from the first failed write to the next good one."
    );
    audit_refused: IntCounter = counter(
        "rolegate_audit_refused_statements_total",
        "Messages with roles that were refused because the audit could not be written."
    );
    audit_folded: IntCounter = counter(
        "rolegate_audit_folded_total",
        "Refusals without an audit record of their own: one record stands for many alike."
    );
    audit_checkpoints: IntCounter = counter(
        "rolegate_audit_checkpoints_total",
        "Checkpoints of the audit written."
    );
    audit_files: IntCounterVec = counters(
        "rolegate_audit_files_total",
        "Files in which the audit went on after another one, by reason.",
        &["reason"]
    );
    audit_queue_limit: IntGauge = gauge(
        "rolegate_audit_queue_limit_records",
        "Audit records that may wait to be written."
    );
    audit_queue: IntGauge = gauge(
        "rolegate_audit_queue_records",
        "Audit records waiting to be written."
    );
    overflow: IntCounterVec = counters(
        "rolegate_label_overflow_total",
        "Observations counted under \"other\" because the label has too many values.",
        &["label"]
    );
    build_info: IntGaugeVec = gauges("rolegate_build_info", "The running version; always 1.", &["version"]);
}
