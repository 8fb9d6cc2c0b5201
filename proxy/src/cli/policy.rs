//! `rolegate policy`: expected verdicts, differences of policies and rules without effect, all without a database.

mod diff;
mod lint;
mod sides;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::cli::choice::gate_of;
use crate::cli::exceptions::{self, ExceptionsArguments};
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::{Case, CaseFile, Config};
use crate::gate::codes::Code;
use crate::gate::policy::Policy;
use crate::gate::verdict::Verdict;
use crate::serve::build;

/// Subcommands of `rolegate policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Compare verdicts with those that files of cases expect
    #[command(after_help = "Example: rolegate policy test policy/*.test.toml\n\n\
                            A file names a configuration and holds a table of cases:\n\n  \
                            config = \"rolegate.toml\"\n\n  \
                            [[case]]\n  \
                            name = \"analysts may not unload across accounts\"\n  \
                            user = \"analyst\"\n  \
                            sql = \"unload ('select 1') to 's3://b/x' iam_role 'arn:aws:iam::210987654321:role/RoleB'\"\n  \
                            verdict = \"reject\"   # or annotate, forward\n  \
                            codes = [\"RG301\"]    # optional, as are groups, database, application, client_address,\n                       \
                            # time, tls_subject and tls_names\n\n\
                            What the cluster stores is said before the cases: [stored] and a line \"schema = 'its IAM_ROLE'\" for each\n\
                            external schema.\n\n\
                            Exit status: 0 all as expected, 1 some are not, 2 usage or input error")]
    Test(TestArguments),
    /// Show what two policies decide differently, and which rule causes it
    #[command(after_help = "Example: rolegate policy diff --config rolegate.toml policy/ proposed/learned.cedar\n\
                            Exit status: 0 nothing is newly refused, 1 something is, 2 usage or input error")]
    Diff(diff::DiffArguments),
    /// Find rules that never apply, that others make needless, or that others always overrule
    #[command(after_help = "Example: rolegate policy lint rolegate.toml\n\
                            Exit status: 0 nothing found, 1 something found, 2 usage or input error")]
    Lint(lint::LintArguments),
    /// List the exceptions: for whom, about what, until when, and who answers for them
    #[command(after_help = "Example: rolegate policy exceptions rolegate.toml\n\
                            Exit status: 0 listed, whether or not there are any; 2 usage or input error")]
    Exceptions(ExceptionsArguments),
}

/// Arguments of `rolegate policy test`.
#[derive(Args, Debug)]
pub struct TestArguments {
    /// Files of cases
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs `rolegate policy`.
///
/// # Errors
/// What is wrong with the usage or the files.
pub fn run(command: &PolicyCommand) -> Result<Exit, String> {
    match command {
        PolicyCommand::Test(TestArguments { files }) => test(files),
        PolicyCommand::Diff(arguments) => diff::run(arguments),
        PolicyCommand::Lint(arguments) => lint::run(arguments),
        PolicyCommand::Exceptions(arguments) => exceptions::run(arguments),
    }
}

fn test(files: &[PathBuf]) -> Result<Exit, String> {
    let (mut passed, mut count, mut report) = (0_usize, 0_usize, String::new());
    for file in files {
        let outcomes = outcomes(file)?;
        count = count.saturating_add(outcomes.len());
        passed = passed.saturating_add(outcomes.iter().filter(|outcome| outcome.is_as_expected()).count());
        show(&mut report, file, &outcomes);
    }
    let _infallible = writeln!(report, "{passed} of {count} cases as expected");
    output::print(&report)?;
    Ok(if passed == count { Exit::Ok } else { Exit::Refused })
}

/// A case and its outcome.
struct Outcome {
    case: Case,
    verdict: &'static str,
    codes: Vec<Code>,
    findings: Vec<String>,
}

impl Outcome {
    fn of(case: Case, policy: &Policy) -> Self {
        let verdict = case.judge(policy, Timestamp::now());
        let found = verdict.iter().flat_map(Verdict::findings);
        Self {
            verdict: verdict.as_ref().map_or("forward", |verdict| verdict.would_be.as_str()),
            codes: verdict.iter().flat_map(Verdict::codes).collect(),
            findings: found.map(|finding| format!("{}: {}", finding.code, finding.message)).collect(),
            case,
        }
    }

