//! The pure core: may this caller assume this role? Documents and context in, outcome out.
//! Sources: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic", "Permissions boundaries";
//! STS API Reference, `AssumeRole`; Organizations User Guide, "SCP evaluation" and "Resource control policies".

use super::policy::{
    context::RequestContext,
    document::{Document, PolicyStatement, StatementEffect},
    principal::{CallingPrincipal, Named},
    truth::Truth,
};
use crate::chain::RoleArn;

/// Whose rules decide a step between two roles of one account.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    PartialEq,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
    serde::Serialize,
    serde::Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EvaluationMode {
    /// The Redshift guide's: a permissions policy must allow every step. Source: Amazon Redshift Management Guide, "Chaining IAM roles".
    #[default]
    Guide,
    /// IAM's: inside one account a trust policy that names the role itself is enough.
    Aws,
}

/// One call of `sts:AssumeRole`, with every policy that has a say in it.
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

/// A policy in force, whose text may not be at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PolicyInForce<'a> {
    Document(&'a Document),
    /// The ARN of a policy that the facts name and do not hold.
    Missing(&'a str),
}

/// Policies of an organisation, from its root down to the account.
#[derive(Clone, Debug)]
pub(crate) enum Levels<'a> {
    Known(Vec<Vec<&'a Document>>),
    /// The account is not in the organisation's file.
    Unknown,
}

/// What a set of policies says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) allows: Named,
    pub(crate) denies: Truth,
}

impl Said {
    const NOTHING: Self = Self { allows: Named::NOT, denies: Truth::False };

    fn or(self, other: Self) -> Self {
        Self { allows: self.allows.or(other.allows), denies: self.denies | other.denies }
    }
}

/// What every set of policies says about one call.
#[derive(Debug)]
pub(crate) struct Weighing {
    pub(crate) trust: Said,
    pub(crate) identity: Said,
    pub(crate) boundary: Option<Said>,
    pub(crate) session_policy: Option<Said>,
    pub(crate) service_control: Vec<Said>,
    pub(crate) resource_control: Vec<Said>,
}

/// What evaluating one call came to: values, no words.
#[derive(Debug)]
pub(crate) enum Evaluation {
    /// The call is allowed.
    Allowed,
    /// Caller and target are of different partitions.
    AcrossPartitions,
    /// The call is denied.
    Denied {
        /// What each set of policies says.
        weighing: Weighing,
        /// Whether a Deny statement applies.
        by_deny: Truth,
        /// Whether IAM's own rules would allow the call, and only the Redshift guide asks for more.
        by_guide_alone: bool,
    },
    /// The known facts do not decide the call.
    Undecided {
        /// Whether a Deny statement applies.
        by_deny: Truth,
    },
}

/// Evaluates one call.
pub(crate) fn evaluate(request: &HopRequest<'_>) -> Evaluation {
    if let CallingPrincipal::Session { role, .. } = request.caller
        && role.partition() != request.target.partition()
    {
        return Evaluation::AcrossPartitions;
    }
    let weighing = Weighing::of(request);
    let by_deny = weighing.denied();
    let permitted = weighing.permitted(request, request.needs_identity());
    if by_deny.is_true() || permitted.is_false() {
        let by_guide_alone = request.is_guides_demand() && (weighing.permitted(request, false) & !by_deny).is_true();
        Evaluation::Denied { weighing, by_deny, by_guide_alone }
    } else if (permitted & !by_deny).is_true() {
        Evaluation::Allowed
    } else {
        Evaluation::Undecided { by_deny }
    }
}

impl Weighing {
    fn of(request: &HopRequest<'_>) -> Self {
        let (scps, rcps) = (service_control(request), resource_control(request));
        let is_role = matches!(request.caller, CallingPrincipal::Session { .. });
        let own = |source: &Option<PolicyInForce<'_>>| source.filter(|_| is_role).map(|source| request.said_by(source));
        let identity = request.identity.iter().filter(|_| is_role).map(|source| request.said_by(*source));
        Self {
            trust: request.said_by(PolicyInForce::Document(request.trust)),
            identity: identity.fold(Said::NOTHING, Said::or),
            boundary: own(&request.boundary),
            session_policy: own(&request.session_policy),
            service_control: request.said_by_levels(scps),
            resource_control: request.said_by_levels(rcps),
        }
    }

