//! The running gates as the API shows them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::admin::view::catalog::CatalogDrift;
use crate::admin::view::coverage::{GateCoverage, UnseenStatement};
use crate::admin::view::facts::{AccountView, ClusterView, FactsView, FetchView, GroupsView};
use crate::admin::view::sessions::SessionView;
use crate::admin::view::status::{AuditView, CertificateView, ExceptionView, GateView, LimitView};
use crate::chain::AccountId;
use crate::config::GateSection;
use crate::coverage::UnseenRow;
use crate::gate::exception::Exception;
use crate::iam::{Account, AccountStatus, Facts, Live, Origin};
use crate::observe::Audit;
use crate::observe::values::LimitKind;
use crate::session::drift::NoticedDrift;
use crate::session::registry::LiveSession;
use crate::session::service::{GateCertificate, Service};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How long ago something was read. A clock that was set back makes nothing younger than new.
pub(super) fn age(read_at: Timestamp) -> Duration {
    Timestamp::now().duration_since(read_at).try_into().unwrap_or_default()
}

/// When what is known of an account was taken from AWS. One that is read from AWS again and again is as old as its last reading: facts
/// that say the same are not exchanged.
pub(super) fn known_at(id: AccountId, account: &Account, live: Option<&Live>) -> Timestamp {
    let read = live.filter(|_| account.origin() == Origin::Aws).and_then(|live| live.read_at(id));
    read.unwrap_or_else(|| account.captured_at())
}

/// The limits of a gate: what, the most that there may be, and how many there are.
pub(super) fn limits(service: &Service) -> [(LimitKind, Option<usize>, usize); 5] {
    let (census, settings) = (service.held.census(), service.settings.load());
    let (limits, holders) = (&settings.limits, &settings.limits.holders);
    [
        (LimitKind::Sessions, Some(limits.max_sessions), service.metrics.sessions_open()),
        (LimitKind::SessionsPerUser, holders.per_user, census.of_one_user),
        (LimitKind::SessionsPerAddress, holders.per_address, census.of_one_address),
        (LimitKind::Unauthenticated, holders.unauthenticated, census.unauthenticated),
        (LimitKind::Cancels, holders.cancels, census.cancels),
    ]
}

/// A gate.
pub(super) fn gate(service: &Service, section: &GateSection, changed_at: Option<Timestamp>) -> GateView {
    let policy = service.gate.policy();
    let limits = limits(service).into_iter().map(|(name, limit, used)| LimitView { name, used, limit });
    let now = Timestamp::now();
    GateView {
        name: service.name.clone(),
        cluster: section.cluster.clone(),
        listen: section.listen.to_string(),
        upstream: section.upstream.address.clone(),
        mode: policy.mode(),
        policy_version: policy.version().to_owned(),
        policy_changed_at: changed_at,
        rules: policy.rules().len(),
        sessions_open: service.metrics.sessions_open(),
        limits: limits.collect(),
        certificates: service.settings.load().certificates.iter().map(|found| certificate(found, now)).collect(),
    }
}

fn certificate(found: &GateCertificate, now: Timestamp) -> CertificateView {
    let since_epoch = jiff::SignedDuration::try_from_secs_f64(found.not_after).ok();
    let not_after = since_epoch.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok());
    let days_left = not_after.map(|until| until.as_second().saturating_sub(now.as_second()).div_euclid(DAY));
    let fault = not_after.is_none().then(|| "it expires in a year that cannot be written".to_owned());
    CertificateView { leg: found.leg, name: found.name.clone(), not_after, days_left, fault }
}

/// How the audit goes.
pub(super) fn audit(audit: &Audit) -> AuditView {
    let refuses = audit.refuses();
    audit.health().map_or_else(AuditView::default, |(failing, waiting, lost)| AuditView {
        records: true,
        failing,
        refuses,
        waiting,
        lost,
    })
}

/// A refusal that is borne with for a while.
pub(super) fn exception(exception: &Exception, now: Timestamp) -> ExceptionView {
    ExceptionView {
        id: exception.id.clone(),
        owner: exception.owner.clone(),
        ticket: exception.ticket.clone(),
        reason: exception.reason.clone(),
        users: exception.users.clone(),
        groups: exception.groups.clone(),
        chains: exception.chains.clone(),
        codes: exception.codes.iter().map(|code| code.as_str().to_owned()).collect(),
        until: exception.until,
        days_left: exception.days_left(now),
    }
}

