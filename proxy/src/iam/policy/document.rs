//! Policy documents, read once into what an `sts:AssumeRole` on a role needs of them.
//! Sources: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference".

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};

use super::{
    condition::Condition,
    context::RequestContext,
    pattern::{ArnPattern, matches_glob},
    principal::{CallingPrincipal, Named, Principals, texts},
    truth::Truth,
};

/// The action that every hop asks for.
pub(crate) const ACTION: &str = "sts:AssumeRole";

/// Which elements a document may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DocumentKind {
    /// A permissions policy, boundary, session policy or service control policy: Resource, no Principal.
    Permissions,
    /// A trust policy: Principal, no Resource.
    Trust,
    /// A resource control policy: both.
    ResourceControl,
}

/// A policy document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// How many characters it has, blanks left out: what IAM's quotas count.
    pub(crate) length: usize,
    /// What makes the whole document unusable.
    pub(crate) fault: Option<String>,
    pub(crate) statements: Vec<PolicyStatement>,
}

/// The Effect element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StatementEffect {
    Allow,
    Deny,
    /// Neither word, so it may be either.
    Unclear,
}

/// A statement of a policy document.
#[derive(Clone, Debug)]
pub(crate) struct PolicyStatement {
    pub(crate) sid: Option<String>,
    /// Its place in the document, from 1.
    pub(crate) number: usize,
    pub(crate) effect: StatementEffect,
    /// What IAM would refuse in it.
    pub(crate) fault: Option<String>,
    pub(crate) conditions: Vec<Condition>,
    covers_action: Truth,
    resources: Resources,
    principals: Option<Principals>,
}

#[derive(Clone, Debug)]
enum Resources {
    /// The kind of document has none.
    NoElement,
    Any(Vec<ArnPattern>),
    NoneOf(Vec<ArnPattern>),
    Unreadable,
}

impl Document {
    /// Reads a document: an object, JSON text, or percent-encoded JSON text, as the API, the command line and
    /// emulators give it.
    ///
    /// # Errors
    /// A text that is not JSON; says where.
    pub(crate) fn read(kind: DocumentKind, value: &Json) -> Result<Self, String> {
        let decoded = match value {
            Json::String(text) => Some(parse_text(text)?),
            _ => None,
        };
        let value = decoded.as_ref().unwrap_or(value);
        Ok(Self::of(kind, value, value.to_string().chars().count()))
    }

    /// Reads a document that is JSON already, of so many characters.
    pub(crate) fn of(kind: DocumentKind, value: &Json, length: usize) -> Self {
        let faulty = |fault: &str| Self { length, fault: Some(fault.to_owned()), statements: Vec::new() };
        let Some(elements) = value.as_object() else { return faulty("it is not a JSON object") };
        let variables = match elements.get("Version").map(Json::as_str) {
            None | Some(Some("2008-10-17")) => false,
            Some(Some("2012-10-17")) => true,
            Some(_) => return faulty("its Version is neither 2012-10-17 nor 2008-10-17"),
        };
        if let Some(key) = elements.keys().find(|key| !matches!(key.as_str(), "Version" | "Id" | "Statement")) {
            return faulty(&format!("it has an unknown element {key}"));
        }
        let statements: Vec<&Json> = match elements.get("Statement") {
            Some(Json::Array(list)) => list.iter().collect(),
            Some(one @ Json::Object(_)) => vec![one],
            _ => return faulty("it has no Statement"),
        };
        let numbered = (1..).zip(statements);
        let statements =
            numbered.map(|(number, value)| PolicyStatement::read(number, kind, value, variables)).collect();
        Self { length, fault: None, statements }
    }
}

/// JSON, or JSON percent-encoded by the IAM API.
pub(crate) fn parse_text(text: &str) -> Result<Json, String> {
    let text = decode_text(text)?;
    serde_json::from_str(&text).map_err(|error| format!("its policy text is not JSON: {error}"))
}

