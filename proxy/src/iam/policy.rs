//! Policy documents and what they say of one `sts:AssumeRole`: reading, patterns, operators, conditions, principals. Pure: takes
//! JSON and the condition keys of a request, knows no accounts and no files.

pub(super) mod condition;
pub(super) mod context;
pub(super) mod document;
mod operator;
mod pattern;
pub(super) mod principal;
pub(super) mod truth;
