//! Counts and audits a verdict.

use std::sync::Arc;
use std::time::Duration;

use crate::chain::RoleArn;
use crate::gate::DecisionPath;
use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::observe::audit::event::AuditedSession;
use crate::observe::audit::{AuditEvent, AuditRecord, Circumstances};
use crate::observe::metrics::{FactsSay, GateMetrics, JudgedLabels};
use crate::session::notes::SessionNumbers;
use crate::session::outcomes::ToldStatement;
use crate::session::service::Service;
use crate::wire::answer::Nonce;

/// How a verdict came about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Decided {
    /// Where it came from.
    pub path: DecisionPath,
    /// From the bytes of the message to the verdict.
    pub took: Duration,
}

impl Decided {
    /// Made anew, in a time that nobody took.
    pub(crate) const ANEW: Self = Self { path: DecisionPath::Cold, took: Duration::ZERO };
}

/// What is told of a message.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// One record for each statement that carries credentials or is refused,
    pub events: Vec<AuditEvent>,
    /// and what of each is followed to its outcome.
    pub statements: Vec<ToldStatement>,
}

/// Counts a verdict on what asks for a session, and queues its audit records.
pub(crate) fn verdict(service: &Service, numbers: SessionNumbers, principal: &Principal, verdict: &Verdict) {
    for event in told(service, numbers, (principal, verdict), b"", (Decided::ANEW, None)).events {
        service.audit.record(event);
    }
}

/// Counts a verdict on the message `text` and gives what is told of it.
#[must_use]
pub(crate) fn told(
    service: &Service,
    numbers: SessionNumbers,
    (principal, verdict): (&Principal, &Verdict),
    text: &[u8],
    (decided, nonce): (Decided, Option<&Nonce>),
) -> Told {
    let policy = service.gate.policy();
    let circumstances = Circumstances {
        gate: &service.name,
        cluster: policy.iam().map(|iam| iam.cluster.as_str()),
        session: numbers.session,
        client_port: numbers.client_port,
        backend_pid: numbers.backend_pid,
        principal,
        nonce: nonce.map(Nonce::as_str),
        facts: policy.iam().map(|iam| &*iam.facts),
        decision_path: decided.path,
        decision_time: decided.took,
        text,
        dialect: policy.dialect(),
    };
    let is_glass_broken = verdict.action < Action::Reject && verdict.break_glass().is_some();
    if is_glass_broken {
        service.metrics.glass_broken();
    }
    let mut told = Told::default();
    for statement in &verdict.statements {
        let id = if statement.is_told() { service.audit.next_id() } else { None };
        let chains = chains(&policy, verdict, statement);
        count(&service.metrics, principal, verdict, statement, (&chains, id.as_ref()));
        if !statement.is_told() {
            continue;
        }
        let mut record = AuditRecord::of(&circumstances, verdict, statement);
        record.id.clone_from(&id);
        let record = Box::new(record);
        told.events.push(if is_glass_broken { AuditEvent::BreakGlass(record) } else { AuditEvent::Verdict(record) });
        let unvouched = chains.into_iter().filter(|(_, says)| *says == FactsSay::Nothing);
        let chains = unvouched.map(|(chain, _)| chain).collect();
        told.statements.push(ToldStatement { id, kind: statement.kind, chains });
    }
    for exception in verdict.exceptions() {
        service.metrics.exception_used(exception);
    }
    told
}

/// Whose session it is, for the audit. `login` is the user who logs in.
#[must_use]
pub(crate) fn session(service: &Service, numbers: SessionNumbers, login: &Principal) -> AuditedSession {
    AuditedSession {
        gate: service.name.clone(),
        session: numbers.session,
        user: login.login_user.clone(),
        database: login.database.clone(),
        application: login.application.clone(),
        client_address: login.client_address.map(|address| address.to_string()),
        client_port: numbers.client_port,
        backend_pid: numbers.backend_pid,
        tls_subject: login.tls_subject.clone(),
    }
}

/// The chains of a statement as the metrics name them, and what the facts say of them.
fn chains(policy: &Policy, verdict: &Verdict, statement: &JudgedStatement) -> Vec<(String, FactsSay)> {
    let says = |roles: &[String]| {
        let is_known = |role: &String| RoleArn::parse(role).is_ok_and(|role| !verdict.unknown_roles.contains(&role));
        match policy.iam() {
            None => FactsSay::Nothing,
            Some(_) if roles.iter().all(is_known) => FactsSay::Known,
            Some(_) => FactsSay::Unknown,
        }
    };
    let uses = statement.uses.iter().filter(|role_use| !role_use.roles.is_empty());
    uses.map(|role_use| {
        let names: Vec<String> = role_use.roles.iter().map(|role| account_and_name(role)).collect();
        (names.join(">"), says(&role_use.roles))
    })
    .collect()
}