/// The JSON of a text that may be percent-encoded, as the IAM API does it: a plus sign is no blank.
pub(crate) fn decode_text(text: &str) -> Result<Cow<'_, str>, String> {
    let text = text.trim();
    if text.starts_with('{') {
        return Ok(Cow::Borrowed(text));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| "its percent-encoded policy text is not UTF-8".to_owned())
}

impl PolicyStatement {
    fn read(number: usize, kind: DocumentKind, value: &Json, variables: bool) -> Self {
        let empty = Map::new();
        let elements = value.as_object().unwrap_or(&empty);
        let effect = match elements.get("Effect").and_then(Json::as_str) {
            Some("Allow") => StatementEffect::Allow,
            Some("Deny") => StatementEffect::Deny,
            _ => StatementEffect::Unclear,
        };
        let condition = elements.get("Condition").map_or_else(|| Ok(Vec::new()), |it| Condition::read(it, variables));
        let (conditions, unreadable) = condition.map_or_else(|why| (Vec::new(), Some(why)), |found| (found, None));
        Self {
            sid: elements.get("Sid").and_then(Json::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned),
            number,
            effect,
            fault: unreadable.or_else(|| fault_of(elements, kind, effect)),
            conditions,
            covers_action: covers_action(elements, effect),
            resources: Resources::read(elements, kind, variables),
            principals: read_principals(elements, kind),
        }
    }

    /// The principals of AWS that the statement can grant something to; `None`: it may be anybody.
    pub(crate) fn grants_to(&self) -> Option<&[String]> {
        if self.effect == StatementEffect::Deny || self.covers_action.is_false() {
            return Some(&[]);
        }
        self.principals.as_ref().and_then(Principals::aws_texts)
    }

    /// How closely the statement names a caller: 0 itself, 1 its account, 2 everybody.
    pub(crate) fn closeness(&self, caller: CallingPrincipal<'_>) -> u8 {
        let Some(principals) = &self.principals else { return 0 };
        let named = principals.name(caller);
        match (named.by_role.is_true(), principals.is_anybody(), named.directly.is_true()) {
            (true, _, _) | (false, false, true) => 0,
            (false, false, false) => 1,
            (false, true, _) => 2,
        }
    }

    /// What stands under `AWS` and under `Service` in its Principal element.
    pub(crate) fn principal_texts(&self) -> (&[String], &[String]) {
        self.principals.as_ref().map_or((&[], &[]), Principals::texts)
    }

    /// Whether its Action element certainly covers `sts:AssumeRole`.
    pub(crate) fn covers_action(&self) -> bool {
        self.covers_action.is_true()
    }

    /// The resources to which it may allow the action, as patterns with wildcards; `None`: perhaps to any.
    pub(crate) fn may_allow(&self) -> Option<Vec<String>> {
        if self.effect == StatementEffect::Deny || self.covers_action.is_false() {
            return Some(Vec::new());
        }
        match &self.resources {
            Resources::Any(patterns) if self.fault.is_none() && patterns.iter().all(ArnPattern::is_whole) => {
                Some(patterns.iter().map(|pattern| pattern.to_string().replace("${...}", "*")).collect())
            }
            _ => None,
        }
    }

    /// The texts of its Resource element.
    pub(crate) fn resource_texts(&self) -> Vec<String> {
        match &self.resources {
            Resources::Any(patterns) => patterns.iter().map(ArnPattern::to_string).collect(),
            Resources::NoElement | Resources::NoneOf(_) | Resources::Unreadable => Vec::new(),
        }
    }

    /// Whether the statement speaks about this call, and how it names the caller; conditions left aside. A document
    /// without Principal element speaks about every caller, "directly".
    pub(crate) fn addresses(&self, caller: CallingPrincipal<'_>, target: &str, context: &RequestContext) -> Named {
        if self.covers_action.is_false() {
            return Named::NOT;
        }
        let anybody = Named { directly: Truth::True, ..Named::NOT };
        let named = self.principals.as_ref().map_or(anybody, |principals| principals.name(caller));
        if named.at_all().is_false() {
            return Named::NOT;
        }
        let covered = self.covers_action & self.resources.cover(target, context);
        let covered = if self.fault.is_some() { covered.doubted() } else { covered };
        named.and(covered)
    }

