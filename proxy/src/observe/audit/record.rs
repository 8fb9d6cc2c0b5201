//! What the audit says of a statement.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::chain::RoleArn;
use crate::gate::DecisionPath;
use crate::gate::enforcement::{Action, Mode};
use crate::gate::finding::Finding;
use crate::gate::principal::Principal;
use crate::gate::stored::JudgedStored;
use crate::gate::verdict::{JudgedHop, JudgedStatement, JudgedUse, Verdict};
use crate::iam::Facts;
use crate::observe::audit::fingerprint::fingerprint;
use crate::rules::RuleEffect;
use crate::sql::{self, StatementKind};

/// The longest statement text that a record holds.
const MAX_STATEMENT_BYTES: usize = 16 * 1024;

/// A statement that names credentials or is refused, and what was made of it.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRecord {
    /// The id that its line gets; one of the audit's own when not set.
    #[serde(skip)]
    pub id: Option<Arc<str>>,
    /// The gate's name.
    pub gate: String,
    /// The cluster, as the facts name it.
    pub cluster: Option<String>,
    /// Unique within the process.
    pub session: u64,
    /// The process that serves the session in the cluster.
    pub backend_pid: Option<u32>,
    /// The database user.
    pub user: String,
    /// The user who logged in: another one after SET SESSION AUTHORIZATION.
    pub login_user: String,
    /// The database.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// Where the session comes from.
    pub client_address: Option<String>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The subject of the client's certificate.
    pub tls_subject: Option<String>,
    /// The user's groups, as rules see them.
    pub groups: Vec<String>,
    /// The statement kind.
    pub kind: StatementKind,
    /// What enforcement would do with the statement.
    pub would_be: Action,
    /// What was done with it.
    pub action: Action,
    /// The mode that decided the difference.
    pub mode: Mode,
    /// The exceptions that it passes by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<String>,
    /// The group that broke the glass for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
    /// The same as `action`, for readers of earlier versions.
    pub verdict: Action,
    /// Whether a refusal was not carried out, for readers of earlier versions.
    pub shadow: bool,
    /// What the cluster's log shows in place of a refused text.
    pub nonce: Option<String>,
    /// The SQLSTATE of the refusal.
    pub sqlstate: Option<&'static str>,
    /// The policy that judged.
    pub policy_version: String,
    /// The facts in force.
    pub facts_version: Option<String>,
    /// The age of the oldest account of its chains in the facts.
    pub facts_age_seconds: Option<i64>,
    /// Where the verdict came from.
    pub decision_path: DecisionPath,
    /// From the bytes of the message to the verdict.
    pub decision_seconds: f64,
    /// The credential clauses.
    pub role_uses: Vec<JudgedUse>,
    /// The stored credentials that it uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stored_uses: Vec<JudgedStored>,
    /// The steps of its chains, each with what IAM's policies say of it.
    pub hops: Vec<JudgedHop>,
    /// The rules that applied, those that permit included.
    pub rules: Vec<AppliedRule>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The same for texts that differ in nothing but literals, numbers, comments, blanks and the case of words.
    pub fingerprint: String,
    /// The text, secrets masked.
    pub statement: String,
    /// Whether the text was cut.
    pub truncated: bool,
    /// Where the statement starts in its message's text.
    #[serde(skip)]
    pub start: usize,
}

/// A rule that applied.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AppliedRule {
    /// Its id.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: RuleEffect,
}

/// What is the same for all statements of one message.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The gate's name.
    pub gate: &'a str,
    /// The cluster, as the facts name it.
    pub cluster: Option<&'a str>,
    /// The session's number.
    pub session: u64,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The process that serves the session in the cluster.
    pub backend_pid: Option<u32>,
    /// The facts in force.
    pub facts: Option<&'a Facts>,
    /// Where the verdict came from,
    pub decision_path: DecisionPath,
    /// and how long it took.
    pub decision_time: Duration,
    /// Who sent it.
    pub principal: &'a Principal,
    /// What replaces a refused text.
    pub nonce: Option<&'a str>,
    /// The SQLSTATE of a refusal.
    pub sqlstate: Option<&'static str>,
    /// The message's text.
    pub text: &'a [u8],
    /// The exceptions that the message passes by.
    pub exceptions: &'a [&'a str],
    /// The group that broke the glass for it.
    pub break_glass: Option<&'a str>,
}

impl<'a> Circumstances<'a> {
    /// Of a message of which no more is known, as one that no session sent.
    #[must_use]
    pub const fn supposed(gate: &'a str, principal: &'a Principal, text: &'a [u8]) -> Self {
        Self {
            gate,
            cluster: None,
            session: 0,
            client_port: None,
            backend_pid: None,
            facts: None,
            decision_path: DecisionPath::Cold,
            decision_time: Duration::ZERO,
            principal,
            nonce: None,
            sqlstate: None,
            text,
            exceptions: &[],
            break_glass: None,
        }
    }
}

