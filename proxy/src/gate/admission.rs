//! Verdicts beside the reading of a text: on a start-up, on what is bound to a CALL, on a text that the server may read
//! differently, on a session that may be anybody. They are verdicts like any other: severities, modes and exceptions apply.

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::gate::enforcer::Enforcer;
use crate::gate::finding::Finding;
use crate::gate::judge::fault_code;
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::sql::watch::BoundFault;
use crate::sql::{Effect, FaultKind, StatementKind, is_unsafe_encoding, options_ask_for_unsafe_encoding, quoting};

impl Enforcer<'_> {
    /// The verdict on a start-up that asks for an unsafe encoding, by its name or in `options`. `None`: it asks for none.
    #[must_use]
    pub fn judge_startup(&self, client_encoding: Option<&str>, options: Option<&str>) -> Option<Verdict> {
        let by_name = client_encoding.filter(|name| is_unsafe_encoding(name));
        let by_options = options.filter(|options| options_ask_for_unsafe_encoding(options));
        let detail = match (by_name, by_options) {
            (Some(name), _) => format!("the start-up asks for client_encoding {name:?}"),
            (None, Some(options)) => format!("the start-up asks for it in its options: {options:?}"),
            (None, None) => return None,
        };
        Some(self.alone(StatementKind::None, 0, self.policy.remark(Code::Rg109).detail(detail)))
    }

    /// The verdict on a `Bind` whose values are at fault: they hand a role's ARN to the CALL `text`, or set an unsafe encoding.
    #[must_use]
    pub fn judge_bound(&self, text: &[u8], fault: BoundFault) -> Verdict {
        let finding = self.policy.remark(fault_code(fault.kind));
        match fault.kind {
            FaultKind::CallArgument => {
                let message = "a bound argument of CALL looks like a role ARN";
                self.alone(StatementKind::Call, text.len(), finding.message(message))
            }
            _ => self.alone(StatementKind::Set, text.len(), finding.detail(fault.detail)),
        }
    }

    /// The verdict on a text beyond ASCII in a session whose encoding the server reports to be an unsafe one.
    #[must_use]
    pub fn judge_unreadable(&self, text: &[u8]) -> Verdict {
        let message = "the session's client encoding could hide quotes from the gate";
        let hint = "use client_encoding UTF8, or ASCII texts alone".to_owned();
        let finding = self.policy.remark(Code::Rg109).message(message).hint(Some(hint));
        self.alone(StatementKind::Unknown, text.len(), finding)
    }

    /// `verdict`, in a session whose search path puts something before the functions on whose quoting its dynamic SQL relies.
    #[must_use]
    pub fn judge_moved(&self, verdict: &Verdict) -> Verdict {
        let hint =
            "write pg_catalog.quote_ident() and pg_catalog.quote_literal(), or leave pg_catalog out of the search path";
        let mut statements = verdict.statements.clone();
        let concerns = |one: &&mut JudgedStatement| {
            one.has_effect(&Effect::MovesCatalog) || one.has_effect(&Effect::TrustsQuoting)
        };
        for statement in statements.iter_mut().filter(concerns) {
            let finding = Finding { at: statement.span.start, ..self.policy.remark(Code::Rg106) };
            let finding = finding.message("quoting in dynamic SQL is not safe in this session").detail(quoting::MOVED);
            statement.findings.push(finding.hint(Some(hint.to_owned())));
        }
        verdict.again(self, statements)
    }

    /// The verdict of one finding on a message of `length` bytes.
    fn alone(&self, kind: StatementKind, length: usize, finding: Finding) -> Verdict {
        let statement = JudgedStatement { findings: vec![finding], ..JudgedStatement::new(kind, 0..length) };
        Verdict::of(self, vec![statement])
    }
}