    fn is_as_expected(&self) -> bool {
        let codes = self.case.codes.as_ref().is_none_or(|expected| sorted(expected) == self.codes);
        self.verdict == self.case.verdict.as_str() && codes
    }
}

/// Codes in order, each once, as a verdict gives them.
fn sorted(codes: &[Code]) -> Vec<Code> {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn outcomes(path: &Path) -> Result<Vec<Outcome>, String> {
    let file = CaseFile::load(path).map_err(|error| error.to_string())?;
    let mut config = Config::load(&file.config).map_err(|error| error.to_string())?;
    let stored = file.stored();
    if let Some(rules) = file.rules {
        config.policy.rules = rules;
    }
    let gate = gate_of(&config, file.gate.as_deref())?;
    let policy = build::policy(&config, gate).map_err(|error| error.to_string())?;
    let policy = match stored {
        Some(stored) => policy.with_stored(stored),
        None => policy,
    };
    Ok(file.cases.into_iter().map(|case| Outcome::of(case, &policy)).collect())
}

/// A table of one file's cases; each that differs shows what was expected (-) and what was found (+).
fn show(report: &mut String, file: &Path, outcomes: &[Outcome]) {
    let _infallible = writeln!(report, "{}", file.display());
    let longest = |length: fn(&Outcome) -> usize| outcomes.iter().map(length).max().unwrap_or_default();
    let name_width = longest(|outcome| outcome.case.name.chars().count());
    let user_width = longest(|outcome| outcome.case.user.chars().count());
    for outcome in outcomes {
        let word = if outcome.is_as_expected() { "ok  " } else { "FAIL" };
        let found = words(outcome.verdict, &outcome.codes);
        let Case { name, user, .. } = &outcome.case;
        let _infallible = writeln!(report, "  {word}  {name:name_width$}  {user:user_width$}  {found}");
        if !outcome.is_as_expected() {
            let expected = outcome.case.codes.as_deref().map(sorted).unwrap_or_default();
            let _infallible = writeln!(report, "        - {}", words(outcome.case.verdict.as_str(), &expected));
            let _infallible = writeln!(report, "        + {found}");
            for finding in &outcome.findings {
                let _infallible = writeln!(report, "          {finding}");
            }
        }
    }
}

fn words(verdict: &str, codes: &[Code]) -> String {
    let mut words = vec![verdict];
    words.extend(codes.iter().map(|code| code.as_str()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::{Action, Mode};
    use crate::gate::modes::Modes;
    use crate::gate::policy::Parts;

    fn case(verdict: Action, codes: Option<&[Code]>) -> Case {
        Case {
            name: "chain".to_owned(),
            user: "IAM:etl".to_owned(),
            groups: None,
            database: String::new(),
            application: String::new(),
            client_address: None,
            tls_subject: None,
            tls_names: Vec::new(),
            time: None,
            sql: "copy t from 's3://b' iam_role 'x' access_key_id 'k' secret_access_key 's'".to_owned(),
            verdict,
            codes: codes.map(<[Code]>::to_vec),
        }
    }

    /// (expected verdict, expected codes, whether the case holds)
    #[test]
    fn a_case_says_what_enforcement_is_to_do_in_either_mode() {
        let rows: [(Action, Option<&[Code]>, bool); 6] = [
            (Action::Reject, None, true),
            (Action::Reject, Some(&[Code::Rg104, Code::Rg103, Code::Rg101, Code::Rg101]), true),
            (Action::Reject, Some(&[Code::Rg101]), false),
            (Action::Reject, Some(&[]), false),
            (Action::Annotate, None, false),
            (Action::Forward, None, false),
        ];
        for mode in [Mode::Enforce, Mode::Shadow] {
            let policy = Policy::new(Parts { modes: Modes::all(mode), ..Parts::without_facts() });
            for (verdict, codes, holds) in rows {
                let outcome = Outcome::of(case(verdict, codes), &policy);
                assert_eq!(outcome.is_as_expected(), holds, "{mode} {verdict} {codes:?}: {:?}", outcome.codes);
            }
        }
    }

    #[test]
    fn what_came_out_otherwise_shows_both_sides() {
        let policy = Policy::new(Parts::without_facts());
        let outcomes = [
            Outcome::of(case(Action::Reject, None), &policy),
            Outcome::of(case(Action::Forward, Some(&[Code::Rg302])), &policy),
        ];
        let mut report = String::new();
        show(&mut report, Path::new("x.test.toml"), &outcomes);
        let expected = "\
x.test.toml
  ok    chain  IAM:etl  reject RG101 RG103 RG104
  FAIL  chain  IAM:etl  reject RG101 RG103 RG104
        - forward RG302
        + reject RG101 RG103 RG104
";
        assert!(report.starts_with(expected), "{report}");
        assert!(report.lines().skip(5).all(|line| line.starts_with("          RG10")), "{report}");
    }
}
