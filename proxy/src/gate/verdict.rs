//! What is to be done with a message and with each of its statements, and why. Both faces of a verdict, what enforcement would
//! do and what is done, are decided here and nowhere else.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::catalog::NamedEntry;
use crate::chain::RoleArn;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::enforcer::Enforcer;
use crate::gate::finding::{Finding, folded};
use crate::gate::lenience::Lenience;
use crate::gate::stored::{JudgedStored, StoredMode};
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

impl JudgedUse {
    /// The chain, or the word for another credential: as exceptions write it, and as reports call it.
    #[must_use]
    pub fn credential(&self) -> String {
        if self.roles.is_empty() { self.method.as_str().to_owned() } else { self.roles.join(",") }
    }
}

fn word_of<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn text_of<S: Serializer>(target: &Option<Target>, serializer: S) -> Result<S::Ok, S::Error> {
    target.as_ref().map(ToString::to_string).serialize(serializer)
}

closed_sets! {
    /// Whether the source of a hop may assume its target.
    pub enum HopResult {
        /// It may assume it.
        Allowed,
        /// It may not assume it.
        Denied,
        /// The facts do not say.
        Unknown,
    }
}

/// One evaluated step of a chain; the source of hop 0 is the cluster.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct JudgedHop {
    /// `account/name` of the role that assumes, or `cluster`.
    pub source: String,
    /// `account/name` of the role that is assumed.
    pub target: String,
    /// Whether the facts allow it.
    pub result: HopResult,
    /// The byte of the message's text at which the literal of its chain starts.
    #[serde(skip)]
    pub at: usize,
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
    /// The stored credentials that it uses.
    pub stored: Vec<JudgedStored>,
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
            stored: Vec::new(),
            hops: Vec::new(),
            rule_hits: Vec::new(),
            findings: Vec::new(),
            would_be: Action::Forward,
            action: Action::Forward,
            effects: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// What its gravest finding asks for, and what its findings do.
    fn own(&self) -> (Action, Action) {
        let gravest = |of: fn(&Finding) -> Action| self.findings.iter().map(of).max().unwrap_or(Action::Forward);
        (gravest(Finding::would_be), gravest(Finding::action))
    }

    fn carry_out(&mut self, enforcer: &Enforcer<'_>) {
        for finding in &mut self.findings {
            finding.lenience = enforcer.lenience(finding);
        }
    }

    /// Whether it does this to the session, or asks this of it.
    #[must_use]
    pub fn has_effect(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    /// Whether the audit and the command line report it: it carries credentials, something is wrong with it, or it is refused.
    #[must_use]
    pub fn is_told(&self) -> bool {
        let is_refused = self.would_be == Action::Reject && self.action > Action::Forward;
        !self.uses.is_empty() || is_refused || !self.findings.iter().all(Finding::is_observed)
    }

    /// Whether all that is known of it is that it uses stored credentials, or changes what names stand for.
    fn is_of_names_alone(&self) -> bool {
        let is_turn = |effect: &Effect| matches!(effect, Effect::Turn { .. } | Effect::Redefines);
        self.uses.is_empty() && self.watch.is_empty() && self.effects.iter().all(is_turn) && !self.is_told()
    }
}

/// The verdict on one message: its statements are judged together, as the server parses them together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What enforcement would do with the message.
    pub would_be: Action,
    /// What is done with it.
    pub action: Action,
    /// The mode of what would refuse it: enforce, where that differs. Of what nothing would refuse, the user's.
    pub mode: Mode,
    /// The statements that were judged.
    pub statements: Vec<JudgedStatement>,
    /// Roles of its chains that the facts do not hold.
    pub unknown_roles: Vec<RoleArn>,
    /// The groups of the user it is for, where a statement carries credentials.
    pub groups: Vec<String>,
    /// A condition or rule depends on the time, so the verdict holds only for this moment.
    pub depends_on_time: bool,
    /// When the first of the exceptions ends that it is owed to.
    pub holds_until: Option<Timestamp>,
    /// The version of the policy that judged.
    pub policy_version: String,
    /// The policy's generation within this process.
    pub generation: u64,
    /// Uses of stored credentials are observed alone.
    pub observes: bool,
    /// Objects that it makes and that use stored credentials.
    pub(crate) made: Arc<[NamedEntry]>,
    /// What the cluster stores, or its names, are other when it has run.
    pub(crate) changes_stored: bool,
}

impl Verdict {
    /// The verdict on statements with these findings, as they are carried out for a user. A message goes to the server as a whole, so that
    /// one refused statement refuses the others too.
    #[must_use]
    pub fn of(enforcer: &Enforcer<'_>, mut statements: Vec<JudgedStatement>) -> Self {
        for statement in &mut statements {
            statement.carry_out(enforcer);
        }
        let owns: Vec<(Action, Action)> = statements.iter().map(JudgedStatement::own).collect();
        let would_be = owns.iter().map(|own| own.0).max().unwrap_or(Action::Forward);
        let action = owns.iter().map(|own| own.1).max().unwrap_or(Action::Forward);
        for (statement, own) in statements.iter_mut().zip(owns) {
            (statement.would_be, statement.action) = if would_be == Action::Reject { (would_be, action) } else { own };
        }
        Self {
            would_be,
            action,
            mode: mode_of(enforcer, &statements),
            holds_until: statements.iter().flat_map(|statement| &statement.findings).filter_map(end_of).min(),
            statements,
            unknown_roles: Vec::new(),
            groups: Vec::new(),
            depends_on_time: false,
            policy_version: enforcer.policy.version().to_owned(),
            generation: enforcer.policy.generation(),
            observes: enforcer.policy.stored().mode() != StoredMode::Enforce,
            made: Arc::from([]),
            changes_stored: false,
        }
    }

