//! What a rule looks at, read off its JSON form: enough to tell which names it holds, and for which requests it is made.

use cedar_policy::Effect;
use serde_json::Value;

use crate::rules::{RuleEffect, RuleSeverity};

/// What a rule compares.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// The user, or the user's name.
    User,
    /// The user's groups.
    Group,
    /// The statement's kind, or the groups of kinds.
    Action,
    /// An attribute of the chain or of the circumstances.
    Attribute(String),
}

/// A part of a pattern: a text, or `None` for anything.
pub type LikePart = Option<String>;

/// What a subject is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    /// It is one of these, or holds one of them.
    Any(Vec<String>),
    /// It holds all of these.
    All(Vec<String>),
    /// Its values are all among these, or it is the set of them.
    Within(Vec<String>),
    /// It fits a pattern.
    Like(Vec<LikePart>),
    /// It is compared with a number.
    Number(i64),
    /// It is compared with a time.
    Time(String),
    /// It is an address of this range.
    Range(String),
}

/// A condition, as far as it can be told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RuleCondition {
    /// It is known without a request.
    Constant(bool),
    /// A subject is compared with something.
    Compare(Subject, Test),
    /// It does not hold.
    Not(Box<RuleCondition>),
    /// All of them hold.
    And(Vec<RuleCondition>),
    /// One of them holds.
    Or(Vec<RuleCondition>),
    /// Something else, made of these.
    Other(Vec<RuleCondition>),
}

/// A rule as far as it can be told without a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleProfile {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: RuleEffect,
    /// What a forbid does to the statement.
    pub severity: RuleSeverity,
    /// File, line and column at which it starts.
    pub place: String,
    /// The rule in one form, whatever its blanks and comments: equal rules have equal forms.
    pub form: String,
    /// When it applies.
    pub condition: RuleCondition,
}

impl RuleProfile {
    /// Reads a rule's JSON form.
    pub(super) fn read(id: &str, (effect, severity): (Effect, RuleSeverity), place: String, json: &Value) -> Self {
        let scope = ["principal", "action"].into_iter().filter_map(|name| scope(name, json.get(name)?));
        let clauses = json.get("conditions").and_then(Value::as_array).into_iter().flatten().map(clause);
        Self {
            id: id.to_owned(),
            effect: if effect == Effect::Permit { RuleEffect::Permit } else { RuleEffect::Forbid },
            severity,
            place,
            form: json.to_string(),
            condition: RuleCondition::And(scope.chain(clauses).collect()),
        }
    }
}

impl RuleCondition {
    /// Every comparison in it, in the order of the text.
    pub fn comparisons(&self, found: &mut impl FnMut(&Subject, &Test)) {
        match self {
            Self::Constant(_) => {}
            Self::Compare(subject, test) => found(subject, test),
            Self::Not(inner) => inner.comparisons(found),
            Self::And(parts) | Self::Or(parts) | Self::Other(parts) => {
                for part in parts {
                    part.comparisons(found);
                }
            }
        }
    }

    /// Whether it holds, where the outcome of some comparisons is known; `None` when that is not enough.
    pub fn weigh(&self, known: &impl Fn(&Subject, &Test) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Compare(subject, test) => known(subject, test),
            Self::Not(inner) => inner.weigh(known).map(|holds| !holds),
            Self::And(parts) => joined(parts.iter().map(|part| part.weigh(known)), false),
            Self::Or(parts) => joined(parts.iter().map(|part| part.weigh(known)), true),
            Self::Other(_) => None,
        }
    }
}

/// `decisive` if one part is, its opposite if all are, else nothing.
fn joined(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut whole = Some(!decisive);
    for part in parts {
        if part == Some(decisive) {
            return part;
        }
        whole = whole.and(part);
    }
    whole
}

fn scope(name: &str, json: &Value) -> Option<RuleCondition> {
    let entities = json.get("entities").and_then(Value::as_array).into_iter().flatten();
    let entities = json.get("entity").or_else(|| json.pointer("/in/entity")).into_iter().chain(entities);
    let named: Vec<(&str, &str)> = entities.filter_map(entity).collect();
    (!named.is_empty()).then(|| members(name, &named))
}

fn clause(json: &Value) -> RuleCondition {
    let body = json.get("body").map_or(RuleCondition::Constant(true), condition);
    if json.get("kind").and_then(Value::as_str) == Some("unless") { RuleCondition::Not(Box::new(body)) } else { body }
}

/// That the principal or action is, or is in, one of these entities.
fn members(name: &str, entities: &[(&str, &str)]) -> RuleCondition {
    let of = |is_group: bool| -> Vec<String> {
        let wanted = entities.iter().filter(|(kind, _)| kind.ends_with("::Group") == is_group);
        wanted.map(|(_, id)| (*id).to_owned()).collect()
    };
    if name == "action" {
        return RuleCondition::Compare(Subject::Action, Test::Any(of(false)));
    }
    let compare =
        |subject, names: Vec<String>| (!names.is_empty()).then_some(RuleCondition::Compare(subject, Test::Any(names)));
    RuleCondition::Or(
        [compare(Subject::Group, of(true)), compare(Subject::User, of(false))].into_iter().flatten().collect(),
    )
}

/// Type and id of an entity, in a scope or in an expression.
fn entity(json: &Value) -> Option<(&str, &str)> {
    let fields = json.get("__entity").or_else(|| json.pointer("/Value/__entity")).unwrap_or(json);
    Some((fields.get("type")?.as_str()?, fields.get("id")?.as_str()?))
}

fn variable(json: &Value) -> Option<&str> {
    json.get("Var").and_then(Value::as_str)
}

