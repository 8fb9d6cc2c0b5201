//! Differences and findings, for people and for machines. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::replay::groups::GroupCount;
use crate::rules::names::RuleWarning;
use crate::sql::StatementKind;
use crate::survey::causes::{RuleCause, RuleChange};
use crate::survey::diff::{Difference, DifferenceKey, Differences};
use crate::survey::grid::Survey;
use crate::survey::lint::{LintFinding, LintKind};
use crate::survey::over_history::{ComparedCount, RecordedDifference};

/// What is said when chains are left out.
const MORE_CHAINS: &str = "the facts allow more chains: the shortest are looked at, and those that rules name\n";

/// What two policies decide differently.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiffReport {
    /// Counts over the whole report.
    pub(crate) summary: DiffSummary,
    /// What differs: newly refused first, then the most frequent.
    pub(crate) differences: Vec<DiffRow>,
}

/// Sums of a comparison.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct DiffSummary {
    /// Whether a history was compared, or a grid.
    pub(crate) over: Compare,
    /// Requests of the grid, or statements, that were decided twice.
    pub(crate) compared: u64,
    /// Those that differ.
    pub(crate) different: u64,
    /// How many requests the whole grid has, where only a part was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled_of: Option<u64>,
    /// The facts allow more chains than those of the grid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) more_chains: bool,
    /// Statements that could not be judged.
    pub(crate) cannot_tell: u64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compare {
    /// A grid of requests.
    Grid,
    /// Statements of a recorded history.
    History,
}

/// Requests or statements that differ alike.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiffRow {
    /// What the old policy does.
    pub(crate) from: Action,
    /// What the new policy does.
    pub(crate) to: Action,
    /// The rules that cause it.
    pub(crate) causes: Vec<RuleCause>,
    /// The gravest finding of the stricter policy, of a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Code>,
    /// How many requests or statements differ alike.
    pub(crate) count: u64,
    /// By whom; some, where there are many.
    pub(crate) users: Vec<String>,
    /// What they are.
    pub(crate) kinds: Vec<StatementKindWord>,
    /// Through what; some, where there are many.
    pub(crate) chains: Vec<String>,
    /// On what; some, where there are many.
    pub(crate) targets: Vec<String>,
    /// The earliest, of a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_seen: Option<Timestamp>,
    /// The latest, of a history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen: Option<Timestamp>,
    /// One of them.
    pub(crate) example: String,
}

/// The word of a statement's kind.
pub(crate) type StatementKindWord = &'static str;

/// The report of a comparison over a grid.
#[must_use]
pub(crate) fn of_grid(found: &Differences, survey: &Survey) -> DiffReport {
    let row = |(key, one): (&DifferenceKey, &Difference)| DiffRow {
        from: key.from,
        to: key.to,
        causes: key.causes.clone(),
        code: None,
        count: one.count,
        users: one.people.iter().cloned().collect(),
        kinds: one.kinds.iter().copied().collect(),
        chains: one.chains.iter().cloned().collect(),
        targets: one.targets.iter().filter(|target| !target.is_empty()).cloned().collect(),
        first_seen: None,
        last_seen: None,
        example: one.example.as_ref().map(|(_, _, words)| words.clone()).unwrap_or_default(),
    };
    let summary = DiffSummary {
        over: Compare::Grid,
        compared: survey.asked(),
        different: 0,
        sampled_of: survey.is_sampled.then_some(survey.whole),
        more_chains: survey.more_chains,
        cannot_tell: 0,
    };
    whole(summary, found.iter().map(row).collect())
}

/// The report of a comparison over a history.
#[must_use]
pub(crate) fn of_history(found: &ComparedCount) -> DiffReport {
    let row = |(key, count): (&RecordedDifference, &GroupCount)| DiffRow {
        from: key.from,
        to: key.to,
        causes: key.causes.clone(),
        code: key.code,
        count: count.count,
        users: vec![key.user.clone()],
        kinds: vec![StatementKind::as_str(key.kind)],
        chains: Some(key.chain.clone()).filter(|chain| !chain.is_empty()).into_iter().collect(),
        targets: key.target.iter().cloned().collect(),
        first_seen: count.first_seen,
        last_seen: count.last_seen,
        example: count.example.text.clone(),
    };
    let summary = DiffSummary {
        over: Compare::History,
        compared: found.statements,
        different: 0,
        sampled_of: None,
        more_chains: false,
        cannot_tell: found.cannot_tell,
    };
    let mut groups: Vec<_> = found.differences.0.iter().collect();
    groups.sort_by_key(|(key, _)| *key);
    whole(summary, groups.into_iter().map(row).collect())
}

fn whole(summary: DiffSummary, mut differences: Vec<DiffRow>) -> DiffReport {
    differences.sort_by_key(|row| (row.to <= row.from, std::cmp::Reverse(row.count)));
    let different = differences.iter().map(|row| row.count).fold(0, u64::saturating_add);
    DiffReport { summary: DiffSummary { different, ..summary }, differences }
}

