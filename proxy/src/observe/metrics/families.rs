//! The metric families: each is one row, and nothing else declares any.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Seconds, from 100 ns to 100 ms.
pub(super) const DECISION_BUCKETS: [f64; 19] = [
    1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2,
    5e-2, 1e-1,
];

/// Seconds that a cluster takes for a statement: to an hour, as loads last.
pub(super) const STATEMENT_BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 3600.0];

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

            /// Name, type and labels of each.
            #[cfg(test)]
            pub(super) fn described() -> Vec<(String, String, Vec<String>)> {
                let make = Maker(Registry::new());
                let describe = |made: &dyn Collector, kind: &str| {
                    let [description] = made.desc()[..] else { panic!("one description a family") };
                    let kind = ["Counter", "Gauge", "Histogram"].into_iter().find(|word| kind.contains(word)).unwrap();
                    (description.fq_name.clone(), kind.to_lowercase(), description.variable_labels.clone())
                };
                vec![$(describe(&make.$make($($argument),+), stringify!($type))),+]
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
    chain_roles: HistogramVec = histograms(
        "rolegate_chain_roles",
        "Number of roles in a chain.",
        &["gate"],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 10.0]
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
    unseen_statements: IntCounterVec = counters(
        "rolegate_unseen_statements_total",
        "Statements with roles in the cluster's own history that did not pass the gate, and roles that were assumed for none.",
        &["gate", "kind"]
    );
    catalog_readings: IntCounterVec = counters(
        "rolegate_catalog_readings_total",
        "Readings of the cluster's catalogue, by result.",
        &["gate", "result"]
    );
    catalog_read: GaugeVec = moments(
        "rolegate_catalog_read_timestamp_seconds",
        "Unix time of the last good reading of the cluster's catalogue.",
        &["gate"]
    );
    catalog_refresh: GaugeVec = moments(
        "rolegate_catalog_refresh_seconds",
        "How often the cluster's catalogue is to be read.",
        &["gate"]
    );
    catalog_objects: IntGaugeVec = gauges(
        "rolegate_catalog_objects",
        "Stored objects that keep or reach credentials, by kind.",
        &["gate", "kind"]
    );
    catalog_gaps: IntGaugeVec = gauges(
        "rolegate_catalog_gap",
        "Whether a system view could not be read in full, so that what it does not show is unknown: 0 or 1.",
        &["gate", "view"]
    );
    drifts: IntCounterVec = counters(
        "rolegate_catalog_drift_total",
        "Changes of stored credentials and of attached roles that no statement explains which passed the gate.",
        &["gate", "kind", "change"]
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
    sessions: IntGaugeVec = gauges(
        "rolegate_sessions",
        "Sessions now, by what they do.",
        &["gate", "state"]
    );
    most_held: IntGaugeVec = gauges(
        "rolegate_sessions_most_held",
        "Sessions of the user, and of the address, that has most of them.",
        &["gate", "holder"]
    );
    unauthenticated: IntGaugeVec = gauges(
        "rolegate_connections_unauthenticated",
        "Connections that the cluster has not let in yet.",
        &["gate"]
    );
    cancels_in_flight: IntGaugeVec = gauges(
        "rolegate_cancels_in_flight",
        "Cancel requests under way to the backend.",
        &["gate"]
    );
    limit: IntGaugeVec = gauges(
        "rolegate_limit",
        "Limits in force.",
        &["gate", "limit"]
    );
    logins: IntCounterVec = counters(
        "rolegate_logins_total",
        "Logins, by how the cluster answered them or why it did not.",
        &["gate", "result"]
    );
    certificates: GaugeVec = moments(
        "rolegate_tls_certificate_not_after_timestamp_seconds",
        "Unix time at which a certificate expires.",
        &["gate", "leg", "name"]
    );
    statement_outcomes: IntCounterVec = counters(
        "rolegate_statement_outcomes_total",
        "Judged statements that went to the cluster, by its answer.",
        &["gate", "kind", "outcome"]
    );
    statement_seconds: HistogramVec = histograms(
        "rolegate_statement_seconds",
        "Time from sending a message with judged statements to its answer.",
        &["gate", "outcome"],
        &STATEMENT_BUCKETS
    );
    config_info: IntGaugeVec = gauges(
        "rolegate_config_info",
        "The configuration in force, by a hash over its effective values; always 1.",
        &["version"]
    );
    build_info: IntGaugeVec = gauges(
        "rolegate_build_info",
        "The running program; always 1.",
        &["version", "commit", "rustc"]
    );
    panics: IntCounter = counter(
        "rolegate_panics_total",
        "Panics: each is a bug, and ends one session at most."
    );
    log_messages: IntCounterVec = counters(
        "rolegate_log_messages_total",
        "Messages of the log that its filter let through.",
        &["level"]
    );
    series: IntGauge = gauge(
        "rolegate_series",
        "Series in use of those that max_series bounds."
    );
    series_limit: IntGauge = gauge(
        "rolegate_series_limit",
        "Series that max_series allows."
    );
    overflow: IntCounterVec = counters(
        "rolegate_label_overflow_total",
        "Series that left for the one that is other, by the name of their family.",
        &["family"]
    );
}