    /// An explicit Deny anywhere.
    fn denied(&self) -> Truth {
        let single = [Some(self.trust), Some(self.identity), self.boundary, self.session_policy];
        let every = single.into_iter().flatten().chain(self.service_control.iter().copied());
        Truth::any(every.chain(self.resource_control.iter().copied()).map(|said| said.denies))
    }

    /// Whether boundary and session policy, where there are any, allow the call.
    pub(crate) fn guards_allow(&self) -> Truth {
        let guards = [self.boundary, self.session_policy];
        Truth::all(guards.into_iter().flatten().map(|said| said.allows.at_all()))
    }

    /// Every Allow that is needed; `needs_identity` says whether one of the caller's own policies is, in any case.
    fn permitted(&self, request: &HopRequest<'_>, needs_identity: bool) -> Truth {
        let trust = self.trust.allows;
        if matches!(request.caller, CallingPrincipal::Service(_)) {
            return trust.directly;
        }
        let (identity, guards) = (self.identity.allows.at_all(), self.guards_allow());
        let path = if needs_identity {
            trust.at_all() & identity & guards
        } else {
            trust.directly | (trust.by_role & guards) | (trust.by_account & identity & guards)
        };
        path & Truth::all(self.service_control.iter().map(|level| level.allows.at_all()))
    }
}

impl HopRequest<'_> {
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
    fn is_guides_demand(&self) -> bool {
        match self.caller {
            CallingPrincipal::Service(_) => false,
            CallingPrincipal::Session { role, .. } => {
                self.mode == EvaluationMode::Guide && role.account() == self.target.account()
            }
        }
    }

    fn said_by(&self, source: PolicyInForce<'_>) -> Said {
        let unknown = Said { allows: Named::each(Truth::Unknown), denies: Truth::Unknown };
        match source {
            PolicyInForce::Missing(_) => unknown,
            PolicyInForce::Document(document) if document.fault.is_some() => unknown,
            PolicyInForce::Document(document) => {
                document.statements.iter().fold(Said::NOTHING, |said, statement| said.or(self.said_by_one(statement)))
            }
        }
    }

    fn said_by_one(&self, statement: &PolicyStatement) -> Said {
        let applies = self.applies(statement);
        match statement.effect {
            StatementEffect::Allow => Said { allows: applies, denies: Truth::False },
            StatementEffect::Deny => Said { allows: Named::NOT, denies: applies.at_all() },
            StatementEffect::Unclear => {
                Said { allows: applies.and(Truth::Unknown), denies: applies.at_all().doubted() }
            }
        }
    }

    /// Whether a statement applies to this call.
    pub(crate) fn applies(&self, statement: &PolicyStatement) -> Named {
        statement.applies(self.caller, self.target.as_str(), self.context)
    }

    fn said_by_levels(&self, levels: Option<&Levels<'_>>) -> Vec<Said> {
        match levels {
            None => Vec::new(),
            Some(Levels::Unknown) => {
                vec![Said { allows: Named::each(Truth::Unknown), denies: Truth::Unknown }]
            }
            Some(Levels::Known(levels)) => {
                let said = |level: &Vec<&Document>| {
                    let each = level.iter().map(|document| self.said_by(PolicyInForce::Document(document)));
                    each.fold(Said::NOTHING, Said::or)
                };
                levels.iter().map(said).collect()
            }
        }
    }
}

/// The service control policies that bind the caller: none binds a service or a service-linked role.
pub(crate) fn service_control<'r, 'a>(request: &'r HopRequest<'a>) -> Option<&'r Levels<'a>> {
    match request.caller {
        CallingPrincipal::Session { role, .. } if !is_service_linked(role) => Some(&request.service_control),
        _ => None,
    }
}

/// The resource control policies that bind the target: none binds a service-linked role.
pub(crate) fn resource_control<'r, 'a>(request: &'r HopRequest<'a>) -> Option<&'r Levels<'a>> {
    Some(&request.resource_control).filter(|_| !is_service_linked(request.target))
}

fn is_service_linked(role: &RoleArn) -> bool {
    role.path().starts_with("/aws-service-role/")
}
