//! Records of statements from any source: the gate's audit, exports of the cluster's query history, its audit log files. One reader,
//! streaming, with memory that does not grow with the input. Knows nothing of verdicts.
//!
//! The cluster blanks credentials in its own history. A record in which it did so says that it is hidden, which never means that
//! there was no role.

pub mod activity;
pub mod assemble;
pub mod block;
pub mod combine;
pub mod connections;
pub mod hidden;
pub mod input;
pub mod news;
pub mod outcomes;
pub mod parse;
pub mod pieces;
mod plain;
pub mod problem;
pub mod read;
pub mod record;
pub mod shape;
pub mod sorter;
pub mod sorting;
pub mod stream;
pub mod table;
pub mod trail;

pub use input::{HistoryInput, expand};
pub use news::{GateNews, SideNews};
pub use problem::{HistoryCounts, HistoryProblem, ProblemKind};
pub use read::{History, RecordReader};
pub use record::{Known, RecordKind, StatementRecord, timestamp};
pub use stream::BytesRead;
