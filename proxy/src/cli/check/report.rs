//! The output of `rolegate check`, for people and for machines.

use std::fmt::Write;
use std::io;

use serde::Serialize;
use serde_json::Value;

use crate::cli::check::place::SourcePlace;
use crate::gate::codes::Severity;
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, JudgedUse, Verdict};
use crate::observe::escape;
use crate::sql::position::Position;
use crate::sql::{self, StatementKind};

/// Which face of a verdict a report is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Face {
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
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
pub(super) fn json(
    place: &SourcePlace<'_>,
    verdict: Option<&Verdict>,
    face: Face,
    every_text: bool,
) -> io::Result<String> {
    let mut lines = String::new();
    let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
    for statement in statements.iter().filter(|statement| statement.is_told()) {
        lines.push_str(&serde_json::to_string(&row(place, statement, face))?);
        lines.push('\n');
    }
    if lines.is_empty() && every_text {
        let kind = statements.first().map_or(StatementKind::None, |statement| statement.kind);
        let whole = JudgedStatement::new(kind, 0..place.text.judged().len());
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
        id: place.text.id.as_ref(),
        file: &place.text.file,
        line: place.position(statement.span.start).line,
        statement: sql::mask_within(place.text.judged(), statement.span.clone()),
        kind: statement.kind,
        role_uses: &statement.uses,
        verdict: face.of_statement(statement),
        would_be: statement.would_be,
        action: statement.action,
        findings: statement.findings.iter().map(finding_row).collect(),
        notes: place.notes(statement),
    }
}

/// One paragraph for each finding; nothing for a text in which nothing was found.
pub(super) fn human(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) -> String {
    let mut text = String::new();
    let Some(verdict) = verdict else { return text };
    for statement in &verdict.statements {
        let findings: Vec<&Finding> = told(statement).collect();
        let notes = if findings.is_empty() { Vec::new() } else { place.notes(statement) };
        for finding in findings {
            paragraph(&mut text, place, statement.kind, face.of_finding(finding), finding);
            for note in &notes {
                // Writing to a String does not fail.
                let _written = writeln!(text, "  note: {}", note.replace('\n', "\n    "));
            }
        }
    }
    escape::lines(&text)
}

/// The findings that people and their tools are told of.
pub(super) fn told(statement: &JudgedStatement) -> impl Iterator<Item = &Finding> {
    statement.findings.iter().filter(|finding| finding.severity > Severity::Allow)
}

/// Message, evidence, remedy and notes of a finding, each on a line of its own.
pub(super) fn words(place: &SourcePlace<'_>, statement: &JudgedStatement, finding: &Finding) -> String {
    let parts = [Some(&finding.message), finding.detail.as_ref(), finding.hint.as_ref()];
    let notes = place.notes(statement);
    let lines: Vec<&str> = parts.into_iter().flatten().chain(&notes).map(String::as_str).collect();
    lines.join("\n")
}

fn paragraph(text: &mut String, place: &SourcePlace<'_>, kind: StatementKind, word: Action, finding: &Finding) {
    let Position { line, column } = place.position(finding.at);
    let Finding { code, message, detail, hint, .. } = finding;
    // Writing to a String does not fail.
    let _written = writeln!(text, "{}:{line}:{column}: {word} {code}: {message} ({kind})", place.text.file);
    for (name, value) in [("detail", detail), ("hint", hint)] {
        if let Some(value) = value {
            let _written = writeln!(text, "  {name}: {}", value.replace('\n', "\n    "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::input::InputText;
    use crate::cli::check::origin::TextOrigin;
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

    fn text(sql: &str) -> InputText {
        let text = InputText::of_file("f.sql".to_owned(), sql.as_bytes().to_vec());
        InputText { origin: TextOrigin::At(Position { line: 7, column: 1 }), ..text }
    }

    fn told_of(mode: Mode, sql: &str, face: Face, every_text: bool) -> String {
        json(&SourcePlace::of(&text(sql)), verdict(mode, sql).as_ref(), face, every_text).unwrap()
    }

    fn rows(mode: Mode, face: Face) -> Vec<Value> {
        told_of(mode, SQL, face, false).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
        assert_eq!(told_of(Mode::Enforce, "select 1", Face::WouldBe, false), "");
        let line = told_of(Mode::Enforce, "select 1", Face::WouldBe, true);
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
            let text = human(&SourcePlace::of(&text(SQL)), verdict(mode, SQL).as_ref(), face);
            let line = format!("f.sql:8:53: {word} RG101: part 1 of the chain");
            assert!(text.contains(&line), "{mode} {face:?}: {text}");
            assert!(text.contains("f.sql:8:1: annotate RG108: "), "{text}");
        }
    }
}
