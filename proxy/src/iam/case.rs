//! Reads a labelled hop and judges it: for conformance runs.
//!
//! A case is one JSON object: `id`, `hop` (`role` or `service`), `source_role_arn`, `source_role_id`,
//! `source_session_name`, `source_service_principals`, `source_identity_policies`, `source_permission_boundary`,
//! `session_policy`, `scps` and `rcps` (`[{"level", "policies"}]`), `target_role_arn`, `target_trust_policy`, `context` (key to
//! text or list), `expected` and `expected_strict` (`allowed` or `denied`, by IAM's rules and by the guide's), `determined`.
//! An optional field that is absent is a policy that does not exist; a context key that is absent is one not sent.

use serde_json::Value as Json;

use super::{
    evaluate::{EvaluationMode, HopRequest, Level, Levels, PolicyInForce, evaluate},
    explain::{self, Outcome},
    policy::{
        context::{KeyValue, RequestContext, Unlisted},
        document::{Document, DocumentKind},
        principal::CallingPrincipal,
    },
};
use crate::chain::RoleArn;

/// A case and how it was judged.
#[derive(Clone, Debug)]
pub struct CaseOutcome {
    /// The case's name.
    pub id: String,
    /// How it was judged.
    pub outcome: Outcome,
    /// Whether AWS documents settle the case; if they do not, it must only not be allowed.
    pub is_determined: bool,
    /// Whether the case says "allowed", in the mode asked for.
    pub expects_allowed: bool,
}

impl CaseOutcome {
    /// Whether the judgement is right: a case that is not settled must not be allowed.
    #[must_use]
    pub fn agrees(&self) -> bool {
        match self.outcome {
            Outcome::Allowed => self.is_determined && self.expects_allowed,
            Outcome::Denied(_) => !self.is_determined || !self.expects_allowed,
            Outcome::Unknown(_) => !self.is_determined,
        }
    }
}

/// Judges one case, a JSON object. `mode` also says which of the case's expectations counts.
///
/// # Errors
/// Says which field is missing or not readable.
pub fn judge_case(line: &str, mode: EvaluationMode) -> Result<CaseOutcome, String> {
    let case: Json = serde_json::from_str(line).map_err(|error| format!("the case is not JSON: {error}"))?;
    let expectation = match mode {
        EvaluationMode::Guide => "expected_strict",
        EvaluationMode::Aws => "expected",
    };
    Ok(CaseOutcome {
        id: text(&case, "id")?.to_owned(),
        outcome: judge(&case, mode)?,
        is_determined: case.get("determined").and_then(Json::as_bool).ok_or("determined is not true or false")?,
        expects_allowed: text(&case, expectation)? == "allowed",
    })
}

fn judge(case: &Json, mode: EvaluationMode) -> Result<Outcome, String> {
    let role = |field: &str| RoleArn::parse(text(case, field)?).map_err(|why| format!("{field} {why}"));
    let target = role("target_role_arn")?;
    let names = list(case.get("source_service_principals"));
    let names: Vec<String> = names.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    let source = if text(case, "hop")? == "service" { None } else { Some(role("source_role_arn")?) };
    let caller = match &source {
        None => CallingPrincipal::Service(&names),
        Some(role) => CallingPrincipal::Session {
            role,
            id: case.get("source_role_id").and_then(Json::as_str),
            session: Some(text(case, "source_session_name")?),
        },
    };
    let permissions = |value: &Json| Document::read(DocumentKind::Permissions, value);
    let one = |field: &str| case.get(field).map(permissions).transpose();
    let (boundary, session_policy) = (one("source_permission_boundary")?, one("session_policy")?);
    let identity = list(case.get("source_identity_policies")).iter();
    let identity = identity.map(permissions).collect::<Result<Vec<_>, _>>()?;
    let scps = levels(case.get("scps"), DocumentKind::Permissions)?;
    let rcps = levels(case.get("rcps"), DocumentKind::ResourceControl)?;
    let trust = case.get("target_trust_policy").ok_or("target_trust_policy is missing")?;
    let context = context(case.get("context"));
    let trust = Document::read(DocumentKind::Trust, trust)?;
    let request = HopRequest {
        caller,
        target: &target,
        identity: identity.iter().map(|document| in_force("permissions policy", document)).collect(),
        boundary: boundary.as_ref().map(|document| in_force("boundary", document)),
        session_policy: session_policy.as_ref().map(|document| in_force("session policy", document)),
        service_control: borrow(&scps),
        resource_control: borrow(&rcps),
        trust: &trust,
        context: &context,
        mode,
    };
    Ok(explain::outcome(&request, &evaluate(&request)))
}

fn in_force<'d>(name: &'d str, document: &'d Document) -> PolicyInForce<'d> {
    PolicyInForce { name, document: Some(document) }
}

/// The policies of a level, with its name.
type NamedLevel = (String, Vec<Document>);

fn borrow(levels: &[NamedLevel]) -> Levels<'_> {
    Levels::Known(
        levels
            .iter()
            .map(|(name, documents)| Level {
                name,
                policies: documents.iter().map(|document| in_force("policy", document)).collect(),
            })
            .collect(),
    )
}

fn levels(value: Option<&Json>, kind: DocumentKind) -> Result<Vec<NamedLevel>, String> {
    let level = |level: &Json| {
        let name = level.get("level").and_then(Json::as_str).unwrap_or("unnamed");
        let policies = list(level.get("policies")).iter();
        let documents = policies.map(|policy| Document::read(kind, policy)).collect::<Result<_, _>>()?;
        Ok((name.to_owned(), documents))
    };
    list(value).iter().map(level).collect()
}

fn context(values: Option<&Json>) -> RequestContext {
    let mut context = RequestContext::new(Unlisted::Absent);
    for (key, value) in values.and_then(Json::as_object).into_iter().flatten() {
        match value {
            Json::String(text) => context.set_text(key, text.clone()),
            Json::Array(texts) => {
                let texts = texts.iter().filter_map(Json::as_str).map(str::to_owned).collect();
                context.set(key, KeyValue::Many(texts));
            }
            other => context.set_text(key, other.to_string()),
        }
    }
    context
}

fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn text<'c>(case: &'c Json, field: &str) -> Result<&'c str, String> {
    case.get(field).and_then(Json::as_str).ok_or_else(|| format!("{field} is missing or not a text"))
}
