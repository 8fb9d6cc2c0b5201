//! From a configuration to the policy of one gate.

use std::sync::Arc;

use crate::config::{Config, GateSection, stated};
use crate::gate::modes::Modes;
use crate::gate::policy::{ClusterGroups, Iam, Parts, Policy};
use crate::gate::stored::Stored;
use crate::iam::{ClusterError, Facts, StatedContext};
use crate::observe::metrics::GateMetrics;
use crate::serve::error::BuildError;
use crate::serve::load::Loaded;

/// Redshift's limit of roles attached to a cluster. Source: Amazon Redshift Management Guide, "Quotas and limits".
const ATTACHED_ROLES_QUOTA: usize = 50;

/// The policy of a gate over what was loaded and these facts.
pub(super) fn of(
    config: &Config,
    gate: &GateSection,
    loaded: &Loaded,
    facts: Option<&Arc<Facts>>,
) -> Result<Policy, BuildError> {
    let iam = match facts {
        None => None,
        Some(facts) => Some(Iam {
            stated: Arc::new(stated_for(config, gate)?),
            facts: Arc::clone(facts),
            cluster: gate.cluster.clone(),
            mode: gate.iam.mode.unwrap_or(config.facts.mode),
            external_id: gate.iam.external_id.unwrap_or(config.facts.external_id),
        }),
    };
    if let Some(iam) = &iam
        && let Err(source) = iam.facts.find_cluster(&iam.cluster)
    {
        // A cluster that is not known yet may come with the next reading of AWS.
        let may_come = config.facts.aws.is_some() && matches!(source, ClusterError::Unknown { .. });
        if !may_come {
            let (path, gate, cluster) = (config.source().to_owned(), gate.name.clone(), gate.cluster.clone());
            return Err(BuildError::Cluster { path, gate, cluster, source });
        }
    }
    Ok(Policy::new(Parts {
        gate: gate.name.clone(),
        dialect: gate.dialect,
        iam,
        rules: Arc::clone(&loaded.rules),
        groups: config.policy.groups.clone(),
        catalog: if gate.catalog.is_some() { ClusterGroups::Unknown } else { ClusterGroups::NotRead },
        stored: Stored::new(config.policy.stored, Arc::default()),
        severities: config.policy.severity.clone(),
        modes: Modes {
            base: config.policy.mode,
            gate: gate.mode,
            by_group: config.policy.mode_by_group.clone(),
            by_code: config.policy.mode_by_code.clone(),
        },
        exceptions: Arc::clone(&loaded.exceptions),
        break_glass: config.policy.break_glass.clone(),
    }))
}

fn stated_for(config: &Config, gate: &GateSection) -> Result<StatedContext, BuildError> {
    let failed = |what| BuildError::Context { path: config.source().to_owned(), gate: gate.name.clone(), what };
    stated(&config.facts.context, &gate.iam.context).map_err(failed)
}

/// Shows a policy in the metrics.
pub(super) fn show(gate: &GateMetrics, policy: &Policy) {
    gate.policy_info(policy.version(), policy.mode());
    gate.exceptions(policy.exceptions().iter().map(|exception| exception.id.as_str()));
    if let Some(cluster) = policy.iam().and_then(|iam| iam.facts.cluster(&iam.cluster)) {
        gate.attached_roles(cluster.attached_roles().len(), ATTACHED_ROLES_QUOTA);
    }
}
