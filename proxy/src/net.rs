//! Sockets and TLS on both sides. Knows nothing of SQL or policy.

pub mod certificate;
pub mod listener;
pub mod proxied;
pub mod socket;
pub mod stream;
pub mod tls;
pub mod upstream;
