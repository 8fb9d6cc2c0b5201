//! What rolegate is tried, tested and measured with: a stand-in for Amazon Redshift, the demo around it, and a load generator.

pub mod accounts;
pub mod demo;
#[cfg(feature = "load")]
pub mod load;
pub mod standin;
