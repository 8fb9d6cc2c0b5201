//! Proposals as Cedar text. Names come from statements, so every one is written as data. Pure.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::learn::place::S3Place;
use crate::learn::propose::{Grantee, ProposedPermit};
use crate::learn::uses::UseClass;
use crate::rules::{TargetKind, action};
use crate::sql::MethodKind;

/// Characters of a name that stand in a rule's `@id`.
const MAX_SLUG: usize = 32;

impl ProposedPermit {
    /// The rule's `@id`: the same for the same permit, whatever else a history holds.
    #[must_use]
    pub(crate) fn id(&self) -> String {
        let (kind, name) = match &self.grantee {
            Grantee::Group(name) => ("group", name),
            Grantee::User(name) => ("user", name),
        };
        let UseClass { kind: what, method, roles, target, name: on } = &self.class;
        let mut hash = Sha256::new();
        let parts =
            [kind, name, what.as_str(), method.as_str(), roles, target.into(), on, &format!("{:?}", self.place)];
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let short = digest.first_chunk::<5>().map(hex::encode).unwrap_or_default();
        format!("learned-{}-{}-{short}", slug(name), slug(what.as_str()))
    }

    /// What the permit lets through, in words.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        let who = match &self.grantee {
            Grantee::Group(name) => format!("group {name}"),
            Grantee::User(name) => format!("user {name}"),
        };
        let through = if self.class.roles.is_empty() { self.class.method.as_str() } else { &self.class.roles };
        let on = self.target().map(|target| format!(" on {target}")).unwrap_or_default();
        format!("{who}: {} through {through}{on}", self.class.kind)
    }

    /// The bucket and place, or other target.
    #[must_use]
    pub(crate) fn target(&self) -> Option<String> {
        match self.class.target {
            TargetKind::None => None,
            TargetKind::S3 => Some(format!("s3://{}/{}", self.class.name, self.place)),
            other => Some(format!("{other}:{}", self.class.name)),
        }
    }

    /// The rule, its evidence before it.
    #[must_use]
    pub(crate) fn cedar(&self, by_last_role: bool) -> String {
        let principal = match &self.grantee {
            Grantee::Group(name) => format!("principal in Rolegate::Group::{}", text(name)),
            Grantee::User(name) => format!("principal == Rolegate::User::{}", text(name)),
        };
        format!(
            "// {}\n@id({})\n@reason({})\npermit (\n  {principal},\n  action == Rolegate::Action::{},\n  resource\n)\nwhen {{\n  {}\n}};\n",
            comment(&self.evidence()),
            text(&self.id()),
            text(&format!("learned from use: {}", self.words())),
            text(&action(self.class.kind.as_str())),
            self.conditions(by_last_role).join(" &&\n  ")
        )
    }

    /// Uses, users and times.
    #[must_use]
    pub(crate) fn evidence(&self) -> String {
        let named: Vec<&str> = self.named.iter().map(String::as_str).collect();
        let more = self.users.saturating_sub(named.len());
        let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let members = self.members.map(|members| format!(" of {members} members")).unwrap_or_default();
        let mut evidence =
            format!("{} by {}{members} ({}{and_more})", uses(self.seen.count), self.users, named.join(", "));
        if let (Some(first), Some(last)) = (self.seen.first, self.seen.last) {
            let _infallible = write!(evidence, ", from {first} to {last}");
        }
        evidence
    }

    fn conditions(&self, by_last_role: bool) -> Vec<String> {
        let UseClass { method, roles, target, name, .. } = &self.class;
        let mut conditions = vec![format!("resource.method == {}", text(method.as_str()))];
        let optional =
            |attribute: &str, test: String| format!("resource has {attribute} && resource.{attribute} {test}");
        match method {
            MethodKind::Chain if by_last_role => conditions.push(optional("last_role", format!("== {}", text(roles)))),
            MethodKind::Chain => conditions.push(format!("resource.chain == {}", text(roles))),
            _ => {}
        }
        conditions.push(format!("resource.target_kind == {}", text((*target).into())));
        let attribute = match target {
            TargetKind::None => return conditions,
            TargetKind::S3 => "target_bucket",
            TargetKind::Function => "target_function",
            TargetKind::CatalogDatabase => "target_catalog_database",
            TargetKind::Secret => "target_secret",
            TargetKind::Grantee => "target_grantee",
            TargetKind::Other => "target_other",
        };
        conditions.push(optional(attribute, format!("== {}", text(name))));
        match &self.place {
            S3Place::Exactly(path) if *target == TargetKind::S3 => {
                conditions.push(optional("target_prefix", format!("== {}", text(path))));
            }
            S3Place::Under(path) if !path.is_empty() => {
                conditions.push(optional("target_prefix", format!("like {}", pattern(path))));
            }
            _ => {}
        }
        conditions
    }
}

/// A number of uses, in words.
fn uses(count: u64) -> String {
    if count == 1 { "1 use".to_owned() } else { format!("{count} uses") }
}

/// A comment of one line, whatever names it holds.
fn comment(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn slug(name: &str) -> String {
    let letters =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' });
    letters.take(MAX_SLUG).collect()
}

/// A text literal.
fn text(value: &str) -> String {
    format!("\"{}\"", value.chars().map(escaped).collect::<String>())
}

/// A pattern of what begins with `start`.
fn pattern(start: &str) -> String {
    let escape = |letter| if letter == '*' { "\\*".to_owned() } else { escaped(letter) };
    format!("\"{}*\"", start.chars().map(escape).collect::<String>())
}

fn escaped(letter: char) -> String {
    match letter {
        '"' | '\\' => format!("\\{letter}"),
        letter if letter.is_control() => format!("\\u{{{:x}}}", u32::from(letter)),
        letter => letter.to_string(),
    }
}
