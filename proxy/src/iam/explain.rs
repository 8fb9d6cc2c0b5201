//! Why a call is refused or cannot be judged: cause, message, evidence, remedy. Runs only when a call is not allowed.

use serde_json::Value as Json;

use super::{
    evaluate::{Evaluation, HopRequest, Levels, PolicyInForce, Weighing, resource_control, service_control},
    policy::{
        condition::Condition,
        context::KeyValue,
        document::{ACTION, Document, PolicyStatement, StatementEffect},
        principal::CallingPrincipal,
        truth::Truth,
    },
};

/// Whether a role may be assumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Yes.
    Allowed,
    /// No.
    Denied(Refusal),
    /// The known facts do not say; never to be taken as yes.
    Unknown(Refusal),
}

/// Why a role may not be assumed, or why that cannot be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What kind of thing stands in the way.
    pub cause: Cause,
    /// One sentence for a client: lower case, no full stop.
    pub message: String,
    /// Which document, statement and condition.
    pub evidence: String,
    /// What to do; where possible the exact statement, as JSON from the first `{` to the end, and for which document.
    pub remedy: Option<String>,
}

/// What stands in the way of a step.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
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
pub enum Cause {
    /// The first role is not attached to the cluster.
    NotAttached,
    /// No permissions policy of the source allows the step.
    NoPermission,
    /// The target's trust policy does not name the source.
    NotTrusted,
    /// An explicit deny, a boundary, or a policy of the organisation.
    ExplicitDeny,
    /// A condition excludes the call, or the facts do not decide.
    Condition,
    /// The facts hold no such role.
    UnknownRole,
}

