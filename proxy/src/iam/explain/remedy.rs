//! Statements that let exactly one caller through. They stand beside the others, have no Sid, repeat the conditions of the statement
//! that came near, and hold for this call alone where one of those failed.

use serde_json::{Map, Value as Json};

use super::{
    outcome::{Addition, AdditionPlace},
    words,
};
use crate::iam::{
    evaluate::{EXTERNAL_ID, HopRequest},
    policy::{
        condition::Condition,
        context::KeyValue,
        document::{ACTION, PolicyStatement, StatementEffect},
        principal::CallingPrincipal,
    },
};

/// The longest trust policy, blanks left out, unless the quota was raised. Source: IAM User Guide, "IAM and AWS STS quotas".
const MAX_TRUST_POLICY: usize = 2048;

/// A remedy and its statement.
pub(super) type Proposal = (String, Addition);

/// What a new statement stands beside.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside<'d> {
    /// Nothing that has conditions.
    Nothing,
    /// A statement, or several with the same conditions, which the new one repeats.
    One(&'d PolicyStatement),
    /// Statements with various conditions: nobody but the policy's owner knows which of them are meant for this call.
    Various,
}

impl<'d> Beside<'d> {
    /// Beside these statements.
    pub(super) fn all(statements: impl IntoIterator<Item = &'d PolicyStatement>) -> Self {
        let told = |statement: &PolicyStatement| {
            let mut each: Vec<_> = statement
                .conditions
                .iter()
                .map(|condition| {
                    (condition.name.to_lowercase(), condition.key.to_lowercase(), words::values(condition).to_string())
                })
                .collect();
            each.sort();
            each
        };
        let mut statements = statements.into_iter();
        let Some(first) = statements.next() else { return Self::Nothing };
        let conditions = told(first);
        match statements.all(|other| told(other) == conditions) {
            false => Self::Various,
            true if conditions.is_empty() => Self::Nothing,
            true => Self::One(first),
        }
    }
}

