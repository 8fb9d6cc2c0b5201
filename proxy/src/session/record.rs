//! Counts and audits a verdict.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{MadeObject, PassedChange, Via};
use crate::chain::RoleArn;
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
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
use crate::sql::{Effect, StatementKind};
use crate::wire::answer::{Nonce, sqlstate};

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
        service.tell(event);
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
    let (exceptions, break_glass): (Vec<&str>, _) = (verdict.exceptions().collect(), verdict.break_glass());
    // A text that is refused is replaced by a nonce; what asks for a session is refused with nothing in its place.
    let refusal = nonce.map_or(sqlstate::FEATURE_NOT_SUPPORTED, |_| sqlstate::INSUFFICIENT_PRIVILEGE);
    let circumstances = Circumstances {
        nonce: nonce.map(Nonce::as_str),
        sqlstate: (verdict.action == Action::Reject).then_some(refusal),
        exceptions: &exceptions,
        break_glass,
        ..circumstances(service, &policy, (numbers, principal, text), decided)
    };
    let unknown = Unknown::of(verdict);
    let is_glass_broken = verdict.action < Action::Reject && break_glass.is_some();
    if is_glass_broken {
        service.metrics.glass_broken();
    }
    let mut told = Told::default();
    for statement in &verdict.statements {
        let id = if statement.is_told() { service.next_id() } else { None };
        let chains = chains(&policy, &unknown, statement);
        let labels = JudgedLabels {
            user: &principal.user,
            kind: statement.kind,
            would_be: statement.would_be,
            action: statement.action,
            id: id.as_ref(),
        };
        count(&service.metrics, verdict, &unknown, statement, (&chains, &labels));
        if !statement.is_told() {
            continue;
        }
        let mut record = AuditRecord::of(&circumstances, verdict, statement);
        record.id.clone_from(&id);
        let record = Arc::new(record);
        told.events.push(if is_glass_broken { AuditEvent::BreakGlass(record) } else { AuditEvent::Verdict(record) });
        let unvouched = chains.into_iter().filter(|(_, says)| *says == FactsSay::Nothing);
        let chains = unvouched.map(|(chain, _)| chain).collect();
        let uses = statement.uses.iter().map(|used| (used.clause, &used.method));
        let made = MadeObject::of(text, (statement.kind, statement.span.clone()), uses, &principal.database);
        told.statements.push(ToldStatement { id, kind: statement.kind, chains, made });
    }
    for exception in exceptions {
        service.metrics.exception_used(exception);
    }
    let may_store = || verdict.changes_stored || verdict.statements.iter().any(may_store);
    // Nothing asks what passed where no reading of the catalogue shows what changed.
    if policy.reads_catalog() && verdict.action < Action::Reject && may_store() {
        service.drift.passed(changes(text, verdict, &principal.database));
    }
    told
}

/// Whether a statement may change what is stored.
fn may_store(statement: &JudgedStatement) -> bool {
    use StatementKind::{Call, Copy, Query, Set, Unload};
    let is_other = matches!(statement.kind, Call | Copy | Query | Set | StatementKind::None | Unload);
    !is_other || statement.has_effect(&Effect::Redefines)
}

/// What the statements of a message that goes on change of what is stored.
fn changes(text: &[u8], verdict: &Verdict, database: &str) -> Vec<PassedChange> {
    let uses = verdict.statements.iter().flat_map(|statement| &statement.uses);
    let uses: Vec<_> = uses.map(|one| (one.span.start, one.clause, &one.method)).collect();
    PassedChange::of(text, &uses, database)
}

/// What is the same for all records of a message.
pub(crate) fn circumstances<'a>(
    service: &'a Service,
    policy: &'a Policy,
    (numbers, principal, text): (SessionNumbers, &'a Principal, &'a [u8]),
    decided: Decided,
) -> Circumstances<'a> {
    Circumstances {
        cluster: policy.iam().map(|iam| iam.cluster.as_str()),
        session: numbers.session,
        client_port: numbers.client_port,
        backend_pid: numbers.backend_pid,
        facts: policy.iam().map(|iam| &*iam.facts),
        decision_path: decided.path,
        decision_time: decided.took,
        ..Circumstances::supposed(&service.name, principal, text)
    }
}

/// The roles of a verdict that the facts do not hold, found at once however many there are: a message may name thousands.
struct Unknown<'a> {
    roles: HashSet<&'a str>,
    /// As hops name them.
    names: HashSet<String>,
}

impl<'a> Unknown<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let roles: HashSet<&str> = verdict.unknown_roles.iter().map(RoleArn::as_str).collect();
        let names = roles.iter().map(|role| account_and_name(role)).collect();
        Self { roles, names }
    }

    fn role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// The name of a hop's role, if it has one.
    fn named<'n>(&self, name: &'n str) -> Option<&'n str> {
        Some(name).filter(|name| !self.names.contains(*name))
    }
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
        gate_address: numbers.gate_address.map(|address| address.ip().to_string()),
        gate_port: numbers.gate_address.map(|address| address.port()),
        tls_subject: login.tls_subject.clone(),
    }
}