impl Cause {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The outcome of a call in words.
pub(crate) fn outcome(request: &HopRequest<'_>, evaluation: &Evaluation) -> Outcome {
    match evaluation {
        Evaluation::Allowed => Outcome::Allowed,
        Evaluation::AcrossPartitions => Outcome::Denied(across_partitions(request)),
        Evaluation::Denied { weighing, by_deny, by_guide_alone } => {
            let refusal = denied(request, weighing, *by_deny);
            Outcome::Denied(if *by_guide_alone { self::by_guide_alone(refusal) } else { refusal })
        }
        Evaluation::Undecided { by_deny } => Outcome::Unknown(unknown(request, *by_deny)),
    }
}

const EXTERNAL_ID: &str = "sts:externalid";

/// A role of another partition.
fn across_partitions(request: &HopRequest<'_>) -> Refusal {
    Refusal {
        cause: Cause::NotTrusted,
        message: format!(
            "role {} cannot be assumed by {}, which is of another AWS partition",
            request.target,
            caller(request)
        ),
        evidence: format!("no role can be assumed from outside partition {}", request.target.partition()),
        remedy: None,
    }
}

/// Says of a refusal that IAM itself would allow the step.
fn by_guide_alone(refusal: Refusal) -> Refusal {
    let message = format!(
        "{}; the Redshift guide asks for it, IAM's own rules would allow the step (facts.mode = \"aws\")",
        refusal.message
    );
    Refusal { message, ..refusal }
}

/// Why a call is refused.
fn denied(request: &HopRequest<'_>, weighing: &Weighing, is_denied: Truth) -> Refusal {
    if is_denied.is_true()
        && let Some((place, statement)) = find_deny(request, Truth::True)
    {
        return explicit_deny(request, &place, statement);
    }
    let identity_is_silent = request.needs_identity() && weighing.identity.allows.at_all().is_false();
    if weighing.trust.allows.at_all().is_false() {
        let mut refusal = match near_miss(request, request.trust) {
            Some((statement, conditions)) => excluded(request, statement, &conditions),
            None => not_trusted(request),
        };
        if identity_is_silent {
            refusal.evidence.push_str("; nor does a permissions policy of the caller allow the step");
        }
        return refusal;
    }
    let needs_account_side = request.needs_identity() || weighing.trust.allows.by_role.is_false();
    if needs_account_side && weighing.identity.allows.at_all().is_false() && !is_service(request) {
        return no_permission(request);
    }
    if weighing.guards_allow().is_false() {
        return outside_guard(request, weighing);
    }
    outside_service_control(request, weighing)
}

/// Why a call cannot be judged.
fn unknown(request: &HopRequest<'_>, is_denied: Truth) -> Refusal {
    let sources = sources(request);
    if let Some((place, policy)) = sources.iter().find_map(|(place, source)| match source {
        PolicyInForce::Missing(policy) => Some((place, policy)),
        PolicyInForce::Document(_) => None,
    }) {
        return Refusal {
            evidence: format!("{place} is in force, and its document is not in the IAM facts"),
            remedy: Some(format!(
                "take the snapshot of account {} again without a filter, so that it holds policy {policy}: aws iam \
                 get-account-authorization-details",
                caller_account(request)
            )),
            ..undecided(request)
        };
    }
    let levels = [service_control(request), resource_control(request)];
    if levels.into_iter().flatten().any(|levels| matches!(levels, Levels::Unknown)) {
        return Refusal {
            evidence: "an account of this step is not in the file of service control policies".to_owned(),
            remedy: Some(format!(
                "list the accounts {} and {} in the file of service control policies",
                caller_account(request),
                request.target.account()
            )),
            ..undecided(request)
        };
    }
    let allow_in_doubt = || {
        let statements = sources.iter().flat_map(statements_of);
        let open = |statement: &PolicyStatement| request.applies(statement).at_all() == Truth::Unknown;
        statements.into_iter().find(|(_, statement)| statement.effect != StatementEffect::Deny && open(statement))
    };
    let found = find_deny(request, Truth::Unknown).filter(|_| is_denied == Truth::Unknown);
    if let Some((place, statement)) = found.or_else(allow_in_doubt) {
        let (why, remedy) = doubt(request, &place, statement);
        return Refusal { evidence: format!("{place}, {}: {why}", name(statement)), remedy, ..undecided(request) };
    }
    let faulty = sources.iter().find_map(|(place, source)| match source {
        PolicyInForce::Document(document) => {
            document.fault.as_ref().map(|fault| format!("{place} cannot be read: {fault}"))
        }
        PolicyInForce::Missing(_) => None,
    });
    let evidence = faulty.unwrap_or_else(|| "the policies leave it open".to_owned());
    Refusal { evidence, ..undecided(request) }
}

fn undecided(request: &HopRequest<'_>) -> Refusal {
    Refusal {
        cause: Cause::Condition,
        message: format!(
            "whether {} may assume role {} cannot be told from the known facts",
            caller(request),
            request.target
        ),
        evidence: String::new(),
        remedy: None,
    }
}

fn explicit_deny(request: &HopRequest<'_>, place: &str, statement: &PolicyStatement) -> Refusal {
    let conditions: Vec<_> = statement.conditions.iter().map(|condition| describe(request, condition)).collect();
    let under = if conditions.is_empty() { String::new() } else { format!(" under {}", conditions.join(" and ")) };
    Refusal {
        cause: Cause::ExplicitDeny,
        message: format!("an explicit deny keeps {} from assuming role {}", caller(request), request.target),
        evidence: format!("{place}, {} denies {ACTION}{under}", name(statement)),
        remedy: Some(format!("narrow or take out {} of {place}", name(statement))),
    }
}

fn not_trusted(request: &HopRequest<'_>) -> Refusal {
    let count = request.trust.statements.len();
    Refusal {
        cause: Cause::NotTrusted,
        message: format!("role {} does not trust {}", request.target, caller(request)),
        evidence: format!(
            "none of the statements ({count}) of its trust policy allows {ACTION} to {}",
            caller(request)
        ),
        remedy: Some(trust_remedy(request, "")),
    }
}

/// A statement of the trust policy names the caller, and its conditions keep the call out.
fn excluded(request: &HopRequest<'_>, statement: &PolicyStatement, conditions: &[&Condition]) -> Refusal {
    let failed: Vec<_> = conditions.iter().map(|condition| describe(request, condition)).collect();
    let by_user = conditions.iter().all(|condition| condition.lookup() == EXTERNAL_ID);
    let external_id = match request.context.value(EXTERNAL_ID) {
        KeyValue::One(text) if by_user => Some(text),
        _ => None,
    };
    let message = match external_id {
        Some(text) => {
            format!("role {} does not trust {} for the database user {text}", request.target, caller(request))
        }
        None => format!("a condition in the trust policy of role {} keeps {} out", request.target, caller(request)),
    };
    let remedy = match external_id {
        Some(text) => {
            let condition =
                format!(r#","Condition":{{"StringEquals":{{"sts:ExternalId":{}}}}}"#, Json::from(text.as_str()));
            trust_remedy(request, &condition)
        }
        None => change(request, &trust_place(request), statement, conditions),
    };
    Refusal {
        cause: Cause::Condition,
        message,
        evidence: format!("{}, {}: {}", trust_place(request), name(statement), failed.join("; ")),
        remedy: Some(remedy),
    }
}

fn no_permission(request: &HopRequest<'_>) -> Refusal {
    let documents = request.identity.iter().filter_map(|source| match source {
        PolicyInForce::Document(document) => Some(*document),
        PolicyInForce::Missing(_) => None,
    });
    let near = documents.clone().find_map(|document| near_miss(request, document).map(|found| (document, found)));
    let evidence = match near {
        Some((document, (statement, conditions))) => {
            let failed: Vec<_> = conditions.iter().map(|condition| describe(request, condition)).collect();
            format!("{} of {}, {}: {}", document.label, caller(request), name(statement), failed.join("; "))
        }
        None => format!("none of its permissions policies ({}) has a statement that does", documents.count()),
    };
    Refusal {
        cause: Cause::NoPermission,
        message: format!(
            "the permissions policies of {} do not allow {ACTION} on role {}",
            caller(request),
            request.target
        ),
        evidence,
        remedy: Some(format!("add to a permissions policy of {}: {}", caller(request), permission(request))),
    }
}

fn outside_guard(request: &HopRequest<'_>, weighing: &Weighing) -> Refusal {
    let by_boundary = weighing.boundary.is_some_and(|said| said.allows.at_all().is_false());
    let source = if by_boundary { request.boundary } else { request.session_policy };
    let kind = if by_boundary { "permissions boundary" } else { "session policy" };
    let label = match source {
        Some(PolicyInForce::Document(document)) => document.label.as_str(),
        Some(PolicyInForce::Missing(policy)) => policy,
        None => kind,
    };
    Refusal {
        cause: Cause::ExplicitDeny,
        message: format!("the {kind} of {} does not allow {ACTION} on role {}", caller(request), request.target),
        evidence: format!("no statement of {label} allows it"),
        remedy: Some(format!("add to the {kind} of {}: {}", caller(request), permission(request))),
    }
}

fn outside_service_control(request: &HopRequest<'_>, weighing: &Weighing) -> Refusal {
    let level = weighing.service_control.iter().position(|said| said.allows.at_all().is_false()).unwrap_or_default();
    let labels = match &request.service_control {
        Levels::Known(levels) => levels.get(level).map_or_else(String::new, |level| {
            level.iter().map(|document| document.label.as_str()).collect::<Vec<_>>().join(", ")
        }),
        Levels::Unknown => String::new(),
    };
    Refusal {
        cause: Cause::ExplicitDeny,
        message: format!("a service control policy keeps {} from assuming role {}", caller(request), request.target),
        evidence: format!(
            "nothing at level {} over account {} allows it ({labels})",
            level.saturating_add(1),
            caller_account(request)
        ),
        remedy: Some(format!("add to a service control policy of that level: {}", permission(request))),
    }
}

fn permission(request: &HopRequest<'_>) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{ACTION}","Resource":"{}"}}"#, request.target)
}

fn trust_remedy(request: &HopRequest<'_>, condition: &str) -> String {
    let principal = match request.caller {
        CallingPrincipal::Service(names) => {
            format!(r#"{{"Service":"{}"}}"#, names.first().map_or("redshift.amazonaws.com", String::as_str))
        }
        CallingPrincipal::Session { role, .. } => format!(r#"{{"AWS":"{role}"}}"#),
    };
    let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{ACTION}"{condition}}}"#);
    format!("add to the trust policy of role {}: {statement}", request.target)
}

/// What to do about conditions that no added statement should get around.
fn change(request: &HopRequest<'_>, place: &str, statement: &PolicyStatement, conditions: &[&Condition]) -> String {
    let advice = conditions.iter().map(|condition| match request.context.value(condition.lookup()) {
        KeyValue::Absent => {
            format!("take out {} {}, a key that this call does not carry", condition.name, condition.key)
        }
        KeyValue::Unknown => format!("take out {} {}, whose value the gate cannot know", condition.name, condition.key),
        KeyValue::One(_) | KeyValue::Many(_) => format!("change {} {}", condition.name, condition.key),
    });
    format!("in {} of {place}: {}", name(statement), advice.collect::<Vec<_>>().join("; "))
}

/// The first Allow statement that would apply but for its conditions, with those that fail.
fn near_miss<'d>(
    request: &HopRequest<'_>,
    document: &'d Document,
) -> Option<(&'d PolicyStatement, Vec<&'d Condition>)> {
    document.statements.iter().filter(|statement| statement.effect == StatementEffect::Allow).find_map(|statement| {
        let addressed = statement.addresses(request.caller, request.target.as_str(), request.context);
        let fails = |condition: &&Condition| condition.holds(request.context).is_false();
        let failing: Vec<_> = statement.conditions.iter().filter(fails).collect();
        (addressed.at_all().is_true() && !failing.is_empty()).then_some((statement, failing))
    })
}

/// The first Deny statement that applies with the given certainty, and where it stands.
fn find_deny<'a>(request: &HopRequest<'a>, certainty: Truth) -> Option<(String, &'a PolicyStatement)> {
    let statements = sources(request).into_iter().flat_map(|source| statements_of(&source));
    let applies = |statement: &PolicyStatement| match statement.effect {
        StatementEffect::Allow => Truth::False,
        StatementEffect::Deny => request.applies(statement).at_all(),
        StatementEffect::Unclear => request.applies(statement).at_all().doubted(),
    };
    statements.into_iter().find(|(_, statement)| applies(statement) == certainty)
}

fn statements_of<'a>((place, source): &(String, PolicyInForce<'a>)) -> Vec<(String, &'a PolicyStatement)> {
    match source {
        PolicyInForce::Document(document) => document.statements.iter().map(|each| (place.clone(), each)).collect(),
        PolicyInForce::Missing(_) => Vec::new(),
    }
}

