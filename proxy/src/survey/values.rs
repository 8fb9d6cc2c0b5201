//! The values that rules compare a subject with, and values that fit their patterns. Pure.

use std::collections::BTreeSet;

use crate::rules::profile::{LikePart, RuleProfile, Subject, Test};

/// A name that no rule holds.
pub(crate) const STRANGER: &str = crate::learn::cases::STRANGER;

/// What stands where a pattern leaves anything.
pub(crate) const ANYTHING: &str = "x";

/// What one rule compares its subjects with.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleValues {
    comparisons: Vec<(Subject, Test)>,
    /// The rule in its one form, which names every attribute that it looks at, compared or not.
    form: String,
}

impl RuleValues {
    /// The comparisons of a rule.
    #[must_use]
    pub(crate) fn of(rule: &RuleProfile) -> Self {
        let mut comparisons = Vec::new();
        rule.condition.comparisons(&mut |subject, test| comparisons.push((subject.clone(), test.clone())));
        Self { comparisons, form: rule.form.clone() }
    }

    /// Whether the rule looks at an attribute, if only to ask whether it is there.
    #[must_use]
    pub(crate) fn looks_at(&self, attribute: &str) -> bool {
        // A text within the rule has its quotes escaped, so nothing but an attribute reads like this.
        self.form.contains(&format!("\"attr\":\"{attribute}\""))
    }

    /// What a subject is compared with.
    pub(crate) fn tests<'v>(&'v self, subject: &'v Subject) -> impl Iterator<Item = &'v Test> {
        self.comparisons.iter().filter(move |(one, _)| one == subject).map(|(_, test)| test)
    }

    /// What an attribute is compared with.
    pub(crate) fn attribute(&self, name: &str) -> impl Iterator<Item = &Test> {
        let is_it = move |subject: &Subject| matches!(subject, Subject::Attribute(attribute) if attribute == name);
        let name_held: Vec<&Test> =
            self.comparisons.iter().filter(|(one, _)| is_it(one)).map(|(_, test)| test).collect();
        name_held.into_iter()
    }

    /// Texts that an attribute is compared with, and a text that fits each pattern.
    #[must_use]
    pub(crate) fn texts(&self, attribute: &str) -> BTreeSet<String> {
        self.attribute(attribute).flat_map(texts).collect()
    }

    /// The same with a stranger, where the rule looks at the attribute at all.
    #[must_use]
    pub(crate) fn texts_and_stranger(&self, attribute: &str) -> Vec<String> {
        let stranger = self.looks_at(attribute).then(|| STRANGER.to_owned());
        self.texts(attribute).into_iter().chain(stranger).collect()
    }
}

/// The texts of a comparison, or one that fits its pattern.
#[must_use]
pub(crate) fn texts(test: &Test) -> Vec<String> {
    match test {
        Test::Any(values) | Test::All(values) | Test::Within(values) => values.clone(),
        Test::Like(pattern) => vec![fitting(pattern)],
        Test::Number(_) | Test::Time(_) | Test::Range(_) => Vec::new(),
    }
}

/// A text that fits a pattern.
#[must_use]
pub(crate) fn fitting(pattern: &[LikePart]) -> String {
    pattern.iter().map(|part| part.as_deref().unwrap_or(ANYTHING)).collect()
}

/// Every combination of one value of each list.
#[must_use]
pub(crate) fn product<T: Clone>(lists: &[Vec<T>], most: usize) -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> = vec![Vec::new()];
    for list in lists {
        let longer = |so_far: &Vec<T>| -> Vec<Vec<T>> {
            list.iter().map(|value| so_far.iter().cloned().chain([value.clone()]).collect()).collect()
        };
        all = all.iter().flat_map(longer).take(most).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::profile::fits;

    #[test]
    fn patterns_are_fitted() {
        let part = |text: &str| Some(text.to_owned());
        for pattern in [vec![part("svc_"), None], vec![None], vec![None, part(":role/"), None], vec![part("a")], vec![]]
        {
            assert!(fits(&pattern, &fitting(&pattern)), "{pattern:?}");
        }
    }

    #[test]
    fn combinations() {
        assert_eq!(product(&[vec![1, 2], vec![3]], 9), [vec![1, 3], vec![2, 3]]);
        assert_eq!(product::<u8>(&[], 9), [Vec::<u8>::new()]);
        assert_eq!(product(&[vec![1, 2], vec![3, 4]], 3).len(), 3);
    }
}
