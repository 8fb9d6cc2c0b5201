//! A judged statement, as lists, the stream and `/api/v1/decisions/{id}` say it. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::view::hops::{HopView, hops, is_current};
use crate::admin::view::segments::{Segment, segments};
use crate::admin::view::words;
use crate::catalog::Via;
use crate::chain::MAX_ROLES;
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::finding::Finding;
use crate::gate::lenience::Lenience;
use crate::gate::policy::Policy;
use crate::gate::stored::JudgedStored;
use crate::gate::verdict::{HopResult, JudgedUse};
use crate::observe::audit::AuditRecord;
use crate::observe::recent::{RecentDecision, RecentOutcome};
use crate::observe::values::StatementOutcome;
use crate::rules::RuleEffect;
use crate::sql::{Clause, MethodKind, StatementKind};

/// The longest text of a statement that a list holds, in characters.
const MAX_LISTED: usize = 300;

/// Role uses of a statement that a list holds.
const LISTED_USES: usize = 16;

/// Bytes of a chain, role or target that a list holds: no chain of roles that could be assumed is longer.
const LISTED_BYTES: usize = 4_096;

/// A verdict in one word, its two faces and what the facts leave open together.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Verdict)]
pub(in crate::admin) enum OverallVerdict {
    /// Nothing refuses it.
    Allowed,
    /// Something about it cannot be told from the facts, and nothing refuses it.
    Undecided,
    /// Enforcement would refuse it.
    WouldBeRefused,
    /// It was refused.
    Refused,
}

impl OverallVerdict {
    /// How a statement stands of which these are known.
    pub(in crate::admin) fn of(record: &AuditRecord) -> Self {
        let is_open = record.hops.iter().any(|hop| hop.result == HopResult::Unknown)
            || record.findings.iter().any(|finding| !finding.decided);
        match (record.action, record.would_be) {
            (Action::Reject, _) => Self::Refused,
            (_, Action::Reject) => Self::WouldBeRefused,
            _ if is_open => Self::Undecided,
            _ => Self::Allowed,
        }
    }
}

/// A judged statement in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Decision)]
pub(in crate::admin) struct DecisionView {
    /// The id of its audit record, where there is an audit.
    pub id: String,
    /// Its place among all that this process has judged.
    pub seq: u64,
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    pub gate: String,
    pub session: u64,
    /// The database user.
    pub user: String,
    pub database: String,
    pub application: String,
    pub client_address: Option<String>,
    pub groups: Vec<String>,
    #[schema(schema_with = words::kind)]
    pub kind: StatementKind,
    /// What was done with it.
    #[schema(schema_with = words::action)]
    pub action: Action,
    /// What enforcement would do with it.
    #[schema(schema_with = words::action)]
    pub would_be: Action,
    #[schema(schema_with = words::mode)]
    pub mode: Mode,
    pub verdict: OverallVerdict,
    /// The codes of its findings, each once, in order.
    #[schema(value_type = Vec<String>)]
    pub codes: Vec<Code>,
    pub rules: Vec<RuleView>,
    pub role_uses: Vec<RoleUseView>,
    pub stored_uses: Vec<StoredUseView>,
    /// The start of its text, secrets masked.
    pub statement: String,
    /// Whether the text goes on.
    pub is_cut: bool,
    /// From the bytes of the message to the verdict.
    pub decision_seconds: f64,
    #[schema(schema_with = words::decision_path)]
    pub decision_path: DecisionPath,
    pub outcome: Option<OutcomeView>,
}

/// A rule that applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub(in crate::admin) struct RuleView {
    pub id: String,
    #[schema(schema_with = words::rule_effect)]
    pub effect: RuleEffect,
}

/// A credential clause.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoleUse)]
pub(in crate::admin) struct RoleUseView {
    #[schema(schema_with = words::clause)]
    pub clause: Clause,
    #[schema(schema_with = words::method)]
    pub method: MethodKind,
    /// The parts of the chain, whether or not they are role ARNs.
    pub roles: Vec<String>,
    /// The chain as one text, which filters take; of a clause without roles its method.
    pub chain: String,
    /// What the role is used on.
    pub target: Option<String>,
}

