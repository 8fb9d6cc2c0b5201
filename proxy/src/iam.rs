//! May a role be assumed? Policy documents, their evaluation in three values (allowed, denied, cannot tell), and the
//! facts that they are evaluated on. Pure but for [`Facts::load`] and [`Live`].

#[cfg(feature = "aws")]
pub mod aws;
mod chains;
mod clusters;
mod condition;
mod context;
mod document;
mod evaluate;
mod explain;
mod facts;
mod judge;
mod live;
mod load;
mod operator;
mod organisation;
mod pattern;
mod principal;
mod snapshot;
mod source;
mod truth;

pub mod case;

#[cfg(test)]
mod tests;

pub use chains::{Chains, Explorer, Link};
pub use facts::{Account, Cluster, Facts, Origin};
pub use judge::{Caller, attachment, granting_statements, hop, trust_statements};
pub use live::{AccountPages, AccountStatus, Live, LiveSettings, Observer};
pub use load::{FactsError, Sources};
pub use source::{FactsSource, FetchError, Fetching};

/// Whose rules decide a step between two roles of one account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// The Redshift guide's: a permissions policy must allow every step. Source: Amazon Redshift Management Guide, "Chaining IAM roles".
    #[default]
    Guide,
    /// IAM's: inside one account a trust policy that names the role itself is enough.
    Aws,
}

/// On which steps Redshift sends the database user as `sts:ExternalId`. The documents show the first only.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ExternalIdOn {
    /// The same value on every step.
    #[default]
    Same,
    /// When the cluster assumes the first role; role steps carry none.
    FirstOnly,
    /// When the cluster assumes the first role; for role steps it cannot be told.
    Unknown,
}

/// The judgement of one step of a chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was found.
    pub outcome: Outcome,
    /// The time of day had a part in it: a verdict with it may not be cached.
    pub depends_on_time: bool,
}

/// Whether a role may be assumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Yes.
    Allowed,
    /// No.
    Denied(Refusal),
    /// The known facts do not say; never to be taken as yes.
    Unknown(Refusal),
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
}

/// What stands in the way of a step.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    /// The first role is not attached to the cluster.
    NotAttached,
    /// No permissions policy of the source allows the step.
    NoPermission,
    /// The target's trust policy does not name the source.
    NotTrusted,
    /// An explicit deny, a boundary, or a policy of the organisation.
    ExplicitDeny,
    /// A condition excludes the call, or the facts do not decide.
    Condition,
    /// The facts hold no such role.
    UnknownRole,
}