impl Policy {
    /// How refusals are carried out for a user now; for anybody where it is not known whom a session is acting as.
    #[must_use]
    pub fn enforcer_for(&self, principal: Option<&Principal>, now: Timestamp) -> Enforcer<'_> {
        principal.map_or_else(|| self.enforcer_for_anybody(), |principal| self.enforcer(principal, now))
    }

    /// `verdict`, made for one user, where the session may be acting as any of more users than are judged one by one: no rule
    /// and no condition can be said to let all of them use a role.
    #[must_use]
    pub fn judge_as_anybody(&self, verdict: &Verdict) -> Verdict {
        let message = "the session may be acting as any of too many users, so no rule can permit it";
        let hint = "wait for the answer to SET SESSION AUTHORIZATION before the next statement".to_owned();
        let mut statements = verdict.statements.clone();
        for statement in &mut statements {
            let is_stored = statement.uses.is_empty();
            if is_stored && statement.stored.is_empty() {
                continue;
            }
            let at = statement.uses.first().map_or(statement.span.start, |role_use| role_use.span.start);
            let finding = Finding { is_stored, at, ..self.remark(Code::Rg302) };
            statement.findings.push(finding.message(message).hint(Some(hint.clone())));
        }
        verdict.again(&self.enforcer_for_anybody(), statements)
    }

    fn remark(&self, code: Code) -> Finding {
        Finding::new(code, self.severity(code), 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::gate::codes::Severity;
    use crate::gate::enforcement::{Action, Mode};
    use crate::gate::judge_alone;
    use crate::gate::modes::Modes;
    use crate::gate::policy::Parts;
    use crate::gate::principal::Attributes;

    const BOUND_ROLE: BoundFault = BoundFault { kind: FaultKind::CallArgument, detail: "" };

    fn policy(mode: Mode, severity: Severity) -> Policy {
        let severities = BTreeMap::from([(Code::Rg107, severity), (Code::Rg109, severity), (Code::Rg302, severity)]);
        Policy::new(Parts { severities, modes: Modes::all(mode), ..Parts::without_facts() })
    }

    #[test]
    fn severity_and_mode_apply_to_every_verdict_beside_a_reading() {
        let rows = [
            (Mode::Enforce, Severity::Reject, Action::Reject, Action::Reject),
            (Mode::Shadow, Severity::Reject, Action::Reject, Action::Annotate),
            (Mode::Enforce, Severity::Annotate, Action::Annotate, Action::Annotate),
            (Mode::Shadow, Severity::Allow, Action::Forward, Action::Forward),
        ];
        for (mode, severity, would_be, action) in rows {
            let policy = policy(mode, severity);
            let enforcer = policy.enforcer_for_anybody();
            let startup = enforcer.judge_startup(Some("SJIS"), None).unwrap();
            for verdict in [startup, enforcer.judge_bound(b"call p($1)", BOUND_ROLE), enforcer.judge_unreadable(b"x")] {
                assert_eq!((verdict.would_be, verdict.action), (would_be, action), "{mode} {severity}");
                assert_eq!(verdict.findings().len(), 1);
            }
        }
    }

    /// (`client_encoding`, options, evidence)
    #[test]
    fn startups() {
        let rows = [
            (None, None, None),
            (Some("UTF8"), Some("-c search_path=x"), None),
            (Some("sjis"), None, Some("the start-up asks for client_encoding \"sjis\"")),
            (
                Some("UTF8"),
                Some("-c client_encoding=GBK"),
                Some("the start-up asks for it in its options: \"-c client_encoding=GBK\""),
            ),
        ];
        let policy = policy(Mode::Enforce, Severity::Reject);
        for (encoding, options, detail) in rows {
            let verdict = policy.enforcer_for_anybody().judge_startup(encoding, options);
            let found = verdict.as_ref().and_then(|verdict| verdict.findings()[0].detail.as_deref());
            assert_eq!(found, detail, "{encoding:?} {options:?}");
        }
    }

    #[test]
    fn anybody_may_use_no_role_but_may_do_what_needs_none() {
        let policy = policy(Mode::Enforce, Severity::Reject);
        let nobody = Principal::new(Attributes::default());
        let judge = |sql: &str| {
            let verdict = judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH).unwrap();
            (verdict.would_be, policy.judge_as_anybody(&verdict))
        };
        let (before, verdict) = judge("copy t from 's3://b' iam_role default");
        assert_eq!((before, verdict.would_be, verdict.codes()), (Action::Forward, Action::Reject, vec![Code::Rg302]));
        let (before, verdict) = judge("set session authorization x");
        assert_eq!((before, verdict.would_be), (Action::Forward, Action::Forward));
    }

    #[test]
    fn what_is_judged_again_is_still_its_users() {
        let groups = BTreeMap::from([("etl".to_owned(), vec!["x".to_owned()])]);
        let policy = Policy::new(Parts { groups, ..Parts::without_facts() });
        let x = Principal::new(Attributes::of_login("x"));
        let sql = b"copy t from 's3://b' iam_role default";
        let verdict = judge_alone(&policy, sql, &x, jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(verdict.groups, ["etl"]);
        let moved = policy.enforcer_for_anybody().judge_moved(&verdict);
        assert_eq!((moved.groups, policy.judge_as_anybody(&verdict).groups), (verdict.groups.clone(), verdict.groups));
    }

    #[test]
    fn only_what_moves_or_trusts_is_refused_in_a_session_that_does_both() {
        let policy = policy(Mode::Enforce, Severity::Reject);
        let nobody = Principal::new(Attributes::default());
        let judge = |sql: &str| {
            let verdict = judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH).unwrap();
            (verdict.would_be, policy.enforcer_for_anybody().judge_moved(&verdict))
        };
        let (before, verdict) = judge("set search_path to a, pg_catalog");
        assert_eq!((before, verdict.would_be, verdict.codes()), (Action::Forward, Action::Reject, vec![Code::Rg106]));
        let (_, verdict) = judge("copy t from 's3://b' iam_role default");
        assert_eq!(verdict.would_be, Action::Forward);
    }
}