    /// Whether all conditions hold.
    pub(crate) fn conditions_hold(&self, context: &RequestContext) -> Truth {
        Truth::all(self.conditions.iter().map(|condition| condition.holds(context)))
    }

    /// Whether the statement applies to this call, for each way of naming the caller.
    pub(crate) fn applies(&self, caller: CallingPrincipal<'_>, target: &str, context: &RequestContext) -> Named {
        let addressed = self.addresses(caller, target, context);
        if addressed.at_all().is_false() { addressed } else { addressed.and(self.conditions_hold(context)) }
    }
}

/// What IAM would refuse to save, beside what the elements' own readers find.
fn fault_of(elements: &Map<String, Json>, kind: DocumentKind, effect: StatementEffect) -> Option<String> {
    if effect == StatementEffect::Unclear {
        return Some("its Effect is neither Allow nor Deny".to_owned());
    }
    for key in elements.keys() {
        let is_known = match key.as_str() {
            "Resource" | "NotResource" if kind == DocumentKind::Trust => {
                return Some(format!("{key} may not stand in a trust policy"));
            }
            "Sid" | "Effect" | "Action" | "NotAction" | "Resource" | "NotResource" | "Condition" => true,
            "Principal" if kind != DocumentKind::Permissions => true,
            "NotPrincipal" => return Some("NotPrincipal is not supported here".to_owned()),
            _ => false,
        };
        if !is_known {
            return Some(format!("it has an element {key} that may not stand there"));
        }
    }
    None
}

fn read_principals(elements: &Map<String, Json>, kind: DocumentKind) -> Option<Principals> {
    let read = || elements.get("Principal").map_or(Principals::Unreadable, Principals::read);
    match kind {
        DocumentKind::Permissions => None,
        DocumentKind::Trust if elements.contains_key("NotPrincipal") => Some(Principals::Unreadable),
        DocumentKind::Trust => Some(read()),
        // Only "everybody" may stand in a resource control policy.
        DocumentKind::ResourceControl => Some(match read() {
            Principals::Anybody => Principals::Anybody,
            Principals::Listed { accounts, services } if accounts == ["*"] && services.is_empty() => {
                Principals::Anybody
            }
            _ => Principals::Unreadable,
        }),
    }
}

/// Whether `Action` or `NotAction` covers `sts:AssumeRole`. Prefix and name ignore case.
fn covers_action(elements: &Map<String, Json>, effect: StatementEffect) -> Truth {
    let cover = |value: &Json| match texts(value) {
        Some(texts) if !texts.is_empty() => Truth::any(texts.iter().map(|text| covers(text))),
        _ => Truth::Unknown,
    };
    match (elements.get("Action"), elements.get("NotAction")) {
        // What IAM would not save allows nothing.
        (Some(actions), None) if effect == StatementEffect::Allow && is_no_action(actions) => Truth::False,
        (Some(actions), None) => cover(actions),
        (None, Some(actions)) => !cover(actions),
        _ => Truth::Unknown,
    }
}

/// A text that is neither `*` nor of the form `service:Name`.
fn is_no_action(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text != "*" && !text.contains(':'))
}

fn covers(pattern: &str) -> Truth {
    if pattern == "*" {
        return Truth::True;
    }
    let found = Truth::from(matches_glob(&pattern.to_ascii_lowercase(), &ACTION.to_ascii_lowercase()));
    let is_action_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"*?:-_".contains(&byte);
    match pattern.split_once(':') {
        // Not an action: IAM would refuse it.
        parts if parts.is_none() || !pattern.bytes().all(is_action_byte) => Truth::Unknown,
        Some((service, _)) if pattern != "*:*" && service.contains(['*', '?']) => found.doubted(),
        _ => found,
    }
}

