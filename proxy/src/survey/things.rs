//! The targets of the grid: what rules name, a stranger of each kind, and none. Pure.

use std::collections::BTreeSet;

use crate::rules::{TargetFacts, TargetKind};
use crate::survey::values::{RuleValues, STRANGER, product};

/// Combinations of one rule's values.
const MAX_COMBINATIONS: usize = 64;

/// What a chain is used on.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Thing {
    /// What kind of thing.
    pub(crate) kind: TargetKind,
    /// The bucket, or the name.
    pub(crate) name: String,
    /// The path within a bucket.
    pub(crate) path: String,
}

impl Thing {
    /// As rules see it.
    #[must_use]
    pub(crate) fn facts(&self) -> Option<TargetFacts<'_>> {
        let (name, none) = (Some(self.name.as_str()), TargetFacts::default());
        match self.kind {
            TargetKind::None => None,
            TargetKind::S3 => Some(TargetFacts { bucket: name, prefix: Some(&self.path), ..none }),
            TargetKind::Function => Some(TargetFacts { function: name, ..none }),
            TargetKind::CatalogDatabase => Some(TargetFacts { catalog_database: name, ..none }),
            TargetKind::Secret => Some(TargetFacts { secret: name, ..none }),
            TargetKind::Grantee => Some(TargetFacts { grantee: name, ..none }),
            TargetKind::Other => Some(TargetFacts { other: name, ..none }),
        }
    }

    /// How reports call it.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        match self.kind {
            TargetKind::None => String::new(),
            TargetKind::S3 => format!("s3://{}/{}", self.name, self.path),
            kind => format!("{kind}:{}", self.name),
        }
    }
}

/// All targets.
#[must_use]
pub(crate) fn things(rules: &[RuleValues]) -> Vec<Thing> {
    let thing = |kind, name: &str, path: &str| Thing { kind, name: name.to_owned(), path: path.to_owned() };
    let mut all = BTreeSet::from([thing(TargetKind::None, "", ""), thing(TargetKind::S3, STRANGER, "x/y")]);
    let others = [
        (TargetKind::Function, "target_function"),
        (TargetKind::CatalogDatabase, "target_catalog_database"),
        (TargetKind::Secret, "target_secret"),
        (TargetKind::Grantee, "target_grantee"),
        (TargetKind::Other, "target_other"),
    ];
    for rule in rules {
        let [buckets, paths] = ["target_bucket", "target_prefix"].map(|name| {
            let texts = rule.texts_and_stranger(name);
            if texts.is_empty() { vec![STRANGER.to_owned()] } else { texts }
        });
        for parts in product(&[buckets, paths], MAX_COMBINATIONS) {
            if let [bucket, path] = parts.as_slice() {
                all.insert(thing(TargetKind::S3, bucket, path));
            }
        }
        for (kind, attribute) in others {
            all.extend(rule.texts_and_stranger(attribute).iter().map(|name| thing(kind, name, "")));
        }
        let kinds = rule.texts("target_kind");
        all.extend(kinds.iter().filter_map(|kind| kind.parse().ok()).map(|kind| thing(kind, STRANGER, "")));
    }
    all.into_iter().collect()
}