/// A credential that the cluster stores, used by its name.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoredUse)]
pub(in crate::admin) struct StoredUseView {
    /// What the statement names.
    #[schema(schema_with = words::via)]
    pub via: Via,
    /// What stores the credential.
    pub object: String,
    /// What stands between, that which the statement names first.
    pub through: Vec<String>,
    /// What is stored: `chain`, `default`, `session`, `all`, `access_keys`, or `unknown`.
    pub method: &'static str,
    pub roles: Vec<String>,
    /// The chain as one text, which filters take; of what is no chain its method.
    pub chain: String,
    /// Whether the statement uses it for certain.
    pub certain: bool,
}

/// Shortens a text to what a list holds; whether it was longer.
fn cut(text: &mut String) -> bool {
    let is_long = text.len() > LISTED_BYTES;
    text.truncate(text.floor_char_boundary(LISTED_BYTES));
    is_long
}

/// What the cluster made of a statement.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Outcome)]
pub(in crate::admin) struct OutcomeView {
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    #[schema(schema_with = words::outcome)]
    pub outcome: StatementOutcome,
    pub rows: Option<u64>,
    /// The SQLSTATE of the cluster's error.
    pub error: Option<String>,
    /// From sending the message to its answer.
    pub seconds: f64,
    /// How often it was run: a prepared statement is judged once. The other fields are of the last run.
    pub runs: u64,
}

/// All that is known of a judged statement.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DecisionRecord)]
pub(in crate::admin) struct RecordView {
    #[serde(flatten)]
    pub decision: DecisionView,
    /// The user who logged in.
    pub login_user: String,
    /// The cluster, as the facts name it.
    pub cluster: Option<String>,
    /// The process that serves the session in the cluster.
    pub backend_pid: Option<u32>,
    pub client_port: Option<u16>,
    /// The subject of the client's certificate.
    pub tls_subject: Option<String>,
    /// The exceptions that it passes by.
    pub exceptions: Vec<String>,
    /// The group that broke the glass for it.
    pub break_glass: Option<String>,
    /// What the cluster's log shows in place of a refused text.
    pub nonce: Option<String>,
    pub policy_version: String,
    pub facts_version: Option<String>,
    /// The age of the oldest account of its chains in the facts, when it was judged.
    pub facts_age_seconds: Option<i64>,
    pub fingerprint: String,
    /// The whole text, cut at its credentials.
    pub segments: Vec<Segment>,
    /// Whether the text was longer than a record holds.
    pub truncated: bool,
    pub hops: Vec<HopView>,
    /// Whether the policy that judged it is in force still: without it, allowed steps have no evidence.
    pub evidence_current: bool,
    pub findings: Vec<FindingView>,
}

/// One thing wrong with a statement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(in crate::admin) struct FindingView {
    #[schema(schema_with = words::code)]
    pub code: Code,
    /// A few words for the code.
    pub title: &'static str,
    #[schema(schema_with = words::severity)]
    pub severity: Severity,
    pub message: String,
    /// The evidence.
    pub detail: Option<String>,
    /// The remedy.
    pub hint: Option<String>,
    /// The hop that it is about; 0 is the attachment.
    pub hop: Option<usize>,
    /// Whether it is certain, rather than left open by the facts.
    pub decided: bool,
    /// Why it is not carried out: `shadow`, `exception` or `break_glass`.
    pub lenience: Option<&'static str>,
    /// The exception's name or the group's.
    pub lenient_by: Option<String>,
}

