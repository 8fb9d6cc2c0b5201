//! `rolegate iam can-assume`: one hop, or one whole chain, step by step.

use std::fmt::Write;

use clap::Args;
use serde_json::{Value as Json, json};

use super::scope::{Scope, role};
use crate::chain::RoleArn;
use crate::cli::exit::Exit;
use crate::iam::{self, Decision, Outcome};

/// Arguments of `rolegate iam can-assume`.
#[derive(Args, Debug)]
pub struct CanAssumeArguments {
    #[command(flatten)]
    scope: Scope,
    /// The database user whose ARN is sent as sts:ExternalId
    #[arg(long, default_value = "")]
    user: String,
    /// The external ID that is sent instead of the database user's ARN
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Judge the attachment of the first role to the cluster too
    #[arg(long)]
    from_cluster: bool,
    /// The roles, in the order of the chain
    #[arg(num_args = 2.., required = true, value_name = "ROLE_ARN")]
    roles: Vec<String>,
}

struct ShownStep<'a> {
    from: String,
    to: &'a RoleArn,
    outcome: Outcome,
    /// What it was judged without.
    unseen: Option<String>,
}

pub(super) fn run(arguments: &CanAssumeArguments) -> Result<Exit, String> {
    let roles = arguments.roles.iter().map(|text| role(text)).collect::<Result<Vec<_>, _>>()?;
    let policy = arguments.scope.policy()?;
    let (facts, cluster) = arguments.scope.facts(&policy)?;
    let caller = facts.caller(cluster, &arguments.user, arguments.external_id.as_deref());
    let mut steps = Vec::new();
    if let (true, Some(first)) = (arguments.from_cluster, roles.first()) {
        let outcome = iam::attachment(&facts.facts, &roles, &caller).outcome;
        let unseen = iam::unseen_policies(&facts.facts, None, first);
        steps.push(ShownStep { from: format!("cluster {}", cluster.name()), to: first, outcome, unseen });
    }
    for (number, pair) in (1..).zip(roles.windows(2)) {
        let [from, to] = pair else { continue };
        let outcome = iam::hop(&facts.facts, from, to, number, &caller).outcome;
        let unseen = iam::unseen_policies(&facts.facts, Some(from), to);
        steps.push(ShownStep { from: from.to_string(), to, outcome, unseen });
    }
    let all_allowed = steps.iter().all(|step| step.outcome == Outcome::Allowed);
    let json = json!({ "allowed": all_allowed, "steps": steps.iter().map(to_json).collect::<Vec<_>>() });
    arguments.scope.print(&steps.iter().map(to_text).collect::<String>(), &json)?;
    Ok(if all_allowed { Exit::Ok } else { Exit::Refused })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome.decision() {
        Decision::Unknown => "cannot tell",
        decided => decided.as_str(),
    }
}

fn to_json(step: &ShownStep<'_>) -> Json {
    let refusal = step.outcome.refusal();
    json!({
        "from": step.from, "to": step.to.as_str(), "outcome": word(&step.outcome),
        "message": refusal.map(|refusal| &refusal.message), "evidence": refusal.map(|refusal| &refusal.evidence),
        "remedy": refusal.and_then(|refusal| refusal.remedy.as_ref()), "unseen": step.unseen,
    })
}

fn to_text(step: &ShownStep<'_>) -> String {
    let Some(refusal) = step.outcome.refusal() else {
        let unseen =
            step.unseen.as_deref().map_or(String::new(), |unseen| format!("  as far as can be told: {unseen}\n"));
        return format!("allowed: {} may assume {}\n{unseen}", step.from, step.to);
    };
    let mut text = format!("{}: {}\n  evidence: {}\n", word(&step.outcome), refusal.message, refusal.evidence);
    if let Some(remedy) = &refusal.remedy {
        // Writing to a String does not fail.
        let _written = writeln!(text, "  remedy: {remedy}");
    }
    text
}
