//! What the audit tells: one event a line, in an envelope that binds it to the line before. `docs/audit.schema.json` is its schema.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::catalog::{DriftChange, ObjectKind};
use crate::gate::enforcement::Action;
use crate::observe::audit::chain::{Hash, LogHead, record_hash};
use crate::observe::audit::record::AuditRecord;
use crate::observe::escape::JsonEscaping;
use crate::observe::values::{LoginResult, NewAuditFile, ReloadCause, ReloadResult, SessionEnd, StatementOutcome};
use crate::sql::StatementKind;

/// The version of the records' form. 2 tells of outcomes, and of hops, rules and groups beside a verdict; a field that is added
/// leaves it as it is.
pub const SCHEMA_VERSION: u8 = 2;

/// Something that happened, with its own fields beside those of the envelope.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A statement that names credentials or is refused was judged.
    Verdict(#[serde(serialize_with = "shared")] Arc<AuditRecord>),
    /// A statement that only break-glass let through.
    BreakGlass(#[serde(serialize_with = "shared")] Arc<AuditRecord>),
    /// What the cluster made of a statement that was judged before.
    Outcome(Box<OutcomeEvent>),
    /// Refusals alike that stand for themselves no longer.
    Folded(Box<FoldedRefusals>),
    /// The cluster let a user in.
    Login(Box<AuditedSession>),
    /// The cluster did not let a user in.
    LoginFailed(Box<FailedLogin>),
    /// A session is over.
    SessionEnd(Box<EndedSession>),
    /// The cluster ran a statement with a role, and it did not pass the gate.
    Unseen(Box<UnseenEvent>),
    /// Something that the cluster stores changed, and no statement that passed the gate explains it.
    Drift(Box<DriftEvent>),
    /// The configuration was read again.
    Reload(Box<ReloadEvent>),
    /// The gate runs; the first record of a process.
    Start(Box<StartEvent>),
    /// The gate stops in good order; nothing but a checkpoint follows.
    Stop(StopEvent),
    /// The first record of a file that the log goes on in.
    File(Box<FileEvent>),
    /// The tree head over all records before.
    Checkpoint(Box<CheckpointEvent>),
    /// Records are missing, since they could not be written.
    Gap(Box<GapEvent>),
    /// A file of the log was removed, as the configuration asks.
    Retention(Box<RetentionEvent>),
}

impl AuditEvent {
    /// Whether somebody was refused or not let in: a client can cause as many of these as it likes, and nothing has run.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Verdict(record) => record.action == Action::Reject,
            Self::LoginFailed(_) => true,
            _ => false,
        }
    }
}

fn shared<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    T::serialize(value, serializer)
}

/// Who a session's user is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditedSession {
    /// The gate's name.
    pub gate: String,
    /// Unique within the process.
    pub session: u64,
    /// The user who logs in.
    pub user: String,
    /// The database.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// Where the session comes from.
    pub client_address: Option<String>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The process that serves the session in the cluster; none before the user is let in.
    pub backend_pid: Option<u32>,
    /// Where the gate connects to the cluster from: what the cluster's connection log shows as the client.
    pub gate_address: Option<String>,
    /// Its port there.
    pub gate_port: Option<u16>,
    /// The subject of the client's certificate.
    pub tls_subject: Option<String>,
}

/// How a statement went.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeEvent {
    /// The gate's name.
    pub gate: String,
    /// Unique within the process.
    pub session: u64,
    /// The id of the record of its verdict.
    pub of: String,
    /// What the cluster made of it.
    pub outcome: StatementOutcome,
    /// The rows that the cluster tells of; none where the message held several statements.
    pub rows: Option<u64>,
    /// The SQLSTATE of the cluster's error.
    pub error: Option<String>,
    /// From sending the message to its answer.
    pub seconds: f64,
}

/// Why a user was not let in.
#[derive(Clone, Debug, Serialize)]
pub struct FailedLogin {
    /// Who asked.
    #[serde(flatten)]
    pub who: AuditedSession,
    /// How the session ended.
    pub reason: SessionEnd,
    /// What the cluster answered, or why it did not.
    pub login: LoginResult,
    /// How many failed logins at the gate this record stands for.
    pub count: u64,
    /// When the first of them was.
    pub since: Timestamp,
}

impl FailedLogin {
    /// One failed login, now.
    #[must_use]
    pub fn one(who: AuditedSession, reason: SessionEnd, login: LoginResult) -> Self {
        Self { who, reason, login, count: 1, since: Timestamp::now() }
    }
}

/// How a session went.
#[derive(Clone, Debug, Serialize)]
pub struct EndedSession {
    /// Whose it was.
    #[serde(flatten)]
    pub who: AuditedSession,
    /// Why it ended.
    pub reason: SessionEnd,
    /// How long it lasted.
    pub seconds: f64,
    /// Messages with statements that carried roles.
    pub judged: u32,
    /// Those of them that were refused.
    pub refused: u32,
}

/// Refusals of one user for one reason, above the rate at which each has a record of its own.
#[derive(Clone, Debug, Serialize)]
pub struct FoldedRefusals {
    /// How many this record stands for.
    pub count: u64,
    /// When the first of them was.
    pub since: Timestamp,
    /// The last of them.
    #[serde(flatten, serialize_with = "shared")]
    pub last: Arc<AuditRecord>,
}

