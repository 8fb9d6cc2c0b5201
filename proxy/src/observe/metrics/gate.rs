//! The series of one gate.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::{Histogram, IntCounter};
use strum::VariantArray;

use crate::catalog::{DriftChange, ObjectKind, SystemView, Via};
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::verdict::HopResult;
use crate::net::backend::BackendFailure;
use crate::observe::metrics::exemplars::{Exemplar, SeriesName};
use crate::observe::metrics::families::{DECISION_BUCKETS, STATEMENT_BUCKETS};
use crate::observe::metrics::tuples::{BoundedFamily, Half, NONE, UNKNOWN};
use crate::observe::metrics::{FactsSay, Metrics, SessionGuard, SessionStates, gauge};
use crate::observe::values::{
    AttemptResult, CacheResult, CancelResult, Direction, Holder, Leg, LimitKind, LoginResult, SessionEnd,
    SessionRefusal, StatementOutcome,
};
use crate::rules::RuleEffect;
use crate::sql::{MethodKind, StatementKind};

/// The kind under which messages count that had nothing to judge.
const ORDINARY: &str = "other";

/// The name of the certificate that the cluster shows.
const SERVER: &str = "server";

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
    states: SessionStates,
    /// The certificates that are shown.
    certificates: Arc<Mutex<HashSet<(Leg, String)>>>,
    /// The exceptions that are shown.
    exceptions: Arc<Mutex<HashSet<String>>>,
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
            states: SessionStates::default(),
            certificates: Arc::default(),
            exceptions: Arc::default(),
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
        for result in LoginResult::VARIANTS {
            self.families.logins.with_label_values(&[gate, result.as_str()]).inc_by(0);
        }
        for result in CancelResult::VARIANTS {
            self.families.cancels.with_label_values(&[gate, result.as_str()]).inc_by(0);
        }
        for failure in BackendFailure::VARIANTS {
            self.families.upstream_errors.with_label_values(&[gate, failure.as_str()]).inc_by(0);
        }
        for (side, result) in product(Leg::VARIANTS, AttemptResult::VARIANTS) {
            self.families.tls_handshakes.with_label_values(&[gate, side.as_str(), result.as_str()]).inc_by(0);
        }
    }

    fn start_verdict_series(&self, gate: &str) {
        self.families.break_glass.with_label_values(&[gate]).inc_by(0);
        for kind in StatementKind::VARIANTS {
            self.families.unseen_statements.with_label_values(&[gate, kind.as_str()]).inc_by(0);
        }
        for result in AttemptResult::VARIANTS {
            self.families.catalog_readings.with_label_values(&[gate, result.as_str()]).inc_by(0);
        }
        for (kind, change) in product(ObjectKind::VARIANTS, DriftChange::VARIANTS) {
            self.families.drifts.with_label_values(&[gate, kind.as_str(), change.as_str()]).inc_by(0);
        }
        for action in Action::VARIANTS {
            self.families.statements.with_label_values(&[gate, ORDINARY, action.as_str()]).inc_by(0);
        }
        for outcome in StatementOutcome::VARIANTS {
            let _at_zero = self.families.statement_seconds.with_label_values(&[gate, outcome.as_str()]);
        }
        for (kind, outcome) in product(StatementKind::VARIANTS, StatementOutcome::VARIANTS) {
            self.families.statement_outcomes.with_label_values(&[gate, kind.as_str(), outcome.as_str()]).inc_by(0);
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
    /// Counts the session of this number as open until the guard is dropped.
    #[must_use]
    pub fn session_opened(&self, session: u64) -> SessionGuard {
        self.sessions_opened.inc();
        SessionGuard::open(&self.gate, session, &self.states, &self.all.families.sessions_closed)
    }

    /// Sessions that are open now.
    #[must_use]
    pub fn sessions_open(&self) -> usize {
        self.states.open()
    }

    /// Brings the numbers of sessions by state up to date.
    pub fn measure_sessions(&self) {
        for (state, sessions) in self.states.census() {
            self.all.families.sessions.with_label_values(&[&*self.gate, state.as_str()]).set(gauge(sessions));
        }
    }

    /// Shows how many sessions whoever has most of them has.
    pub fn most_held(&self, holder: Holder, sessions: usize) {
        self.all.families.most_held.with_label_values(&[&*self.gate, holder.as_str()]).set(gauge(sessions));
    }

    /// Shows connections that the cluster has not let in, and cancel requests under way.
    pub fn in_flight(&self, unauthenticated: usize, cancels: usize) {
        self.all.families.unauthenticated.with_label_values(&[&*self.gate]).set(gauge(unauthenticated));
        self.all.families.cancels_in_flight.with_label_values(&[&*self.gate]).set(gauge(cancels));
    }

    /// Shows a limit; `None`: there is none.
    pub fn limit(&self, limit: LimitKind, most: Option<usize>) {
        let labels = [&*self.gate, limit.as_str()];
        match most {
            Some(most) => self.all.families.limit.with_label_values(&labels).set(gauge(most)),
            // A series that is not there needs no removing.
            None => _ = self.all.families.limit.remove_label_values(&labels),
        }
    }

    /// Shows when certificates expire, in Unix seconds, by leg and name, in place of those that were shown before. The cluster's own is
    /// none of them: it is shown until there is no TLS to the cluster any more.
    pub fn certificates<'a>(&self, all: impl Iterator<Item = (Leg, &'a str, f64)>, has_server: bool) {
        let mut shown = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *shown);
        if !has_server {
            gone.insert((Leg::Backend, SERVER.to_owned()));
        }
        for (leg, name, not_after) in all {
            self.all.families.certificates.with_label_values(&[&*self.gate, leg.as_str(), name]).set(not_after);
            gone.remove(&(leg, name.to_owned()));
            shown.insert((leg, name.to_owned()));
        }
        for (leg, name) in gone {
            // A series that is not there needs no removing.
            _ = self.all.families.certificates.remove_label_values(&[&*self.gate, leg.as_str(), &name]);
        }
    }

    /// Shows when the certificate expires that the cluster shows, in Unix seconds.
    pub fn server_certificate(&self, not_after: f64) {
        let labels = [&*self.gate, Leg::Backend.as_str(), SERVER];
        self.all.families.certificates.with_label_values(&labels).set(not_after);
    }

    /// Counts how a login went.
    pub fn login(&self, result: LoginResult) {
        self.all.families.logins.with_label_values(&[&*self.gate, result.as_str()]).inc();
    }

    /// The cluster lets a user in, or reports it as the session's.
    pub fn let_in(&self, user: &str) {
        self.all.vouched.let_in(user);
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

    /// Counts a message with something to judge: where its verdict came from, how long it took, the message's size, and the id of the
    /// decision.
    pub fn decision(&self, path: DecisionPath, took: Duration, bytes: usize, id: Option<&Arc<str>>) {
        self.size(bytes);
        let (histogram, result) = match path {
            DecisionPath::Scan => return self.scan.observe(took.as_secs_f64()),
            DecisionPath::Cached => (&self.cached, CacheResult::Hit),
            DecisionPath::Cold => (&self.cold, CacheResult::Miss),
        };
        histogram.observe(took.as_secs_f64());
        self.all.families.cache_requests.with_label_values(&[result.as_str()]).inc();
        self.exemplar(("rolegate_decision_seconds", &DECISION_BUCKETS), ("path", path.as_str()), took, id);
    }

    /// Counts how a judged statement went at the cluster, after how long. Where it carried out chains at a gate without facts, they have
    /// a name from now on.
    pub fn statement_outcome(
        &self,
        kind: StatementKind,
        outcome: StatementOutcome,
        took: Duration,
        chains: &[String],
        id: Option<&Arc<str>>,
    ) {
        let labels = [&*self.gate, kind.as_str(), outcome.as_str()];
        self.all.families.statement_outcomes.with_label_values(&labels).inc();
        let histogram = self.all.families.statement_seconds.with_label_values(&[&*self.gate, outcome.as_str()]);
        histogram.observe(took.as_secs_f64());
        self.exemplar(("rolegate_statement_seconds", &STATEMENT_BUCKETS), ("outcome", outcome.as_str()), took, id);
        if outcome == StatementOutcome::Completed {
            for chain in chains {
                self.all.vouched.carried_out(chain);
            }
        }
    }

    /// Keeps the id of what a histogram with these buckets has observed.
    fn exemplar(
        &self,
        (family, buckets): (&str, &[f64]),
        (label, word): (&str, &str),
        took: Duration,
        id: Option<&Arc<str>>,
    ) {
        let Some(id) = id else { return };
        let value = took.as_secs_f64();
        let bucket = buckets.partition_point(|bound| *bound < value);
        let series = SeriesName::of(family, [("gate", &*self.gate), (label, word)].into_iter());
        let exemplar = Exemplar { id: Arc::clone(id), value, at: Timestamp::now() };
        self.all.exemplars.lock().unwrap_or_else(PoisonError::into_inner).put(series, Some(bucket), exemplar);
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

    /// Counts a use of a chain, which the statement names or reaches by a name, by what its statement's labels say.
    pub fn chain_use(&self, chain: &str, roles: usize, says: FactsSay, via: Via, of: &JudgedLabels<'_>) {
        let JudgedLabels { user, kind, would_be, action, .. } = *of;
        let closed = [&*self.gate, kind.as_str(), action.as_str(), would_be.as_str(), via.as_str()];
        let user = if self.all.vouched.names_user(user) { user } else { UNKNOWN };
        let half = half(would_be);
        self.all.tuples.count(BoundedFamily::ChainUses, half, &closed, &[self.name(chain, says), user], of.exemplar());
        let count = u32::try_from(roles).unwrap_or(u32::MAX);
        self.all.families.chain_roles.with_label_values(&[&*self.gate]).observe(f64::from(count));
    }

    /// The uses of chains so far, of all gates: see [`Metrics::chain_uses`].
    #[cfg(test)]
    pub(crate) fn chain_uses(&self) -> Vec<([String; 7], u64)> {
        self.all.chain_uses()
    }

    /// The name of a chain, if it has one.
    fn name<'a>(&self, chain: &'a str, says: FactsSay) -> &'a str {
        if self.all.vouched.names_chain(chain, says) { chain } else { UNKNOWN }
    }

    /// Counts an evaluated hop; `None` stands for a role that the facts do not hold.
    pub fn hop(&self, source: Option<&str>, target: Option<&str>, result: HopResult) {
        let half = if result == HopResult::Allowed { Half::Accepted } else { Half::Refused };
        let open = [source.unwrap_or(UNKNOWN), target.unwrap_or(UNKNOWN)];
        self.all.tuples.count(BoundedFamily::Hops, half, &[&*self.gate, result.as_str()], &open, None);
    }

    /// Counts a finding.
    pub fn finding(&self, code: Code, severity: Severity) {
        self.all.families.findings.with_label_values(&[&*self.gate, code.as_str(), severity.as_str()]).inc();
    }

    /// Counts findings of a code for which a statement is refused or would be: each once for each chain of the statement and each group.
    pub fn refusals(
        &self,
        code: Code,
        times: u64,
        chains: &[(String, FactsSay)],
        groups: &[String],
        of: &JudgedLabels<'_>,
    ) {
        let none = [NONE.to_owned()];
        let groups = if groups.is_empty() { &none } else { groups };
        let names: Vec<&str> = match chains {
            [] => vec![NONE],
            chains => chains.iter().map(|(chain, says)| self.name(chain, *says)).collect(),
        };
        let closed = [&*self.gate, code.as_str(), of.action.as_str()];
        for chain in names {
            for group in groups {
                let (family, open) = (BoundedFamily::Refusals, [chain, group]);
                self.all.tuples.count_times(times, family, Half::Refused, (&closed, &open), of.exemplar());
            }
        }
    }

    /// Counts a rule that applied.
    pub fn rule_hit(&self, rule: &str, effect: RuleEffect) {
        self.all.tuples.count(BoundedFamily::RuleHits, Half::Accepted, &[&*self.gate, effect.into()], &[rule], None);
    }

    /// Shows these exceptions, from zero, in place of those that were shown before.
    pub fn exceptions<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut shown = self.exceptions.lock().unwrap_or_else(PoisonError::into_inner);
        let now: HashSet<String> = ids.map(str::to_owned).collect();
        for id in shown.difference(&now) {
            // A series that is not there needs no removing.
            _ = self.all.families.exception_uses.remove_label_values(&[&*self.gate, id]);
        }
        for id in &now {
            self.all.families.exception_uses.with_label_values(&[&*self.gate, id]).inc_by(0);
        }
        *shown = now;
    }

    /// Counts a message that an exception let through.
    pub fn exception_used(&self, exception: &str) {
        self.all.families.exception_uses.with_label_values(&[&*self.gate, exception]).inc();
    }

    /// Counts a message that only break-glass let through.
    pub fn glass_broken(&self) {
        self.all.families.break_glass.with_label_values(&[&*self.gate]).inc();
    }

    /// Counts a statement that the cluster ran and that did not pass the gate.
    pub fn unseen(&self, kind: StatementKind) {
        self.all.families.unseen_statements.with_label_values(&[&*self.gate, kind.as_str()]).inc();
    }

    /// Shows how often the catalogue is to be read; `None`: it is not read any more, and nothing of it is shown.
    pub fn catalog_refresh(&self, every: Option<Duration>) {
        let families = &self.all.families;
        if let Some(every) = every {
            families.catalog_refresh.with_label_values(&[&*self.gate]).set(every.as_secs_f64());
            return;
        }
        // Series that are not there need no removing.
        _ = families.catalog_refresh.remove_label_values(&[&*self.gate]);
        _ = families.catalog_read.remove_label_values(&[&*self.gate]);
        for kind in ObjectKind::VARIANTS {
            _ = families.catalog_objects.remove_label_values(&[&*self.gate, kind.as_str()]);
        }
        for view in SystemView::VARIANTS {
            _ = families.catalog_gaps.remove_label_values(&[&*self.gate, view.as_str()]);
        }
    }

    /// Counts a reading of the catalogue.
    pub fn catalog_reading(&self, result: AttemptResult) {
        self.all.families.catalog_readings.with_label_values(&[&*self.gate, result.as_str()]).inc();
    }

    /// Shows when the catalogue was read, in Unix seconds, how many objects of a kind it has, and which views could not be read in full.
    pub fn catalog(&self, read_at: f64, objects: impl Fn(ObjectKind) -> usize, has_gap: impl Fn(SystemView) -> bool) {
        let families = &self.all.families;
        families.catalog_read.with_label_values(&[&*self.gate]).set(read_at);
        for kind in ObjectKind::VARIANTS {
            families.catalog_objects.with_label_values(&[&*self.gate, kind.as_str()]).set(gauge(objects(*kind)));
        }
        for view in SystemView::VARIANTS {
            families.catalog_gaps.with_label_values(&[&*self.gate, view.as_str()]).set(has_gap(*view).into());
        }
    }

    /// Counts a change of what the cluster stores that no statement explains which passed the gate.
    pub fn drifted(&self, kind: ObjectKind, change: DriftChange) {
        self.all.families.drifts.with_label_values(&[&*self.gate, kind.as_str(), change.as_str()]).inc();
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
    pub fn tls_handshake(&self, side: Leg, result: AttemptResult) {
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

/// What is the same for all that is counted of a judged statement.
#[derive(Clone, Copy, Debug)]
pub struct JudgedLabels<'a> {
    /// The database user.
    pub user: &'a str,
    /// What the statement is.
    pub kind: StatementKind,
    /// What enforcement would do with it.
    pub would_be: Action,
    /// What is done with it.
    pub action: Action,
    /// The id of its audit record.
    pub id: Option<&'a Arc<str>>,
}

impl JudgedLabels<'_> {
    fn exemplar(&self) -> Option<Exemplar> {
        self.id.map(|id| Exemplar { id: Arc::clone(id), value: 1.0, at: Timestamp::now() })
    }
}

fn half(would_be: Action) -> Half {
    if would_be == Action::Reject { Half::Refused } else { Half::Accepted }
}
