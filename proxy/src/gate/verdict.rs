//! What is to be done with a message and with each of its statements, and why. Both faces of a verdict, what enforcement would
//! do and what is done, are decided here and nowhere else.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::chain::RoleArn;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::finding::Finding;
use crate::gate::policy::Policy;
use crate::rules::RuleEffect;
use crate::sql::{Clause, Effect, Method, StatementKind, Target, Watch};

/// A role use with its chain split into roles, as the audit and the command line write it too.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct JudgedUse {
    /// The clause that carries it.
    pub clause: Clause,
    /// What the clause holds.
    #[serde(serialize_with = "word_of")]
    pub method: Method,
    /// The comma-separated parts of the chain, whether or not they are role ARNs.
    pub roles: Vec<String>,
    /// What the role is used on.
    #[serde(serialize_with = "text_of")]
    pub target: Option<Target>,
    /// Where the literal stands in the message's text.
    #[serde(skip)]
    pub span: Range<usize>,
}

fn word_of<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn text_of<S: Serializer>(target: &Option<Target>, serializer: S) -> Result<S::Ok, S::Error> {
    target.as_ref().map(ToString::to_string).serialize(serializer)
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
    /// It may assume it.
    Allowed,
    /// It may not assume it.
    Denied,
    /// The facts do not say.
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
    /// The result.
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
    /// What enforcement would do with it: refuse it, where it refuses any statement of the message.
    pub would_be: Action,
    /// What is done with it.
    pub action: Action,
    /// What it does to the session, or asks of it.
    pub effects: Vec<Effect>,
    /// What its parameters stand for, where they must be looked at when they are bound.
    pub watch: Watch,
}

impl JudgedStatement {
    /// A statement without findings so far.
    #[must_use]
    pub fn new(kind: StatementKind, span: Range<usize>) -> Self {
        Self {
            kind,
            span,
            uses: Vec::new(),
            hops: Vec::new(),
            rule_hits: Vec::new(),
            findings: Vec::new(),
            would_be: Action::Forward,
            action: Action::Forward,
            effects: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// The action that its gravest finding asks for.
    fn own(&self) -> Action {
        self.findings.iter().map(|finding| Action::from(finding.severity)).max().unwrap_or(Action::Forward)
    }

    /// Whether it does this to the session, or asks this of it.
    #[must_use]
    pub fn has_effect(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    /// Whether the audit and the command line report it: it carries credentials, something is wrong with it, or it is refused.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !self.uses.is_empty() || !self.findings.is_empty() || self.would_be == Action::Reject
    }
}

/// The verdict on one message: its statements are judged together, as the server parses them together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What enforcement would do with the message.
    pub would_be: Action,
    /// What is done with it.
    pub action: Action,
    /// The mode that decided the difference.
    pub mode: Mode,
    /// The statements that were judged.
    pub statements: Vec<JudgedStatement>,
    /// Roles of its chains that the facts do not hold.
    pub unknown_roles: Vec<RoleArn>,
    /// A condition or rule depends on the time, so the verdict holds only for this moment.
    pub depends_on_time: bool,
    /// The version of the policy that judged.
    pub policy_version: String,
    /// The policy's generation within this process.
    pub generation: u64,
}

impl Verdict {
    /// The verdict of a policy on statements with these findings. A message goes to the server as a whole, so that one refused
    /// statement refuses the others too.
    #[must_use]
    pub fn of(policy: &Policy, mut statements: Vec<JudgedStatement>) -> Self {
        let mode = policy.mode();
        let would_be = statements.iter().map(JudgedStatement::own).max().unwrap_or(Action::Forward);
        for statement in &mut statements {
            statement.would_be = if would_be == Action::Reject { would_be } else { statement.own() };
            statement.action = mode.action(statement.would_be);
        }
        Self {
            would_be,
            action: mode.action(would_be),
            mode,
            statements,
            unknown_roles: Vec::new(),
            depends_on_time: false,
            policy_version: policy.version().to_owned(),
            generation: policy.generation(),
        }
    }

    /// Whether the mode made the verdict more lenient than enforcement.
    #[must_use]
    pub fn is_softened(&self) -> bool {
        self.action != self.would_be
    }

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
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::gate::policy::Parts;

    fn statement(severities: &[Severity]) -> JudgedStatement {
        let findings = severities.iter().map(|severity| Finding::new(Code::Rg101, *severity, 0)).collect();
        JudgedStatement { findings, ..JudgedStatement::new(StatementKind::Copy, 0..0) }
    }

    /// (severities of each statement, what enforcement would do with each, with the message)
    #[test]
    fn one_refused_statement_refuses_the_message() {
        use Action::{Annotate, Forward, Reject};
        let rows: &[(&[&[Severity]], &[Action], Action)] = &[
            (&[], &[], Forward),
            (&[&[]], &[Forward], Forward),
            (&[&[Severity::Allow], &[Severity::Annotate]], &[Forward, Annotate], Annotate),
            (&[&[Severity::Annotate, Severity::Reject]], &[Reject], Reject),
            (&[&[], &[Severity::Annotate], &[Severity::Reject]], &[Reject, Reject, Reject], Reject),
        ];
        for mode in [Mode::Enforce, Mode::Shadow] {
            let policy = Policy::new(Parts { mode, ..Parts::without_facts() });
            for (severities, each, whole) in rows {
                let verdict = Verdict::of(&policy, severities.iter().map(|found| statement(found)).collect());
                assert_eq!((verdict.would_be, verdict.mode), (*whole, mode), "{severities:?}");
                assert_eq!(verdict.action, mode.action(*whole), "{severities:?}");
                assert_eq!(verdict.is_softened(), mode == Mode::Shadow && *whole == Reject, "{severities:?}");
                let found: Vec<_> = verdict.statements.iter().map(|one| (one.would_be, one.action)).collect();
                let expected: Vec<_> = each.iter().map(|action| (*action, mode.action(*action))).collect();
                assert_eq!(found, expected, "{mode}: {severities:?}");
            }
        }
    }
}
