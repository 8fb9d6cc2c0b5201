//! The series of one gate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec};
use strum::VariantArray;

use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::verdict::HopResult;
use crate::net::backend::BackendFailure;
use crate::observe::metrics::{Metrics, gauge};
use crate::observe::values::{CacheResult, CancelResult, Direction, Leg, Outcome, SessionEnd, SessionRefusal};
use crate::rules::RuleEffect;
use crate::sql::{MethodKind, StatementKind};

/// The kind under which messages count that had nothing to judge.
const ORDINARY: &str = "other";

/// The series of one gate. What an ordinary statement touches is looked up once, not per statement.
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
    policy: Arc<RwLock<Option<(String, Mode)>>>,
    all: Metrics,
}

impl Metrics {
    /// The series of one gate, those of closed label sets at zero.
    #[must_use]
    pub fn gate(&self, name: &str) -> GateMetrics {
        self.start_session_series(name);
        self.start_verdict_series(name);
        let decision = |path: DecisionPath| self.families.decision_seconds.with_label_values(&[name, path.as_str()]);
        let bytes = |direction: Direction| self.families.relayed_bytes.with_label_values(&[name, direction.as_str()]);
        GateMetrics {
            gate: name.into(),
            sessions_opened: self.families.sessions_opened.with_label_values(&[name]),
            plain: self.families.statements.with_label_values(&[name, ORDINARY, Action::Forward.as_str()]),
            scan: decision(DecisionPath::Scan),
            cached: decision(DecisionPath::Cached),
            cold: decision(DecisionPath::Cold),
            statement_bytes: self.families.statement_bytes.with_label_values(&[name]),
            to_backend: bytes(Direction::ToBackend),
            to_frontend: bytes(Direction::ToFrontend),
            upstream_connect: self.families.upstream_connect_seconds.with_label_values(&[name]),
            open: Arc::default(),
            policy: Arc::default(),
            all: self.clone(),
        }
    }

    fn start_session_series(&self, gate: &str) {
        for reason in SessionEnd::VARIANTS {
            self.families.sessions_closed.with_label_values(&[gate, reason.as_str()]).inc_by(0);
        }
        for reason in SessionRefusal::VARIANTS {
            self.families.sessions_refused.with_label_values(&[gate, reason.as_str()]).inc_by(0);
        }
        for result in CancelResult::VARIANTS {
            self.families.cancels.with_label_values(&[gate, result.as_str()]).inc_by(0);
        }
        for failure in BackendFailure::VARIANTS {
            self.families.upstream_errors.with_label_values(&[gate, failure.as_str()]).inc_by(0);
        }
        for (side, result) in product(Leg::VARIANTS, Outcome::VARIANTS) {
            self.families.tls_handshakes.with_label_values(&[gate, side.as_str(), result.as_str()]).inc_by(0);
        }
    }

    fn start_verdict_series(&self, gate: &str) {
        self.families.break_glass.with_label_values(&[gate]).inc_by(0);
        for action in Action::VARIANTS {
            self.families.statements.with_label_values(&[gate, ORDINARY, action.as_str()]).inc_by(0);
        }
        for (kind, would_be) in product(StatementKind::VARIANTS, Action::VARIANTS) {
            let (kind, word) = (kind.as_str(), would_be.as_str());
            self.families.statements.with_label_values(&[gate, kind, word]).inc_by(0);
            for mode in Mode::VARIANTS {
                let labels = [gate, kind, word, mode.action(*would_be).as_str(), mode.as_str()];
                self.families.verdicts.with_label_values(&labels).inc_by(0);
            }
            for method in MethodKind::VARIANTS {
                self.families.role_uses.with_label_values(&[gate, kind, method.as_str(), word]).inc_by(0);
            }
        }
        for (code, severity) in product(Code::VARIANTS, Severity::VARIANTS) {
            self.families.findings.with_label_values(&[gate, code.as_str(), severity.as_str()]).inc_by(0);
        }
    }
}

