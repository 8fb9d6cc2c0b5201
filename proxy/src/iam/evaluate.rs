//! May this caller assume this role? Documents and condition keys in, values out; `explain` has the words for them.
//! Sources: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic", "Permissions boundaries";
//! STS API Reference, `AssumeRole`; Organizations User Guide, "SCP evaluation" and "Resource control policies".

mod found;
mod request;
mod weighing;

use super::policy::principal::CallingPrincipal;

pub(crate) use found::{Doubt, EXTERNAL_ID, NearMiss, Obstacle};
pub use request::EvaluationMode;
pub(crate) use request::{HopRequest, Level, Levels, PolicyInForce, PolicyPlace, binds_caller, binds_target};
use weighing::Weighing;

/// The result of evaluating one call.
#[derive(Debug)]
pub(crate) enum Evaluation<'a> {
    /// The call is allowed.
    Allowed,
    /// The call is denied.
    Denied {
        /// What stands in the way, the foremost reason.
        obstacle: Obstacle<'a>,
        /// Whether the permissions policies that the step needs too are silent about it.
        lacks_permission: bool,
        /// Whether IAM's own rules would allow the call, and only the Redshift guide asks for more.
        by_guide_alone: bool,
    },
    /// The known facts do not decide the call.
    Undecided(Doubt<'a>),
}

/// Evaluates one call.
pub(crate) fn evaluate<'a>(request: &HopRequest<'a>) -> Evaluation<'a> {
    if let CallingPrincipal::Session { role, .. } = request.caller
        && role.partition() != request.target.partition()
    {
        let obstacle = Obstacle::AcrossPartitions;
        return Evaluation::Denied { obstacle, lacks_permission: false, by_guide_alone: false };
    }
    let weighing = Weighing::of(request);
    let by_deny = weighing.denied();
    let permitted = weighing.permitted(request, request.needs_identity());
    if by_deny.is_true() || permitted.is_false() {
        Evaluation::Denied {
            obstacle: Obstacle::find(request, &weighing, by_deny),
            lacks_permission: request.needs_identity() && weighing.identity.allows.at_all().is_false(),
            by_guide_alone: request.is_guides_demand() && (weighing.permitted(request, false) & !by_deny).is_true(),
        }
    } else if (permitted & !by_deny).is_true() {
        Evaluation::Allowed
    } else {
        Evaluation::Undecided(Doubt::find(request, &weighing, by_deny))
    }
}
