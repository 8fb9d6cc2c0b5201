//! What ran in the cluster and did not pass the gate: the cluster's own history against the gate's audit, session by session. Pure.
//!
//! A session is the gate's when the cluster's connection log has the address and port that the gate connected from; where that log
//! may not be read, when the process and the time say so. Text alone proves nothing: a client may write what it likes.

mod carrier;
mod cluster_side;
mod evidence;
mod gate_side;
mod matching;
mod reading;
mod report;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use matching::Margins;
pub(crate) use reading::{CoverageQuery, compare};
pub(crate) use report::{CoverageReport, UnseenRow, human};
pub(crate) use standing::CoverageStanding;
