//! Counts and audits a verdict.

use crate::gate::enforcement::Action;
use crate::gate::principal::Principal;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::observe::audit::event::AuditedSession;
use crate::observe::audit::{AuditEvent, AuditRecord, Circumstances};
use crate::observe::metrics::GateMetrics;
use crate::session::service::Service;
use crate::wire::answer::Nonce;

/// Counts a verdict on the message `text` and queues its audit records, where nothing waits for them.
pub(crate) fn verdict(
    service: &Service,
    session: u64,
    principal: &Principal,
    verdict: &Verdict,
    text: &[u8],
    nonce: Option<&Nonce>,
) {
    for event in events(service, session, principal, verdict, text, nonce) {
        service.audit.record(event);
    }
}

/// Counts a verdict on the message `text` and gives its audit records, one for each statement that carries credentials or is
/// refused.
#[must_use]
pub(crate) fn events(
    service: &Service,
    session: u64,
    principal: &Principal,
    verdict: &Verdict,
    text: &[u8],
    nonce: Option<&Nonce>,
) -> Vec<AuditEvent> {
    let circumstances = Circumstances {
        gate: &service.name,
        session,
        principal,
        nonce: nonce.map(Nonce::as_str),
        text,
        dialect: service.gate.policy().dialect(),
    };
    for statement in &verdict.statements {
        count(&service.metrics, principal, verdict, statement);
    }
    for exception in verdict.exceptions() {
        service.metrics.exception_used(exception);
    }
    let told = verdict.statements.iter().filter(|statement| statement.is_told());
    let record = |statement| Box::new(AuditRecord::of(&circumstances, verdict, statement));
    if verdict.action < Action::Reject && verdict.break_glass().is_some() {
        service.metrics.glass_broken();
        return told.map(|statement| AuditEvent::BreakGlass(record(statement))).collect();
    }
    told.map(|statement| AuditEvent::Verdict(record(statement))).collect()
}

/// Whose session it is, for the audit. `login` is the user who logs in.
#[must_use]
pub(crate) fn session(service: &Service, session: u64, login: &Principal) -> AuditedSession {
    AuditedSession {
        gate: service.name.clone(),
        session,
        user: login.login_user.clone(),
        database: login.database.clone(),
        application: login.application.clone(),
        client_address: login.client_address.map(|address| address.to_string()),
        tls_subject: login.tls_subject.clone(),
    }
}

fn count(metrics: &GateMetrics, principal: &Principal, verdict: &Verdict, statement: &JudgedStatement) {
    let JudgedStatement { kind, would_be, action, .. } = *statement;
    metrics.statement(kind, action);
    metrics.verdict(kind, would_be, action, verdict.mode);
    for role_use in &statement.uses {
        metrics.role_use(kind, role_use.method.kind(), action);
        if !role_use.roles.is_empty() {
            let roles: Vec<(&str, &str)> = role_use.roles.iter().map(|role| account_and_name(role)).collect();
            metrics.chain_use(&roles, &principal.user, kind, (would_be, action));
        }
    }
    for hop in &statement.hops {
        metrics.hop(&hop.source, &hop.target, hop.result);
    }
    for finding in &statement.findings {
        metrics.finding(finding.code, finding.severity);
    }
    for (rule, effect) in &statement.rule_hits {
        metrics.rule_hit(rule, *effect);
    }
}

/// Account and name of a role ARN; for any other text an empty account and the text.
fn account_and_name(role: &str) -> (&str, &str) {
    let account = role.split(':').nth(4).unwrap_or_default();
    (account, role.rsplit('/').next().unwrap_or(role))
}
