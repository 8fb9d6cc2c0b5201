//! The attachment of a chain's first role, and what to do about one that is not attached.

use std::time::Duration;

use super::{
    explain::{Cause, Decision, Outcome, Refusal},
    facts::{Cluster, DefaultRole, Facts, IN_SYNC},
    judge::{Caller, Step, hop_decision, service_step, step_without_time},
    search::chain_to,
};
use crate::chain::{Likeness, RoleArn, alike};

/// Hop 0: is the first role of a chain attached to the cluster, and does it trust the Redshift service?
#[must_use]
pub fn attachment(facts: &Facts, chain: &[RoleArn], caller: &Caller<'_>) -> Step {
    let Some(first) = chain.first() else { return step_without_time(Outcome::Allowed) };
    let cluster = caller.cluster;
    if let Some(age) = facts.outdated_cluster(cluster, caller.now) {
        return Step { outcome: Outcome::Unknown(too_old(first, cluster, age)), depends_on_time: true };
    }
    let Some(roles) = &cluster.roles else { return step_without_time(Outcome::Unknown(not_listed(first, cluster))) };
    match roles.iter().find(|(attached, _)| attached == first.as_str()).map(|(_, status)| status.as_str()) {
        Some(IN_SYNC) => service_step(facts, first, caller),
        Some(status) => step_without_time(Outcome::Denied(not_ready(first, cluster, status))),
        None => step_without_time(Outcome::Denied(not_attached(facts, chain, first, caller))),
    }
}

/// The role that the keyword `default` stands for.
///
/// # Errors
/// None is set, which makes the statement fail, or the facts do not say which.
pub fn default_role(cluster: &Cluster) -> Result<&RoleArn, Box<Refusal>> {
    let name = &cluster.name;
    match &cluster.default_role {
        DefaultRole::Is(role) => Ok(role),
        DefaultRole::None => {
            let role = cluster.attached_roles().first().map_or("<role ARN>".to_owned(), RoleArn::to_string);
            Err(Box::new(Refusal {
                cause: Cause::NotAttached,
                message: format!("cluster {name} has no default role, so IAM_ROLE default fails"),
                evidence: format!("the description of cluster {name} names no default role"),
                remedy: Some(match &cluster.workgroup {
                    None => format!(
                        "aws redshift modify-cluster-iam-roles --cluster-identifier {name} --default-iam-role-arn {role}"
                    ),
                    Some(workgroup) => format!(
                        "aws redshift-serverless update-namespace --namespace-name {} --default-iam-role-arn {role}",
                        workgroup.namespace
                    ),
                }),
                addition: None,
            }))
        }
        DefaultRole::Unknown => Err(Box::new(Refusal {
            cause: Cause::UnknownRole,
            message: format!("the default role of cluster {name} is unknown to the IAM facts"),
            evidence: format!("the description of cluster {name} is not a whole one"),
            remedy: Some(describe_again(cluster)),
            addition: None,
        })),
    }
}

/// A cluster whose description is too old.
fn too_old(role: &RoleArn, cluster: &Cluster, age: Duration) -> Refusal {
    let name = &cluster.name;
    Refusal {
        cause: Cause::Undecided,
        message: format!("the description of cluster {name} is too old to tell whether role {role} is attached to it"),
        evidence: age_of_cluster(cluster, age),
        remedy: Some(describe_again(cluster)),
        addition: None,
    }
}

/// How old the description of a cluster is that is too old.
pub(crate) fn age_of_cluster(cluster: &Cluster, age: Duration) -> String {
    let hours = age.as_secs() / 3600;
    format!("the description of cluster {}: {hours} hours old, more than max_age in [facts] allows", cluster.name())
}

fn describe_again(cluster: &Cluster) -> String {
    let command = match &cluster.workgroup {
        None => "aws redshift describe-clusters, without --query",
        Some(_) => "aws redshift-serverless list-workgroups and list-namespaces, without --query",
    };
    format!("write the description of cluster {} again with {command}", cluster.name)
}

fn refusal(message: String, evidence: String, remedy: String) -> Refusal {
    Refusal { cause: Cause::NotAttached, message, evidence, remedy: Some(remedy), addition: None }
}

fn not_listed(role: &RoleArn, cluster: &Cluster) -> Refusal {
    let name = &cluster.name;
    Refusal {
        cause: Cause::Undecided,
        ..refusal(
            format!("whether role {role} is attached to cluster {name} cannot be told from the known facts"),
            format!("the description of cluster {name} does not list its roles"),
            describe_again(cluster),
        )
    }
}

