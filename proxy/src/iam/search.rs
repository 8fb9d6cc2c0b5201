//! Questions over many chains.

mod backward;
mod frontier;
mod guard;
mod paths;
mod prove;
mod reach;
mod unseen;

pub(crate) use backward::chain_to;
pub use guard::Guard;
pub use paths::{Chains, Explorer, Link};
pub use prove::{Proof, Witness, WitnessStep, prove};
pub use unseen::{UnseenChain, unseen_chains};
