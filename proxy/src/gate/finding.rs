//! Findings: what can be wrong with a role use.

use crate::gate::codes::{Code, Severity};

/// One thing wrong with a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What is wrong.
    pub code: Code,
    /// What it does to the statement, the configuration applied.
    pub severity: Severity,
    /// For the client: one sentence, lower case, no full stop.
    pub message: String,
    /// The evidence: chain, hop, document, statement, condition.
    pub detail: Option<String>,
    /// The remedy.
    pub hint: Option<String>,
    /// The hop it is about; 0 is the attachment.
    pub hop: Option<usize>,
    /// The byte of the text at which the literal starts.
    pub at: usize,
}