/// The chains of a statement as the metrics name them, and what the facts say of them.
fn chains(policy: &Policy, unknown: &Unknown<'_>, statement: &JudgedStatement) -> Vec<(String, FactsSay)> {
    let says = |roles: &[String]| {
        let is_known = |role: &String| RoleArn::parse(role).is_ok() && !unknown.role(role);
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
    verdict: &Verdict,
    unknown: &Unknown<'_>,
    statement: &JudgedStatement,
    (chains, labels): (&[(String, FactsSay)], &JudgedLabels<'_>),
) {
    let JudgedStatement { kind, would_be, action, .. } = *statement;
    metrics.statement(kind, action);
    metrics.verdict(kind, would_be, action, verdict.mode);
    for role_use in &statement.uses {
        metrics.role_use(kind, role_use.method.kind(), action);
    }
    for (chain, says) in chains {
        metrics.chain_use(chain, chain.split('>').count(), *says, Via::Statement, labels);
    }
    for hop in &statement.hops {
        metrics.hop(unknown.named(&hop.source), unknown.named(&hop.target), hop.result);
    }
    let mut refusing: BTreeMap<Code, u64> = BTreeMap::new();
    for finding in &statement.findings {
        metrics.finding(finding.code, finding.severity);
        if finding.severity == Severity::Reject {
            let times = refusing.entry(finding.code).or_default();
            *times = times.saturating_add(1);
        }
    }
    for (code, times) in refusing {
        metrics.refusals(code, times, chains, &verdict.groups, labels);
    }
    for (rule, effect) in &statement.rule_hits {
        metrics.rule_hit(rule, *effect);
    }
}

/// `account/name` of a role ARN; for any other text an empty account and what follows its last slash.
pub(crate) fn account_and_name(role: &str) -> String {
    let account = role.split(':').nth(4).unwrap_or_default();
    format!("{account}/{}", role.rsplit('/').next().unwrap_or(role))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::gate::enforcement::Mode;
    use crate::gate::finding::Finding;
    use crate::gate::judge_alone;
    use crate::gate::modes::Modes;
    use crate::gate::policy::Parts;
    use crate::gate::principal::Attributes;
    use crate::gate::verdict::{HopResult, JudgedHop, JudgedUse};
    use crate::session::service::tests::{service, settings};
    use crate::sql::{Clause, Method, StatementKind};

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

    const NUMBERS: SessionNumbers =
        SessionNumbers { session: 7, client_port: None, backend_pid: None, gate_address: None };

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

    /// A verdict on so many statements, each with a chain of its own that the facts do not hold.
    fn long_verdict(statements: usize) -> Verdict {
        let policy = Policy::new(Parts { modes: Modes::all(Mode::Shadow), ..Parts::without_facts() });
        let role = |number: usize| format!("arn:aws:iam::111122223333:role/A{number}");
        let one = |number: usize| {
            let mut statement = JudgedStatement::new(StatementKind::Copy, 0..1);
            statement.uses.push(JudgedUse {
                clause: Clause::IamRole,
                method: Method::Chain(role(number)),
                roles: vec![role(number)],
                target: None,
                span: 0..1,
            });
            let (source, target) = ("cluster".to_owned(), format!("111122223333/A{number}"));
            statement.hops.push(JudgedHop { source, target, result: HopResult::Unknown, at: 0 });
            statement.findings.push(Finding::new(Code::Rg206, Severity::Reject, 0));
            statement
        };
        let verdict = Verdict::of(&policy.enforcer_for_anybody(), (0..statements).map(one).collect());
        let unknown_roles = (0..statements).filter_map(|number| RoleArn::parse(&role(number)).ok()).collect();
        Verdict { unknown_roles, ..verdict }
    }

    #[test]
    fn what_is_told_of_a_message_takes_time_in_proportion_to_its_statements() {
        let service = service(Parts::without_facts(), settings());
        let who = Principal::new(Attributes::of_login("etl"));
        let time = |statements: usize| {
            let verdict = long_verdict(statements);
            let once = || {
                let began = std::time::Instant::now();
                let told = told(&service, NUMBERS, (&who, &verdict), b"x", (Decided::ANEW, None));
                assert_eq!(told.events.len(), statements);
                began.elapsed()
            };
            (0..5).map(|_| once()).min().unwrap()
        };
        let (few, many) = (time(50), time(1000));
        // In proportion it is 20 times as long, and 400 times were it in proportion to the square: a busy machine is neither.
        assert!(many < few * 100, "{many:?} for twenty times what took {few:?}");
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
