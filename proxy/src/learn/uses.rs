//! What is distinct in a history: who used which credential for what on what. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;

use crate::learn::place::{S3Places, UseTimes};
use crate::rules::TargetKind;
use crate::sql::{MethodKind, StatementKind, Target};

/// Distinct uses beyond so many are left out, and said to be: memory is bounded whatever a history holds.
pub(crate) const MAX_USES: usize = 100_000;

/// Bytes of statements that are kept as examples.
const MAX_SAMPLE_BYTES: usize = 64 * 1024 * 1024;

/// What a permit is about, but for the principal and the place.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct UseClass {
    /// What the statement is.
    pub(crate) kind: StatementKind,
    /// What its clause holds.
    pub(crate) method: MethodKind,
    /// The chain, or its last role; empty for other methods.
    pub(crate) roles: String,
    /// What kind of thing it is used on.
    pub(crate) target: TargetKind,
    /// The bucket, or the target's name.
    pub(crate) name: String,
}

/// A use by one user.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct UseKey {
    /// The database user.
    pub(crate) user: String,
    /// What is used for what.
    pub(crate) class: UseClass,
}

/// A statement that shows a use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sample {
    /// Its text, secrets masked.
    pub(crate) text: String,
    /// The target, as it stands in the text.
    pub(crate) target: Option<String>,
    /// The chain, as it stands in the text.
    pub(crate) chain: String,
    /// In which database.
    pub(crate) database: String,
    /// By which application.
    pub(crate) application: String,
    /// The address from which the client came.
    pub(crate) client_address: Option<String>,
    /// When it was run.
    pub(crate) time: Option<Timestamp>,
}

impl Sample {
    /// The same statement on another place of a bucket; as it is when its target is none.
    #[must_use]
    pub(crate) fn on(&self, bucket: &str, path: &str) -> Self {
        let is_s3 = |uri: &&String| uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"));
        let Some(target) = self.target.as_ref().filter(is_s3) else { return self.clone() };
        let moved = format!("s3://{bucket}/{path}");
        Self { text: self.text.replace(target.as_str(), &moved), target: Some(moved), ..self.clone() }
    }

    /// The same statement with another chain.
    #[must_use]
    pub(crate) fn through(&self, chain: &str) -> Self {
        if self.chain.is_empty() {
            return self.clone();
        }
        Self { text: self.text.replace(&self.chain, chain), chain: chain.to_owned(), ..self.clone() }
    }
}

/// How one use occurred.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UseCount {
    /// Where in the bucket.
    pub(crate) places: S3Places,
    /// The first statement that showed it, if it is not too long.
    pub(crate) sample: Option<Sample>,
}

/// All distinct uses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Uses {
    counts: HashMap<UseKey, UseCount>,
    sample_bytes: usize,
    left_out: u64,
}

/// What a target is to rules: its kind, its name, and the path within it.
#[must_use]
pub(crate) fn split(target: Option<&Target>) -> (TargetKind, &str, &str) {
    match target {
        None => (TargetKind::None, "", ""),
        Some(target @ Target::S3Uri(_)) => {
            let (bucket, path) = target.bucket_and_path().unwrap_or_default();
            (TargetKind::S3, bucket, path)
        }
        Some(Target::Lambda(name) | Target::SageMaker(name)) => (TargetKind::Function, name, ""),
        Some(Target::CatalogDatabase(name)) => (TargetKind::CatalogDatabase, name, ""),
        Some(Target::Secret(name)) => (TargetKind::Secret, name, ""),
        Some(Target::Grantee(name)) => (TargetKind::Grantee, name, ""),
        Some(Target::Other(name)) => (TargetKind::Other, name, ""),
    }
}

impl Uses {
    /// Counts a use on a path; `sample` is asked for the first of its kind.
    pub(crate) fn add(
        &mut self,
        key: UseKey,
        path: &str,
        depth: usize,
        seen: UseTimes,
        sample: impl FnOnce() -> Option<Sample>,
    ) {
        let is_full = self.counts.len() >= MAX_USES;
        match self.counts.entry(key) {
            Entry::Occupied(mut held) => held.get_mut().places.add(path, seen),
            Entry::Vacant(_) if is_full => self.left_out = self.left_out.saturating_add(seen.count),
            Entry::Vacant(place) => {
                let mut places = S3Places::new(depth);
                places.add(path, seen);
                let sample = kept(sample(), &mut self.sample_bytes);
                place.insert(UseCount { places, sample });
            }
        }
    }

    /// Adds the uses of a later part.
    pub(crate) fn merge(&mut self, later: Self) {
        self.left_out = self.left_out.saturating_add(later.left_out);
        // In order, so that it does not depend on chance which are the first of too many.
        let mut counts: Vec<(UseKey, UseCount)> = later.counts.into_iter().collect();
        counts.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (key, count) in counts {
            let is_full = self.counts.len() >= MAX_USES;
            match self.counts.entry(key) {
                Entry::Occupied(mut held) => held.get_mut().places.merge(count.places),
                Entry::Vacant(_) if is_full => {
                    let uses = count.places.iter().map(|(_, seen)| seen.count).fold(0, u64::saturating_add);
                    self.left_out = self.left_out.saturating_add(uses);
                }
                Entry::Vacant(place) => {
                    let sample = kept(count.sample, &mut self.sample_bytes);
                    place.insert(UseCount { sample, ..count });
                }
            }
        }
    }

    /// Uses that were not counted, because there were too many distinct ones.
    #[must_use]
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// All uses, sorted, class by class.
    #[must_use]
    pub(crate) fn by_class(self) -> Vec<(UseClass, Vec<(String, UseCount)>)> {
        let mut classes: HashMap<UseClass, Vec<(String, UseCount)>> = HashMap::new();
        for (UseKey { user, class }, count) in self.counts {
            classes.entry(class).or_default().push((user, count));
        }
        let mut classes: Vec<_> = classes.into_iter().collect();
        classes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (_, users) in &mut classes {
            users.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        }
        classes
    }
}

fn kept(sample: Option<Sample>, bytes: &mut usize) -> Option<Sample> {
    let sum = bytes.saturating_add(sample.as_ref()?.text.len());
    if sum > MAX_SAMPLE_BYTES {
        return None;
    }
    *bytes = sum;
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (target, want) in [
            (Some(Target::from_uri("s3://b/a/c")), (TargetKind::S3, "b", "a/c")),
            (Some(Target::from_uri("S3://b")), (TargetKind::S3, "b", "")),
            (Some(Target::from_uri("dynamodb://t")), (TargetKind::Other, "dynamodb://t", "")),
            (Some(Target::SageMaker("m".to_owned())), (TargetKind::Function, "m", "")),
            (None, (TargetKind::None, "", "")),
        ] {
            assert_eq!(split(target.as_ref()), want);
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let class = UseClass {
            kind: StatementKind::Copy,
            method: MethodKind::Chain,
            roles: String::new(),
            target: TargetKind::None,
            name: String::new(),
        };
        let mut uses = Uses::default();
        for user in 0..MAX_USES.saturating_add(5) {
            let key = UseKey { user: user.to_string(), class: class.clone() };
            uses.add(key, "", 2, UseTimes::at(2, None), || None);
        }
        let mut other = Uses::default();
        other.add(UseKey { user: "x".to_owned(), class }, "", 2, UseTimes::at(3, None), || None);
        uses.merge(other);
        assert_eq!((uses.counts.len(), uses.left_out()), (MAX_USES, 13));
    }
}
