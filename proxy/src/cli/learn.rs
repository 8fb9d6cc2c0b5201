//! `rolegate learn`: rules proposed from recorded statements.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::cli::exit::Exit;
use crate::cli::output::{ReportFormat, print_report};
use crate::cli::records::RecordArguments;
use crate::cli::replay::recorded_policy;
use crate::config::{Case, CaseFile};
use crate::gate::policy::{Parts, Policy};
use crate::history::StatementRecord;
use crate::learn::report::human;
use crate::learn::{Generalisation, LearnReport, Learned, Learner, Proposals, cases, propose, report, sift};
use crate::rules::RuleSet;

/// The proposed rules.
const RULES: &str = "learned.cedar";
/// The cases that pin them.
const CASES: &str = "learned.test.toml";
/// What was not learned.
const REVIEW: &str = "for_review.json";
/// A configuration for the cases, where none was given.
const CONFIG: &str = "learned.toml";

/// What `learned.toml` holds: the rules alone.
const BARE_CONFIG: &str = "\
# Judges by the learned rules alone, without facts: for `rolegate policy test` and `rolegate replay`, not for a gate that is to protect anything.
[policy]
rules = [\"learned.cedar\"]

[[gate]]
name = \"learned\"
listen = \"127.0.0.1:5439\"
[gate.upstream]
address = \"localhost:5439\"
";

/// Arguments of `rolegate learn`.
#[derive(Args, Debug)]
pub struct LearnArguments {
    /// The folder for `learned.cedar`, `learned.test.toml` and `for_review.json`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Facts, groups and forbids to judge by: what they refuse or leave undecided is not learned
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate of the configuration; the first when not given
    #[arg(long, value_name = "NAME", requires = "config")]
    gate: Option<String>,
    /// Folders of a bucket that a rule names; 0 for whole buckets
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=32))]
    prefix_depth: u8,
    /// Propose no rule for what was used less often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    min_uses: u64,
    /// Rules for the groups of `[policy.groups]`, and for users without any; or for users
    #[arg(long, value_enum, default_value_t = LearnBy::Group)]
    by: LearnBy,
    /// Rules for whole chains, or for their last roles
    #[arg(long, value_enum, default_value_t = LearnRoles::Chain)]
    roles: LearnRoles,
    /// Replace files that an earlier run wrote
    #[arg(long)]
    overwrite: bool,
    /// The form of the output; for people on a terminal, else JSON
    #[arg(long, value_enum)]
    format: Option<ReportFormat>,
    #[command(flatten)]
    records: RecordArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum LearnBy {
    /// For groups
    Group,
    /// For users
    User,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum LearnRoles {
    /// For whole chains
    Chain,
    /// For last roles
    Last,
}

/// Runs `rolegate learn`.
///
/// # Errors
/// What is wrong with the usage, the configuration, the inputs or the folder.
pub fn run(arguments: &LearnArguments) -> Result<Exit, String> {
    check_folder(arguments)?;
    let policy = match &arguments.config {
        Some(config) => recorded_policy(config, arguments.gate.as_deref())?,
        None => Policy::new(Parts::without_facts()),
    };
    let by_last_role = arguments.roles == LearnRoles::Last;
    let learner = Learner::new(&policy, usize::from(arguments.prefix_depth), by_last_role);
    let mut found = Learned::default();
    let fold = |part: &mut Learned, record: &StatementRecord<'_>| learner.take(part, record);
    let counts = arguments.records.read_with_outcomes(arguments.config.as_deref(), fold, |part| {
        found.merge(part);
        Ok(())
    })?;
    let by_group = arguments.by == LearnBy::Group;
    let how = Generalisation { by_group, min_uses: arguments.min_uses };
    let uses = std::mem::take(&mut found.uses);
    let mut proposals = propose(uses, policy.configured_groups(), how);
    (proposals.permits, proposals.unwritable) = sift(proposals.permits, by_last_role);
    let without_case = write(arguments, &policy, &proposals)?;
    let shown = report(&found, &proposals, counts, without_case);
    put(&arguments.out.join(REVIEW), &json(&shown.for_review)?)?;
    print(arguments, &shown)?;
    Ok(Exit::Ok)
}

fn check_folder(arguments: &LearnArguments) -> Result<(), String> {
    let out = &arguments.out;
    fs::create_dir_all(out).map_err(|error| format!("--out: {}: {error}", out.display()))?;
    let is_there = |name: &&&str| out.join(name).exists();
    match [RULES, CASES, REVIEW, CONFIG].iter().find(is_there) {
        Some(name) if !arguments.overwrite => {
            Err(format!("{} exists; choose another folder, or --overwrite", out.join(name).display()))
        }
        _ => Ok(()),
    }
}

/// Writes rules and cases. Returns how many rules have no case.
fn write(arguments: &LearnArguments, policy: &Policy, proposals: &Proposals) -> Result<u64, String> {
    let out = &arguments.out;
    let by_last_role = arguments.roles == LearnRoles::Last;
    let rules: Vec<String> = proposals.permits.iter().map(|proposal| proposal.cedar(by_last_role)).collect();
    let head = "// Proposed by `rolegate learn` from recorded statements. Read them before they are put in force: what was done is not always what\n\
                // should be done.\n\n";
    let path = out.join(RULES);
    put(&path, &format!("{head}{}", rules.join("\n")))?;
    // What was written is read again, so that a file that does not load is noticed here.
    let rules = RuleSet::load(std::slice::from_ref(&path)).map_err(|error| error.to_string())?;
    let pinned = policy.with_rules(Arc::new(rules));
    let by_rule: Vec<Vec<Case>> = proposals.permits.iter().map(|proposal| cases::cases(proposal, &pinned)).collect();
    let without_case = by_rule.iter().filter(|cases| cases.is_empty()).count();
    write_cases(arguments, by_rule.concat())?;
    Ok(u64::try_from(without_case).unwrap_or(u64::MAX))
}

fn write_cases(arguments: &LearnArguments, cases: Vec<Case>) -> Result<(), String> {
    let config = if let Some(config) = &arguments.config {
        config.canonicalize().map_err(|error| format!("{}: {error}", config.display()))?
    } else {
        put(&arguments.out.join(CONFIG), BARE_CONFIG)?;
        PathBuf::from(CONFIG)
    };
    let path = arguments.out.join(CASES);
    let rules = Some(vec![PathBuf::from(RULES)]);
    let file = CaseFile { config, gate: arguments.gate.clone(), rules, stored: BTreeMap::new(), cases };
    put(&path, &file.to_toml().map_err(|error| format!("{}: {error}", path.display()))?)
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn print(arguments: &LearnArguments, found: &LearnReport) -> Result<(), String> {
    let is_terminal = || if io::stdout().is_terminal() { ReportFormat::Human } else { ReportFormat::Json };
    let out = arguments.out.display();
    let text = |found: &LearnReport| format!("{}\nWritten to {out}: {RULES}, {CASES}, {REVIEW}\n", human(found));
    print_report(arguments.format.unwrap_or_else(is_terminal), found, text)
}
