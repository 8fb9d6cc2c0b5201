//! What a client is told of a verdict: refusal, warning and comment.

use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Action;
use crate::gate::lenience::Lenience;
use crate::gate::verdict::Verdict;
use crate::sql::position;

/// The words of an error or warning.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wording {
    /// One sentence that begins with the code.
    pub message: String,
    /// The evidence, and what else is wrong.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The character of the message's text at which the literal starts, counted from 1.
    pub position: Option<usize>,
}

impl Verdict {
    /// What the client is told of a refusal of the message `text`: the gravest finding, and what else refuses it.
    #[must_use]
    pub fn refusal(&self, text: &[u8]) -> Wording {
        let position = self.findings().first().map(|finding| position::character(text, finding.at));
        Wording { position, ..self.wording(Severity::Reject) }
    }

    /// What the client is warned of when the message goes on.
    #[must_use]
    pub fn warning(&self) -> Wording {
        let mut wording = self.wording(Severity::Annotate);
        if self.would_be == Action::Reject {
            let why: Vec<String> = self.leniences().into_iter().map(Lenience::words).collect();
            let why = why.join(", ");
            wording.message = format!("{} ({why}: the statement would have been refused)", wording.message);
        }
        wording
    }

    /// The comment that an annotated statement carries: the same for the same statement, so that result caches work.
    #[must_use]
    pub fn comment(&self) -> String {
        let codes: Vec<&str> = self.codes().into_iter().map(Code::as_str).collect();
        let mut comment = format!("/* rolegate verdict=annotate codes={}", codes.join(","));
        // The names of exceptions end no comment; those of groups might.
        for exception in self.exceptions() {
            comment.push_str(" exception=");
            comment.push_str(exception);
        }
        if self.break_glass().is_some() {
            comment.push_str(" break_glass");
        }
        comment + " */"
    }

    /// The gravest finding, and in the detail the others from `least` on.
    fn wording(&self, least: Severity) -> Wording {
        let findings = self.findings();
        let mut spoken = findings.iter().filter(|finding| finding.severity >= least);
        let Some(first) = spoken.next() else {
            return Wording { message: "refused by the gate".to_owned(), ..Wording::default() };
        };
        let mut told: Vec<String> = first.detail.iter().cloned().collect();
        let mut more = 0_usize;
        for finding in spoken {
            let detail = finding.detail.as_deref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            let line = format!("also {}: {}{detail}", finding.code, finding.message);
            if told.len() < MAX_TOLD && !told.contains(&line) {
                told.push(line);
            } else if !told.contains(&line) {
                more = more.saturating_add(1);
            }
        }
        if more > 0 {
            told.push(format!("and {more} more findings"));
        }
        Wording {
            message: cut(format!("{}: {}", first.code, first.message)),
            detail: Some(cut(told.join("\n"))).filter(|detail| !detail.is_empty()),
            hint: first.hint.clone(),
            position: None,
        }
    }
}

/// Findings that a client is told of one by one.
const MAX_TOLD: usize = 16;

/// Bytes of a field that a client is sent.
const MAX_FIELD_BYTES: usize = 16 * 1_024;