/// A statement for the target's trust policy that names the caller and nobody else. `None`: no condition can be written that
/// holds for exactly this call.
pub(super) fn trust(request: &HopRequest<'_>, beside: Beside<'_>) -> Option<Proposal> {
    let principal = match request.caller {
        CallingPrincipal::Service(names) => {
            let primary: Vec<&str> = names.iter().map(String::as_str).filter(|name| !is_regional(name)).collect();
            match primary.as_slice() {
                [one] => format!(r#"{{"Service":"{one}"}}"#),
                several => format!(r#"{{"Service":{}}}"#, Json::from(several)),
            }
        }
        CallingPrincipal::Session { role, .. } => format!(r#"{{"AWS":"{role}"}}"#),
    };
    let mut conditions = Conditions::beside(request, beside)?;
    // Where the policy tells database users apart, a new statement does so too.
    if tells_users_apart(request) {
        conditions.pin_user(request)?;
    }
    let text = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{ACTION}"{conditions}}}"#);
    let length = request.trust.length.saturating_add(text.len()).saturating_add(1);
    let quota = if length > MAX_TRUST_POLICY && request.trust.length > 0 {
        format!(
            ", which would then have {length} characters, more than the {MAX_TRUST_POLICY} that IAM takes by default: raise the \
             quota \"role trust policy length\" or shorten the policy first"
        )
    } else {
        String::new()
    };
    propose(&format!("add to the trust policy of role {}{quota}", request.target), AdditionPlace::Trust, &text)
}

/// A statement for an inline policy of the caller.
pub(super) fn permission(request: &HopRequest<'_>, beside: Beside<'_>) -> Option<Proposal> {
    let conditions = Conditions::beside(request, beside)?;
    let text = grant(request, &conditions);
    propose(
        &format!("add an inline policy to {} with the statement", words::caller(request)),
        AdditionPlace::Identity,
        &text,
    )
}

/// A statement for a policy that binds others too: it names the caller in a condition.
pub(super) fn guard(request: &HopRequest<'_>, to: AdditionPlace, policy: &str) -> Option<Proposal> {
    let mut conditions = Conditions::default();
    if let CallingPrincipal::Session { role, .. } = request.caller {
        conditions.add("ArnEquals", "aws:PrincipalArn", Json::from(role.as_str()));
    }
    propose(&format!("ask its owner to add to {policy}"), to, &grant(request, &conditions))
}

fn grant(request: &HopRequest<'_>, conditions: &Conditions) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{ACTION}","Resource":"{}"{conditions}}}"#, request.target)
}

fn propose(what: &str, to: AdditionPlace, text: &str) -> Option<Proposal> {
    let statement = serde_json::from_str(text).ok()?;
    Some((format!("{what}: {text}"), Addition { to, statement }))
}

fn is_regional(name: &str) -> bool {
    name.split('.').count() > 3
}

fn tells_users_apart(request: &HopRequest<'_>) -> bool {
    let allows = request.trust.statements.iter().filter(|statement| statement.effect == StatementEffect::Allow);
    let mut conditions = allows.flat_map(|statement| &statement.conditions);
    conditions.any(|condition| condition.lookup() == EXTERNAL_ID)
}

/// A Condition element that is being put together.
#[derive(Debug, Default)]
struct Conditions {
    element: Map<String, Json>,
    /// Operators with keys in lower case: a key may stand under an operator once, whatever its case.
    taken: Vec<(String, String)>,
}

impl Conditions {
    /// Those that a statement needs which stands beside others.
    fn beside(request: &HopRequest<'_>, beside: Beside<'_>) -> Option<Self> {
        let mut conditions = Self::default();
        match beside {
            Beside::Nothing => {}
            Beside::One(statement) => conditions.repeat(request, &statement.conditions)?,
            Beside::Various => return None,
        }
        Some(conditions)
    }

    /// Repeats conditions; one that fails is replaced by one that holds for exactly this call.
    fn repeat(&mut self, request: &HopRequest<'_>, conditions: &[Condition]) -> Option<()> {
        let (failing, others): (Vec<_>, Vec<_>) =
            conditions.iter().partition(|condition| condition.holds(request.context).is_false());
        for condition in failing {
            if condition.lookup() == EXTERNAL_ID {
                self.pin_user(request)?;
            } else {
                self.pin(condition, request.context.value(condition.lookup()))?;
            }
        }
        for condition in others {
            self.add(&condition.name, &condition.key, words::values(condition));
        }
        Some(())
    }

    fn pin(&mut self, condition: &Condition, value: &KeyValue) -> Option<()> {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(['$', '*', '?']);
        match value {
            // That the call does not carry the key holds for this kind of call.
            KeyValue::Absent => self.add("Null", &condition.key, Json::from("true")),
            KeyValue::One(text) if is_plain(text) => {
                self.add(condition.exact_operator()?, &condition.key, Json::from(text.as_str()));
            }
            KeyValue::Many(texts) if !texts.is_empty() && texts.iter().all(|text| is_plain(text)) => {
                let operator = format!("ForAnyValue:{}", condition.exact_operator()?);
                self.add(&operator, &condition.key, Json::from(texts.as_slice()));
            }
            KeyValue::One(_) | KeyValue::Many(_) | KeyValue::Begins(_) | KeyValue::Unknown => return None,
        }
        Some(())
    }

    /// Demands the database user of this call. `None`: the call carries none, or which one is not known.
    fn pin_user(&mut self, request: &HopRequest<'_>) -> Option<()> {
        match request.context.value(EXTERNAL_ID) {
            KeyValue::One(text) if !text.is_empty() => {
                self.add("StringEquals", "sts:ExternalId", Json::from(text.as_str()));
                Some(())
            }
            _ => None,
        }
    }

    fn add(&mut self, operator: &str, key: &str, values: Json) {
        let taken = (operator.to_owned(), key.to_lowercase());
        if self.taken.contains(&taken) {
            return;
        }
        self.taken.push(taken);
        let keys = self.element.entry(operator).or_insert_with(|| Json::Object(Map::new()));
        if let Some(keys) = keys.as_object_mut() {
            keys.insert(key.to_owned(), values);
        }
    }
}

impl std::fmt::Display for Conditions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.element.is_empty() {
            return Ok(());
        }
        write!(formatter, r#","Condition":{}"#, Json::Object(self.element.clone()))
    }
}
