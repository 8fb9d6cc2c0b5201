//! Closed sets of words as the description of the API lists them.

use strum::VariantArray;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};

use crate::catalog::{DriftChange, ObjectKind, SystemView, Via};
use crate::gate::DecisionPath;
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::verdict::HopResult;
use crate::iam::{Decision, Origin};
use crate::observe::values::{Leg, LimitKind, SessionState, StatementOutcome};
use crate::rules::RuleEffect;
use crate::sql::{Clause, MethodKind, StatementKind};

fn words<T: VariantArray + Copy + Into<&'static str>>() -> Schema {
    let words = T::VARIANTS.iter().map(|word| Into::<&'static str>::into(*word));
    let object: Object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build();
    Schema::Object(object)
}

macro_rules! schemas {
    ($($name:ident: $set:ty;)+) => {
        $(pub(in crate::admin) fn $name() -> Schema {
            words::<$set>()
        })+
    };
}

schemas! {
    action: Action;
    mode: Mode;
    code: Code;
    severity: Severity;
    hop_result: HopResult;
    iam_decision: Decision;
    origin: Origin;
    leg: Leg;
    limit_kind: LimitKind;
    session_state: SessionState;
    outcome: StatementOutcome;
    rule_effect: RuleEffect;
    clause: Clause;
    method: MethodKind;
    kind: StatementKind;
    decision_path: DecisionPath;
    object_kind: ObjectKind;
    drift_change: DriftChange;
    via: Via;
    system_view: SystemView;
}
