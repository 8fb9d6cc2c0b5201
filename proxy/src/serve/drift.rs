//! Tells of what the cluster stores, or of its attached roles, that changed without a statement that passed the gate: in the audit, the
//! metrics and the log.

use tracing::warn;

use crate::catalog::{Catalog, ClusterRoles, Drift};
use crate::config::CatalogSection;
use crate::gate::policy::Policy;
use crate::iam::DefaultRole;
use crate::observe::audit::AuditEvent;
use crate::observe::audit::event::DriftEvent;
use crate::session::service::Service;

/// Changes of one look that have records of their own; all of them are counted.
const MAX_TOLD: usize = 1_000;

/// A reading of the cluster at this address shows this catalogue.
pub(super) fn of_catalog(service: &Service, (address, settings): (&str, &CatalogSection), catalog: &Catalog) {
    let place = format!("{} of {address}", settings.database);
    tell(service, &service.drift.read(&place, catalog));
}

/// The facts of a policy are about to be in force.
pub(super) fn of_facts(service: &Service, policy: &Policy) {
    if let Some(roles) = cluster_roles(policy) {
        tell(service, &service.drift.told(roles));
    }
}

/// The roles of a policy's cluster, as far as its facts say.
fn cluster_roles(policy: &Policy) -> Option<ClusterRoles> {
    let iam = policy.iam()?;
    let cluster = iam.facts.cluster(&iam.cluster)?;
    let attached = cluster.roles.is_some().then(|| cluster.attached_roles());
    let default = match cluster.default_role() {
        DefaultRole::Is(role) => Some(role.to_string()),
        DefaultRole::None => Some(String::new()),
        DefaultRole::Unknown => None,
    };
    let attached = attached.map(|roles| roles.iter().map(ToString::to_string).collect());
    Some(ClusterRoles { cluster: cluster.to_string(), attached, default })
}

fn tell(service: &Service, drifts: &[Drift]) {
    if drifts.is_empty() {
        return;
    }
    warn!(gate = %service.name, changes = drifts.len(), "what the cluster stores changed without a statement that passed this gate");
    for drift in drifts {
        service.metrics.drifted(drift.kind, drift.change);
    }
    for drift in drifts.iter().take(MAX_TOLD) {
        service.audit.record(AuditEvent::Drift(Box::new(event(&service.name, drift))));
    }
}

fn event(gate: &str, drift: &Drift) -> DriftEvent {
    DriftEvent {
        gate: gate.to_owned(),
        change: drift.change,
        kind: drift.kind,
        name: drift.name.clone(),
        owner: drift.owner.as_deref().map(str::to_owned),
        before: drift.before.clone(),
        after: drift.after.clone(),
    }
}
