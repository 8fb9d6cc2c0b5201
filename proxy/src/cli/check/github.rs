//! The output of `rolegate check` as workflow commands of GitHub Actions, which become annotations of a pull request. Source: GitHub Docs,
//! "Workflow commands for GitHub Actions".

use std::fmt::Write as _;

use crate::cli::check::place::SourcePlace;
use crate::cli::check::report::{self, Face};
use crate::gate::enforcement::Action;
use crate::gate::verdict::Verdict;
use crate::observe::escape;
use crate::sql::position::Position;

/// A command for each finding of a text.
pub(super) fn commands(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) -> String {
    let mut text = String::new();
    for statement in verdict.into_iter().flat_map(|verdict| &verdict.statements) {
        for finding in report::told(statement) {
            let Position { line, column } = place.position(finding.at);
            let level = match face.of_finding(finding) {
                Action::Reject => "error",
                Action::Annotate => "warning",
                Action::Forward => "notice",
            };
            let (file, title) =
                (property(&place.text.file), property(&format!("{} {}", finding.code, finding.code.row().title)));
            let words = data(&report::words(place, statement, finding));
            // Writing to a String does not fail.
            let _written = writeln!(text, "::{level} file={file},line={line},col={column},title={title}::{words}");
        }
    }
    escape::lines(&text)
}

/// A text as the data of a command: on one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::input::InputText;
    use crate::gate::judge_alone;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};

    #[test]
    fn a_command_is_one_line_whatever_it_holds() {
        let sql = "select 1;\ncopy t from 's3://b' iam_role '100%\n::error::x'";
        let nobody = Principal::new(Attributes::default());
        let policy = Policy::new(Parts::without_facts());
        let verdict = judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH);
        let text = InputText::of_file("a,b:c\n.sql".to_owned(), sql.as_bytes().to_vec());
        let told = commands(&SourcePlace::of(&text), verdict.as_ref(), Face::WouldBe);
        assert!(
            told.starts_with("::error file=a%2Cb%3Ac%0A.sql,line=2,col=31,title=RG101 Malformed chain::"),
            "{told}"
        );
        assert!(
            told.lines().all(|line| line.starts_with("::error file=") || line.starts_with("::warning file=")),
            "{told}"
        );
    }
}