fn cut(mut field: String) -> String {
    if field.len() > MAX_FIELD_BYTES {
        field.truncate(field.floor_char_boundary(MAX_FIELD_BYTES));
        field.push_str(" …");
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::Mode;
    use crate::gate::exception::tests::exception;
    use crate::gate::finding::Finding;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};
    use crate::gate::verdict::JudgedStatement;
    use crate::sql::StatementKind;

    fn verdict(mode: Mode, findings: Vec<Finding>) -> Verdict {
        verdict_under(Parts { modes: Modes::all(mode), ..Parts::without_facts() }, findings)
    }

    /// Of the user `etl`.
    fn verdict_under(parts: Parts, findings: Vec<Finding>) -> Verdict {
        let (policy, etl) = (Policy::new(parts), Principal::new(Attributes::of_login("etl")));
        Verdict::of(
            &policy.enforcer(&etl, jiff::Timestamp::UNIX_EPOCH),
            vec![JudgedStatement { findings, ..JudgedStatement::new(StatementKind::Copy, 0..0) }],
        )
    }

    #[test]
    fn the_gravest_finding_speaks_first_and_only_what_refuses_is_told_of_a_refusal() {
        let findings = vec![
            Finding::new(Code::Rg104, Severity::Annotate, 1),
            Finding::new(Code::Rg103, Severity::Reject, 4).detail("twice"),
            Finding::new(Code::Rg201, Severity::Reject, 0).detail("not there"),
        ];
        let refusal = verdict(Mode::Enforce, findings.clone()).refusal("äö x".as_bytes());
        assert_eq!(refusal.message, "RG103: the statement has more than one credential method or clause");
        let detail = "twice\nalso RG201: the first role of the chain is not attached to the cluster (not there)";
        assert_eq!(refusal.detail.as_deref(), Some(detail));
        assert_eq!(refusal.hint.as_deref(), Some("keep one of IAM_ROLE, CREDENTIALS or access keys, once"));
        assert_eq!(refusal.position, Some(3));
        let warning = verdict(Mode::Shadow, findings).warning();
        let shadow = "clause (shadow mode: the statement would have been refused)";
        assert!(warning.message.starts_with("RG103: ") && warning.message.ends_with(shadow), "{}", warning.message);
        assert!(
            warning
                .detail
                .is_some_and(|detail| detail.ends_with("also RG104: the statement carries static access keys"))
        );
        assert_eq!(warning.position, None);
    }

    /// (findings, lines of the detail, its last line)
    #[test]
    fn what_a_client_is_told_is_bounded() {
        for (count, lines, last) in [
            (MAX_TOLD - 1, MAX_TOLD - 1, "also RG103: x14"),
            (MAX_TOLD, MAX_TOLD, "also RG103: x15"),
            (MAX_TOLD + 1, MAX_TOLD + 1, "and 1 more findings"),
            (9_000, MAX_TOLD + 1, "and 8984 more findings"),
        ] {
            let finding = |number| Finding::new(Code::Rg103, Severity::Reject, 0).message(format!("x{number}"));
            let mut findings: Vec<Finding> = (0..count).map(finding).collect();
            findings[0].detail = Some("first".to_owned());
            let detail = verdict(Mode::Enforce, findings).refusal(b"").detail.unwrap();
            assert_eq!((detail.lines().count(), detail.lines().last()), (lines, Some(last)), "{count}");
        }
        let same = vec![Finding::new(Code::Rg103, Severity::Reject, 0).message("x"); 3];
        assert_eq!(verdict(Mode::Enforce, same).refusal(b"").detail.as_deref(), Some("also RG103: x"));
        for length in [MAX_FIELD_BYTES - 1, MAX_FIELD_BYTES, MAX_FIELD_BYTES + 1, 4_000_000] {
            let long = Finding::new(Code::Rg103, Severity::Reject, 0).detail("€".repeat(length / 3 + 1));
            let detail = verdict(Mode::Enforce, vec![long]).refusal(b"").detail.unwrap();
            assert!(detail.len() <= MAX_FIELD_BYTES + 4, "{length}: {}", detail.len());
        }
    }

    #[test]
    fn what_is_let_through_names_the_exception_or_the_group() {
        let findings =
            || vec![Finding::new(Code::Rg105, Severity::Reject, 0), Finding::new(Code::Rg106, Severity::Reject, 0)];
        let excepted = |codes: &[Code]| Parts {
            exceptions: [std::sync::Arc::new(exception(&[], codes))].into(),
            break_glass: vec!["oncall */".to_owned()],
            groups: [("oncall */".to_owned(), vec!["etl".to_owned()])].into(),
            ..Parts::without_facts()
        };
        let exception = "exception \"SEC-1\" until 1970-01-01T00:16:40Z";
        let glass = "break-glass group \"oncall */\"";
        let rows = [
            (&[Code::Rg105, Code::Rg106][..], exception.to_owned(), " exception=SEC-1"),
            (&[Code::Rg105], format!("{exception}, {glass}"), " exception=SEC-1 break_glass"),
            (&[Code::Rg101], glass.to_owned(), " break_glass"),
        ];
        for (codes, why, comment) in rows {
            let verdict = verdict_under(excepted(codes), findings());
            assert_eq!(
                (verdict.would_be, verdict.action, verdict.mode),
                (Action::Reject, Action::Annotate, Mode::Enforce)
            );
            let message = verdict.warning().message;
            assert!(message.ends_with(&format!(" ({why}: the statement would have been refused)")), "{message}");
            assert_eq!(verdict.comment(), format!("/* rolegate verdict=annotate codes=RG105,RG106{comment} */"));
        }
        let half = Parts { break_glass: Vec::new(), ..excepted(&[Code::Rg105]) };
        assert_eq!(verdict_under(half, findings()).action, Action::Reject, "what no exception is about is refused");
    }

    #[test]
    fn an_annotation_is_no_refusal_in_either_mode() {
        for mode in [Mode::Enforce, Mode::Shadow] {
            let verdict = verdict(mode, vec![Finding::new(Code::Rg104, Severity::Annotate, 0)]);
            assert_eq!(verdict.warning().message, "RG104: the statement carries static access keys");
            assert_eq!(verdict.comment(), "/* rolegate verdict=annotate codes=RG104 */");
        }
    }
}
