//! The names that requests are made of, as far as the rules in force look at them: made once for each set of rules.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, Schema};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::rules::RulesError;

/// Attributes that follow from the clock.
const CLOCK: [&str; 3] = ["now", "weekday", "hour"];

/// What rules can name of the tags of roles.
const TAGS: [&str; 4] = ["tags_of_any_role", "tags_of_every_role", "tags_of_first_role", "tags_of_last_role"];

/// The types and actions of the schema, and what of them occurs in the rules.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    pub(super) user: EntityTypeName,
    pub(super) group: EntityTypeName,
    pub(super) chain: EntityUid,
    /// By name, with the groups that they are in.
    pub(super) actions: HashMap<String, Entity>,
    /// The groups that each action is in, and itself.
    memberships: HashMap<String, BTreeSet<String>>,
    /// Names that occur in the rules. An attribute that none of them names cannot matter and is left out.
    named: BTreeSet<String>,
    /// Where weekdays and hours are read off the clock.
    pub(super) time_zone: TimeZone,
}

impl Vocabulary {
    /// The vocabulary of a schema, for rules in which these names occur.
    pub(super) fn new(schema: &Schema, named: BTreeSet<String>) -> Result<Self, RulesError> {
        let kind = |name: &str| EntityTypeName::from_str(&format!("Rolegate::{name}")).map_err(wrong);
        let actions = schema.action_entities().map_err(wrong)?;
        let by_name = |action: &Entity| (action.uid().id().unescaped().to_owned(), action.clone());
        let memberships =
            actions.iter().map(|action| (action.uid().id().unescaped().to_owned(), groups(action))).collect();
        Ok(Self {
            user: kind("User")?,
            group: kind("Group")?,
            chain: uid(&kind("Chain")?, "chain"),
            actions: actions.iter().map(by_name).collect(),
            memberships,
            named,
            time_zone: TimeZone::UTC,
        })
    }

    /// Whether an action is this one, or in this group of actions.
    pub(super) fn is_in(&self, action: &str, name: &str) -> bool {
        action == name || self.memberships.get(action).is_some_and(|groups| groups.contains(name))
    }

    /// Whether some rule looks at this attribute.
    pub(super) fn names(&self, attribute: &str) -> bool {
        self.named.contains(attribute)
    }

    /// Whether some rule looks at the clock.
    pub(super) fn has_clock(&self) -> bool {
        CLOCK.iter().any(|name| self.names(name))
    }

    /// Whether some rule looks at the tags of roles.
    pub(super) fn has_tags(&self) -> bool {
        TAGS.iter().any(|name| self.names(name))
    }
}

fn groups(action: &Entity) -> BTreeSet<String> {
    let json = action.to_json_value().unwrap_or_default();
    let parents = json.get("parents").and_then(Value::as_array).into_iter().flatten();
    let id = |parent: &Value| parent.get("id").or_else(|| parent.pointer("/__entity/id"))?.as_str().map(str::to_owned);
    parents.filter_map(id).collect()
}

/// A request that does not fit the schema.
pub(super) fn wrong(error: impl std::fmt::Display) -> RulesError {
    RulesError::Request(error.to_string())
}

/// The entity of a type with any text for its name: names come from clients, so they are never parsed.
pub(super) fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

/// The action of a statement kind: `create_model` is `CreateModel`.
#[must_use]
pub fn action(kind: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    kind.split('_').map(capitalised).collect()
}
