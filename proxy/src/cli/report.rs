//! The output of `rolegate check`, for people and for machines.

use std::fmt::Write;
use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::cli::input::InputText;
use crate::gate::codes::Severity;
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, JudgedUse, Verdict};
use crate::observe::escape;
use crate::sql::position::{Position, Positions};
use crate::sql::{self, StatementKind};

/// Which face of a verdict a report is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Face {
    /// What enforcement would do.
    WouldBe,
    /// What is done under the mode of the configuration.
    Action,
}

impl Face {
    pub(super) fn of_message(self, verdict: &Verdict) -> Action {
        match self {
            Self::WouldBe => verdict.would_be,
            Self::Action => verdict.action,
        }
    }

    fn of_statement(self, statement: &JudgedStatement) -> Action {
        match self {
            Self::WouldBe => statement.would_be,
            Self::Action => statement.action,
        }
    }

    /// What a finding asks for.
    pub(super) fn of_finding(self, finding: &Finding) -> Action {
        match self {
            Self::WouldBe => finding.would_be(),
            Self::Action => finding.action(),
        }
    }
}

/// Where a judged text comes from.
#[derive(Clone, Debug)]
pub struct SourcePlace<'a> {
    /// The label of the input line.
    pub id: Option<&'a Value>,
    /// File name or `-`.
    pub file: &'a str,
    /// The line of the file at which the text starts.
    pub first_line: usize,
    /// The text, with its lines counted.
    pub text: Positions<'a>,
}

impl<'a> SourcePlace<'a> {
    pub(super) fn of(text: &'a InputText) -> Self {
        Self { id: text.id.as_ref(), file: &text.file, first_line: text.first_line, text: Positions::of(&text.bytes) }
    }

    /// The position of a byte of the text within its file.
    pub(super) fn position(&self, at: usize) -> Position {
        let Position { line, column } = self.text.at(at);
        Position { line: line.saturating_add(self.first_line).saturating_sub(1), column }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    id: Option<&'a Value>,
    file: &'a str,
    line: usize,
    statement: String,
    kind: StatementKind,
    role_uses: &'a [JudgedUse],
    verdict: Action,
    would_be: Action,
    action: Action,
    findings: Vec<FindingRow<'a>>,
}

#[derive(Serialize)]
struct FindingRow<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    line: usize,
    column: usize,
}

/// One JSON object a line for each statement that carries credentials or is refused; with `every_text`, at least one
/// for the text.
///
/// # Errors
/// Serialising fails, which these types do not.
pub fn json(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face, every_text: bool) -> io::Result<String> {
    let mut lines = String::new();
    let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
    for statement in statements.iter().filter(|statement| statement.is_told()) {
        lines.push_str(&serde_json::to_string(&row(place, statement, face))?);
        lines.push('\n');
    }
    if lines.is_empty() && every_text {
        let kind = statements.first().map_or(StatementKind::None, |statement| statement.kind);
        let whole = JudgedStatement::new(kind, 0..place.text.text().len());
        lines.push_str(&serde_json::to_string(&row(place, &whole, face))?);
        lines.push('\n');
    }
    Ok(lines)
}

fn row<'a>(place: &SourcePlace<'a>, statement: &'a JudgedStatement, face: Face) -> Row<'a> {
    let finding_row = |finding: &'a Finding| {
        let Position { line, column } = place.position(finding.at);
        FindingRow { finding, line, column }
    };
    Row {
        id: place.id,
        file: place.file,
        line: place.position(statement.span.start).line,
        statement: sql::mask_within(place.text.text(), statement.span.clone()),
        kind: statement.kind,
        role_uses: &statement.uses,
        verdict: face.of_statement(statement),
        would_be: statement.would_be,
        action: statement.action,
        findings: statement.findings.iter().map(finding_row).collect(),
    }
}

/// One paragraph for each finding; nothing for a text in which nothing was found.
#[must_use]
pub fn human(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) -> String {
    let mut text = String::new();
    let Some(verdict) = verdict else { return text };
    for statement in &verdict.statements {
        for finding in statement.findings.iter().filter(|finding| finding.severity > Severity::Allow) {
            paragraph(&mut text, place, statement.kind, face.of_finding(finding), finding);
        }
    }
    escape::lines(&text)
}

