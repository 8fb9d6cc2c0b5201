//! Condition operators: their names, and the comparison of one policy value with one request value.
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use std::{cmp::Ordering, net::IpAddr};

use ipnet::IpNet;
use jiff::{Timestamp, civil};

use super::{
    context::RequestContext,
    pattern::{ArnPattern, PatternRules, Template},
    truth::Truth,
};

/// How a set of request values is quantified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Quantifier {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    Text,
    TextIgnoringCase,
    TextPattern,
    Arn,
    Number(Order),
    Date(Order),
    Bool,
    Address,
    Binary,
    Null,
}

/// Which order of (request value, policy value) holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// A condition operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Operator {
    pub(crate) quantifier: Option<Quantifier>,
    pub(crate) comparison: Comparison,
    pub(crate) is_negated: bool,
    pub(crate) if_exists: bool,
}

impl Operator {
    /// Reads an operator's name. `None` for one that IAM does not have.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::Any), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (comparison, is_negated) = match base {
            "StringEquals" => (Comparison::Text, false),
            "StringNotEquals" => (Comparison::Text, true),
            "StringEqualsIgnoreCase" => (Comparison::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::TextIgnoringCase, true),
            "StringLike" => (Comparison::TextPattern, false),
            "StringNotLike" => (Comparison::TextPattern, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "NumericEquals" => (Comparison::Number(Order::Equal), false),
            "NumericNotEquals" => (Comparison::Number(Order::Equal), true),
            "NumericLessThan" => (Comparison::Number(Order::Less), false),
            "NumericLessThanEquals" => (Comparison::Number(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Comparison::Number(Order::Greater), false),
            "NumericGreaterThanEquals" => (Comparison::Number(Order::GreaterOrEqual), false),
            "DateEquals" => (Comparison::Date(Order::Equal), false),
            "DateNotEquals" => (Comparison::Date(Order::Equal), true),
            "DateLessThan" => (Comparison::Date(Order::Less), false),
            "DateLessThanEquals" => (Comparison::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Comparison::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Comparison::Date(Order::GreaterOrEqual), false),
            "Bool" => (Comparison::Bool, false),
            "IpAddress" => (Comparison::Address, false),
            "NotIpAddress" => (Comparison::Address, true),
            "BinaryEquals" => (Comparison::Binary, false),
            "Null" if !if_exists && quantifier.is_none() => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { quantifier, comparison, is_negated, if_exists })
    }
}

/// One value of a condition in a policy, read for its operator.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Text(Template),
    TextIgnoringCase(Template),
    Arn(ArnPattern),
    Number(Order, f64),
    Date(Order, Timestamp),
    Bool(bool),
    Address(IpNet),
    Binary(String),
    /// A value that equals nothing.
    Never,
    /// A value that the operator does not take, so the result is unknown.
    Unreadable,
}

impl Operand {
    pub(crate) fn read(comparison: Comparison, text: &str, variables: bool) -> Self {
        let template = |wildcards| Template::read(text, PatternRules { wildcards, variables });
        let read = match comparison {
            Comparison::Text => Some(Self::Text(template(false))),
            Comparison::TextPattern => Some(Self::Text(template(true))),
            Comparison::TextIgnoringCase => Some(Self::TextIgnoringCase(template(false))),
            Comparison::Arn => Some(Self::Arn(ArnPattern::read(text, variables))),
            Comparison::Number(order) => read_number(text).map(|number| Self::Number(order, number)),
            Comparison::Date(order) => read_date(text).map(|date| Self::Date(order, date)),
            // Any other word equals neither.
            Comparison::Bool if !text.contains("${") => Some(read_bool(text).map_or(Self::Never, Self::Bool)),
            Comparison::Bool => None,
            Comparison::Null => read_bool(text).map(Self::Bool),
            Comparison::Address => read_network(text).map(Self::Address),
            Comparison::Binary => Some(Self::Binary(text.to_owned())),
        };
        read.unwrap_or(Self::Unreadable)
    }

    /// Compares with one value of the request, the operator's negation left aside. `if_unlike` is the answer for a value
    /// of the request that is not of the operator's type.
    pub(crate) fn matches(&self, value: &str, context: &RequestContext, if_unlike: Truth) -> Truth {
        let told = |found: Option<bool>| found.map_or(if_unlike, Truth::from);
        match self {
            Self::Text(template) => template.matches(value, context),
            Self::TextIgnoringCase(template) => template.matches_ignoring_case(value, context),
            Self::Arn(pattern) => pattern.matches(value, context).unwrap_or(if_unlike),
            Self::Number(order, number) => {
                told(read_number(value).and_then(|value| value.partial_cmp(number)).map(|found| order.holds(found)))
            }
            Self::Date(order, date) => told(read_date(value).map(|value| order.holds(value.cmp(date)))),
            Self::Bool(wanted) => told(read_bool(value).map(|value| value == *wanted)),
            Self::Address(network) => told(value.parse::<IpAddr>().ok().map(|value| network.contains(&value))),
            Self::Binary(wanted) => (value == wanted).into(),
            Self::Never => Truth::False,
            Self::Unreadable => Truth::Unknown,
        }
    }

