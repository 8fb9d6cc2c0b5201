//! May a role be assumed? Each part names only parts before it:
//!
//! 1. `policy`: policy documents and what they say of one call. Pure.
//! 2. `evaluate`: all policies of one call, in three values (allowed, denied, undecided). Pure; gives values, no words.
//! 3. `explain`: causes, evidence and remedies in words. Pure.
//! 4. `facts`: accounts, clusters and organisations, and the files that they are read from.
//! 5. `judge`: picks documents and condition keys out of the facts and hands them to the parts above.
//! 6. `live`: facts that follow AWS.
//! 7. `search`: questions over many chains.
//! 8. `advise`: the attachment of a chain's first role, and what to do about one that is not attached.
//! 9. `case`: labelled hops for conformance runs.

mod advise;
pub mod case;
mod evaluate;
mod explain;
mod facts;
mod judge;
mod live;
mod policy;
mod search;

#[cfg(test)]
mod tests;

pub use advise::{attachment, default_role};
pub use evaluate::EvaluationMode;
pub use explain::{Addition, AdditionPlace, Cause, Decision, Outcome, Refusal};
pub use facts::{Account, Cluster, ClusterError, DefaultRole, Facts, FactsError, Origin, Sources};
pub use judge::{
    Caller, ExternalIdOn, StatedContext, Step, granting_statements, grants, hop, trust_statements, unseen_policies,
};
#[cfg(feature = "aws")]
pub use live::aws;
pub use live::{AccountPages, AccountStatus, FactsSource, FetchError, Fetching, Live, LiveSettings, Observer};
pub use search::{Chains, Explorer, Guard, Link, Proof, UnseenChain, Witness, WitnessStep, prove, unseen_chains};