fn count(
    metrics: &GateMetrics,
    principal: &Principal,
    verdict: &Verdict,
    statement: &JudgedStatement,
    (chains, id): (&[(String, FactsSay)], Option<&Arc<str>>),
) {
    let JudgedStatement { kind, would_be, action, .. } = *statement;
    metrics.statement(kind, action);
    metrics.verdict(kind, would_be, action, verdict.mode);
    for role_use in &statement.uses {
        metrics.role_use(kind, role_use.method.kind(), action);
    }
    let labels = JudgedLabels { user: &principal.user, kind, would_be, action, id };
    for (chain, says) in chains {
        metrics.chain_use(chain, chain.split('>').count(), *says, &labels);
    }
    let unknown: Vec<String> = verdict.unknown_roles.iter().map(|role| account_and_name(role.as_str())).collect();
    for hop in &statement.hops {
        let source = Some(&*hop.source).filter(|_| !unknown.contains(&hop.source));
        let target = Some(&*hop.target).filter(|_| !unknown.contains(&hop.target));
        metrics.hop(source, target, hop.result);
    }
    for finding in &statement.findings {
        metrics.finding(finding.code, finding.severity);
        if finding.severity == crate::gate::codes::Severity::Reject {
            metrics.refusal(finding.code, chains, &verdict.groups, &labels);
        }
    }
    for (rule, effect) in &statement.rule_hits {
        metrics.rule_hit(rule, *effect);
    }
}

/// `account/name` of a role ARN; for any other text an empty account and what follows its last slash.
fn account_and_name(role: &str) -> String {
    let account = role.split(':').nth(4).unwrap_or_default();
    format!("{account}/{}", role.rsplit('/').next().unwrap_or(role))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::gate::judge_alone;
    use crate::gate::policy::Parts;
    use crate::gate::principal::Attributes;
    use crate::session::service::tests::{service, settings};

    #[test]
    fn roles_are_named_by_account_and_last_part_of_their_path() {
        for (role, want) in [
            ("arn:aws:iam::111122223333:role/A", "111122223333/A"),
            ("arn:aws:iam::111122223333:role/team/etl/A", "111122223333/A"),
            ("arn:aws-cn:iam::111122223333:role/A", "111122223333/A"),
            ("default", "/default"),
            ("", "/"),
        ] {
            assert_eq!(account_and_name(role), want, "{role}");
        }
    }

    const NUMBERS: SessionNumbers = SessionNumbers { session: 7, client_port: None, backend_pid: None };

    /// Message, and the records that come of it.
    #[test]
    fn only_what_is_told_of_has_a_record() {
        let service = service(Parts::without_facts(), settings());
        let who = Principal::new(Attributes::of_login("etl"));
        let role = "iam_role 'arn:aws:iam::111122223333:role/A'";
        for (text, want) in [
            (format!("copy t from 's3://b' {role}"), 1),
            (format!("select 1; copy t from 's3://b' {role}; select 2"), 1),
            (format!("copy t from 's3://b' {role}; copy u from 's3://b' {role}"), 2),
            ("set session authorization bob".to_owned(), 0),
        ] {
            let verdict = judge_alone(&service.gate.policy(), text.as_bytes(), &who, Timestamp::UNIX_EPOCH).unwrap();
            let events = told(&service, NUMBERS, (&who, &verdict), text.as_bytes(), (Decided::ANEW, None)).events;
            assert_eq!(events.len(), want, "{text}");
            for event in events {
                let AuditEvent::Verdict(record) = event else { panic!("{event:?}") };
                assert_eq!((record.gate.as_str(), record.session, record.user.as_str()), ("g", 7, "etl"));
            }
        }
    }

    #[test]
    fn a_session_is_recorded_as_the_user_who_logged_in() {
        let service = service(Parts::without_facts(), settings());
        let login = Principal::new(Attributes::of_login("IAM:etl"));
        let recorded = session(&service, NUMBERS, &login);
        assert_eq!((recorded.gate.as_str(), recorded.session, recorded.user.as_str()), ("g", 7, "IAM:etl"));
        assert_eq!((recorded.client_address, recorded.tls_subject), (None, None));
    }
}
