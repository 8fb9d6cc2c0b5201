//! Findings: one thing that is wrong with a statement.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::gate::codes::{Code, CodeRow, Severity};
use crate::gate::enforcement::{Action, Mode};
use crate::gate::lenience::Lenience;

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
    /// What to do about it.
    pub hint: Option<String>,
    /// The hop it is about; 0 is the attachment.
    pub hop: Option<usize>,
    /// Whether it is certain, rather than left open by the facts.
    pub decided: bool,
    /// Why it is not carried out, where it would refuse the statement and does not.
    #[serde(flatten)]
    pub lenience: Option<Lenience>,
    /// The rule that it comes from, by `@id`.
    #[serde(skip)]
    pub rule: Option<String>,
    /// It is on the use of a stored credential.
    #[serde(skip)]
    pub is_stored: bool,
    /// The mode of that rule.
    #[serde(skip)]
    pub rule_mode: Option<Mode>,
    /// The credential that it is on, as exceptions write it; `None`: it is on none, or on several that differ.
    #[serde(skip)]
    pub credential: Option<Arc<str>>,
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
            lenience: None,
            rule: None,
            is_stored: false,
            rule_mode: None,
            credential: None,
            at,
        }
    }

    /// What it asks enforcement to do.
    #[must_use]
    pub fn would_be(&self) -> Action {
        self.severity.into()
    }

    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        match self.lenience {
            None => self.would_be(),
            Some(Lenience::Observed) => Action::Forward,
            Some(_) => self.would_be().min(Action::Annotate),
        }
    }

    /// Whether it is observed alone, so that nobody is told of it but by the records of stored uses.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.is_stored && self.lenience == Some(Lenience::Observed)
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

/// Findings of one statement that are alike and told one by one; the last of them says how many more there are.
pub const MAX_FINDINGS_ALIKE: usize = 16;

/// What findings that are told together share: everything that decides what is done.
type Likeness = (Code, Severity, Option<Mode>, Option<Lenience>);

/// The findings of one statement, those beyond [`MAX_FINDINGS_ALIKE`] counted alone. Only for findings that are carried out already:
/// of those that differ in what is done, some of each are left.
#[must_use]
pub fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() <= MAX_FINDINGS_ALIKE {
        return findings;
    }
    // How many there are, and where the last that is told stands.
    let mut counts: HashMap<Likeness, (usize, usize)> = HashMap::new();
    let mut told: Vec<Finding> = Vec::new();
    for finding in findings {
        let alike = (finding.code, finding.severity, finding.rule_mode, finding.lenience.clone());
        let (count, last) = counts.entry(alike).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_FINDINGS_ALIKE {
            *last = told.len();
            told.push(finding);
        }
    }
    for ((code, ..), (count, last)) in counts {
        let more = count.saturating_sub(MAX_FINDINGS_ALIKE);
        if let Some(last) = told.get_mut(last).filter(|_| more > 0) {
            let more = format!("{more} more {code} in the statement");
            last.detail = Some(last.detail.as_ref().map_or_else(|| more.clone(), |detail| format!("{detail}; {more}")));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (findings, told, what the last one says)
    #[test]
    fn what_differs_in_what_is_done_is_not_alike() {
        let shadow = |number: usize| {
            let mode = if number == 20 { Mode::Enforce } else { Mode::Shadow };
            Finding { rule_mode: Some(mode), ..Finding::new(Code::Rg301, Severity::Reject, number) }
        };
        let told = folded((0..40).map(shadow).collect());
        assert_eq!(told.len(), MAX_FINDINGS_ALIKE + 1);
        assert!(told.iter().any(|one| one.rule_mode == Some(Mode::Enforce) && one.detail.is_none()));
        let lenient = |number: usize| {
            let lenience = (number < 20).then_some(Lenience::Shadow);
            Finding { lenience, ..Finding::new(Code::Rg301, Severity::Reject, number) }
        };
        let told = folded((0..21).map(lenient).collect());
        assert_eq!(told.last(), Some(&lenient(20)));
    }

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        for (count, told, last) in [
            (MAX_FINDINGS_ALIKE - 1, MAX_FINDINGS_ALIKE - 1, "x"),
            (MAX_FINDINGS_ALIKE, MAX_FINDINGS_ALIKE, "x"),
            (MAX_FINDINGS_ALIKE + 1, MAX_FINDINGS_ALIKE, "x; 1 more RG101 in the statement"),
            (5_000, MAX_FINDINGS_ALIKE, "x; 4984 more RG101 in the statement"),
        ] {
            let other = Finding::new(Code::Rg301, Severity::Annotate, 0);
            let mut findings = vec![other.clone()];
            findings.extend(vec![Finding::new(Code::Rg101, Severity::Reject, 0).detail("x"); count]);
            let told_of = folded(findings);
            assert_eq!((told_of.len(), &told_of[0]), (told + 1, &other));
            assert_eq!(told_of.last().and_then(|finding| finding.detail.as_deref()), Some(last), "{count}");
        }
    }
}
