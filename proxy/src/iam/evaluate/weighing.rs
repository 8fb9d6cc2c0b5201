//! What every set of policies says about one call, and whether it is enough.

use super::request::{HopRequest, Level, Levels, PolicyInForce};
use crate::iam::policy::{
    document::{PolicyStatement, StatementEffect},
    principal::{CallingPrincipal, Named},
    truth::Truth,
};

/// What a set of policies says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) allows: Named,
    pub(super) denies: Truth,
}

impl Said {
    const NOTHING: Self = Self { allows: Named::NOT, denies: Truth::False };
    const ANYTHING: Self = Self { allows: Named::each(Truth::Unknown), denies: Truth::Unknown };

    fn or(self, other: Self) -> Self {
        Self { allows: self.allows.or(other.allows), denies: self.denies | other.denies }
    }
}

/// What every set of policies says.
#[derive(Debug)]
pub(super) struct Weighing {
    pub(super) trust: Said,
    pub(super) identity: Said,
    pub(super) boundary: Option<Said>,
    pub(super) session_policy: Option<Said>,
    pub(super) service_control: Vec<Said>,
    resource_control: Vec<Said>,
}

impl Weighing {
    pub(super) fn of(request: &HopRequest<'_>) -> Self {
        let own = |policy: &Option<PolicyInForce<'_>>| {
            policy.filter(|_| request.is_role()).map(|policy| request.said_by(policy))
        };
        let identity = request.identity.iter().filter(|_| request.is_role()).map(|policy| request.said_by(*policy));
        Self {
            trust: request.said_by(PolicyInForce { name: "", document: Some(request.trust) }),
            identity: identity.fold(Said::NOTHING, Said::or),
            boundary: own(&request.boundary),
            session_policy: own(&request.session_policy),
            service_control: request.said_by_levels(request.binding_service_control()),
            resource_control: request.said_by_levels(request.binding_resource_control()),
        }
    }

    /// An explicit Deny anywhere.
    pub(super) fn denied(&self) -> Truth {
        let single = [Some(self.trust), Some(self.identity), self.boundary, self.session_policy];
        let every = single.into_iter().flatten().chain(self.service_control.iter().copied());
        Truth::any(every.chain(self.resource_control.iter().copied()).map(|said| said.denies))
    }

    /// Whether boundary and session policy, where there are any, allow the call.
    pub(super) fn guards_allow(&self) -> Truth {
        let guards = [self.boundary, self.session_policy];
        Truth::all(guards.into_iter().flatten().map(|said| said.allows.at_all()))
    }

    /// Every Allow that is needed; `needs_identity` says whether one of the caller's own policies is, in any case.
    pub(super) fn permitted(&self, request: &HopRequest<'_>, needs_identity: bool) -> Truth {
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
    fn said_by(&self, policy: PolicyInForce<'_>) -> Said {
        match policy.document {
            None => Said::ANYTHING,
            Some(document) if document.fault.is_some() => Said::ANYTHING,
            Some(document) => {
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

    fn said_by_levels(&self, levels: Option<&Levels<'_>>) -> Vec<Said> {
        match levels {
            None => Vec::new(),
            Some(Levels::Unknown) => vec![Said::ANYTHING],
            Some(Levels::Known(levels)) => {
                let said = |level: &Level<'_>| {
                    level.policies.iter().map(|policy| self.said_by(*policy)).fold(Said::NOTHING, Said::or)
                };
                levels.iter().map(said).collect()
            }
        }
    }
}