fn subject(json: &Value) -> Option<Subject> {
    match variable(json) {
        Some("principal") => return Some(Subject::User),
        Some("action") => return Some(Subject::Action),
        _ => {}
    }
    let access = json.get(".")?;
    let attribute = access.get("attr")?.as_str()?;
    match variable(access.get("left")?)? {
        "principal" => Some(Subject::User),
        _ => Some(Subject::Attribute(attribute.to_owned())),
    }
}

fn text(json: &Value) -> Option<String> {
    json.get("Value").and_then(Value::as_str).map(str::to_owned)
}

fn texts(json: &Value) -> Option<Vec<String>> {
    json.get("Set")?.as_array()?.iter().map(text).collect()
}

fn condition(json: &Value) -> RuleCondition {
    let Some((operator, operands)) = json.as_object().and_then(|fields| fields.iter().next()) else {
        return RuleCondition::Other(Vec::new());
    };
    let (left, right) = (operands.get("left"), operands.get("right"));
    let both = || [left, right].into_iter().flatten().map(condition).collect();
    let compared = left.zip(right).and_then(|(left, right)| comparison(operator, left, right));
    match operator.as_str() {
        "&&" => RuleCondition::And(both()),
        "||" => RuleCondition::Or(both()),
        "!" => RuleCondition::Not(Box::new(operands.get("arg").map_or(RuleCondition::Other(Vec::new()), condition))),
        "!=" => compared.map_or_else(|| RuleCondition::Other(both()), |equal| RuleCondition::Not(Box::new(equal))),
        "Value" => operands.as_bool().map_or(RuleCondition::Other(Vec::new()), RuleCondition::Constant),
        "like" => left.and_then(|left| like(left, operands)).unwrap_or(RuleCondition::Other(Vec::new())),
        "isInRange" => in_range(operands).unwrap_or(RuleCondition::Other(Vec::new())),
        "if-then-else" => choice(operands),
        _ => compared.unwrap_or_else(|| RuleCondition::Other(parts(operands))),
    }
}

/// `if a then b else c` is `a && b || !a && c`.
fn choice(operands: &Value) -> RuleCondition {
    let part = |name| operands.get(name).map_or(RuleCondition::Other(Vec::new()), condition);
    let (when, then, otherwise) = (part("if"), part("then"), part("else"));
    let not = RuleCondition::Not(Box::new(when.clone()));
    RuleCondition::Or(vec![RuleCondition::And(vec![when, then]), RuleCondition::And(vec![not, otherwise])])
}

fn parts(operands: &Value) -> Vec<RuleCondition> {
    match operands {
        Value::Array(values) => values.iter().map(condition).collect(),
        Value::Object(fields) => fields.values().filter(|value| value.is_object()).map(condition).collect(),
        _ => Vec::new(),
    }
}

fn comparison(operator: &str, left: &Value, right: &Value) -> Option<RuleCondition> {
    let compare = |side: &Value, test| subject(side).map(|subject| RuleCondition::Compare(subject, test));
    match operator {
        "==" | "!=" | "in" if variable(left).is_some() => in_entities(variable(left)?, right),
        "==" | "!=" if variable(right).is_some() => in_entities(variable(right)?, left),
        "==" | "!=" | "<" | "<=" | ">" | ">=" => {
            [(left, right), (right, left)].into_iter().find_map(|(side, other)| {
                let within = || texts(other).map(Test::Within);
                compare(side, value(other).or_else(within)?)
            })
        }
        "contains" => match texts(left) {
            Some(values) => compare(right, Test::Any(values)),
            None => compare(left, Test::Any(vec![text(right)?])),
        },
        "containsAny" => match texts(left) {
            Some(values) => compare(right, Test::Any(values)),
            None => compare(left, Test::Any(texts(right)?)),
        },
        "containsAll" => match texts(left) {
            Some(values) => compare(right, Test::Within(values)),
            None => compare(left, Test::All(texts(right)?)),
        },
        _ => None,
    }
}

fn in_entities(name: &str, entities: &Value) -> Option<RuleCondition> {
    let one = entity(entities).map(|entity| vec![entity]);
    let named = one.or_else(|| entities.get("Set")?.as_array()?.iter().map(entity).collect())?;
    Some(members(name, &named))
}

/// A text, number or time to compare with.
fn value(json: &Value) -> Option<Test> {
    let literal = json.get("Value");
    let time = || json.get("datetime")?.get(0).and_then(text).map(Test::Time);
    let number = || literal?.as_i64().map(Test::Number);
    text(json).map(|text| Test::Any(vec![text])).or_else(number).or_else(time)
}

fn like(left: &Value, operands: &Value) -> Option<RuleCondition> {
    let part = |part: &Value| part.get("Literal").and_then(Value::as_str).map(str::to_owned);
    let mut pattern: Vec<LikePart> = Vec::new();
    for part in operands.get("pattern")?.as_array()?.iter().map(part) {
        match (pattern.last_mut(), part) {
            (Some(Some(before)), Some(letters)) => before.push_str(&letters),
            (_, part) => pattern.push(part),
        }
    }
    Some(RuleCondition::Compare(subject(left)?, Test::Like(pattern)))
}

fn in_range(operands: &Value) -> Option<RuleCondition> {
    let range = operands.get(1)?.get("ip")?.get(0).and_then(text)?;
    Some(RuleCondition::Compare(subject(operands.get(0)?)?, Test::Range(range)))
}

/// Whether a text fits a pattern, as Cedar's `like` has it.
#[must_use]
pub fn fits(pattern: &[LikePart], text: &str) -> bool {
    match pattern {
        [] => text.is_empty(),
        [Some(letters), rest @ ..] => text.strip_prefix(letters.as_str()).is_some_and(|text| fits(rest, text)),
        [None] => true,
        [None, rest @ ..] => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| fits(rest, text.get(at..).unwrap_or_default())),
    }
}
