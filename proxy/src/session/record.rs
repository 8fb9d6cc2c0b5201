//! What a verdict leaves behind: metrics and one audit record.

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::principal::Principal;
use crate::gate::verdict::{Action, JudgedStatement, Verdict};
use crate::observe::audit::{AuditFinding, AuditRecord, AuditRoleUse};
use crate::session::service::Service;
use crate::sql::{self, StatementKind};
use crate::wire::answer::Nonce;

/// Counts a verdict and writes its audit records, one for each statement that carries credentials or is refused.
pub fn verdict(
    service: &Service,
    session: u64,
    principal: &Principal,
    verdict: &Verdict,
    text: &[u8],
    nonce: Option<&Nonce>,
) {
    let metrics = &service.metrics;
    for statement in &verdict.statements {
        let action =
            if verdict.action == Action::Reject { Action::Reject } else { statement.action.min(verdict.action) };
        let kind = statement.kind;
        metrics.statement(kind, action);
        for role_use in &statement.uses {
            metrics.role_use(kind, role_use.method.kind(), action);
            if !role_use.roles.is_empty() {
                let roles: Vec<(&str, &str)> = role_use.roles.iter().map(|role| account_and_name(role)).collect();
                metrics.chain_use(&roles, &principal.user, kind, action);
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
        if !statement.uses.is_empty() || !statement.findings.is_empty() || action == Action::Reject {
            service.audit.record(audit_record(service, session, principal, verdict, statement, action, text, nonce));
        }
    }
}

/// A finding that is made beside the reading of a statement.
#[derive(Clone, Copy, Debug)]
pub struct Remark {
    code: Code,
    kind: StatementKind,
    message: &'static str,
    hint: &'static str,
}

/// A `Bind` hands a role ARN to a CALL.
pub const BOUND_ROLE: Remark = Remark {
    code: Code::Rg107,
    kind: StatementKind::Call,
    message: "a bound argument of CALL looks like a role ARN",
    hint: "let the procedure hold its role itself, or allow RG107 in [policy.severity]",
};

/// A text beyond ASCII in a session whose encoding the server reports as an unsafe one.
pub const UNREADABLE_ENCODING: Remark = Remark {
    code: Code::Rg109,
    kind: StatementKind::Unknown,
    message: "the session's client encoding could hide quotes from the gate",
    hint: "use client_encoding UTF8, or ASCII texts alone",
};

/// The verdict of one remark on a message, without any reading of it.
pub fn alone(service: &Service, remark: &Remark, text: &[u8]) -> Verdict {
    let policy = service.gate.policy();
    let finding = Finding {
        code: remark.code,
        severity: policy.severity(remark.code),
        message: remark.message.to_owned(),
        detail: None,
        hint: Some(remark.hint.to_owned()),
        hop: None,
        at: 0,
    };
    let action = Action::from(finding.severity);
    let statement = JudgedStatement {
        kind: remark.kind,
        span: 0..text.len(),
        uses: Vec::new(),
        hops: Vec::new(),
        rule_hits: Vec::new(),
        findings: vec![finding],
        action,
        effect: None,
        watch_parameters: true,
    };
    Verdict {
        unknown_roles: Vec::new(),
        action: policy.mode().action(action),
        enforced: action,
        statements: vec![statement],
        depends_on_time: false,
        policy_version: policy.version().to_owned(),
        generation: policy.generation(),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "an audit record brings all of these together, and this is the one place"
)]
fn audit_record(
    service: &Service,
    session: u64,
    principal: &Principal,
    verdict: &Verdict,
    statement: &JudgedStatement,
    action: Action,
    text: &[u8],
    nonce: Option<&Nonce>,
) -> AuditRecord {
    let own_text = text.get(statement.span.clone()).unwrap_or(text);
    AuditRecord {
        time: Timestamp::now().to_string(),
        gate: service.name.clone(),
        session,
        user: principal.user.clone(),
        login_user: principal.login_user.clone(),
        database: principal.database.clone(),
        application: principal.application.clone(),
        client_address: principal.client_address.map(|address| address.to_string()),
        kind: statement.kind.as_str().to_owned(),
        verdict: action.as_str().to_owned(),
        shadow: verdict.enforced != verdict.action,
        nonce: nonce.map(|nonce| nonce.as_str().to_owned()),
        policy_version: verdict.policy_version.clone(),
        role_uses: statement.uses.iter().map(audit_use).collect(),
        findings: statement.findings.iter().map(audit_finding).collect(),
        statement: sql::mask(own_text, service.gate.policy().dialect()),
        truncated: false,
    }
}

fn audit_use(role_use: &crate::gate::verdict::JudgedUse) -> AuditRoleUse {
    AuditRoleUse {
        clause: role_use.clause.as_str().to_owned(),
        method: role_use.method.as_str().to_owned(),
        roles: role_use.roles.clone(),
        target: role_use.target.as_ref().map(ToString::to_string),
    }
}

fn audit_finding(finding: &Finding) -> AuditFinding {
    AuditFinding {
        code: finding.code.as_str().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        message: finding.message.clone(),
        detail: finding.detail.clone(),
        hint: finding.hint.clone(),
        hop: finding.hop,
    }
}

/// Account and name of a role ARN; of any other text, nothing and the text.
fn account_and_name(role: &str) -> (&str, &str) {
    let account = role.split(':').nth(4).unwrap_or_default();
    (account, role.rsplit('/').next().unwrap_or(role))
}
