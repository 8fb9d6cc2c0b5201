//! From a configuration to the policy of one gate.

use std::sync::Arc;

use crate::config::{Config, Gate as GateConfig};
use crate::gate::policy::{Catalog, Iam, Parts, Policy};
use crate::iam::Facts;
use crate::observe::metrics::GateMetrics;
use crate::rules::Rules;
use crate::serve::error::BuildError;

/// Redshift's limit of roles attached to a cluster. Source: Amazon Redshift Management Guide, "Quotas and limits".
const ATTACHED_ROLES_QUOTA: usize = 50;

/// The policy of a gate over these rules and facts.
pub(super) fn of(
    config: &Config,
    gate: &GateConfig,
    rules: &Arc<Rules>,
    facts: Option<&Arc<Facts>>,
) -> Result<Policy, BuildError> {
    let iam = match facts {
        None => None,
        // A cluster that AWS has not told of yet may come with the next reading.
        Some(facts) if facts.cluster(&gate.cluster).is_none() && config.facts.aws.is_none() => {
            let (path, gate, cluster) = (config.source().to_owned(), gate.name.clone(), gate.cluster.clone());
            return Err(BuildError::Cluster { path, gate, cluster });
        }
        Some(facts) => Some(Iam {
            facts: Arc::clone(facts),
            cluster: gate.cluster.clone(),
            mode: gate.iam.mode.unwrap_or(config.facts.mode),
            external_id: gate.iam.external_id.unwrap_or(config.facts.external_id),
        }),
    };
    Ok(Policy::new(Parts {
        gate: gate.name.clone(),
        dialect: gate.dialect,
        iam,
        rules: Arc::clone(rules),
        groups: config.policy.groups.clone(),
        catalog: if gate.catalog.is_some() { Catalog::Unknown } else { Catalog::NotRead },
        severities: config.policy.severity.clone(),
        mode: config.policy.mode,
    }))
}

/// Shows a policy in the metrics.
pub(super) fn show(gate: &GateMetrics, policy: &Policy) {
    gate.policy_info(policy.version(), policy.mode());
    if let Some(cluster) = policy.iam().and_then(|iam| iam.facts.cluster(&iam.cluster)) {
        gate.attached_roles(cluster.attached_roles().len(), ATTACHED_ROLES_QUOTA);
    }
}
