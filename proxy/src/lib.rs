//! rolegate: a Postgres-wire gate for Amazon Redshift.
//!
//! The rooms stand in the order in which data walks through them; a room names only rooms before it. See
//! `docs/architecture.md` for the life of one connection.

pub mod admin;
pub mod chain;
pub mod cli;
pub mod config;
pub mod gate;
pub mod iam;
pub mod net;
pub mod observe;
pub mod rules;
pub mod serve;
pub mod session;
pub mod sql;
pub mod wire;
