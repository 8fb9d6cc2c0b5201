//! The output of `rolegate check` as `JUnit`'s XML, which CI servers show as tests: a case for each statement that is told of, or for a text
//! without any.

use std::fmt::Write as _;

use crate::cli::check::place::SourcePlace;
use crate::cli::check::report::{self, Face};
use crate::gate::enforcement::Action;
use crate::gate::verdict::{JudgedStatement, Verdict};

/// What stands before the suites.
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rolegate check\">\n";

/// What stands behind them.
pub(super) const TAIL: &str = "</testsuites>\n";

/// The suite of one text.
pub(super) fn suite(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) -> String {
    let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
    let told: Vec<&JudgedStatement> = statements.iter().filter(|statement| statement.is_told()).collect();
    let mut cases: Vec<String> = told.iter().map(|statement| case(place, statement, face)).collect();
    let failures = cases.iter().filter(|case| case.contains("<failure ")).count();
    let file = escaped(&place.text.file);
    if cases.is_empty() {
        cases.push(format!("    <testcase name=\"nothing to judge\" classname=\"{file}\"/>\n"));
    }
    let (tests, cases) = (cases.len(), cases.concat());
    format!("  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\">\n{cases}  </testsuite>\n")
}

fn case(place: &SourcePlace<'_>, statement: &JudgedStatement, face: Face) -> String {
    let line = place.position(statement.span.start).line;
    let file = escaped(&place.text.file);
    let mut text = format!(
        "    <testcase name=\"line {line}: {}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\">\n",
        statement.kind
    );
    for finding in report::told(statement) {
        let at = place.position(finding.at);
        let words = format!(
            "{}:{}:{}: {}: {}",
            place.text.file,
            at.line,
            at.column,
            finding.code,
            report::words(place, statement, finding)
        );
        let words = escaped(&words);
        // Writing to a String does not fail.
        let _written = if face.of_finding(finding) == Action::Reject {
            let message = escaped(&finding.message);
            writeln!(text, "      <failure type=\"{}\" message=\"{message}\">{words}</failure>", finding.code)
        } else {
            writeln!(text, "      <system-out>{words}</system-out>")
        };
    }
    text + "    </testcase>\n"
}

/// A text within XML 1.0, which has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::input::InputText;
    use crate::gate::judge_alone;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};

    fn suite_of(sql: &str) -> String {
        let nobody = Principal::new(Attributes::default());
        let policy = Policy::new(Parts::without_facts());
        let verdict = judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH);
        let text = InputText::of_file("a<b>.sql".to_owned(), sql.as_bytes().to_vec());
        suite(&SourcePlace::of(&text), verdict.as_ref(), Face::WouldBe)
    }

    #[test]
    fn a_case_fails_where_a_statement_is_refused() {
        let told = suite_of("copy t from 's3://b' iam_role 'x\u{1}<&\">'; copy t from 's3://b'");
        assert!(told.starts_with("  <testsuite name=\"a&lt;b&gt;.sql\" tests=\"2\" failures=\"1\">\n"), "{told}");
        assert!(
            told.contains("<failure type=\"RG101\" message=\"") && told.contains("<system-out>a&lt;b&gt;.sql:1:"),
            "{told}"
        );
        assert!(!told.contains('\u{1}'), "{told}");
        let plain = suite_of("select 1");
        assert!(plain.contains("tests=\"1\" failures=\"0\"") && plain.contains("nothing to judge"), "{plain}");
    }
}
