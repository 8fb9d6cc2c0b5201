//! One call of `sts:AssumeRole` with every policy that bears on it, and how statements speak about it.

use crate::{
    chain::RoleArn,
    iam::policy::{
        context::RequestContext,
        document::{Document, PolicyStatement},
        principal::{CallingPrincipal, Named},
    },
};

closed_sets! {
    /// Whose rules decide a step between two roles of one account.
    #[derive(Default)]
    pub enum EvaluationMode {
        /// The Redshift guide's: a permissions policy must allow every step. Source: Amazon Redshift Management Guide, "Chaining IAM roles".
        #[default]
        Guide,
        /// IAM's: inside one account a trust policy that names the role itself is enough.
        Aws,
    }
}

/// One call of `sts:AssumeRole`, with every policy that bears on it.
#[derive(Debug)]
pub(crate) struct HopRequest<'a> {
    pub(crate) caller: CallingPrincipal<'a>,
    pub(crate) target: &'a RoleArn,
    /// The caller's permissions policies.
    pub(crate) identity: Vec<PolicyInForce<'a>>,
    pub(crate) boundary: Option<PolicyInForce<'a>>,
    pub(crate) session_policy: Option<PolicyInForce<'a>>,
    /// Service control policies over the caller's account.
    pub(crate) service_control: Levels<'a>,
    /// Resource control policies over the target's account.
    pub(crate) resource_control: Levels<'a>,
    pub(crate) trust: &'a Document,
    pub(crate) context: &'a RequestContext,
    pub(crate) mode: EvaluationMode,
}

/// A policy in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PolicyInForce<'a> {
    /// What to call it, as `inline policy "etl"`.
    pub(crate) name: &'a str,
    /// `None`: the facts name it and do not hold its document.
    pub(crate) document: Option<&'a Document>,
}

/// Policies of an organisation over one account, from its root down.
#[derive(Clone, Debug)]
pub(crate) enum Levels<'a> {
    Known(Vec<Level<'a>>),
    /// The account is not in the organisation's file, or is listed there without policies of the kind.
    Unknown,
}

/// The policies of one level.
#[derive(Clone, Debug)]
pub(crate) struct Level<'a> {
    pub(crate) name: &'a str,
    pub(crate) policies: Vec<PolicyInForce<'a>>,
}