/// Every policy that has a say, with what to call it.
fn sources<'a>(request: &HopRequest<'a>) -> Vec<(String, PolicyInForce<'a>)> {
    let label = |source: &PolicyInForce<'a>| match source {
        PolicyInForce::Document(document) => document.label.clone(),
        PolicyInForce::Missing(policy) => format!("policy {policy}"),
    };
    let mut found = vec![(trust_place(request), PolicyInForce::Document(request.trust))];
    if !is_service(request) {
        let who = caller(request);
        found.extend(request.identity.iter().map(|source| (format!("{} of {who}", label(source)), *source)));
        found.extend(request.boundary.iter().map(|it| (format!("permissions boundary, {}, of {who}", label(it)), *it)));
        found.extend(request.session_policy.iter().map(|it| (format!("{} of {who}", label(it)), *it)));
    }
    for (levels, account) in [
        (service_control(request), caller_account(request)),
        (resource_control(request), request.target.account().to_string()),
    ] {
        if let Some(Levels::Known(levels)) = levels {
            let documents = levels.iter().flatten();
            found.extend(
                documents.map(|it| (format!("{} over account {account}", it.label), PolicyInForce::Document(it))),
            );
        }
    }
    found
}

/// Why a statement can be said neither to apply nor not to, and what would settle it.
fn doubt(request: &HopRequest<'_>, place: &str, statement: &PolicyStatement) -> (String, Option<String>) {
    if let Some(fault) = &statement.fault {
        return (fault.clone(), Some(format!("put {} of {place} right", name(statement))));
    }
    let open = |condition: &&Condition| condition.holds(request.context) == Truth::Unknown;
    let conditions: Vec<_> = statement.conditions.iter().filter(open).collect();
    if conditions.is_empty() {
        let why = "AWS leaves open whether its Principal, Action or Resource fits this call";
        return (
            why.to_owned(),
            Some(format!("name principal, action and resource exactly in {} of {place}", name(statement))),
        );
    }
    let described: Vec<_> = conditions.iter().map(|condition| describe(request, condition)).collect();
    (described.join("; "), Some(change(request, place, statement, &conditions)))
}

