//! What the API answers: types with their description, made from what other rooms know. Pure.

pub(crate) mod catalog;
pub(super) mod chain;
pub(crate) mod coverage;
pub(super) mod decision;
pub(super) mod events;
pub(super) mod explained;
pub(super) mod export;
pub(crate) mod facts;
pub(super) mod filter;
pub(super) mod graph;
pub(super) mod hops;
pub(super) mod refusals;
pub(super) mod segments;
pub(crate) mod sessions;
pub(crate) mod status;
pub(super) mod words;
#[cfg(test)]
mod tests;