fn paragraph(text: &mut String, place: &SourcePlace<'_>, kind: StatementKind, word: Action, finding: &Finding) {
    let Position { line, column } = place.position(finding.at);
    let Finding { code, message, detail, hint, .. } = finding;
    // Writing to a String does not fail.
    let _written = writeln!(text, "{}:{line}:{column}: {word} {code}: {message} ({kind})", place.file);
    for (name, value) in [("detail", detail), ("hint", hint)] {
        if let Some(value) = value {
            let _written = writeln!(text, "  {name}: {}", value.replace('\n', "\n    "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::Mode;
    use crate::gate::judge_alone;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};

    const SQL: &str = "select 'ä';\ncopy a from 's3://b'; copy b from 's3://b' iam_role 'x'";

    fn verdict(mode: Mode, sql: &str) -> Option<Verdict> {
        let policy = Policy::new(Parts { modes: Modes::all(mode), ..Parts::without_facts() });
        let nobody = Principal::new(Attributes::default());
        judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH)
    }

    fn place(sql: &str) -> SourcePlace<'_> {
        SourcePlace { id: None, file: "f.sql", first_line: 7, text: Positions::of(sql.as_bytes()) }
    }

    fn rows(mode: Mode, face: Face) -> Vec<Value> {
        let lines = json(&place(SQL), verdict(mode, SQL).as_ref(), face, false).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// (mode, face, what is said of every statement of a message that enforcement refuses: verdict, `would_be`, action)
    #[test]
    fn json_has_both_faces() {
        let rows_of = [
            (Mode::Enforce, Face::WouldBe, ["reject", "reject", "reject"]),
            (Mode::Shadow, Face::WouldBe, ["reject", "reject", "annotate"]),
            (Mode::Shadow, Face::Action, ["annotate", "reject", "annotate"]),
        ];
        for (mode, face, words) in rows_of {
            let told = rows(mode, face);
            assert!(told.len() >= 2, "{told:?}");
            for row in told {
                assert_eq!(["verdict", "would_be", "action"].map(|key| row[key].as_str().unwrap()), words, "{row}");
            }
        }
    }

    #[test]
    fn json_names_places_in_the_file() {
        let told = rows(Mode::Enforce, Face::WouldBe);
        let last = told.last().unwrap();
        assert_eq!((&last["line"], &last["statement"]), (&8.into(), &"copy b from 's3://b' iam_role 'x'".into()));
        let finding = &last["findings"][0];
        assert_eq!((&finding["code"], &finding["line"]), (&"RG101".into(), &8.into()));
        assert_eq!((&finding["column"], &finding["decided"]), (&53.into(), &true.into()));
        assert_eq!(last["role_uses"][0]["roles"][0], "x");
    }

    #[test]
    fn a_plain_text_is_told_only_when_every_text_is() {
        let nothing = verdict(Mode::Enforce, "select 1");
        assert_eq!(json(&place("select 1"), nothing.as_ref(), Face::WouldBe, false).unwrap(), "");
        let line = json(&place("select 1"), nothing.as_ref(), Face::WouldBe, true).unwrap();
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&row["kind"], &row["verdict"]), (&"none".into(), &"forward".into()));
    }

    /// (mode, face, word)
    #[test]
    fn people_read_the_word_of_the_face() {
        for (mode, face, word) in [
            (Mode::Enforce, Face::Action, "reject"),
            (Mode::Shadow, Face::WouldBe, "reject"),
            (Mode::Shadow, Face::Action, "annotate"),
        ] {
            let text = human(&place(SQL), verdict(mode, SQL).as_ref(), face);
            let line = format!("f.sql:8:53: {word} RG101: part 1 of the chain");
            assert!(text.contains(&line), "{mode} {face:?}: {text}");
            assert!(text.contains("f.sql:8:1: annotate RG108: "), "{text}");
        }
    }
}
