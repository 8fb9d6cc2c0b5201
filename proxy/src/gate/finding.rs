//! Findings: one thing that is wrong with a statement.

use serde::Serialize;

use crate::gate::codes::{Code, CodeRow, Severity};

/// One thing wrong with a statement, as the audit and the command line write it too.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
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
    /// Whether it is certain, rather than left open by the facts.
    pub decided: bool,
    /// The byte of the message's text at which the literal starts.
    #[serde(skip)]
    pub at: usize,
}

impl Finding {
    /// A finding in the words of its code's row.
    #[must_use]
    pub fn new(code: Code, severity: Severity, at: usize) -> Self {
        let CodeRow { message, hint, .. } = code.row();
        Self {
            code,
            severity,
            message: message.to_owned(),
            detail: None,
            hint: hint.map(str::to_owned),
            hop: None,
            decided: code.is_decided(),
            at,
        }
    }

    /// Replaces the message by a more exact one.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Adds the evidence.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Replaces the remedy by a more exact one, or by none.
    #[must_use]
    pub fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}
