//! What is done with a message, and whether refusals are carried out.

use crate::gate::codes::Severity;
use crate::rules::RuleMode;

closed_sets! {
    /// What is done with a message. Ordered: the gravest decides.
    #[derive(Ord, PartialOrd)]
    pub enum Action {
        /// It goes on as it came.
        Forward,
        /// It goes on with a comment, and the client is warned.
        Annotate,
        /// It is refused.
        Reject,
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

closed_sets! {
    /// Whether refusals are carried out or only recorded. A verdict says in both modes what enforcement would do; the mode decides what is done.
    #[derive(Default)]
    pub enum Mode {
        /// What is to be refused, is refused.
        #[default]
        Enforce,
        /// What would be refused goes on, annotated.
        Shadow,
    }
}

impl From<RuleMode> for Mode {
    fn from(mode: RuleMode) -> Self {
        match mode {
            RuleMode::Enforce => Self::Enforce,
            RuleMode::Shadow => Self::Shadow,
        }
    }
}

impl Mode {
    /// What is done if enforcement would do `would_be`.
    #[must_use]
    pub fn action(self, would_be: Action) -> Action {
        match self {
            Self::Enforce => would_be,
            Self::Shadow => would_be.min(Action::Annotate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadow_mode_refuses_nothing_and_makes_nothing_graver() {
        let rows = [
            (Action::Forward, Action::Forward),
            (Action::Annotate, Action::Annotate),
            (Action::Reject, Action::Annotate),
        ];
        for (would_be, done) in rows {
            assert_eq!(Mode::Shadow.action(would_be), done);
            assert_eq!(Mode::Enforce.action(would_be), would_be);
        }
    }
}
