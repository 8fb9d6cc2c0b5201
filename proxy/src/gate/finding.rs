//! Findings: what can be wrong with a role use. The codes are stable; `docs/findings.md` has a section for each.

use std::fmt;

/// A finding's code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Code {
    /// Malformed chain.
    Rg101,
    /// Credential literal disguised.
    Rg102,
    /// More than one credential method or clause.
    Rg103,
    /// Static access keys.
    Rg104,
    /// Names credentials in no known shape, or cannot be lexed.
    Rg105,
    /// Dynamic SQL that can carry a role.
    Rg106,
    /// ARN-like argument to CALL.
    Rg107,
    /// No credential clause where the caller's own identity would be used.
    Rg108,
    /// Unsafe `client_encoding`.
    Rg109,
    /// First role not attached to the cluster.
    Rg201,
    /// Permissions policy does not allow the hop.
    Rg202,
    /// Trust policy does not trust the previous role.
    Rg203,
    /// An explicit deny, boundary, SCP or RCP stands in the way.
    Rg204,
    /// A trust condition excludes this user or cannot be decided.
    Rg205,
    /// Role unknown to the IAM facts.
    Rg206,
    /// An organisation rule forbids it.
    Rg301,
    /// No organisation rule permits it.
    Rg302,
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Self; 17] = [
        Self::Rg101,
        Self::Rg102,
        Self::Rg103,
        Self::Rg104,
        Self::Rg105,
        Self::Rg106,
        Self::Rg107,
        Self::Rg108,
        Self::Rg109,
        Self::Rg201,
        Self::Rg202,
        Self::Rg203,
        Self::Rg204,
        Self::Rg205,
        Self::Rg206,
        Self::Rg301,
        Self::Rg302,
    ];

    /// The code as it is written everywhere, such as `RG101`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rg101 => "RG101",
            Self::Rg102 => "RG102",
            Self::Rg103 => "RG103",
            Self::Rg104 => "RG104",
            Self::Rg105 => "RG105",
            Self::Rg106 => "RG106",
            Self::Rg107 => "RG107",
            Self::Rg108 => "RG108",
            Self::Rg109 => "RG109",
            Self::Rg201 => "RG201",
            Self::Rg202 => "RG202",
            Self::Rg203 => "RG203",
            Self::Rg204 => "RG204",
            Self::Rg205 => "RG205",
            Self::Rg206 => "RG206",
            Self::Rg301 => "RG301",
            Self::Rg302 => "RG302",
        }
    }

    /// A few words that say what it is; the heading of its section in `docs/findings.md`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rg101 => "Malformed chain",
            Self::Rg102 => "Credential literal disguised",
            Self::Rg103 => "Several credential methods",
            Self::Rg104 => "Static access keys",
            Self::Rg105 => "Unreadable",
            Self::Rg106 => "Dynamic SQL",
            Self::Rg107 => "Role as an argument of CALL",
            Self::Rg108 => "No credential clause",
            Self::Rg109 => "Unsafe client encoding",
            Self::Rg201 => "First role not attached",
            Self::Rg202 => "Not permitted",
            Self::Rg203 => "Not trusted",
            Self::Rg204 => "Explicitly denied",
            Self::Rg205 => "Condition excludes the user, or cannot be decided",
            Self::Rg206 => "Unknown role or cluster",
            Self::Rg301 => "Forbidden by a rule",
            Self::Rg302 => "Permitted by no rule",
        }
    }

    /// The severity when the configuration does not say otherwise.
    #[must_use]
    pub const fn default_severity(self) -> Severity {
        match self {
            Self::Rg104 | Self::Rg108 => Severity::Annotate,
            _ => Severity::Reject,
        }
    }

    /// The code written as `text`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a finding does to its statement. Ordered: the gravest decides.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Nothing but being recorded.
    Allow,
    /// The statement goes on, annotated.
    Annotate,
    /// The statement is refused.
    Reject,
}

impl Severity {
    /// The word of the configuration, the audit and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Annotate => "annotate",
            Self::Reject => "reject",
        }
    }
}

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