impl AuditRecord {
    /// The record of one statement of a judged message.
    #[must_use]
    pub fn of(circumstances: &Circumstances<'_>, verdict: &Verdict, statement: &JudgedStatement) -> Self {
        let Circumstances { gate, session, principal, nonce, text, .. } = *circumstances;
        let fingerprint = fingerprint(text.get(statement.span.clone()).unwrap_or(text));
        let (own_text, truncated) = shown(text, statement.span.clone());
        let rule = |(id, effect): &(String, RuleEffect)| AppliedRule { id: id.clone(), effect: *effect };
        Self {
            id: None,
            gate: gate.to_owned(),
            cluster: circumstances.cluster.map(str::to_owned),
            session,
            backend_pid: circumstances.backend_pid,
            user: principal.user.clone(),
            login_user: principal.login_user.clone(),
            database: principal.database.clone(),
            application: principal.application.clone(),
            client_address: principal.client_address.map(|address| address.to_string()),
            client_port: circumstances.client_port,
            tls_subject: principal.tls_subject.clone(),
            groups: verdict.groups.clone(),
            kind: statement.kind,
            would_be: statement.would_be,
            action: statement.action,
            mode: verdict.mode,
            exceptions: circumstances.exceptions.iter().copied().map(str::to_owned).collect(),
            break_glass: circumstances.break_glass.map(str::to_owned),
            verdict: statement.action,
            shadow: statement.action != statement.would_be,
            nonce: nonce.map(str::to_owned),
            sqlstate: circumstances.sqlstate,
            policy_version: verdict.policy_version.clone(),
            facts_version: circumstances.facts.map(|facts| facts.version().to_owned()),
            facts_age_seconds: circumstances.facts.and_then(|facts| facts_age(facts, statement)),
            decision_path: circumstances.decision_path,
            decision_seconds: circumstances.decision_time.as_secs_f64(),
            role_uses: statement.uses.clone(),
            stored_uses: statement.stored.clone(),
            hops: statement.hops.clone(),
            rules: statement.rule_hits.iter().map(rule).collect(),
            findings: statement.findings.clone(),
            fingerprint,
            statement: own_text,
            truncated,
            start: statement.span.start,
        }
    }
}

/// The age in seconds of the oldest account that a statement's chains name, as far as the facts hold it.
fn facts_age(facts: &Facts, statement: &JudgedStatement) -> Option<i64> {
    let roles = statement.uses.iter().flat_map(|role_use| &role_use.roles);
    let read = roles.filter_map(|role| facts.captured_at(RoleArn::parse(role).ok()?.account()));
    read.min().map(|oldest| Timestamp::now().as_second().saturating_sub(oldest.as_second()).max(0))
}

/// A statement as it is recorded, and whether it was cut. No more of it is looked at than may be kept: masks are shorter than what
/// they hide, so that is twice as much.
fn shown(text: &[u8], span: Range<usize>) -> (String, bool) {
    let seen = span.start..span.end.min(span.start.saturating_add(2 * MAX_STATEMENT_BYTES));
    let is_all_seen = seen.end == span.end;
    let mut shown = sql::mask_within(text, seen);
    let is_cut = !is_all_seen || shown.len() > MAX_STATEMENT_BYTES;
    shown.truncate(shown.floor_char_boundary(MAX_STATEMENT_BYTES));
    (shown, is_cut)
}

#[cfg(test)]
pub(in crate::observe) mod tests {
    use super::*;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::Attributes;

    /// A record of `user` and this text.
    pub(in crate::observe) fn record(user: &str, text: &str) -> AuditRecord {
        let policy = Policy::new(Parts { modes: Modes::all(Mode::Shadow), ..Parts::without_facts() });
        let verdict = policy.enforcer_for_anybody().judge_unreadable(text.as_bytes());
        let principal = Principal::new(Attributes { user: user.to_owned(), ..Attributes::default() });
        let supposed = Circumstances::supposed("g", &principal, text.as_bytes());
        let circumstances = Circumstances { session: 1, ..supposed };
        AuditRecord::of(&circumstances, &verdict, &verdict.statements[0])
    }

    #[test]
    fn both_faces_and_the_fields_of_earlier_versions() {
        let json = serde_json::to_value(record("etl", "select 'x'")).unwrap();
        for (key, value) in [
            ("would_be", "reject"),
            ("action", "annotate"),
            ("mode", "shadow"),
            ("verdict", "annotate"),
            ("kind", "unknown"),
        ] {
            assert_eq!(json[key], value, "{key}");
        }
        assert_eq!((&json["shadow"], &json["findings"][0]["code"]), (&true.into(), &"RG109".into()));
        assert_eq!(json["findings"][0]["at"], serde_json::Value::Null, "a place in the text is no part of a record");
    }

    /// Times as many bytes as a statement can have, and yet done at once.
    #[test]
    fn what_is_not_kept_is_not_looked_at() {
        let secrets = format!("select {}", "password 'S3CRET', ".repeat(2 * MAX_STATEMENT_BYTES / 19));
        for text in [secrets.clone(), secrets + &"token ".repeat(300_000)] {
            let kept = record("etl", &text);
            assert!(kept.truncated && !kept.statement.contains("S3C"), "{}", text.len());
        }
        let cut = format!("select {} 'AKIAIOSFODNN7EXAMPLE'", " ".repeat(2 * MAX_STATEMENT_BYTES - 14));
        assert!(!record("etl", &cut).statement.contains("AKIA"));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let long = record("etl", &format!("select {}", "é".repeat(MAX_STATEMENT_BYTES)));
        assert!(long.truncated && long.statement.len() == MAX_STATEMENT_BYTES - 1, "{}", long.statement.len());
        assert!(!record("etl", "select 1").truncated);
    }
}
