//! What the gate shows of itself: metrics, the audit and the log. Write only: nothing here decides anything.

pub mod audit;
pub mod escape;
pub mod logging;
pub mod metrics;
pub mod panics;
pub mod recent;
pub mod values;
pub mod words;

pub use audit::Audit;
pub use metrics::Metrics;
pub use recent::Recent;
