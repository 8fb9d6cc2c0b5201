//! `rolegate iam prove`: guards over every chain that the facts allow.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use super::scope::Scope;
use crate::cli::exit::Exit;
use crate::config::{GuardCase, GuardFile};
use crate::gate::policy::Iam;
use crate::iam::{Cluster, Proof, Witness, prove};

/// Arguments of `rolegate iam prove`.
#[derive(Args, Debug)]
pub struct IamProveArguments {
    #[command(flatten)]
    scope: Scope,
    /// The file of guards
    #[arg(value_name = "GUARDS")]
    guards: PathBuf,
}

/// What came of a guard, and for which cluster: the worst of all that it is about.
struct Proved<'a> {
    case: &'a GuardCase,
    cluster: Option<&'a Cluster>,
    proof: Proof,
}

pub(super) fn run(arguments: &IamProveArguments) -> Result<Exit, String> {
    let file = GuardFile::load(&arguments.guards).map_err(|error| error.to_string())?;
    let policy = arguments.scope.policy()?;
    let (iam, cluster) = arguments.scope.facts(&policy)?;
    let asked = arguments.scope.names_cluster().then_some(cluster);
    let proved = file.guards.iter().map(|case| {
        let named = |what| format!("{}: guard \"{}\": {what}", arguments.guards.display(), case.name);
        proved(iam, case, asked).map_err(named)
    });
    let proved = proved.collect::<Result<Vec<_>, String>>()?;
    let text: String = proved.iter().map(Proved::text).collect();
    let rows: Vec<Json> = proved.iter().map(Proved::json).collect();
    arguments.scope.print(&text, &json!({ "guards": rows }))?;
    Ok(Exit::of(proved.iter().any(|proved| proved.proof != Proof::Holds)))
}

/// The worst that any of the clusters says: broken before undecided, the shortest chain first. A guard is about the cluster that it names, or
/// the one that was asked for, or every known one.
fn proved<'a>(iam: &'a Iam, case: &'a GuardCase, asked: Option<&'a Cluster>) -> Result<Proved<'a>, String> {
    let guard = case.guard()?;
    guard.check(&iam.facts)?;
    let clusters: Vec<&Cluster> = match (&case.cluster, asked) {
        (Some(name), _) => vec![iam.facts.find_cluster(name).map_err(|error| format!("cluster \"{name}\" {error}"))?],
        (None, Some(cluster)) => vec![cluster],
        (None, None) => iam.facts.clusters(),
    };
    let proofs = clusters.into_iter().map(|cluster| {
        let proof = prove(&iam.facts, iam.caller(cluster, &case.user, None), &guard);
        Proved { case, cluster: Some(cluster).filter(|_| proof != Proof::Holds), proof }
    });
    let rank = |proved: &Proved<'_>| match &proved.proof {
        Proof::Broken(witness) => (0, witness.steps.len()),
        Proof::Undecided(witness) => (1, witness.steps.len()),
        Proof::Holds => (2, 0),
    };
    Ok(proofs.min_by_key(rank).unwrap_or(Proved { case, cluster: None, proof: Proof::Holds }))
}

impl Proved<'_> {
    fn witness(&self) -> Option<&Witness> {
        match &self.proof {
            Proof::Holds => None,
            Proof::Broken(witness) | Proof::Undecided(witness) => Some(witness),
        }
    }

    fn text(&self) -> String {
        let mut text = match &self.proof {
            Proof::Holds => return format!("holds: {}\n", self.case.name),
            Proof::Broken(_) => format!("broken: {}\n  ", self.case.name),
            Proof::Undecided(_) => format!("undecided: {}\n  broken if this chain is allowed: ", self.case.name),
        };
        let Some(Witness { steps, note }) = self.witness() else { return text };
        text.push_str(&steps.iter().map(|step| step.role.as_str()).collect::<Vec<_>>().join(","));
        // Writing to a String does not fail.
        let _written = self.cluster.map(|cluster| write!(text, "\n  from cluster {cluster}"));
        for (hop, step) in steps.iter().enumerate() {
            let _written = step.doubt.as_ref().map(|doubt| write!(text, "\n  hop {hop} cannot be told: {doubt}"));
        }
        let _written = note.as_ref().map(|note| write!(text, "\n  {note}"));
        text.push('\n');
        text
    }

    fn json(&self) -> Json {
        let holds = match &self.proof {
            Proof::Holds => Some(true),
            Proof::Broken(_) => Some(false),
            Proof::Undecided(_) => None,
        };
        let steps = self.witness().map(|witness| witness.steps.as_slice()).unwrap_or_default();
        let doubts = steps.iter().enumerate().filter_map(|(hop, step)| Some((hop, step, step.doubt.as_ref()?)));
        json!({
            "name": self.case.name, "holds": holds,
            "cluster": self.cluster.map(ToString::to_string),
            "counter_example": steps.iter().map(|step| step.role.as_str()).collect::<Vec<_>>(),
            "doubts": doubts.map(|(hop, step, why)| json!({ "hop": hop, "role": step.role, "why": why })).collect::<Vec<_>>(),
            "note": self.witness().and_then(|witness| witness.note.as_ref()),
        })
    }
}
