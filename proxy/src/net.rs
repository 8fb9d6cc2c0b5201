//! Sockets and TLS on both sides. Knows nothing of SQL or policy.

#[macro_use]
mod delegate;

pub mod backend;
pub mod certificate;
pub mod distrust;
pub mod listener;
pub mod presented;
pub mod proxied;
pub mod socket;
pub mod stream;
pub mod tls;
