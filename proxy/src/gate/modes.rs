//! Which mode applies to whom and to what: the more specific setting wins. Pure.

use std::collections::BTreeMap;

use crate::gate::codes::Code;
use crate::gate::enforcement::Mode;

/// The modes of a policy, from the least specific setting to the most; a rule's own `@mode` is above them all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Modes {
    /// Of everything that has no other.
    pub base: Mode,
    /// Of this gate.
    pub gate: Option<Mode>,
    /// Of the members of these groups.
    pub by_group: BTreeMap<String, Mode>,
    /// Of these findings.
    pub by_code: BTreeMap<Code, Mode>,
}

/// The setting that a mode comes from. Ordered: the more specific is the greater.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ModeSource {
    /// `policy.mode`.
    Policy,
    /// `gate.mode`.
    Gate,
    /// `policy.mode_by_group`, by this group.
    Group(String),
    /// `policy.mode_by_code`.
    Code,
    /// `@mode` of the rule.
    Rule,
}

impl Modes {
    /// One mode for everything.
    #[must_use]
    pub fn all(mode: Mode) -> Self {
        Self { base: mode, ..Self::default() }
    }

    /// The mode of the gate as a whole.
    #[must_use]
    pub fn of_gate(&self) -> Mode {
        self.gate.unwrap_or(self.base)
    }

    /// The mode for the members of these groups, and where it comes from. Where two of their groups differ, they are enforced.
    #[must_use]
    pub fn of_groups(&self, groups: &[String]) -> (Mode, ModeSource) {
        let mut named = groups.iter().filter_map(|group| self.by_group.get(group).map(|mode| (*mode, group)));
        let first = named.clone().next();
        match named.find(|(mode, _)| *mode == Mode::Enforce).or(first) {
            Some((mode, group)) => (mode, ModeSource::Group(group.clone())),
            None if self.gate.is_some() => (self.of_gate(), ModeSource::Gate),
            None => (self.base, ModeSource::Policy),
        }
    }

    /// Whether the members of some group are enforced, whatever the gate's mode is.
    #[must_use]
    pub fn enforce_a_group(&self) -> bool {
        self.by_group.values().any(|mode| *mode == Mode::Enforce)
    }

    /// The mode for somebody who may be anybody: the strictest.
    #[must_use]
    pub fn of_anybody(&self) -> Mode {
        if self.enforce_a_group() { Mode::Enforce } else { self.of_gate() }
    }

    /// The mode of a finding on somebody whose mode is `of_user`.
    #[must_use]
    pub fn of_finding(&self, code: Code, of_rule: Option<Mode>, of_user: Mode) -> Mode {
        of_rule.or_else(|| self.by_code.get(&code).copied()).unwrap_or(of_user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Enforce, Shadow};

    fn modes(gate: Option<Mode>) -> Modes {
        Modes {
            base: Enforce,
            gate,
            by_group: [("bi".to_owned(), Shadow), ("etl".to_owned(), Enforce)].into(),
            by_code: [(Code::Rg301, Shadow), (Code::Rg109, Enforce)].into(),
        }
    }

    /// (groups, mode of the gate, mode, where it comes from)
    #[test]
    fn groups_go_before_gates_and_the_stricter_before_the_other() {
        let group = |name: &str| ModeSource::Group(name.to_owned());
        let rows: [(&[&str], Option<Mode>, Mode, ModeSource); 6] = [
            (&[], None, Enforce, ModeSource::Policy),
            (&["x"], Some(Shadow), Shadow, ModeSource::Gate),
            (&["bi"], Some(Enforce), Shadow, group("bi")),
            (&["bi"], None, Shadow, group("bi")),
            (&["a", "etl"], Some(Shadow), Enforce, group("etl")),
            (&["bi", "etl"], Some(Shadow), Enforce, group("etl")),
        ];
        for (groups, gate, mode, source) in rows {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            assert_eq!(modes(gate).of_groups(&groups), (mode, source), "{groups:?} {gate:?}");
        }
    }

    #[test]
    fn codes_go_before_groups_and_rules_before_codes() {
        let modes = modes(None);
        assert_eq!(modes.of_finding(Code::Rg301, None, Enforce), Shadow);
        assert_eq!(modes.of_finding(Code::Rg109, None, Shadow), Enforce);
        assert_eq!(modes.of_finding(Code::Rg302, None, Shadow), Shadow);
        assert_eq!(modes.of_finding(Code::Rg301, Some(Enforce), Shadow), Enforce);
    }

    #[test]
    fn anybody_is_judged_as_the_strictest_of_all() {
        assert_eq!(modes(Some(Shadow)).of_anybody(), Enforce);
        assert_eq!(Modes::all(Shadow).of_anybody(), Shadow);
        let softened = Modes { by_group: [("bi".to_owned(), Shadow)].into(), ..Modes::all(Enforce) };
        assert_eq!(softened.of_anybody(), Enforce);
    }
}
