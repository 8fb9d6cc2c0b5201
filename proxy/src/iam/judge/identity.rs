//! Under which name and ARN the Redshift service assumes the first role.

use serde_json::{Value as Json, json};

use crate::chain::RoleArn;
use crate::iam::{
    explain::{Addition, Cause, Refusal},
    facts::Cluster,
};

/// One way in which the service may call.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Identity {
    /// The names of the service, the one for all regions first. Where the region is not known, the one for a region has a `*` in its place.
    pub(super) names: Vec<String>,
    /// `aws:SourceArn`.
    pub(super) arn: Option<String>,
}

/// Every way in which the service may call for this cluster. A cluster has one. Of a serverless workgroup the guide documents two
/// names of the service, and ARNs that end in the workgroup's id and in its name: what these do not agree on is undecided.
/// Sources: Amazon Redshift Management Guide, "Authorizing Amazon Redshift to access AWS services", "Cross-service confused
/// deputy prevention".
pub(super) fn identities(cluster: &Cluster) -> Vec<Identity> {
    let names = |service: &str| {
        let region = cluster.region().unwrap_or("*");
        vec![format!("{service}.amazonaws.com"), format!("{service}.{region}.amazonaws.com")]
    };
    let Some(workgroup) = cluster.workgroup() else {
        return vec![Identity { names: names("redshift"), arn: cluster.arn() }];
    };
    let by_name = workgroup.arn.rsplit_once('/').map(|(start, _id)| format!("{start}/{}", cluster.name()));
    let mut arns = vec![workgroup.arn.clone()];
    arns.extend(by_name.filter(|arn| *arn != workgroup.arn));
    let services = ["redshift-serverless", "redshift"];
    let each = |service| {
        let identity = move |arn: &String| Identity { names: names(service), arn: Some(arn.clone()) };
        arns.iter().map(identity).collect::<Vec<_>>()
    };
    services.into_iter().flat_map(each).collect()
}

impl Identity {
    /// Whether the service's name in the cluster's region is known: an unknown one has a `*` in its place.
    pub(super) fn knows_region(&self) -> bool {
        !self.names.iter().any(|name| name.contains('*'))
    }

    /// The same as if the service had no name but that for all regions; `None`: the region is known.
    pub(super) fn without_region(&self) -> Option<Self> {
        let names: Vec<String> = self.names.iter().filter(|name| !name.contains('*')).cloned().collect();
        (names.len() < self.names.len()).then(|| Self { names, arn: self.arn.clone() })
    }
}

/// Why a step is undecided that the name of the service in the cluster's region would decide.
pub(super) fn of_unknown_region(refusal: Refusal, cluster: &Cluster) -> Refusal {
    let name = cluster.name();
    Refusal {
        evidence: format!(
            "the region of cluster {name} is not known, so neither is the service's name in it, redshift.REGION.amazonaws.com; {}",
            refusal.evidence
        ),
        remedy: Some(format!(
            "write the description of cluster {name} again with aws redshift describe-clusters, without --query: it lacks \
             ClusterNamespaceArn and AvailabilityZone, which tell the region"
        )),
        addition: None,
        ..refusal
    }
}

/// Why the attachment of a serverless workgroup's role is undecided: the ways of calling come to different ends.
pub(super) fn in_doubt(refusal: Refusal) -> Refusal {
    Refusal {
        cause: Cause::Undecided,
        message: format!("{}, if the workgroup's service calls in the other documented way", refusal.message),
        evidence: format!(
            "the guide documents the services redshift-serverless.amazonaws.com and redshift.amazonaws.com for serverless, and ARNs \
             that end in the workgroup's id and in its name; {}",
            refusal.evidence
        ),
        ..refusal
    }
}

/// The remedy of a serverless workgroup's attachment, for both names of the service and both forms of its ARN.
pub(super) fn for_all(refusal: Refusal, role: &RoleArn, identities: &[Identity]) -> Refusal {
    let Some(Addition { to, mut statement }) = refusal.addition.clone().filter(|_| identities.len() > 1) else {
        return refusal;
    };
    let mut names: Vec<&str> = identities.iter().filter_map(|each| each.names.first()).map(String::as_str).collect();
    let mut arns: Vec<&str> = identities.iter().filter_map(|each| each.arn.as_deref()).collect();
    names.dedup();
    arns.sort_unstable();
    arns.dedup();
    if let Some(principal) = statement.get_mut("Principal") {
        *principal = json!({ "Service": names });
    }
    let operators = statement.get_mut("Condition").and_then(Json::as_object_mut);
    for keys in operators.into_iter().flat_map(|operators| operators.values_mut()).filter_map(Json::as_object_mut) {
        for (_, values) in keys.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn")) {
            *values = json!(arns);
        }
    }
    let remedy = format!("add to the trust policy of role {role}: {statement}");
    Refusal { remedy: Some(remedy), addition: Some(Addition { to, statement }), ..refusal }
}
