//! A recorded history under a policy: what would have been refused, and what another policy would change. Opens no socket.

pub mod judged;
pub mod groups;
pub mod tally;
pub mod report;
pub mod human;
pub mod table;
pub mod html;

pub use report::{ReplayReport, report};
pub use tally::{GroupBy, Replay, Tally};
