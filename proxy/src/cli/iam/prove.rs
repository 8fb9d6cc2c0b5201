//! `rolegate iam prove`: guards over every chain that the facts allow.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use super::scope::Scope;
use crate::chain::RoleArn;
use crate::cli::exit::Exit;
use crate::config::{GuardCase, GuardFile};
use crate::gate::policy::Iam;
use crate::iam::{Cluster, Explorer, Proof, prove};

/// Arguments of `rolegate iam prove`.
#[derive(Args, Debug)]
pub struct IamProveArguments {
    #[command(flatten)]
    scope: Scope,
    /// The file of guards
    #[arg(value_name = "GUARDS")]
    guards: PathBuf,
}

pub(super) fn run(arguments: &IamProveArguments) -> Result<Exit, String> {
    let file = GuardFile::load(&arguments.guards).map_err(|error| error.to_string())?;
    let policy = arguments.scope.policy()?;
    let (iam, _cluster) = arguments.scope.facts(&policy)?;
    let mut text = String::new();
    let mut rows = Vec::new();
    let mut all_hold = true;
    for case in &file.guards {
        let proof = proof_of(iam, case)?;
        all_hold &= proof == Proof::Holds;
        describe(&mut text, case, &proof);
        let (holds, chain): (Option<bool>, &[RoleArn]) = match &proof {
            Proof::Holds => (Some(true), &[]),
            Proof::Broken(chain) => (Some(false), chain),
            Proof::Undecided(chain) => (None, chain),
        };
        let roles: Vec<&str> = chain.iter().map(RoleArn::as_str).collect();
        rows.push(json!({ "name": case.name, "holds": holds, "counter_example": roles }));
    }
    arguments.scope.print(&text, &Json::Object([("guards".to_owned(), Json::from(rows))].into_iter().collect()))?;
    Ok(Exit::of(!all_hold))
}

/// The worst that any of the clusters says: broken before undecided, the shortest chain first.
fn proof_of(iam: &Iam, case: &GuardCase) -> Result<Proof, String> {
    let guard = case.guard()?;
    let clusters: Vec<&Cluster> = match &case.cluster {
        None => iam.facts.clusters(),
        Some(name) => {
            let found = iam.facts.find_cluster(name);
            vec![found.map_err(|error| format!("guard \"{}\": cluster \"{name}\" {error}", case.name))?]
        }
    };
    let proofs = clusters.into_iter().map(|cluster| {
        let mut explorer = Explorer::new(&iam.facts, iam.caller(cluster, &case.user, None));
        prove(&iam.facts, &mut explorer, &guard)
    });
    let rank = |proof: &Proof| match proof {
        Proof::Broken(chain) => (0, chain.len()),
        Proof::Undecided(chain) => (1, chain.len()),
        Proof::Holds => (2, 0),
    };
    Ok(proofs.min_by_key(rank).unwrap_or(Proof::Holds))
}

fn describe(text: &mut String, case: &GuardCase, proof: &Proof) {
    let literal = |chain: &[RoleArn]| chain.iter().map(RoleArn::as_str).collect::<Vec<_>>().join(",");
    // Writing to a String does not fail.
    let _written = match proof {
        Proof::Holds => writeln!(text, "holds: {}", case.name),
        Proof::Broken(chain) => writeln!(text, "broken: {}\n  {}", case.name, literal(chain)),
        Proof::Undecided(chain) => {
            writeln!(text, "undecided: {}\n  broken if this chain is allowed: {}", case.name, literal(chain))
        }
    };
}
