//! Questions over many chains.

mod backward;
mod paths;

pub(crate) use backward::chain_to;
pub use paths::{Chains, Explorer, Link};
