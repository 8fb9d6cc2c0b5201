//! How the process and its gates stand, as `/api/v1/status` says it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::view::words;
use crate::gate::enforcement::Mode;
use crate::observe::values::{Leg, LimitKind};

/// Whether new sessions are taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Readiness {
    /// Not yet: the files that the configuration names are being loaded.
    Starting,
    /// New sessions are taken.
    Ready,
    /// No longer: the gates are being stopped.
    Draining,
}

/// How the process and its gates stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Status)]
pub(in crate::admin) struct StatusView {
    /// The version of the program.
    pub version: &'static str,
    /// The commit that it was built from, where the build named it.
    pub commit: Option<&'static str>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The gate's own clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// What `/readyz` answers.
    pub ready: bool,
    pub standing: Readiness,
    pub checks: Vec<CheckView>,
    pub gates: Vec<GateView>,
    pub configuration: ConfigurationView,
    pub audit: AuditView,
    pub exceptions: Vec<ExceptionView>,
    pub recent: RecentView,
}

/// A cause for which the gates might not be ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(in crate::admin) struct CheckView {
    pub name: &'static str,
    /// What is wrong, if anything.
    pub fault: Option<String>,
}

/// A gate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gate)]
pub(crate) struct GateView {
    pub name: String,
    /// The cluster's name in the IAM facts; empty where it has none.
    pub cluster: String,
    pub listen: String,
    /// The cluster's address.
    pub upstream: String,
    /// The mode of the gate as a whole.
    #[schema(schema_with = words::mode)]
    pub mode: Mode,
    pub policy_version: String,
    /// When a policy that says something else last came into force.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub policy_changed_at: Option<Timestamp>,
    pub rules: usize,
    pub sessions_open: usize,
    pub limits: Vec<LimitView>,
    pub certificates: Vec<CertificateView>,
}

/// A limit of a gate and how far it is used. Of limits by user and by address, the one who uses most.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitView {
    #[schema(schema_with = words::limit_kind)]
    pub name: LimitKind,
    pub used: usize,
    /// The most that there may be; without it, any number.
    pub limit: Option<usize>,
}

/// A certificate of a gate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub(crate) struct CertificateView {
    /// The client's leg or the cluster's.
    #[schema(schema_with = words::leg)]
    pub leg: Leg,
    /// Its file, or which authority it is.
    pub name: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_after: Option<Timestamp>,
    /// Whole days that it has left; negative once it has expired.
    pub days_left: Option<i64>,
    /// Why it is not known when it expires.
    pub fault: Option<String>,
}

/// How reloading the configuration goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Configuration)]
pub(crate) struct ConfigurationView {
    /// When something new last came into force.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    /// What is wrong with the files as they are now, so that an earlier version is in force.
    pub fault: Option<String>,
    /// Keys whose written value waits for a restart.
    pub restart_pending: Vec<String>,
}

/// How the audit goes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Audit)]
pub(crate) struct AuditView {
    /// Whether there is one.
    pub records: bool,
    /// The last record could not be written.
    pub failing: bool,
    /// Statements with roles are refused until it can be written.
    pub refuses: bool,
    /// Records that wait to be written.
    pub waiting: usize,
    /// Records that were lost since the last gap that the audit tells of.
    pub lost: u64,
}

/// A refusal that is borne with for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Exception)]
pub(crate) struct ExceptionView {
    pub id: String,
    pub owner: String,
    pub ticket: String,
    pub reason: Option<String>,
    pub users: Vec<String>,
    pub groups: Vec<String>,
    pub chains: Vec<String>,
    pub codes: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Whole days that it has left; none once it is over.
    pub days_left: Option<i64>,
}

/// How far back `/decisions`, `/refusals` and `/graph` look.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecentCensus)]
pub(in crate::admin) struct RecentView {
    /// Statements that are kept.
    pub decisions: usize,
    /// Bytes that they take, about.
    pub bytes: usize,
    pub max_decisions: usize,
    pub max_bytes: usize,
    /// Statements that were judged since the start.
    pub judged: u64,
    /// When the oldest that is kept was judged.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}
