//! What a check has counted, and its closing line.

use std::collections::BTreeSet;

use crate::cli::check::report::Face;
use crate::gate::enforcement::Action;
use crate::gate::verdict::Verdict;
use crate::replay::human::{plural, thousands};
use crate::sql::lexer::{Escapes, Lexer, TokenKind};

/// Counts over texts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct CheckTally {
    pub(super) files: BTreeSet<String>,
    statements: u64,
    with_roles: u64,
    refused: u64,
    /// Texts of which it cannot be told what will be sent.
    pub(super) unknown: u64,
}

impl CheckTally {
    pub(super) fn add(&mut self, text: &[u8], verdict: Option<&Verdict>, face: Face) {
        let add = |to: &mut u64, count: usize| *to = to.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        add(&mut self.statements, statements(text));
        let judged = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
        add(&mut self.with_roles, judged.iter().filter(|statement| !statement.uses.is_empty()).count());
        let is_refused = |findings: &[crate::gate::finding::Finding]| {
            findings.iter().any(|finding| face.of_finding(finding) == Action::Reject)
        };
        add(&mut self.refused, judged.iter().filter(|statement| is_refused(&statement.findings)).count());
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.files.extend(other.files);
        let pairs = [
            (&mut self.statements, other.statements),
            (&mut self.with_roles, other.with_roles),
            (&mut self.refused, other.refused),
            (&mut self.unknown, other.unknown),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
    }

    /// `512 files, 2,348 statements, 31 with roles, 2 refused`
    pub(super) fn line(&self) -> String {
        let files = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        let unknown = match self.unknown {
            0 => String::new(),
            unknown => format!(", {} cannot tell", thousands(unknown)),
        };
        format!(
            "{}, {}, {} with roles, {} refused{unknown}\n",
            plural(files, "file", "files"),
            plural(self.statements, "statement", "statements"),
            thousands(self.with_roles),
            thousands(self.refused)
        )
    }
}

/// How many statements a text holds. Where it cannot be read to its end, what is left is one.
fn statements(text: &[u8]) -> usize {
    let (mut count, mut is_open) = (0_usize, false);
    let mut lexer = Lexer::new(text, Escapes::Always);
    for token in lexer.by_ref() {
        if token.kind == TokenKind::Symbol(b';') {
            count = count.saturating_add(usize::from(is_open));
            is_open = false;
        } else {
            is_open = true;
        }
    }
    count.saturating_add(usize::from(is_open || lexer.trouble().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_counted_as_the_server_splits_them() {
        for (text, count) in [
            ("", 0),
            (" -- nothing; at all\n/* ; */", 0),
            ("select 1", 1),
            ("select 1;;\n select ';' ; -- ;", 2),
            ("create procedure p() as $$ begin a; b; end $$ language plpgsql; call p()", 2),
            ("select 1; select 'open", 2),
        ] {
            assert_eq!(statements(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn the_closing_line() {
        let files = |count: usize| (0..count).map(|number| number.to_string()).collect();
        let tally = CheckTally { files: files(512), statements: 2_348, with_roles: 31, refused: 2, unknown: 0 };
        assert_eq!(tally.line(), "512 files, 2,348 statements, 31 with roles, 2 refused\n");
        let one = CheckTally { files: files(1), statements: 1, unknown: 3, ..CheckTally::default() };
        assert_eq!(one.line(), "1 file, 1 statement, 0 with roles, 0 refused, 3 cannot tell\n");
    }
}