fn product<'a, A, B>(all: &'a [A], others: &'a [B]) -> impl Iterator<Item = (&'a A, &'a B)> {
    all.iter().flat_map(move |one| others.iter().map(move |other| (one, other)))
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
            closed: self.all.families.sessions_closed.clone(),
            reason: SessionEnd::Error,
        }
    }

    /// Sessions that are open now.
    #[must_use]
    pub fn sessions_open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a connection that is refused before authentication.
    pub fn session_refused(&self, reason: SessionRefusal) {
        self.all.families.sessions_refused.with_label_values(&[&*self.gate, reason.as_str()]).inc();
    }

    /// Counts an ordinary message, in which there was nothing to judge.
    pub fn plain_statement(&self, bytes: usize, took: Duration) {
        self.plain.inc();
        self.scan.observe(took.as_secs_f64());
        self.size(bytes);
    }

    fn size(&self, bytes: usize) {
        self.statement_bytes.observe(u32::try_from(bytes).map_or(f64::MAX, f64::from));
    }

    /// Counts a message with something to judge: where its verdict came from, how long it took, and the message's size.
    pub fn decision(&self, path: DecisionPath, took: Duration, bytes: usize) {
        self.size(bytes);
        let (histogram, result) = match path {
            DecisionPath::Scan => return self.scan.observe(took.as_secs_f64()),
            DecisionPath::Cached => (&self.cached, CacheResult::Hit),
            DecisionPath::Cold => (&self.cold, CacheResult::Miss),
        };
        histogram.observe(took.as_secs_f64());
        self.all.families.cache_requests.with_label_values(&[result.as_str()]).inc();
    }

    /// Counts a judged statement by what was done with it.
    pub fn statement(&self, kind: StatementKind, action: Action) {
        self.all.families.statements.with_label_values(&[&*self.gate, kind.as_str(), action.as_str()]).inc();
    }

    /// Counts the two faces of a statement's verdict.
    pub fn verdict(&self, kind: StatementKind, would_be: Action, action: Action, mode: Mode) {
        let labels = [&*self.gate, kind.as_str(), would_be.as_str(), action.as_str(), mode.as_str()];
        self.all.families.verdicts.with_label_values(&labels).inc();
    }

    /// Counts a credential clause.
    pub fn role_use(&self, kind: StatementKind, method: MethodKind, action: Action) {
        let labels = [&*self.gate, kind.as_str(), method.as_str(), action.as_str()];
        self.all.families.role_uses.with_label_values(&labels).inc();
    }

    /// Counts a use of a chain, given as account and name of each role.
    pub fn chain_use(
        &self,
        roles: &[(&str, &str)],
        user: &str,
        kind: StatementKind,
        (would_be, action): (Action, Action),
    ) {
        let chain: Vec<String> = roles.iter().map(|(account, name)| format!("{account}/{name}")).collect();
        let chain = chain.join(">");
        let (chain, user) = (self.all.chain.admit(&chain), self.all.user.admit(user));
        self.all
            .families
            .chain_uses
            .with_label_values(&[&*self.gate, chain, user, kind.as_str(), action.as_str(), would_be.as_str()])
            .inc();
        let count = u32::try_from(roles.len()).unwrap_or(u32::MAX);
        self.all.families.chain_roles.with_label_values(&[&*self.gate]).observe(f64::from(count));
    }

    /// Counts an evaluated hop.
    pub fn hop(&self, source: &str, target: &str, result: HopResult) {
        let (source, target) = (self.all.role.admit(source), self.all.role.admit(target));
        self.all.families.hops.with_label_values(&[&*self.gate, source, target, result.as_str()]).inc();
    }

    /// Counts a finding.
    pub fn finding(&self, code: Code, severity: Severity) {
        self.all.families.findings.with_label_values(&[&*self.gate, code.as_str(), severity.as_str()]).inc();
    }

    /// Counts a rule that applied.
    pub fn rule_hit(&self, rule: &str, effect: RuleEffect) {
        let rule = self.all.rule.admit(rule);
        self.all.families.rule_hits.with_label_values(&[&*self.gate, rule, effect.into()]).inc();
    }

    /// Counts a message that an exception let through.
    pub fn exception_used(&self, exception: &str) {
        let exception = self.all.exception.admit(exception);
        self.all.families.exception_uses.with_label_values(&[&*self.gate, exception]).inc();
    }

    /// Counts a message that only break-glass let through.
    pub fn glass_broken(&self) {
        self.all.families.break_glass.with_label_values(&[&*self.gate]).inc();
    }

    /// Counts bytes sent to the backend.
    pub fn relayed_to_backend(&self, bytes: usize) {
        self.to_backend.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts bytes sent to the frontend.
    pub fn relayed_to_frontend(&self, bytes: usize) {
        self.to_frontend.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Records how long it took to reach the backend.
    pub fn upstream_connect(&self, took: Duration) {
        self.upstream_connect.observe(took.as_secs_f64());
    }

    /// Counts a backend that was not reached.
    pub fn upstream_error(&self, reason: BackendFailure) {
        self.all.families.upstream_errors.with_label_values(&[&*self.gate, reason.as_str()]).inc();
    }

    /// Counts a cancel request.
    pub fn cancel(&self, result: CancelResult) {
        self.all.families.cancels.with_label_values(&[&*self.gate, result.as_str()]).inc();
    }

    /// Counts a TLS handshake.
    pub fn tls_handshake(&self, side: Leg, result: Outcome) {
        self.all.families.tls_handshakes.with_label_values(&[&*self.gate, side.as_str(), result.as_str()]).inc();
    }

    /// Shows the policy in force instead of the one before.
    pub fn policy_info(&self, version: &str, mode: Mode) {
        let mut shown = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, mode)) = shown.take() {
            // A series that is already gone needs no removing.
            let _absent = self.all.families.policy_info.remove_label_values(&[&*self.gate, &version, mode.as_str()]);
        }
        self.all.families.policy_info.with_label_values(&[&*self.gate, version, mode.as_str()]).set(1);
        *shown = Some((version.to_owned(), mode));
    }

    /// The version of the policy in force.
    #[must_use]
    pub fn policy_version(&self) -> String {
        let shown = self.policy.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|(version, _mode)| version.clone()).unwrap_or_default()
    }

    /// Shows how many roles are attached to the cluster, and how many may be.
    pub fn attached_roles(&self, attached: usize, quota: usize) {
        self.all.families.attached_roles.with_label_values(&[&*self.gate]).set(gauge(attached));
        self.all.families.attached_roles_quota.with_label_values(&[&*self.gate]).set(gauge(quota));
    }
}

/// An open session.
#[derive(Debug)]
pub struct SessionGuard {
    gate: Arc<str>,
    open: Arc<AtomicUsize>,
    closed: IntCounterVec,
    reason: SessionEnd,
}

impl SessionGuard {
    /// Says why the session ended.
    pub fn set_reason(&mut self, reason: SessionEnd) {
        self.reason = reason;
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.with_label_values(&[&*self.gate, self.reason.as_str()]).inc();
    }
}
