//! How a policy carries out its refusals for one user at one moment: by mode, exceptions and break-glass. Never makes a finding graver,
//! and never says what enforcement would do, which is the same for everybody.

use std::sync::Arc;

use jiff::Timestamp;

use crate::gate::codes::Severity;
use crate::gate::enforcement::Mode;
use crate::gate::exception::Exception;
use crate::gate::finding::Finding;
use crate::gate::lenience::Lenience;
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::stored::StoredMode;

/// A policy, and for whom it is carried out.
#[derive(Clone, Debug)]
pub struct Enforcer<'a> {
    pub(super) policy: &'a Policy,
    /// The user's mode, where neither code nor rule has one of its own.
    pub(super) mode: Mode,
    /// Exceptions for the user that are not over.
    exceptions: Vec<&'a Arc<Exception>>,
    /// The first of the user's groups that breaks the glass.
    break_glass: Option<String>,
}

impl Policy {
    /// How refusals are carried out for a user.
    #[must_use]
    pub fn enforcer(&self, principal: &Principal, now: Timestamp) -> Enforcer<'_> {
        let parts = &self.parts;
        let asks_for_groups = !parts.modes.by_group.is_empty()
            || !parts.break_glass.is_empty()
            || parts.exceptions.iter().any(|exception| !exception.groups.is_empty());
        let groups = if asks_for_groups { self.groups_of_principal(principal) } else { Vec::new() };
        self.enforcer_in(principal, &groups, now)
    }

    /// The same for a principal in these groups.
    pub(super) fn enforcer_in(&self, principal: &Principal, groups: &[String], now: Timestamp) -> Enforcer<'_> {
        let parts = &self.parts;
        // Who may be in any group is in one that is enforced; nobody is in one that is let off.
        let mode = if self.groups_are_unknown(principal) && parts.modes.enforce_a_group() {
            Mode::Enforce
        } else {
            parts.modes.of_groups(groups).0
        };
        let holds = |exception: &&Arc<Exception>| !exception.is_over(now) && exception.is_for(&principal.user, groups);
        Enforcer {
            policy: self,
            mode,
            exceptions: parts.exceptions.iter().filter(holds).collect(),
            break_glass: self.breaks_glass(groups).map(str::to_owned),
        }
    }

    /// The first of these groups that breaks the glass.
    #[must_use]
    pub fn breaks_glass(&self, groups: &[String]) -> Option<&str> {
        self.parts.break_glass.iter().find(|group| groups.contains(group)).map(String::as_str)
    }

    /// How refusals are carried out where the user may be anybody: nothing that holds for some alone is taken to hold.
    #[must_use]
    pub fn enforcer_for_anybody(&self) -> Enforcer<'_> {
        Enforcer { policy: self, mode: self.parts.modes.of_anybody(), exceptions: Vec::new(), break_glass: None }
    }
}