fn describe(request: &HopRequest<'_>, condition: &Condition) -> String {
    let has = match request.context.value(condition.lookup()) {
        KeyValue::Absent => "the call does not carry that key".to_owned(),
        KeyValue::Unknown => "the gate does not know what the call carries".to_owned(),
        KeyValue::One(text) => format!("the call has {}", Json::from(text.as_str())),
        KeyValue::Many(texts) => format!("the call has {}", Json::from(texts.clone())),
    };
    let wants = match condition.texts.as_slice() {
        [one] => Json::from(one.as_str()).to_string(),
        several => Json::from(several).to_string(),
    };
    format!("{} {} {wants} ({has})", condition.name, condition.key)
}

/// What messages call a statement: its number, and its Sid where it has one.
pub(crate) fn name(statement: &PolicyStatement) -> String {
    match &statement.sid {
        Some(sid) => format!("statement {} (Sid {})", statement.number, Json::from(sid.as_str())),
        None => format!("statement {}", statement.number),
    }
}

fn trust_place(request: &HopRequest<'_>) -> String {
    format!("the trust policy of role {}", request.target)
}

fn is_service(request: &HopRequest<'_>) -> bool {
    matches!(request.caller, CallingPrincipal::Service(_))
}

fn caller(request: &HopRequest<'_>) -> String {
    match request.caller {
        CallingPrincipal::Service(names) => {
            format!("the service {}", names.first().map_or("redshift.amazonaws.com", String::as_str))
        }
        CallingPrincipal::Session { role, .. } => format!("role {role}"),
    }
}

fn caller_account(request: &HopRequest<'_>) -> String {
    match request.caller {
        CallingPrincipal::Service(_) => request.target.account().to_string(),
        CallingPrincipal::Session { role, .. } => role.account().to_string(),
    }
}
