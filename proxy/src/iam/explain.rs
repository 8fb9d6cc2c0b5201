//! What evaluation found, in words: cause, message, evidence, remedy. Runs only for calls that are not allowed. Pure.
//!
//! A remedy never widens a statement that others rely on, and never drops a condition: it names the fact that the gate lacks, or a
//! statement of its own for exactly this caller.

mod denied;
mod fact;
mod grants;
mod outcome;
mod remedy;
mod undecided;
mod words;

use super::evaluate::{Evaluation, HopRequest};

pub(crate) use grants::grants;
pub use outcome::{Addition, AdditionPlace, Cause, Decision, Outcome, Refusal};
pub(crate) use words::statement as statement_name;

/// The outcome of a call in words.
pub(crate) fn outcome(request: &HopRequest<'_>, evaluation: &Evaluation<'_>) -> Outcome {
    match evaluation {
        Evaluation::Allowed => Outcome::Allowed,
        Evaluation::Denied { obstacle, lacks_permission, by_guide_alone } => {
            let mut refusal = denied::refusal(request, obstacle);
            if *lacks_permission && matches!(refusal.cause, Cause::NotTrusted | Cause::Condition) {
                refusal.evidence.push_str("; nor does a permissions policy of the caller allow the step");
            }
            if *by_guide_alone {
                refusal.message.push_str(
                    "; the Redshift guide asks for it, IAM's own rules would allow the step (facts.mode = \"aws\")",
                );
            }
            Outcome::Denied(refusal)
        }
        Evaluation::Undecided(doubt) => Outcome::Unknown(undecided::refusal(request, doubt)),
    }
}
