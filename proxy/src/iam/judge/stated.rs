//! What an operator states about condition keys that the gate cannot know.

use std::collections::BTreeMap;

use super::keys::{self, Presence};
use crate::iam::policy::context::{KeyValue, RequestContext};

/// Condition keys and their values, the same for every call through a gate: `[facts.context]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatedContext {
    /// By key in lower case; no value: the key is never sent.
    values: BTreeMap<String, Vec<String>>,
}

impl StatedContext {
    /// Takes keys with their values; an empty list says that a key is never sent.
    ///
    /// # Errors
    /// A key that may not be stated, and why.
    pub fn new(entries: impl IntoIterator<Item = (String, Vec<String>)>) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for (key, texts) in entries {
            may_be_stated(&key)?;
            if values.insert(key.to_lowercase(), texts).is_some() {
                return Err(format!("\"{key}\" stands here twice; names of keys ignore case"));
            }
        }
        Ok(Self { values })
    }

    /// Whether nothing is stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds what is stated to a request in which it is unknown.
    pub(super) fn fill(&self, context: &mut RequestContext) {
        for (key, texts) in &self.values {
            if *context.value(key) == KeyValue::Unknown {
                context.set(
                    key,
                    match texts.as_slice() {
                        [] => KeyValue::Absent,
                        [one] if !keys::is_multivalued(key) => KeyValue::One(one.clone()),
                        several => KeyValue::Many(several.to_vec()),
                    },
                );
            }
        }
    }
}

fn may_be_stated(key: &str) -> Result<(), String> {
    if !key.contains(':') {
        return Err(format!("\"{key}\" is not a condition key; write one such as \"aws:RequestedRegion\""));
    }
    match keys::find(key).map(|row| (row.service, row.role)) {
        Some((Presence::Absent, Presence::Absent)) => {
            let source = keys::find(key).map_or("", |row| row.source);
            Err(format!("\"{key}\" is never sent with these calls ({source}); leave it out"))
        }
        Some((service, role)) if service.is_certain() && role.is_certain() => {
            Err(format!("\"{key}\" is known to the gate for every call; leave it out"))
        }
        Some(_) => Ok(()),
        None if key.to_lowercase().starts_with("aws:") => Ok(()),
        None => Err(format!("\"{key}\" is a key of another service, which these calls never carry; leave it out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_stated() {
        let state = |key: &str| StatedContext::new([(key.to_owned(), vec!["x".to_owned()])]);
        for key in ["aws:RequestedRegion", "aws:SourceIp", "AWS:sourcevpc", "aws:PrincipalOrgPaths", "aws:NewKey"] {
            assert!(state(key).is_ok(), "{key}");
        }
        for (key, why) in [
            ("aws:PrincipalArn", "known to the gate"),
            ("aws:CurrentTime", "known to the gate"),
            ("aws:ChatbotSourceArn", "never sent"),
            ("lambda:SourceFunctionArn", "never sent"),
            ("s3:prefix", "another service"),
            ("SourceIp", "is not a condition key"),
        ] {
            assert!(state(key).unwrap_err().contains(why), "{key}");
        }
    }

    #[test]
    fn only_what_is_unknown_is_filled() {
        let stated = StatedContext::new([
            ("aws:SourceIp".to_owned(), vec!["10.0.0.1".to_owned()]),
            ("aws:SourceVpc".to_owned(), Vec::new()),
            ("aws:PrincipalOrgPaths".to_owned(), vec!["o/r/ou/".to_owned()]),
        ])
        .unwrap();
        let mut context = RequestContext::new(crate::iam::policy::context::Unlisted::ByPrefix);
        context.set_text("aws:PrincipalOrgPaths", "known");
        stated.fill(&mut context);
        assert_eq!(context.value("aws:sourceip"), &KeyValue::One("10.0.0.1".to_owned()));
        assert_eq!(context.value("aws:sourcevpc"), &KeyValue::Absent);
        assert_eq!(context.value("aws:principalorgpaths"), &KeyValue::One("known".to_owned()));
    }
}