    /// What was judged, with other findings: as it is carried out now. Whatever else is known of it stays.
    #[must_use]
    pub(super) fn again(&self, enforcer: &Enforcer<'_>, statements: Vec<JudgedStatement>) -> Self {
        Self {
            unknown_roles: self.unknown_roles.clone(),
            groups: self.groups.clone(),
            depends_on_time: self.depends_on_time,
            made: Arc::clone(&self.made),
            changes_stored: self.changes_stored,
            ..Self::of(enforcer, statements)
        }
    }

    /// The same with what is told of it bounded: of findings alike some, and how many more there are. What was decided stays.
    #[must_use]
    pub(super) fn bounded(mut self) -> Self {
        for statement in &mut self.statements {
            statement.findings = folded(std::mem::take(&mut statement.findings));
        }
        self
    }

    /// Whether nothing but the records of stored uses comes of it, so that the message goes on as an ordinary one does.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        let is_free = self.observes || !self.uses_stored();
        is_free && self.action == Action::Forward && self.statements.iter().all(JudgedStatement::is_of_names_alone)
    }

    /// Whether a statement uses stored credentials, or changes how names resolve or what has them.
    #[must_use]
    pub fn concerns_names(&self) -> bool {
        let turns =
            |statement: &JudgedStatement| statement.effects.iter().any(|effect| matches!(effect, Effect::Turn { .. }));
        self.uses_stored() || self.changes_stored || self.statements.iter().any(turns)
    }

    /// Whether a statement uses stored credentials.
    #[must_use]
    pub fn uses_stored(&self) -> bool {
        self.statements.iter().any(|statement| !statement.stored.is_empty())
    }

    /// The moment until which what was judged may go on without being judged again; `None`: as long as its policy is in force.
    #[must_use]
    pub fn stands_until(&self) -> Option<Timestamp> {
        if self.depends_on_time { Some(Timestamp::MIN) } else { self.holds_until }
    }

    /// Why its refusals are not carried out, each reason once, in the order of its findings.
    #[must_use]
    pub fn leniences(&self) -> Vec<&Lenience> {
        let mut leniences: Vec<&Lenience> = Vec::new();
        for lenience in self.findings().into_iter().filter_map(|finding| finding.lenience.as_ref()) {
            if !leniences.contains(&lenience) {
                leniences.push(lenience);
            }
        }
        leniences
    }

    /// Whether the verdict is more lenient than enforcement.
    #[must_use]
    pub fn is_softened(&self) -> bool {
        self.action != self.would_be
    }

    /// Whether enforcement would refuse it, and nothing but exceptions lets it through.
    #[must_use]
    pub fn is_excepted(&self) -> bool {
        let findings = self.statements.iter().flat_map(|statement| &statement.findings);
        let mut refusing = findings.filter(|finding| finding.severity == Severity::Reject);
        self.would_be == Action::Reject && refusing.all(|one| matches!(one.lenience, Some(Lenience::Exception(_))))
    }

    /// What enforcement does where exceptions hold and a rule's own mode counts: what a policy decides, whatever the modes of gate, group
    /// and code are.
    #[must_use]
    pub fn decided(&self) -> Action {
        let of = |finding: &Finding| match (&finding.lenience, finding.rule_mode) {
            (Some(Lenience::Exception(_)), _) | (_, Some(Mode::Shadow)) => finding.would_be().min(Action::Annotate),
            _ => finding.would_be(),
        };
        let findings = self.statements.iter().flat_map(|statement| &statement.findings);
        findings.map(of).max().unwrap_or(Action::Forward)
    }

    /// The names of the exceptions that it is owed to.
    pub fn exceptions(&self) -> impl Iterator<Item = &str> {
        self.leniences().into_iter().filter_map(|lenience| match lenience {
            Lenience::Exception(exception) => Some(exception.id.as_str()),
            Lenience::Shadow | Lenience::Observed | Lenience::BreakGlass(_) => None,
        })
    }

    /// The group that breaks the glass for it, where nothing else lets it through.
    #[must_use]
    pub fn break_glass(&self) -> Option<&str> {
        self.leniences().into_iter().find_map(|lenience| match lenience {
            Lenience::BreakGlass(group) => Some(group.as_str()),
            Lenience::Shadow | Lenience::Observed | Lenience::Exception(_) => None,
        })
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

/// The mode of what would refuse one of these statements.
fn mode_of(enforcer: &Enforcer<'_>, statements: &[JudgedStatement]) -> Mode {
    let findings = statements.iter().flat_map(|statement| &statement.findings);
    let refusing = findings.filter(|finding| finding.severity == Severity::Reject);
    let mut modes =
        refusing.map(|finding| if finding.is_observed() { Mode::Shadow } else { enforcer.mode_of(finding) });
    match modes.next() {
        None => enforcer.mode,
        Some(Mode::Enforce) => Mode::Enforce,
        Some(Mode::Shadow) => modes.find(|mode| *mode == Mode::Enforce).unwrap_or(Mode::Shadow),
    }
}

/// When the exception ends that a finding is owed to.
fn end_of(finding: &Finding) -> Option<Timestamp> {
    match &finding.lenience {
        Some(Lenience::Exception(exception)) => Some(exception.until),
        Some(Lenience::Shadow | Lenience::Observed | Lenience::BreakGlass(_)) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};

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
            let policy = Policy::new(Parts { modes: Modes::all(mode), ..Parts::without_facts() });
            let nobody = Principal::new(Attributes::default());
            let enforcer = policy.enforcer(&nobody, Timestamp::UNIX_EPOCH);
            for (severities, each, whole) in rows {
                let verdict = Verdict::of(&enforcer, severities.iter().map(|found| statement(found)).collect());
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
