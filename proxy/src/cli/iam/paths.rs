//! `rolegate iam paths`: all chains from the cluster to a role.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::scope::{Scope, role};
use crate::chain::{MAX_ROLES, RoleArn};
use crate::cli::exit::Exit;
use crate::iam::{Explorer, Guard, UnseenChain, unseen_chains};

/// Arguments of `rolegate iam paths`.
#[derive(Args, Debug)]
pub struct PathsArguments {
    #[command(flatten)]
    scope: Scope,
    /// The role to be reached
    #[arg(long, value_name = "ROLE_ARN")]
    to: String,
    /// The database user whose ARN is sent as sts:ExternalId
    #[arg(long, default_value = "")]
    user: String,
    /// The most roles a chain may have
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_roles: usize,
    /// The most chains to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

pub(super) fn run(arguments: &PathsArguments) -> Result<Exit, String> {
    let target = role(&arguments.to)?;
    if !(1..=MAX_ROLES).contains(&arguments.max_roles) {
        return Err(format!("--max-roles {} is out of range; write 1 to {MAX_ROLES}", arguments.max_roles));
    }
    let policy = arguments.scope.policy()?;
    let (facts, cluster) = arguments.scope.facts(&policy)?;
    Guard::Only { role: target.clone(), sources: Vec::new() }.check(&facts.facts)?;
    let caller = facts.caller(cluster, &arguments.user, None);
    let mut explorer = Explorer::new(&facts.facts, caller);
    let found = explorer.chains_to(&target, arguments.max_roles, arguments.limit);
    let unseen = unseen_chains(explorer, &target);
    let mut text = String::new();
    let mut rows = Vec::new();
    for chain in &found.chains {
        let roles: Vec<&str> = chain.iter().map(|link| link.role.as_str()).collect();
        let doubts: Vec<&str> = chain.iter().filter_map(|link| link.doubt.as_deref()).collect();
        // Writing to a String does not fail.
        let _written = writeln!(text, "{}", roles.join(","));
        for doubt in &doubts {
            let _written = writeln!(text, "  cannot tell: {doubt}");
        }
        rows.push(json!({ "roles": roles, "doubts": doubts }));
    }
    if found.is_cut {
        let _written = writeln!(text, "... and more; raise --limit to see them");
    }
    if rows.is_empty() {
        text.push_str(&none(arguments.max_roles, &target, cluster.name(), &unseen));
    }
    for way in &unseen {
        let _written = writeln!(text, "cannot tell what follows on {}\n  {}", way.chain.join(","), way.why);
    }
    let json = json!({ "cluster": cluster.name(), "to": target.as_str(), "chains": rows, "cut": found.is_cut,
        "unseen": unseen.iter().map(|way| json!({ "roles": way.chain, "why": way.why })).collect::<Vec<_>>() });
    arguments.scope.print(&text, &json)?;
    Ok(if found.chains.is_empty() { Exit::Refused } else { Exit::Ok })
}

/// That there is no chain, as far as can be told.
fn none(max_roles: usize, target: &RoleArn, cluster: &str, unseen: &[UnseenChain]) -> String {
    let longer = match max_roles {
        MAX_ROLES => "; longer ones, which the gate refuses, were not looked for",
        _ => "",
    };
    let known = if unseen.is_empty() { "" } else { "known " };
    format!("no {known}chain of at most {max_roles} roles reaches {target} from cluster {cluster}{longer}\n")
}
