//! Questions over many chains.

mod backward;
mod paths;
mod prove;

pub(crate) use backward::chain_to;
pub use paths::{Chains, Explorer, Link};
pub use prove::{Guard, Proof, prove};