/// A statement with a role that did not pass the gate, as the cluster's own history has it.
#[derive(Clone, Debug, Serialize)]
pub struct UnseenEvent {
    /// The gate's name.
    pub gate: String,
    /// When it ran, by the cluster's clock.
    pub ran_at: Option<Timestamp>,
    /// The database user.
    pub user: Option<String>,
    /// Where its session came from, as far as the connection log tells.
    pub client_address: Option<String>,
    /// `application_name`.
    pub application: Option<String>,
    /// The process that served it in the cluster.
    pub backend_pid: Option<String>,
    /// What it is.
    pub kind: StatementKind,
    /// What the role was used on.
    pub target: Option<String>,
    /// Why it is told: how it is known not to have passed.
    pub reason: &'static str,
    /// Its text as the history has it, masked and cut.
    pub statement: String,
}

/// A change of what the cluster stores, or of the roles attached to it.
#[derive(Clone, Debug, Serialize)]
pub struct DriftEvent {
    /// The gate's name.
    pub gate: String,
    /// What happened.
    pub change: DriftChange,
    /// To what.
    pub kind: ObjectKind,
    /// Its name, as a statement would write it; the ARN of an attached role.
    pub name: String,
    /// Who owns it, where the cluster says so.
    pub owner: Option<String>,
    /// What it kept: chains, or words for other credentials.
    pub before: Vec<String>,
    /// What it keeps.
    pub after: Vec<String>,
}

/// How a reload went.
#[derive(Clone, Debug, Serialize)]
pub struct ReloadEvent {
    /// `applied` or `refused`.
    pub result: ReloadResult,
    /// What asked for it.
    pub why: ReloadCause,
    /// Why it was refused.
    pub error: Option<String>,
    /// The version of the policy in force, by gate.
    pub policies: BTreeMap<String, String>,
}

/// What a process found when it began.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StartEvent {
    /// The version of the program.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// The gates' names.
    pub gates: Vec<String>,
    /// The log is new, or goes on.
    pub log_is: StartOf,
    /// Why a log that was there does not go on.
    pub detail: Option<String>,
    /// Hashes of the tree's whole subtrees before this record: what a reader needs who has only what follows.
    pub subtrees: Vec<String>,
    /// The last line of a process that was killed while it wrote.
    pub torn: Vec<Torn>,
}

/// The gate stopped in good order. The event says it all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StopEvent {}

/// Why the log goes on in another file.
#[derive(Clone, Debug, Serialize)]
pub struct FileEvent {
    /// Why.
    pub reason: NewAuditFile,
    /// The name of the file before, where this process gave it.
    pub before: Option<String>,
    /// As in a start.
    pub subtrees: Vec<String>,
    /// Lines of the file before that could be written in part only.
    pub torn: Vec<Torn>,
}

/// A tree head, signed when there is a key.
#[derive(Clone, Debug, Serialize)]
pub struct CheckpointEvent {
    /// The text of the checkpoint (C2SP tlog-checkpoint), a signed note when there is a key.
    pub checkpoint: String,
    /// Whether it is signed.
    pub signed: bool,
    /// As in a start.
    pub subtrees: Vec<String>,
}

/// Records that are missing.
#[derive(Clone, Debug, Serialize)]
pub struct GapEvent {
    /// How many.
    pub lost: u64,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// Lines that could be written in part only.
    pub torn: Vec<Torn>,
}

/// A file that is no longer there.
#[derive(Clone, Debug, Serialize)]
pub struct RetentionEvent {
    /// Its name.
    pub file: String,
    /// The log that it began with.
    pub of_log: String,
    /// Records of that log before this number are gone; all of them without a number.
    pub removed_before: Option<u64>,
}

/// A line that is no record, since not all of it could be written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, serde::Deserialize)]
pub struct Torn {
    /// How much of it stands there.
    pub bytes: u64,
    /// The hash of that, as of a record.
    pub hash: String,
}

impl Torn {
    /// The torn line with these bytes.
    #[must_use]
    pub fn of(fragment: &[u8]) -> Self {
        Self { bytes: u64::try_from(fragment.len()).unwrap_or(u64::MAX), hash: record_hash(fragment).to_string() }
    }
}

closed_sets! {
    /// Whether a process begins a log.
    pub enum StartOf {
        /// It begins one.
        New,
        /// It goes on with the one that is there.
        Continued,
        /// It begins one, since another process writes the one that is there.
        Beside,
        /// It begins one, since the one that is there cannot be read.
        Unreadable,
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that declares the words knows no default")]
impl Default for StartOf {
    fn default() -> Self {
        Self::New
    }
}

/// An event that waits to be written.
#[derive(Debug)]
pub struct Queued {
    /// Unique: what other records name this one by.
    pub id: String,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub event: AuditEvent,
}

/// Who writes a record.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WrittenBy {
    /// The machine.
    pub host: String,
    /// The process, by a name that no other has.
    pub instance: String,
}

#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    log: &'a str,
    #[serde(flatten)]
    by: &'a WrittenBy,
    seq: u64,
    prev: Option<String>,
    id: &'a str,
    time: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
}

/// Appends the line of an event that follows `head`, less its line feed.
///
/// # Errors
/// None that a record's own form could cause.
pub fn write_line(out: &mut Vec<u8>, (log, by): (&str, &WrittenBy), head: &LogHead, queued: &Queued) -> io::Result<()> {
    let Queued { id, time, event } = queued;
    // Of one length, so that times sort as texts.
    let time = format!("{time:.6}");
    let prev = head.last.as_ref().map(Hash::to_string);
    let line = Line { v: SCHEMA_VERSION, log, by, seq: head.tree.size(), prev, id, time, event };
    serde_json::to_writer(JsonEscaping(out), &line).map_err(io::Error::from)
}
