//! What rolegate is tried, tested and measured with: a stand-in for Amazon Redshift, and the demo around it.

pub mod accounts;
pub mod demo;
pub mod standin;