impl From<&JudgedUse> for RoleUseView {
    fn from(role_use: &JudgedUse) -> Self {
        Self {
            clause: role_use.clause,
            method: role_use.method.kind(),
            roles: role_use.roles.clone(),
            chain: role_use.credential(),
            target: role_use.target.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&JudgedStored> for StoredUseView {
    fn from(used: &JudgedStored) -> Self {
        Self {
            via: used.via,
            object: used.object.clone(),
            through: used.through.clone(),
            method: used.method,
            roles: used.roles.clone(),
            chain: used.credential(),
            certain: used.certain,
        }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        let lenience = finding.lenience.as_ref();
        Self {
            code: finding.code,
            title: finding.code.row().title,
            severity: finding.severity,
            message: finding.message.clone(),
            detail: finding.detail.clone(),
            hint: finding.hint.clone(),
            hop: finding.hop,
            decided: finding.decided,
            lenience: lenience.map(Lenience::as_str),
            lenient_by: lenience.and_then(|lenience| lenience.name()).map(str::to_owned),
        }
    }
}

/// The codes of a record's findings, each once, in order.
fn codes_of(record: &AuditRecord) -> Vec<Code> {
    let mut codes: Vec<Code> = record.findings.iter().map(|finding| finding.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

impl OutcomeView {
    fn of(outcome: &RecentOutcome, runs: u64) -> Self {
        let RecentOutcome { time, outcome, rows, ref error, seconds } = *outcome;
        Self { time, outcome, rows, error: error.clone(), seconds, runs }
    }
}

impl DecisionView {
    /// A statement as lists hold it: no longer than a list should be, however long a client made it.
    pub(in crate::admin) fn listed(decision: &RecentDecision) -> Self {
        let mut view = Self::of(decision);
        view.is_cut |= view.role_uses.len() > LISTED_USES;
        view.role_uses.truncate(LISTED_USES);
        view.is_cut |= view.stored_uses.len() > LISTED_USES;
        view.stored_uses.truncate(LISTED_USES);
        for role_use in &mut view.role_uses {
            view.is_cut |= role_use.roles.len() > MAX_ROLES;
            role_use.roles.truncate(MAX_ROLES);
            view.is_cut |= cut(&mut role_use.chain) | role_use.target.as_mut().is_some_and(cut);
            view.is_cut |= role_use.roles.iter_mut().fold(false, |is_cut, role| is_cut | cut(role));
        }
        view
    }

    fn of(decision: &RecentDecision) -> Self {
        let record = &decision.record;
        let statement: String = record.statement.chars().take(MAX_LISTED).collect();
        Self {
            id: record.id.as_deref().unwrap_or_default().to_owned(),
            seq: decision.number,
            time: decision.time,
            gate: record.gate.clone(),
            session: record.session,
            user: record.user.clone(),
            database: record.database.clone(),
            application: record.application.clone(),
            client_address: record.client_address.clone(),
            groups: record.groups.clone(),
            kind: record.kind,
            action: record.action,
            would_be: record.would_be,
            mode: record.mode,
            verdict: OverallVerdict::of(record),
            codes: codes_of(record),
            rules: record.rules.iter().map(|rule| RuleView { id: rule.id.clone(), effect: rule.effect }).collect(),
            role_uses: record.role_uses.iter().map(RoleUseView::from).collect(),
            stored_uses: record.stored_uses.iter().map(StoredUseView::from).collect(),
            is_cut: record.truncated || statement.len() < record.statement.len(),
            statement,
            decision_seconds: record.decision_seconds,
            decision_path: record.decision_path,
            outcome: decision.outcome.as_ref().map(|outcome| OutcomeView::of(outcome, decision.runs)),
        }
    }
}

impl RecordView {
    /// All of a statement; `policy` is the one in force at its gate.
    pub(in crate::admin) fn of(decision: &RecentDecision, policy: Option<&Policy>) -> Self {
        let record = &*decision.record;
        Self {
            decision: DecisionView::of(decision),
            login_user: record.login_user.clone(),
            cluster: record.cluster.clone(),
            backend_pid: record.backend_pid,
            client_port: record.client_port,
            tls_subject: record.tls_subject.clone(),
            exceptions: record.exceptions.clone(),
            break_glass: record.break_glass.clone(),
            nonce: record.nonce.clone(),
            policy_version: record.policy_version.clone(),
            facts_version: record.facts_version.clone(),
            facts_age_seconds: record.facts_age_seconds,
            fingerprint: record.fingerprint.clone(),
            segments: segments(record),
            truncated: record.truncated,
            hops: hops(record, policy),
            evidence_current: is_current(record, policy),
            findings: record.findings.iter().map(FindingView::from).collect(),
        }
    }
}