    /// Whether a request's value of which only the beginning is known compares.
    pub(crate) fn matches_beginning(&self, beginning: &str, context: &RequestContext) -> Truth {
        match self {
            Self::Text(template) => template.matches_beginning(beginning, context),
            Self::Never => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// Whether how a negated operator compares it is left open by AWS.
    pub(crate) fn is_delicate(&self, context: &RequestContext) -> bool {
        match self {
            Self::Text(template) | Self::TextIgnoringCase(template) => template.is_delicate(context),
            Self::Arn(pattern) => pattern.is_delicate(context),
            _ => false,
        }
    }
}

fn read_bool(text: &str) -> Option<bool> {
    let is = |word| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}

fn read_number(text: &str) -> Option<f64> {
    // The standard parser also takes "inf", "nan" and exponents; that IAM does is not documented.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    if is_plain { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// A CIDR block, or one address.
fn read_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// ISO 8601 with a zone, a date alone (midnight UTC), or seconds since 1970. A bare year could be both and is not read.
fn read_date(text: &str) -> Option<Timestamp> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return if unsigned.len() == 4 { None } else { Timestamp::from_second(text.parse().ok()?).ok() };
    }
    if let Ok(found) = text.parse() {
        return Some(found);
    }
    let date = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
    if date.len() != 10 {
        return None;
    }
    format!("{}T00:00:00Z", date.parse::<civil::Date>().ok()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{super::context::Unlisted, *};

    /// (operator, policy's value, request's value, whether they compare)
    #[test]
    fn comparisons() {
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        let rows = [
            ("StringEquals", "a*", "abc", no),
            ("StringEqualsIgnoreCase", "\u{c4}B", "\u{e4}b", yes),
            ("StringLike", "a*", "abc", yes),
            ("ArnEquals", "arn:aws:redshift:*:1:dbuser:c/*", "arn:aws:redshift:us-east-1:1:dbuser:c/u", yes),
            ("ArnLike", "arn:aws:redshift:*:dbuser:c/u", "arn:aws:redshift:us-east-1:1:dbuser:c/u", no),
            ("ArnLike", "arn:aws:redshift", "arn:aws:redshift:us-east-1:1:dbuser:c/u", open),
            ("ArnLike", "arn:aws:s3", "arn:aws:redshift:us-east-1:1:dbuser:c/u", no),
            ("NumericLessThan", "10.5", "10", yes),
            ("NumericEquals", "inf", "10", open),
            ("DateLessThan", "1767225600", "2025-12-31T23:59:59Z", yes),
            ("DateGreaterThan", "2026-11-23", "2026-11-23T00:00:01Z", yes),
            ("DateEquals", "2026-11", "2026-11-01T01:00:00+01:00", yes),
            ("DateEquals", "2026", "2026-01-01T00:00:00Z", open),
            ("Bool", "TRUE", "true", yes),
            ("Bool", "yes", "true", no),
            ("IpAddress", "0.0.0.0/0", "10.0.0.1", yes),
            ("IpAddress", "::/0", "10.0.0.1", no),
            ("IpAddress", "2001:db8::1", "2001:db8:0:0::1", yes),
            ("IpAddress", "10.0.0.0/33", "10.0.0.1", open),
            ("BinaryEquals", "QQ==", "qq==", no),
        ];
        let context = RequestContext::new(Unlisted::Absent);
        for (name, wanted, value, want) in rows {
            let operator = Operator::parse(name).unwrap();
            let found = Operand::read(operator.comparison, wanted, true).matches(value, &context, Truth::False);
            assert_eq!(found, want, "{name} {wanted} {value}");
        }
    }

    #[test]
    fn names_of_operators() {
        for name in ["ForAnyValue:StringLikeIfExists", "NotIpAddress", "Null", "DateLessThanEqualsIfExists"] {
            assert!(Operator::parse(name).is_some(), "{name}");
        }
        for name in ["stringequals", "NullIfExists", "ForSomeValues:Bool", "ForAllValues:Null", "StringIs", ""] {
            assert!(Operator::parse(name).is_none(), "{name}");
        }
    }
}
