//! Who assumes whom and what is reached, as `/api/v1/graph` says it. Pure.

mod growing;
pub(in crate::admin::view) mod model;
mod possible;
mod uses;

pub(in crate::admin) use growing::GrowingGraph;
pub(in crate::admin) use model::{GraphSource, GraphView, SourceKind};
pub(in crate::admin) use possible::{PossibleStep, possible};
pub(in crate::admin) use uses::passes;
