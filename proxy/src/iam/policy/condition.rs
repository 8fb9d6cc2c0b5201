//! The Condition element of a statement.
//! Sources: IAM User Guide, "IAM JSON policy elements: Condition", "Single-valued vs. multivalued context keys".

use serde_json::Value as Json;

use super::{
    context::{KeyValue, RequestContext},
    operator::{Comparison, Operand, Operator, Quantifier},
    truth::Truth,
};

/// One operator on one key.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// The operator's name as written.
    pub(crate) name: String,
    /// The key as written.
    pub(crate) key: String,
    /// The policy's values as written.
    pub(crate) texts: Vec<String>,
    /// The key in lower case.
    lookup: String,
    /// `None` when IAM has no such operator, or the values are not texts.
    operator: Option<Operator>,
    operands: Vec<Operand>,
}

impl Condition {
    /// Reads a whole Condition element. An error says what is wrong with its shape.
    pub(crate) fn read(element: &Json, variables: bool) -> Result<Vec<Self>, String> {
        let operators = element.as_object().ok_or("Condition is not an object")?;
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let keys = keys.as_object().ok_or_else(|| format!("condition operator {name} does not hold an object"))?;
            for (key, values) in keys {
                conditions.push(Self::of(name, key, values, variables));
            }
        }
        Ok(conditions)
    }

    fn of(name: &str, key: &str, values: &Json, variables: bool) -> Self {
        let texts = read_texts(values);
        let operator = Operator::parse(name).filter(|_| texts.is_some());
        let texts = texts.unwrap_or_default();
        let operands = operator.map_or_else(Vec::new, |operator| {
            texts.iter().map(|text| Operand::read(operator.comparison, text, variables)).collect()
        });
        Self { name: name.to_owned(), key: key.to_owned(), texts, lookup: key.to_lowercase(), operator, operands }
    }

    /// The key in lower case.
    pub(crate) fn lookup(&self) -> &str {
        &self.lookup
    }

    /// The operator, without a quantifier, that holds for exactly one value of the type that this one compares. `None`: there is
    /// none, or the condition cannot be read.
    pub(crate) fn exact_operator(&self) -> Option<&'static str> {
        Some(match self.operator?.comparison {
            // Null is a condition on being there at all, of a key that is there.
            Comparison::Text | Comparison::TextIgnoringCase | Comparison::TextPattern | Comparison::Null => {
                "StringEquals"
            }
            Comparison::Arn => "ArnEquals",
            Comparison::Number(_) => "NumericEquals",
            Comparison::Bool => "Bool",
            Comparison::Address => "IpAddress",
            Comparison::Binary => "BinaryEquals",
            Comparison::Date(_) => return None,
        })
    }

    /// Whether IAM knows the operator and its values are texts.
    pub(crate) fn is_readable(&self) -> bool {
        self.operator.is_some() && !self.operands.iter().any(|operand| matches!(operand, Operand::Unreadable))
    }

    /// Whether this condition holds for the request.
    pub(crate) fn holds(&self, context: &RequestContext) -> Truth {
        let Some(operator) = self.operator else { return Truth::Unknown };
        if self.operands.is_empty() {
            return Truth::Unknown;
        }
        let value = context.value(&self.lookup);
        if operator.comparison == Comparison::Null {
            return self.holds_for_null(value);
        }
        let holds = |value: &String| self.matches(operator, value, context);
        match (value, operator.quantifier) {
            // A set of empty values is an empty set.
            (value, quantifier @ Some(_)) if value.is_null() => when_absent(operator, quantifier),
            (KeyValue::Unknown, _) | (KeyValue::Many(_), None) => Truth::Unknown,
            (KeyValue::Begins(beginning), _) => self.matches_beginning(operator, beginning, context),
            (KeyValue::Absent, quantifier) => when_absent(operator, quantifier),
            // Whether a plain operator takes an empty value for null is not documented.
            (KeyValue::One(value), quantifier) if value.is_empty() => {
                let (present, absent) = (holds(value), when_absent(operator, quantifier));
                if present == absent { present } else { Truth::Unknown }
            }
            (KeyValue::One(value), _) => holds(value),
            (KeyValue::Many(values), Some(Quantifier::All)) => Truth::all(values.iter().map(holds)),
            (KeyValue::Many(values), Some(Quantifier::Any)) => Truth::any(values.iter().map(holds)),
        }
    }

    fn matches(&self, operator: Operator, value: &str, context: &RequestContext) -> Truth {
        // Whether a negated operator holds for a value of another type is not documented.
        if operator.is_negated && self.operands.iter().any(|operand| operand.is_delicate(context)) {
            return Truth::Unknown;
        }
        let if_unlike = if operator.is_negated { Truth::Unknown } else { Truth::False };
        let found = Truth::any(self.operands.iter().map(|operand| operand.matches(value, context, if_unlike)));
        if operator.is_negated { !found } else { found }
    }

    fn matches_beginning(&self, operator: Operator, beginning: &str, context: &RequestContext) -> Truth {
        let found = Truth::any(self.operands.iter().map(|operand| operand.matches_beginning(beginning, context)));
        if operator.is_negated { !found } else { found }
    }

    fn holds_for_null(&self, value: &KeyValue) -> Truth {
        let is_null = match value {
            KeyValue::Absent => Truth::True,
            KeyValue::Unknown => Truth::Unknown,
            // Empty is null elsewhere; of this operator the documents do not say it.
            KeyValue::One(_) | KeyValue::Many(_) if value.is_null() => Truth::Unknown,
            KeyValue::One(_) | KeyValue::Many(_) | KeyValue::Begins(_) => Truth::False,
        };
        Truth::any(self.operands.iter().map(|operand| match operand {
            Operand::Bool(true) => is_null,
            Operand::Bool(false) => !is_null,
            _ => Truth::Unknown,
        }))
    }
}

/// What holds for a key that the request does not carry. Two cases are left open: pages of the guide contradict each other.
fn when_absent(operator: Operator, quantifier: Option<Quantifier>) -> Truth {
    match quantifier {
        None => (operator.if_exists || operator.is_negated).into(),
        Some(Quantifier::All) if operator.is_negated && !operator.if_exists => Truth::Unknown,
        Some(Quantifier::All) => Truth::True,
        Some(Quantifier::Any) if operator.if_exists => Truth::Unknown,
        Some(Quantifier::Any) => Truth::False,
    }
}

/// A text, number or boolean, or a list of such. `None` for anything else.
fn read_texts(values: &Json) -> Option<Vec<String>> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    match values {
        Json::Array(list) => list.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}