/// Where a policy stands in a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PolicyPlace<'a> {
    /// The target's trust policy.
    Trust,
    /// A permissions policy of the caller.
    Identity(&'a str),
    /// The caller's permissions boundary.
    Boundary(&'a str),
    /// A session policy.
    Session(&'a str),
    /// A service control policy over the caller's account.
    ServiceControl { level: &'a str, name: &'a str },
    /// A resource control policy over the target's account.
    ResourceControl { level: &'a str, name: &'a str },
}

impl<'a> HopRequest<'a> {
    /// Whether the caller's own policies must allow the call whatever the trust policy says: between accounts always,
    /// inside one by the Redshift guide only.
    pub(crate) fn needs_identity(&self) -> bool {
        match self.caller {
            CallingPrincipal::Service(_) => false,
            CallingPrincipal::Session { role, .. } => {
                self.mode == EvaluationMode::Guide || role.account() != self.target.account()
            }
        }
    }

    /// Whether it is the Redshift guide alone that asks for the caller's own policies.
    pub(super) fn is_guides_demand(&self) -> bool {
        match self.caller {
            CallingPrincipal::Service(_) => false,
            CallingPrincipal::Session { role, .. } => {
                self.mode == EvaluationMode::Guide && role.account() == self.target.account()
            }
        }
    }

    /// Whether the caller is a session of a role, which has policies of its own.
    pub(crate) fn is_role(&self) -> bool {
        matches!(self.caller, CallingPrincipal::Session { .. })
    }

    /// How a statement applies to this call.
    pub(crate) fn applies(&self, statement: &PolicyStatement) -> Named {
        statement.applies(self.caller, self.target.as_str(), self.context)
    }

    /// How a statement speaks about this call, conditions left aside.
    pub(crate) fn addressed_by(&self, statement: &PolicyStatement) -> Named {
        statement.addresses(self.caller, self.target.as_str(), self.context)
    }

    /// The service control policies that bind the caller: none binds a service or a service-linked role.
    pub(crate) fn binding_service_control(&self) -> Option<&Levels<'a>> {
        match self.caller {
            CallingPrincipal::Session { role, .. } => Some(&self.service_control).filter(|_| binds_caller(Some(role))),
            CallingPrincipal::Service(_) => None,
        }
    }

    /// The resource control policies that bind the call: none binds a service-linked role, as target or as caller.
    pub(crate) fn binding_resource_control(&self) -> Option<&Levels<'a>> {
        let source = match self.caller {
            CallingPrincipal::Session { role, .. } => Some(role),
            CallingPrincipal::Service(_) => None,
        };
        Some(&self.resource_control).filter(|_| binds_target(source, self.target))
    }

    /// Every policy that bears on the call, and where it stands.
    pub(crate) fn policies(&self) -> Vec<(PolicyPlace<'a>, Option<&'a Document>)> {
        let mut found = vec![(PolicyPlace::Trust, Some(self.trust))];
        if self.is_role() {
            found.extend(self.identity.iter().map(|policy| (PolicyPlace::Identity(policy.name), policy.document)));
            found.extend(self.boundary.map(|policy| (PolicyPlace::Boundary(policy.name), policy.document)));
            found.extend(self.session_policy.map(|policy| (PolicyPlace::Session(policy.name), policy.document)));
        }
        found.extend(over(self.binding_service_control(), |level, name| PolicyPlace::ServiceControl { level, name }));
        found.extend(over(self.binding_resource_control(), |level, name| PolicyPlace::ResourceControl { level, name }));
        found
    }
}

/// Whether service control policies bind a step of this caller.
pub(crate) fn binds_caller(source: Option<&RoleArn>) -> bool {
    source.is_some_and(|source| !source.is_service_linked())
}

/// Whether resource control policies bind a step to this target.
pub(crate) fn binds_target(source: Option<&RoleArn>, target: &RoleArn) -> bool {
    !target.is_service_linked() && !source.is_some_and(RoleArn::is_service_linked)
}

fn over<'a>(
    levels: Option<&Levels<'a>>,
    place: impl Fn(&'a str, &'a str) -> PolicyPlace<'a>,
) -> Vec<(PolicyPlace<'a>, Option<&'a Document>)> {
    let Some(Levels::Known(levels)) = levels else { return Vec::new() };
    let each = levels.iter().flat_map(|level| level.policies.iter().map(|policy| (level.name, *policy)));
    each.map(|(level, policy)| (place(level, policy.name), policy.document)).collect()
}

#[cfg(test)]
mod tests {
    use super::{binds_caller, binds_target};
    use crate::chain::RoleArn;

    /// Source: AWS Organizations User Guide, "Service control policies", "Resource control policies": neither restricts a service-linked
    /// role.
    #[test]
    fn what_policies_of_organisations_bind() {
        let arn = |path: &str| RoleArn::parse(&format!("arn:aws:iam::123456789012:role/{path}")).unwrap();
        let (plain, linked) = (arn("RoleA"), arn("aws-service-role/redshift.amazonaws.com/AWSServiceRoleForRedshift"));
        let rows = [
            ("a service calls", None, &plain, false, true),
            ("a role calls", Some(&plain), &plain, true, true),
            ("a service-linked role calls", Some(&linked), &plain, false, false),
            ("of a service-linked role", Some(&plain), &linked, true, false),
        ];
        for (name, source, target, is_caller_bound, is_target_bound) in rows {
            assert_eq!(
                (binds_caller(source), binds_target(source, target)),
                (is_caller_bound, is_target_bound),
                "{name}"
            );
        }
    }
}
