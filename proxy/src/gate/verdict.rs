//! What is to be done with a statement, and why.

use std::ops::Range;

use crate::chain::RoleArn;
use crate::gate::codes::{Code, Severity};
use crate::gate::finding::Finding;
use crate::rules::RuleEffect;
use crate::sql::{Clause, Effect, Method, StatementKind, Target};

/// What is done with a message.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes on as it came.
    Forward,
    /// It goes on, and says so.
    Annotate,
    /// It is refused.
    Reject,
}

impl Action {
    /// The word of the audit, the metrics and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl From<Severity> for Action {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Allow => Self::Forward,
            Severity::Annotate => Self::Annotate,
            Severity::Reject => Self::Reject,
        }
    }
}

/// A role use with its chain taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JudgedUse {
    /// The clause that carries it.
    pub clause: Clause,
    /// What the clause holds.
    pub method: Method,
    /// The comma-separated parts of the chain, whether or not they are role ARNs.
    pub roles: Vec<String>,
    /// What the role is used on.
    pub target: Option<Target>,
    /// Where the literal stands in the message's text.
    pub span: Range<usize>,
}

/// Whether the source of a hop may assume its target.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum HopResult {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
    /// The facts do not tell.
    Unknown,
}

impl HopResult {
    /// Value of the `result` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One evaluated step of a chain; the source of hop 0 is the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JudgedHop {
    /// `account/name` of the role that assumes, or `cluster`.
    pub source: String,
    /// `account/name` of the role that is assumed.
    pub target: String,
    /// How it came out.
    pub result: HopResult,
}

/// One statement of a message, judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JudgedStatement {
    /// What it is.
    pub kind: StatementKind,
    /// Where it stands in the message's text.
    pub span: Range<usize>,
    /// Its credential clauses.
    pub uses: Vec<JudgedUse>,
    /// The steps of its chains.
    pub hops: Vec<JudgedHop>,
    /// The organisation rules that applied: id and effect.
    pub rule_hits: Vec<(String, RuleEffect)>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What it would do alone.
    pub action: Action,
    /// What it does to the session.
    pub effect: Option<Effect>,
    /// Whether its parameters must be looked at when they are bound.
    pub watch_parameters: bool,
}

/// The verdict on one message: its statements are judged together, as the server parses them together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What is done with the message.
    pub action: Action,
    /// The action before shadow mode softened it.
    pub enforced: Action,
    /// The statements that were judged.
    pub statements: Vec<JudgedStatement>,
    /// Roles of its chains that the facts do not hold.
    pub unknown_roles: Vec<RoleArn>,
    /// A condition or rule looked at the clock: the verdict holds for this moment only.
    pub depends_on_time: bool,
    /// The version of the policy that judged.
    pub policy_version: String,
    /// The policy's generation within this process.
    pub generation: u64,
}

impl Verdict {
    /// All findings, the gravest first.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.statements.iter().flat_map(|statement| &statement.findings).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// The codes that are not merely recorded, each once, in order.
    #[must_use]
    pub fn codes(&self) -> Vec<Code> {
        let spoken = self.findings().into_iter().filter(|finding| finding.severity > Severity::Allow);
        let mut codes: Vec<Code> = spoken.map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The comment that an annotated statement carries: the same for the same statement, so that result caches work.
    #[must_use]
    pub fn comment(&self) -> String {
        let codes: Vec<&str> = self.codes().into_iter().map(Code::as_str).collect();
        format!("/* rolegate verdict=annotate codes={} */", codes.join(","))
    }
}
