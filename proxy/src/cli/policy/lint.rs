//! `rolegate policy lint`: rules without effect.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::output::{ReportFormat, print_report};
use crate::cli::policy::sides::{PolicySide, base};
use crate::survey::grid::Survey;
use crate::survey::report::{LintReport, of_lint};
use crate::survey::{World, lint};

/// Arguments of `rolegate policy lint`.
#[derive(Args, Debug)]
pub struct LintArguments {
    /// A configuration, a file of rules, or a folder of them
    #[arg(value_name = "POLICY", required_unless_present = "config")]
    policy: Option<PathBuf>,
    /// The configuration of POLICY where that is rules: groups and facts
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate that is looked at; all when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The most requests of the grid that are looked at, beside those that each rule is about
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
}

pub(super) fn run(arguments: &LintArguments) -> Result<Exit, String> {
    let config = arguments.config.as_deref();
    let path = arguments.policy.as_deref().or(config).ok_or("name a configuration or rules")?;
    let side = PolicySide::load(path, base(config, &[path])?.as_ref(), arguments.gate.as_deref())?;
    let (chains, more_chains) = side.chains();
    let facts = side.policy.iam().map(|iam| iam.facts.as_ref());
    let groups = vec![side.policy.configured_groups()];
    let world = World { gates: side.gates.clone(), chains, more_chains, facts, groups };
    let survey = Survey::new(&[side.policy.rules()], &world, arguments.requests);
    let report = of_lint(side.policy.rules().len(), lint(&side.policy, &survey), &side.warnings, &survey);
    print_report(arguments.format, &report, LintReport::human)?;
    Ok(Exit::of(!report.findings.is_empty()))
}
