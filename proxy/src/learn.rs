//! Rules proposed from use: the fewest Cedar permits that let through what a history holds and facts allow. One pass, with memory
//! bounded by what is distinct. Opens no socket.

pub(crate) mod place;
pub(crate) mod uses;
pub(crate) mod review;
pub(crate) mod collect;
pub(crate) mod propose;
pub(crate) mod cedar;
pub(crate) mod sift;
pub(crate) mod cases;
pub(crate) mod report;
#[cfg(test)]
mod tests;

pub(crate) use collect::{Learned, Learner};
pub(crate) use propose::{Generalisation, Proposals, propose};
pub(crate) use report::{LearnReport, report};
pub(crate) use sift::sift;
