//! Questions over many chains.

mod paths;

pub use paths::{Chains, Explorer, Link};
