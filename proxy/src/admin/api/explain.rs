//! `/api/v1/explain`: what the gate would make of a text, under the policy in force, in shadow mode, and under other rules. Nothing
//! is stored, counted or sent anywhere.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::api::policies::policy_of;
use crate::admin::reply::{ApiProblem, json, off_thread};
use crate::admin::state::AdminState;
use crate::admin::view::explained::{Explanation, Supposed, explained, in_shadow};
use crate::gate::policy::Policy;
use crate::gate::principal::{Attributes, Principal};
use crate::rules::RuleSet;

/// The longest text that is judged.
const MAX_SQL_BYTES: usize = 256 * 1024;

/// The longest text of rules that is tried.
const MAX_RULES_BYTES: usize = 256 * 1024;

/// The longest question: JSON may write one byte as six.
pub(super) const MAX_BODY_BYTES: usize = 6 * (MAX_SQL_BYTES + MAX_RULES_BYTES);

/// Who sends which text, supposedly.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuestion {
    /// The text of a message: one statement or several, up to 256 KiB.
    sql: String,
    /// The gate; the first when not given.
    #[serde(default)]
    gate: Option<String>,
    /// Who logs in.
    #[serde(default)]
    user: String,
    /// The user's groups; those of the policy when not given.
    #[serde(default)]
    groups: Option<Vec<String>>,
    #[serde(default)]
    database: String,
    #[serde(default)]
    application: String,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "10.1.2.3")]
    client_address: Option<IpAddr>,
    /// When; now when not given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// Rules in Cedar to judge by in place of those in force, up to 256 KiB.
    #[serde(default)]
    rules: Option<String>,
}

/// What the gate would make of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExplainAnswer {
    gate: String,
    /// Under the policy in force.
    in_force: Explanation,
    /// Under the same, with refusals recorded alone.
    shadow: Explanation,
    /// Under the same with the other rules.
    with_rules: Option<Explanation>,
}

/// What the gate would make of a text: nothing is stored, and nothing goes to the cluster.
#[utoipa::path(
    post,
    path = "/api/v1/explain",
    operation_id = "explain",
    request_body = ExplainQuestion,
    responses(
        (status = 200, body = ExplainAnswer),
        (status = 400, body = ApiProblem),
        (status = 404, body = ApiProblem),
        (status = 413, body = ApiProblem),
        (status = 415, body = ApiProblem),
        (status = 422, body = ApiProblem),
        (status = 429, body = ApiProblem),
        (status = 503, body = ApiProblem),
    )
)]
pub(super) async fn explain(
    State(state): State<AdminState>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, ApiProblem> {
    let turn = Arc::clone(&state.questions).try_acquire_owned().map_err(|_none| ApiProblem::busy())?;
    let question = question(&headers, body)?;
    let (gate, policy) = policy_of(&state, question.gate.as_deref())?;
    off_thread(move || {
        let answer = answer(&question, gate, &policy);
        drop(turn);
        answer.map(|answer| json(&answer))
    })
    .await?
}

fn question(
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<ExplainQuestion, ApiProblem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        // A form of a stranger's page cannot send this type.
        let what = "send JSON, with content-type: application/json";
        return Err(ApiProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let body = body.map_err(|error| ApiProblem::new(error.status(), error.body_text()))?;
    let question: ExplainQuestion =
        serde_json::from_slice(&body).map_err(|error| ApiProblem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    for (field, length, most) in [
        ("sql", question.sql.len(), MAX_SQL_BYTES),
        ("rules", question.rules.as_ref().map_or(0, String::len), MAX_RULES_BYTES),
    ] {
        if length > most {
            let problem = ApiProblem::of(field, format!("{length} bytes; the longest that is judged here is {most}"));
            return Err(problem.with_status(StatusCode::PAYLOAD_TOO_LARGE));
        }
    }
    Ok(question)
}

fn answer(question: &ExplainQuestion, gate: String, policy: &Policy) -> Result<ExplainAnswer, ApiProblem> {
    let principal = Principal::new(Attributes {
        groups: question.groups.clone(),
        database: question.database.clone(),
        application: question.application.clone(),
        client_address: question.client_address,
        ..Attributes::of_login(&question.user)
    });
    let now = question.time.unwrap_or_else(Timestamp::now);
    let supposed = Supposed { gate: &gate, text: &question.sql, principal: &principal, now };
    let with_rules = question.rules.as_ref().map(|rules| with_rules(policy, rules.clone())).transpose()?;
    Ok(ExplainAnswer {
        in_force: explained(policy, &supposed),
        shadow: explained(&in_shadow(policy), &supposed),
        with_rules: with_rules.map(|policy| explained(&policy, &supposed)),
        gate,
    })
}

/// The same policy under other rules, with weekdays and hours of the same time zone.
fn with_rules(policy: &Policy, rules: String) -> Result<Policy, ApiProblem> {
    let rules = RuleSet::from_text(Path::new("rules"), rules);
    let problem = |error: crate::rules::RulesError| {
        ApiProblem::of("rules", error.to_string()).with_status(StatusCode::UNPROCESSABLE_ENTITY)
    };
    let rules = rules.map_err(problem)?.in_time_zone(policy.rules().time_zone());
    Ok(policy.with_rules(Arc::new(rules)))
}
