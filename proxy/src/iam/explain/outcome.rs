//! The outcome of a call: decision, cause, and what to tell of it.

use serde_json::Value as Json;

/// Whether a role may be assumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It may be assumed.
    Allowed,
    /// It may not be assumed.
    Denied(Refusal),
    /// The known facts do not say; never to be taken for "allowed".
    Unknown(Refusal),
}

closed_sets! {
    /// An outcome without its reasons.
    pub enum Decision {
        /// The role may be assumed.
        Allowed,
        /// It may not assume it.
        Denied,
        /// The known facts do not say.
        Unknown,
    }
}

impl Outcome {
    /// What it is, without the reasons.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        match self {
            Self::Allowed => Decision::Allowed,
            Self::Denied(_) => Decision::Denied,
            Self::Unknown(_) => Decision::Unknown,
        }
    }

    /// The reasons of an outcome that is not "allowed".
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Allowed => None,
            Self::Denied(refusal) | Self::Unknown(refusal) => Some(refusal),
        }
    }

    /// The same outcome with other reasons.
    #[must_use]
    pub(crate) fn map(self, change: impl FnOnce(Refusal) -> Refusal) -> Self {
        match self {
            Self::Allowed => Self::Allowed,
            Self::Denied(refusal) => Self::Denied(change(refusal)),
            Self::Unknown(refusal) => Self::Unknown(change(refusal)),
        }
    }
}

/// Why a role may not be assumed, or why that cannot be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What kind of thing stands in the way.
    pub cause: Cause,
    /// One sentence for a client: lower case, no full stop.
    pub message: String,
    /// Which document, statement and condition.
    pub evidence: String,
    /// What to do; where possible the exact statement, as JSON from the first `{` to the end, and for which document.
    pub remedy: Option<String>,
    /// That statement by itself.
    pub addition: Option<Addition>,
}

/// A statement that would allow this call and no other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addition {
    /// The policy that it is for.
    pub to: AdditionPlace,
    /// The statement to add, as it stands in a policy document.
    pub statement: Json,
}

closed_sets! {
    /// The policy that a statement is proposed for.
    pub enum AdditionPlace {
        /// The target's trust policy.
        Trust,
        /// An inline policy of the caller.
        Identity,
        /// The caller's permissions boundary.
        Boundary,
        /// The session policy.
        SessionPolicy,
        /// A service control policy of the level that is named.
        ServiceControl,
    }
}

closed_sets! {
    /// What stands in the way of a step.
    pub enum Cause {
        /// The first role is not attached to the cluster.
        NotAttached,
        /// No permissions policy of the source allows the step.
        NoPermission,
        /// The target's trust policy does not name the source.
        NotTrusted,
        /// An explicit deny, a boundary, or a policy of the organisation.
        ExplicitDeny,
        /// A condition of the trust policy certainly excludes the call.
        Condition,
        /// The facts do not decide.
        Undecided,
        /// The facts hold no such role.
        UnknownRole,
    }
}