impl DiffReport {
    /// Whether the new policy refuses what the old one let through.
    #[must_use]
    pub(crate) fn refuses_more(&self) -> bool {
        self.differences.iter().any(|row| row.to == Action::Reject)
    }

    /// The report as text for people.
    #[must_use]
    pub(crate) fn human(&self) -> String {
        let DiffSummary { over, compared, different, sampled_of, more_chains, cannot_tell } = self.summary;
        let what = if over == Compare::Grid { "requests" } else { "statements" };
        let mut text = format!("{different} of {compared} {what} are decided differently\n");
        if let Some(whole) = sampled_of {
            let _infallible = writeln!(
                text,
                "the grid has {whole} requests: those were looked at that each rule is about, and a sample of the others"
            );
        }
        text.push_str(if more_chains { MORE_CHAINS } else { "" });
        if cannot_tell > 0 {
            let _infallible = writeln!(text, "{cannot_tell} statements cannot be told");
        }
        for row in &self.differences {
            let _infallible = write!(text, "\n{} {what}: {} -> {}, {}\n", row.count, row.from, row.to, because(row));
            for (name, values) in [("by", &row.users), ("through", &row.chains), ("on", &row.targets)] {
                if !values.is_empty() {
                    let _infallible = writeln!(text, "  {name:7} {}", values.join("; "));
                }
            }
            let _infallible = writeln!(text, "  {:7} {}\n  for example {}", "what", row.kinds.join(", "), row.example);
        }
        text
    }
}

fn because(row: &DiffRow) -> String {
    let cause = |cause: &RuleCause| {
        let what = match cause.change {
            RuleChange::Added => "added",
            RuleChange::Removed => "removed",
            RuleChange::Changed => "changed",
            RuleChange::Unchanged => "unchanged, but other groups, facts or gates",
        };
        format!("{} \"{}\" ({what})", cause.effect, cause.rule)
    };
    let code = row.code.map(|code| format!(" [{code}]")).unwrap_or_default();
    match row.causes.as_slice() {
        [] => format!("by no rule: facts, groups or severities differ{code}"),
        causes => format!("by {}{code}", causes.iter().map(cause).collect::<Vec<_>>().join(" and ")),
    }
}

/// What is wrong with the rules of a policy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LintReport {
    /// Counts over the whole report.
    pub(crate) summary: LintSummary,
    /// What is wrong, in order of the rules.
    pub(crate) findings: Vec<LintFinding>,
}

/// Sums of a look at rules.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LintSummary {
    /// How many rules there are.
    pub(crate) rules: usize,
    /// Requests that were decided.
    pub(crate) requests: u64,
    /// How many requests the whole grid has, where only a part was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled_of: Option<u64>,
    /// The facts allow more chains than those of the grid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) more_chains: bool,
}

/// The report on a policy's rules; what is said of their names takes the place of what the grid says of the same rule.
#[must_use]
pub(crate) fn of_lint(rules: usize, found: Vec<LintFinding>, warnings: &[RuleWarning], survey: &Survey) -> LintReport {
    let named = |warning: &RuleWarning| LintFinding {
        kind: if warning.never_applies { LintKind::NeverApplies } else { LintKind::UnknownName },
        rule: warning.rule.clone(),
        place: warning.place.clone(),
        what: warning.what.clone(),
        by: Vec::new(),
    };
    let is_told = |finding: &LintFinding| {
        let is_same = |warning: &RuleWarning| warning.rule == finding.rule && warning.never_applies;
        finding.kind == LintKind::NeverApplies && warnings.iter().any(is_same)
    };
    let mut findings: Vec<LintFinding> = warnings.iter().map(named).collect();
    findings.extend(found.into_iter().filter(|finding| !is_told(finding)));
    findings.sort_by(|one, other| (&one.rule, one.kind).cmp(&(&other.rule, other.kind)));
    let sampled_of = survey.is_sampled.then_some(survey.whole);
    LintReport {
        summary: LintSummary { rules, requests: survey.asked(), sampled_of, more_chains: survey.more_chains },
        findings,
    }
}

impl LintReport {
    /// The report as text for people.
    #[must_use]
    pub(crate) fn human(&self) -> String {
        let mut text = String::new();
        for LintFinding { kind, rule, place, what, .. } in &self.findings {
            let kind = kind.as_str();
            let _infallible = writeln!(text, "{place}: {kind}: rule \"{rule}\": {what}");
        }
        let LintSummary { rules, requests, sampled_of, more_chains } = self.summary;
        text.push_str(if more_chains { MORE_CHAINS } else { "" });
        let of = sampled_of.map(|whole| format!(", a sample of {whole}")).unwrap_or_default();
        let _infallible =
            writeln!(text, "{} findings in {rules} rules, over {requests} requests{of}", self.findings.len());
        text
    }
}

#[cfg(test)]
mod tests;
