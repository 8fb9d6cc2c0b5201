//! rolegate: a Postgres-wire gate for Amazon Redshift.
//!
//! The rooms stand in the order in which data walks through them; a room names only rooms before it. See
//! `docs/architecture.md` for the life of one connection.

pub mod net;
pub mod wire;
pub mod sql;
pub mod chain;
pub mod iam;
#[path = "/tmp/rules_stub.rs"]
pub mod rules;
pub mod gate;
pub mod observe;
pub mod admin;
pub mod config;
pub mod session;
pub mod serve;
pub mod cli;
