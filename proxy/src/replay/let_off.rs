//! What lets a statement through that enforcement would refuse: exceptions, or a group that breaks the glass. Pure.

use serde::Serialize;

use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;

/// What lets a refused statement through; nothing by default.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct LetOff {
    /// The exceptions, where nothing else would refuse it.
    pub exceptions: Vec<String>,
    /// The user's group that breaks the glass, where exceptions do not suffice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
}

impl LetOff {
    /// What lets the statements of a verdict on a principal's message through.
    #[must_use]
    pub(crate) fn of(policy: &Policy, verdict: &Verdict, principal: impl FnOnce() -> Principal) -> Self {
        if verdict.would_be != Action::Reject {
            return Self::default();
        }
        if verdict.is_excepted() {
            return Self { exceptions: verdict.exceptions().map(str::to_owned).collect(), break_glass: None };
        }
        // Shadow mode comes before break-glass, and says nothing of what enforcement would do.
        let has_any = !policy.break_glass().is_empty();
        let group = || policy.breaks_glass(&policy.groups_of_principal(&principal())).map(str::to_owned);
        Self { exceptions: Vec::new(), break_glass: if has_any { group() } else { None } }
    }

    /// Whether enforcement would refuse what would be so, for nothing lets it off.
    #[must_use]
    pub(crate) fn leaves_refused(&self, would_be: Action) -> bool {
        would_be == Action::Reject && self.is_nothing()
    }

    /// Whether nothing does.
    #[must_use]
    pub(crate) const fn is_nothing(&self) -> bool {
        self.exceptions.is_empty() && self.break_glass.is_none()
    }

    /// What does, as the end of a sentence; nothing where nothing does.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        match &self.break_glass {
            Some(group) => format!("; let through by break-glass group {group}"),
            None if self.exceptions.is_empty() => String::new(),
            None => format!("; let through by exception {}", self.exceptions.join(", ")),
        }
    }
}
