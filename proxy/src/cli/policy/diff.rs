//! `rolegate policy diff`: what two policies decide differently, and which rule causes it.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::output::{ReportFormat, print_report};
use crate::cli::policy::sides::{PolicySide, base};
use crate::cli::records::RecordArguments;
use crate::history::StatementRecord;
use crate::survey::grid::Survey;
use crate::survey::over_history::{Compared, ComparedCount};
use crate::survey::report::{DiffReport, of_grid, of_history};
use crate::survey::{World, differences};

/// Arguments of `rolegate policy diff`.
#[derive(Args, Debug)]
pub struct DiffArguments {
    /// A configuration, a file of rules, or a folder of them
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// What is compared with it
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Recorded statements to compare over, as for `rolegate replay`; without any, a grid of requests made of facts, groups and both
    /// sets of rules
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// The configuration of OLD and NEW where they are rules: groups, facts, severities
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gate of the configurations; the first when not given
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The most requests of the grid that are looked at, beside those that each rule is about
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
}

pub(super) fn run(arguments: &DiffArguments) -> Result<Exit, String> {
    let base = base(arguments.config.as_deref(), &[&arguments.old, &arguments.new])?;
    let load = |path| PolicySide::load(path, base.as_ref(), arguments.gate.as_deref());
    let (old, new) = (load(&arguments.old)?, load(&arguments.new)?);
    let report =
        if arguments.inputs.is_empty() { over_grid(arguments, &old, &new) } else { over_history(arguments, old, new)? };
    print_report(arguments.format, &report, DiffReport::human)?;
    Ok(Exit::of(report.refuses_more()))
}

fn over_grid(arguments: &DiffArguments, old: &PolicySide, new: &PolicySide) -> DiffReport {
    let ((mut chains, are_more), (others, are_more_others)) = (new.chains(), old.chains());
    chains.extend(others.into_iter().filter(|chain| !chains.contains(chain)).collect::<Vec<_>>());
    let facts = new.policy.iam().or(old.policy.iam()).map(|iam| iam.facts.as_ref());
    let gates = if new.gates.is_empty() { old.gates.clone() } else { new.gates.clone() };
    let groups = vec![old.policy.configured_groups(), new.policy.configured_groups()];
    let world = World { gates, chains, more_chains: are_more || are_more_others, facts, groups };
    let survey = Survey::new(&[old.policy.rules(), new.policy.rules()], &world, arguments.requests);
    of_grid(&differences(&old.policy, &new.policy, &survey), &survey)
}

fn over_history(arguments: &DiffArguments, old: PolicySide, new: PolicySide) -> Result<DiffReport, String> {
    let compared = Compared::new(old.policy, new.policy);
    let mut count = ComparedCount::default();
    let fold = |part: &mut ComparedCount, record: &StatementRecord<'_>| compared.take(part, record);
    RecordArguments::of(arguments.inputs.clone()).read(None, fold, |part| {
        count.merge(part);
        Ok(())
    })?;
    Ok(of_history(&count))
}