fn not_ready(role: &RoleArn, cluster: &Cluster, status: &str) -> Refusal {
    let name = &cluster.name;
    refusal(
        format!("role {role} is not ready on cluster {name}: its status is {status}, not {IN_SYNC}"),
        attached(cluster),
        match status {
            "adding" => format!("wait until the role is {IN_SYNC}, then read the facts of the cluster again"),
            _ => format!("{}; it is on its way out", attach(cluster, role)),
        },
    )
}

fn attached(cluster: &Cluster) -> String {
    let roles: Vec<_> = cluster.attached_roles().iter().map(RoleArn::to_string).collect();
    let list = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
    format!("roles attached to cluster {} and {IN_SYNC}: {list}", cluster.name)
}

/// The command that attaches a role.
fn attach(cluster: &Cluster, role: &RoleArn) -> String {
    match &cluster.workgroup {
        None => format!(
            "aws redshift modify-cluster-iam-roles --cluster-identifier {} --add-iam-roles {role}",
            cluster.name
        ),
        // The command takes the whole list.
        Some(workgroup) => {
            let roles = cluster.attached_roles();
            let all: Vec<&str> = roles.iter().chain([role]).map(RoleArn::as_str).collect();
            format!(
                "aws redshift-serverless update-namespace --namespace-name {} --iam-roles {}",
                workgroup.namespace,
                all.join(" ")
            )
        }
    }
}

fn not_attached(facts: &Facts, chain: &[RoleArn], first: &RoleArn, caller: &Caller<'_>) -> Refusal {
    let cluster = caller.cluster;
    let message = format!("role {first} is not attached to cluster {}", cluster.name);
    let evidence = attached(cluster);
    let ready = cluster.attached_roles();
    if first.is_service_linked() {
        let remedy =
            "it is a service-linked role, which cannot be attached: begin the chain with another role".to_owned();
        return refusal(message, evidence, remedy);
    }
    if let Some(order) = other_order(facts, chain, &ready, caller) {
        let evidence = format!("{evidence}; the chain works in another order");
        return refusal(
            message,
            evidence,
            format!("write the chain in the order in which roles are assumed: {}", literal(&order)),
        );
    }
    let likeness = |role: &RoleArn| alike(first.as_str(), role).map(|likeness| (likeness, role.clone()));
    if let Some((likeness, meant)) = ready.iter().filter_map(likeness).min() {
        let evidence = format!("{evidence}; the role that is meant may differ in its {}", likeness.difference());
        return refusal(message, evidence, did_you_mean(first, &meant, likeness, cluster));
    }
    match cluster.account {
        Some(own) if own != first.account() => {
            let evidence = format!(
                "{evidence}; the role belongs to account {}, and only roles of the cluster's own account {own} can be attached",
                first.account()
            );
            let remedy = match chain_to(facts, first, caller) {
                Some(path) => {
                    let whole: Vec<RoleArn> = path.into_iter().chain(chain.iter().skip(1).cloned()).collect();
                    format!("reach it by a chain from an attached role: {}", literal(&whole))
                }
                None => format!(
                    "begin the chain with an attached role that may assume it; none of them reaches it yet (rolegate iam paths --to \
                     {first})"
                ),
            };
            refusal(message, evidence, remedy)
        }
        _ => refusal(message, evidence, attach(cluster, first)),
    }
}

fn did_you_mean(first: &RoleArn, meant: &RoleArn, likeness: Likeness, cluster: &Cluster) -> String {
    match likeness {
        Likeness::Case | Likeness::Spelling | Likeness::Account | Likeness::Partition => {
            format!("did you mean {meant}?")
        }
        // Two roles may share a name only when they do not share an account.
        Likeness::Path => format!("did you mean {meant}? If not: {}", attach(cluster, first)),
    }
}

fn literal(roles: &[RoleArn]) -> String {
    format!("iam_role '{}'", roles.iter().map(RoleArn::as_str).collect::<Vec<_>>().join(","))
}

/// The roles of a chain in an order that begins with an attached role and has no step that is refused.
fn other_order(facts: &Facts, chain: &[RoleArn], ready: &[RoleArn], caller: &Caller<'_>) -> Option<Vec<RoleArn>> {
    let reversed: Vec<RoleArn> = chain.iter().rev().cloned().collect();
    let to_the_front = chain.iter().enumerate().skip(1).map(|(place, role)| {
        let others = chain.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, role)| role);
        [role].into_iter().chain(others).cloned().collect::<Vec<_>>()
    });
    let works = |order: &Vec<RoleArn>| {
        let begins = order.first().is_some_and(|first| ready.contains(first));
        begins
            && order.windows(2).all(|pair| match pair {
                [source, target] => hop_decision(facts, source, target, caller) == Decision::Allowed,
                _ => true,
            })
    };
    [reversed].into_iter().chain(to_the_front).find(works)
}