impl Resources {
    fn read(elements: &Map<String, Json>, kind: DocumentKind, variables: bool) -> Self {
        if kind == DocumentKind::Trust {
            return Self::NoElement;
        }
        let read = |value: &Json| {
            let texts = texts(value).filter(|texts| !texts.is_empty());
            texts.map(|texts| texts.iter().map(|text| ArnPattern::read(text, variables)).collect())
        };
        match (elements.get("Resource"), elements.get("NotResource")) {
            (Some(value), None) => read(value).map_or(Self::Unreadable, Self::Any),
            (None, Some(value)) => read(value).map_or(Self::Unreadable, Self::NoneOf),
            _ => Self::Unreadable,
        }
    }

    fn cover(&self, role: &str, context: &RequestContext) -> Truth {
        let any = |patterns: &[ArnPattern]| Truth::any(patterns.iter().map(|each| each.matches_role(role, context)));
        match self {
            Self::NoElement => Truth::True,
            Self::Unreadable => Truth::Unknown,
            Self::Any(patterns) => any(patterns),
            Self::NoneOf(patterns) if patterns.iter().all(|pattern| pattern.has_value(context)) => !any(patterns),
            Self::NoneOf(patterns) => (!any(patterns)).doubted(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn actions() {
        let (no, open, yes) = (Truth::False, Truth::Unknown, Truth::True);
        // (Action of an Allow, whether it covers sts:AssumeRole, and in a Deny)
        let rows = [
            (json!("*"), yes, yes),
            (json!("*:*"), yes, yes),
            (json!("STS:assume*"), yes, yes),
            (json!(["s3:*", "sts:AssumeRol?"]), yes, yes),
            (json!("sts:AssumeRoleWithSAML"), no, no),
            (json!("sts:AssumeRole?"), no, no),
            (json!("s*:AssumeRole"), open, open),
            (json!("*:AssumeRole"), open, open),
            (json!("AssumeRole"), no, open),
            (json!(" sts:AssumeRole"), open, open),
            (json!([]), open, open),
            (json!(7), open, open),
        ];
        for (action, in_allow, in_deny) in rows {
            for (effect, want) in [("Allow", in_allow), ("Deny", in_deny)] {
                let statement = json!({"Effect": effect, "Action": action, "Resource": "*"});
                let statement = PolicyStatement::read(1, DocumentKind::Permissions, &statement, true);
                assert_eq!(statement.covers_action, want, "{effect} {action}");
            }
        }
    }

    /// What IAM would refuse makes a document or a statement faulty.
    #[test]
    fn faults() {
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let rows = [
            (json!([]), Some("it is not a JSON object")),
            (
                json!({"Version": "2013-01-01", "Statement": []}),
                Some("its Version is neither 2012-10-17 nor 2008-10-17"),
            ),
            (json!({"Version": "2012-10-17"}), Some("it has no Statement")),
            (json!({"Statements": [], "Statement": []}), Some("it has an unknown element Statements")),
            (json!({"Id": "x", "Statement": statement}), None),
        ];
        for (value, want) in rows {
            let document = Document::read(DocumentKind::Permissions, &value).unwrap();
            assert_eq!(document.fault.as_deref(), want, "{value}");
        }
        let rows = [
            (DocumentKind::Permissions, "Principal", json!("*")),
            (DocumentKind::Trust, "Resource", json!("*")),
            (DocumentKind::Trust, "NotPrincipal", json!("*")),
            (DocumentKind::Permissions, "Effect", json!("allow")),
            (DocumentKind::Permissions, "Condition", json!(["x"])),
            (DocumentKind::Permissions, "Reason", json!("x")),
        ];
        for (kind, element, value) in rows {
            let mut statement = json!({"Effect": "Allow", "Action": "*"});
            statement[element] = value;
            assert!(PolicyStatement::read(1, kind, &statement, true).fault.is_some(), "{kind:?} {element}");
        }
    }
}
