//! The output of `rolegate check`, for people and for machines.

use std::fmt::Write;
use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::gate::codes::Severity;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::sql::{self, Dialect};

/// Where a judged text comes from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The label of the input line.
    pub id: Option<&'a Value>,
    /// File name or `-`.
    pub file: &'a str,
    /// The line of the file at which the text starts.
    pub first_line: usize,
    /// The text.
    pub text: &'a [u8],
}

impl Place<'_> {
    /// Line and column, in characters, of a byte of the text; both counted from 1.
    pub(super) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let lines = memchr::memchr_iter(b'\n', before).count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place.saturating_add(1));
        let in_line = before.get(line_start..).unwrap_or_default();
        let column = in_line.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
        (self.first_line.saturating_add(lines), column.saturating_add(1))
    }
}

#[derive(Serialize)]
struct Row<'a> {
    id: Option<&'a Value>,
    file: &'a str,
    line: usize,
    statement: String,
    kind: &'a str,
    role_uses: Vec<RoleUseRow<'a>>,
    verdict: &'a str,
    findings: Vec<FindingRow<'a>>,
}

#[derive(Serialize)]
struct RoleUseRow<'a> {
    clause: &'a str,
    method: &'a str,
    roles: &'a [String],
}

#[derive(Serialize)]
struct FindingRow<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    detail: Option<&'a str>,
    hint: Option<&'a str>,
    hop: Option<usize>,
    line: usize,
    column: usize,
}

/// One JSON object a line for each statement that carries credentials or is refused; with `every_text`, at least one
/// for the text.
///
/// # Errors
/// Serialising fails, which these types do not.
pub fn json(place: &Place<'_>, verdict: Option<&Verdict>, dialect: Dialect, every_text: bool) -> io::Result<String> {
    let mut lines = String::new();
    let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
    let told = statements.iter().filter(|statement| !statement.uses.is_empty() || !statement.findings.is_empty());
    for statement in told {
        lines.push_str(&serde_json::to_string(&row(place, statement, verdict, dialect))?);
        lines.push('\n');
    }
    if lines.is_empty() && every_text {
        let row = Row {
            id: place.id,
            file: place.file,
            line: place.first_line,
            statement: sql::mask(place.text, dialect),
            kind: statements.first().map_or("none", |statement| statement.kind.as_str()),
            role_uses: Vec::new(),
            verdict: "forward",
            findings: Vec::new(),
        };
        lines.push_str(&serde_json::to_string(&row)?);
        lines.push('\n');
    }
    Ok(lines)
}

fn row<'a>(
    place: &Place<'a>,
    statement: &'a JudgedStatement,
    verdict: Option<&'a Verdict>,
    dialect: Dialect,
) -> Row<'a> {
    // A message is judged as a whole: one refused statement refuses the others too.
    let action = verdict.map_or(statement.action, |verdict| verdict.action.max(statement.action));
    Row {
        id: place.id,
        file: place.file,
        line: place.line_and_column(statement.span.start).0,
        statement: sql::mask(place.text.get(statement.span.clone()).unwrap_or_default(), dialect),
        kind: statement.kind.as_str(),
        role_uses: statement
            .uses
            .iter()
            .map(|role_use| RoleUseRow {
                clause: role_use.clause.as_str(),
                method: role_use.method.as_str(),
                roles: &role_use.roles,
            })
            .collect(),
        verdict: action.as_str(),
        findings: statement.findings.iter().map(|finding| finding_row(place, finding)).collect(),
    }
}

fn finding_row<'a>(place: &Place<'_>, finding: &'a Finding) -> FindingRow<'a> {
    let (line, column) = place.line_and_column(finding.at);
    FindingRow {
        code: finding.code.as_str(),
        severity: finding.severity.as_str(),
        message: &finding.message,
        detail: finding.detail.as_deref(),
        hint: finding.hint.as_deref(),
        hop: finding.hop,
        line,
        column,
    }
}

/// One paragraph for each finding; nothing for a text in which nothing was found.
#[must_use]
pub fn human(place: &Place<'_>, verdict: Option<&Verdict>) -> String {
    let mut text = String::new();
    for statement in verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default() {
        for finding in statement.findings.iter().filter(|finding| finding.severity > Severity::Allow) {
            let (line, column) = place.line_and_column(finding.at);
            let kind = statement.kind.as_str();
            let severity = finding.severity.as_str();
            // Writing to a String does not fail.
            let _written = writeln!(
                text,
                "{}:{line}:{column}: {severity} {}: {} ({kind})",
                place.file, finding.code, finding.message
            );
            for (name, value) in [("detail", &finding.detail), ("hint", &finding.hint)] {
                if let Some(value) = value {
                    let _written = writeln!(text, "  {name}: {}", value.replace('\n', "\n    "));
                }
            }
        }
    }
    text
}
