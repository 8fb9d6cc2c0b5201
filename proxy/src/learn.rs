//! Rules proposed from use: the fewest Cedar permits that let through what a history holds and facts allow. One pass, with memory
//! bounded by what is distinct. Opens no socket.

pub mod place;
pub mod uses;
pub mod review;
pub mod collect;
pub mod propose;
pub mod cedar;
pub mod sift;
pub mod cases;
pub mod report;
#[cfg(test)]
mod tests;

pub use collect::{Learned, Learner};
pub use propose::{Generalisation, Proposals, propose};
pub use report::{LearnReport, report};
pub use sift::sift;
