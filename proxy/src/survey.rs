//! Sets of rules over a grid of requests: what two of them decide differently and why, and rules without effect. The grid holds what the
//! rules name, what facts and groups hold, and a stranger of each. Opens no socket.

pub(crate) mod values;
pub(crate) mod people;
pub(crate) mod chains;
pub(crate) mod things;
pub(crate) mod circumstances;
pub(crate) mod grid;
pub(crate) mod decision;
pub(crate) mod causes;
pub(crate) mod diff;
pub(crate) mod over_history;
pub(crate) mod lint;
pub(crate) mod report;
#[cfg(test)]
mod tests;

pub(crate) use diff::differences;
pub(crate) use grid::World;
pub(crate) use lint::lint;
