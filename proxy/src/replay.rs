//! A recorded history under a policy: what would have been refused, and what another policy would change. Opens no socket.

pub(crate) mod judged;
pub(crate) mod let_off;
pub(crate) mod groups;
pub(crate) mod tally;
pub(crate) mod report;
pub(crate) mod human;
pub(crate) mod table;
pub(crate) mod html;
#[cfg(test)]
mod tests;

pub(crate) use report::{ReplayReport, report};
pub(crate) use tally::{GroupBy, Replay, Tally};