/// The sessions of a gate.
pub(super) fn sessions(service: &Service) -> Vec<SessionView> {
    let view = |(number, session): (u64, Arc<LiveSession>)| {
        let (judged, refused) = session.counts();
        let login = &session.login;
        SessionView {
            gate: service.name.clone(),
            session: number,
            user: session.user(),
            login_user: login.login_user.clone(),
            database: login.database.clone(),
            application: login.application.clone(),
            client_address: login.client_address.map(|address| address.to_string()),
            client_port: session.client_port,
            backend_pid: session.backend_pid(),
            tls_subject: login.tls_subject.clone(),
            since: session.since,
            state: session.state.get(),
            judged,
            refused,
        }
    };
    service.sessions.all().into_iter().map(view).collect()
}

/// What passed a gate by.
pub(super) fn coverage(service: &Service) -> GateCoverage {
    let standing = service.coverage.load_full();
    let reason = standing.is_none().then(|| "nobody looks; set [gate.coverage]".to_owned());
    let available = standing.is_some();
    let standing = standing.map(|standing| (*standing).clone()).unwrap_or_default();
    GateCoverage {
        gate: service.name.clone(),
        available,
        reason,
        looked_at: standing.looked_at,
        since: standing.since,
        seen: standing.seen,
        cannot_tell: standing.cannot_tell,
        unseen: standing.unseen,
        statements: standing.last.into_iter().map(unseen).collect(),
        gaps: standing.gaps,
        fault: standing.fault,
    }
}

fn unseen(row: UnseenRow) -> UnseenStatement {
    UnseenStatement {
        time: row.time,
        user: row.user,
        client_address: row.client_address,
        application: row.application,
        session: row.session,
        kind: row.kind.to_owned(),
        target: row.target,
        statement: row.text,
        reason: row.reason.to_owned(),
    }
}

/// The facts in force, and what the clusters say of groups.
pub(super) fn facts(services: &[Arc<Service>], facts: Option<&Facts>, live: Option<&Live>) -> FactsView {
    let catalogs = services.iter().filter_map(|service| groups(service)).collect();
    let Some(facts) = facts else { return FactsView { catalogs, ..FactsView::default() } };
    let accounts = facts.accounts().map(|(id, account)| AccountView {
        account: id.to_string(),
        source: account.origin(),
        roles: account.role_count(),
        captured_at: known_at(id, account, live),
        age_seconds: age(known_at(id, account, live)).as_secs(),
    });
    let clusters = facts.clusters().into_iter().map(|cluster| ClusterView {
        name: cluster.name().to_owned(),
        account: cluster.account().map(|account| account.to_string()),
        region: cluster.region().map(str::to_owned),
        attached_roles: cluster.attached_roles().iter().map(ToString::to_string).collect(),
    });
    FactsView {
        version: Some(facts.version().to_owned()),
        accounts: accounts.collect(),
        clusters: clusters.collect(),
        fetches: live.into_iter().flat_map(Live::status).map(fetch).collect(),
        catalogs,
    }
}

fn fetch(status: AccountStatus) -> FetchView {
    FetchView {
        account: status.account.to_string(),
        roles: status.roles,
        read_at: status.read_at,
        age_seconds: status.age.map(|age| age.as_secs()),
        stale: status.is_stale,
        failures: status.failures,
        last_error: status.last_error,
    }
}

/// What is known of a cluster's groups, where they are asked for.
fn groups(service: &Service) -> Option<GroupsView> {
    if !service.gate.policy().reads_catalog() {
        return None;
    }
    let status = service.catalog.load();
    Some(GroupsView {
        gate: service.name.clone(),
        groups: status.groups,
        read_at: status.read_at,
        last_error: status.last_error.clone(),
    })
}

/// What of a gate's cluster changed without a statement that passed it.
pub(super) fn drift(service: &Service) -> Vec<CatalogDrift> {
    let view = |noticed: NoticedDrift| CatalogDrift {
        noticed_at: noticed.at,
        change: noticed.drift.change,
        kind: noticed.drift.kind,
        name: noticed.drift.name,
        owner: noticed.drift.owner.as_deref().map(str::to_owned),
        before: noticed.drift.before,
        after: noticed.drift.after,
    };
    service.drift.listed().into_iter().map(view).collect()
}