impl Enforcer<'_> {
    /// The user's group that breaks the glass, if one does.
    #[must_use]
    pub fn break_glass(&self) -> Option<&str> {
        self.break_glass.as_deref()
    }

    /// The mode of a finding.
    pub(super) fn mode_of(&self, finding: &Finding) -> Mode {
        self.policy.parts.modes.of_finding(finding.code, finding.rule_mode, self.mode)
    }

    /// Why a finding is not carried out, if it would refuse and is not. Of several exceptions the one that lasts longest counts.
    pub(super) fn lenience(&self, finding: &Finding) -> Option<Lenience> {
        let is_observed = finding.is_stored && self.policy.stored().mode() != StoredMode::Enforce;
        if is_observed && finding.severity > Severity::Allow {
            return Some(Lenience::Observed);
        }
        if finding.severity < Severity::Reject {
            return None;
        }
        let credential = finding.credential.as_deref();
        let about = self.exceptions.iter().filter(|exception| exception.is_about(finding.code, credential));
        if let Some(exception) = about.max_by_key(|exception| (exception.until, &exception.id)) {
            return Some(Lenience::Exception(Arc::clone(exception)));
        }
        if self.mode_of(finding) == Mode::Shadow {
            return Some(Lenience::Shadow);
        }
        self.break_glass.clone().map(Lenience::BreakGlass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::codes::Code;
    use crate::gate::exception::tests::exception;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{ClusterGroups, Parts};
    use crate::gate::principal::Attributes;

    fn policy(mode: Mode) -> Policy {
        let longer = Exception { id: "SEC-2".to_owned(), ..exception(&[], &[Code::Rg105]) };
        let longer = Exception { until: Timestamp::from_second(2000).unwrap(), ..longer };
        Policy::new(Parts {
            modes: Modes::all(mode),
            groups: [("loaders".to_owned(), vec!["b".to_owned()]), ("oncall".to_owned(), vec!["c".to_owned()])].into(),
            exceptions: Arc::from([Arc::new(exception(&[], &[Code::Rg105, Code::Rg106])), Arc::new(longer)]),
            break_glass: vec!["oncall".to_owned()],
            ..Parts::without_facts()
        })
    }

    fn lenience(policy: &Policy, user: &str, second: i64, code: Code, severity: Severity) -> Option<String> {
        let principal = Principal::new(Attributes::of_login(user));
        let enforcer = policy.enforcer(&principal, Timestamp::from_second(second).unwrap());
        let found = enforcer.lenience(&Finding::new(code, severity, 0));
        found.map(|lenience| lenience.name().unwrap_or(lenience.as_str()).to_owned())
    }

    /// (user, second, code, why it passes under enforcement and in shadow mode)
    #[test]
    fn exceptions_go_before_shadow_and_break_glass_comes_last() {
        use Code::{Rg105, Rg106, Rg109};
        let rows = [
            ("etl", 0, Rg106, Some("SEC-1"), Some("SEC-1")),
            ("b", 0, Rg106, Some("SEC-1"), Some("SEC-1")),
            ("etl", 0, Rg105, Some("SEC-2"), Some("SEC-2")),
            ("etl", 1000, Rg105, Some("SEC-2"), Some("SEC-2")),
            ("etl", 1000, Rg106, None, Some("shadow")),
            ("etl", 2000, Rg105, None, Some("shadow")),
            ("etl", 0, Rg109, None, Some("shadow")),
            ("x", 0, Rg106, None, Some("shadow")),
            ("c", 0, Rg106, Some("oncall"), Some("shadow")),
        ];
        for (user, second, code, enforced, shadow) in rows {
            let of = |mode| lenience(&policy(mode), user, second, code, Severity::Reject);
            assert_eq!(of(Mode::Enforce).as_deref(), enforced, "{user} {second} {code}");
            assert_eq!(of(Mode::Shadow).as_deref(), shadow, "{user} {second} {code}");
            assert_eq!(lenience(&policy(Mode::Shadow), user, second, code, Severity::Annotate), None, "no refusal");
        }
    }

    #[test]
    fn groups_that_are_not_known_break_no_glass() {
        let strange = Policy::new(Parts { catalog: ClusterGroups::Unknown, ..policy(Mode::Enforce).parts });
        assert_eq!(lenience(&strange, "d", 0, Code::Rg106, Severity::Reject), None);
        let known = ClusterGroups::Known(Arc::new([("oncall".to_owned(), vec!["d".to_owned()])].into()));
        let known = strange.with_catalog(known);
        assert_eq!(lenience(&known, "d", 0, Code::Rg106, Severity::Reject).as_deref(), Some("oncall"));
    }

    /// (mode of the gate, mode of groups, known groups of the configuration, mode of somebody in none that is known)
    #[test]
    fn while_groups_are_unknown_everybody_may_be_in_one_that_is_enforced() {
        use Mode::{Enforce, Shadow};
        let rows: [(Mode, &[(&str, Mode)], &[&str], Mode); 6] = [
            (Shadow, &[("etl", Enforce)], &[], Enforce),
            (Shadow, &[("etl", Enforce), ("bi", Shadow)], &["bi"], Enforce),
            (Shadow, &[("bi", Shadow)], &[], Shadow),
            (Shadow, &[], &[], Shadow),
            (Enforce, &[("bi", Shadow)], &[], Enforce),
            (Enforce, &[("bi", Shadow)], &["bi"], Shadow),
        ];
        let x = Principal::new(Attributes::of_login("x"));
        for (base, by_group, configured, unknown) in rows {
            let by_group = by_group.iter().map(|(group, mode)| ((*group).to_owned(), *mode)).collect();
            let groups = configured.iter().map(|group| ((*group).to_owned(), vec!["x".to_owned()])).collect();
            let modes = Modes { by_group, ..Modes::all(base) };
            let parts = Parts { modes, groups, catalog: ClusterGroups::Unknown, ..Parts::without_facts() };
            let policy = Policy::new(parts);
            let mode = |policy: &Policy, who: &Principal| policy.enforcer(who, Timestamp::UNIX_EPOCH).mode;
            assert_eq!(mode(&policy, &x), unknown, "{base} {configured:?}");
            let known = policy.with_catalog(ClusterGroups::Known(Arc::default()));
            let alone = policy.with_catalog(ClusterGroups::NotRead);
            assert_eq!(mode(&known, &x), mode(&alone, &x), "{base} {configured:?}");
            let said = Attributes { groups: Some(Vec::new()), ..Attributes::of_login("x") };
            assert_eq!(mode(&policy, &Principal::new(said)), base, "whoever says their groups is in no other");
        }
    }

    #[test]
    fn anybody_has_no_exception() {
        let policy = policy(Mode::Enforce);
        let finding = Finding::new(Code::Rg105, Severity::Reject, 0);
        assert_eq!(policy.enforcer_for_anybody().lenience(&finding), None);
    }
}
