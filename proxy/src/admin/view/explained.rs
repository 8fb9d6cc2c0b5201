//! A verdict on a text that nobody has sent, in the words of a decision. Pure.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::view::decision::RecordView;
use crate::admin::view::words;
use crate::gate::enforcement::{Action, Mode};
use crate::gate::judge_alone;
use crate::gate::modes::Modes;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::gate::wording::Wording;
use crate::observe::audit::{AuditRecord, Circumstances};
use crate::observe::recent::RecentDecision;

/// What one policy makes of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Explanation {
    pub policy_version: String,
    /// The mode of what would refuse it.
    #[schema(schema_with = words::mode)]
    pub mode: Mode,
    /// Nothing in the text is to be judged.
    pub is_plain: bool,
    #[schema(schema_with = words::action)]
    pub action: Action,
    #[schema(schema_with = words::action)]
    pub would_be: Action,
    /// What the client would read.
    pub client: Option<ClientText>,
    /// The statements that were judged.
    pub statements: Vec<RecordView>,
}

/// The words of an error or warning.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct ClientText {
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// The character of the text at which the credential starts, counted from 1.
    pub position: Option<usize>,
}

impl From<Wording> for ClientText {
    fn from(Wording { message, detail, hint, position }: Wording) -> Self {
        Self { message, detail, hint, position }
    }
}

/// Who asks, and what.
#[derive(Clone, Copy, Debug)]
pub(in crate::admin) struct Supposed<'a> {
    pub gate: &'a str,
    pub text: &'a str,
    pub principal: &'a Principal,
    pub now: Timestamp,
}

/// The same policy with refusals that are recorded alone.
pub(in crate::admin) fn in_shadow(policy: &Policy) -> Policy {
    Policy::new(Parts { modes: Modes::all(Mode::Shadow), ..policy.parts.clone() })
}

/// What a policy makes of a text.
pub(in crate::admin) fn explained(policy: &Policy, supposed: &Supposed<'_>) -> Explanation {
    let verdict = judge_alone(policy, supposed.text.as_bytes(), supposed.principal, supposed.now);
    let Some(verdict) = verdict else {
        return Explanation {
            policy_version: policy.version().to_owned(),
            mode: policy.mode(),
            is_plain: true,
            action: Action::Forward,
            would_be: Action::Forward,
            client: None,
            statements: Vec::new(),
        };
    };
    let client = match verdict.action {
        Action::Reject => Some(verdict.refusal(supposed.text.as_bytes())),
        Action::Annotate => Some(verdict.warning()),
        Action::Forward => None,
    };
    Explanation {
        policy_version: policy.version().to_owned(),
        mode: verdict.mode,
        is_plain: false,
        action: verdict.action,
        would_be: verdict.would_be,
        client: client.map(ClientText::from),
        statements: statements(policy, &verdict, supposed),
    }
}

fn statements(policy: &Policy, verdict: &Verdict, supposed: &Supposed<'_>) -> Vec<RecordView> {
    let iam = policy.iam();
    let exceptions: Vec<&str> = verdict.exceptions().collect();
    let circumstances = Circumstances {
        cluster: iam.map(|iam| iam.cluster.as_str()),
        facts: iam.map(|iam| &*iam.facts),
        exceptions: &exceptions,
        break_glass: verdict.break_glass(),
        ..Circumstances::supposed(supposed.gate, supposed.principal, supposed.text.as_bytes())
    };
    let told = verdict.statements.iter().filter(|statement| statement.is_told() || !statement.stored.is_empty());
    told.zip(0..)
        .map(|(statement, number)| {
            let record = Arc::new(AuditRecord::of(&circumstances, verdict, statement));
            let decision = RecentDecision { number, time: supposed.now, record, outcome: None, runs: 0 };
            RecordView::of(&decision, Some(policy))
        })
        .collect()
}
