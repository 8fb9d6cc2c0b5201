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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::{forbid, values};

    fn labels(condition: &str) -> BTreeSet<String> {
        things(&values(&forbid(condition))).iter().map(Thing::label).collect()
    }

    /// (condition, targets beside none and the strange bucket)
    #[test]
    fn targets_that_rules_name() {
        let rows: &[(&str, &[&str])] = &[
            ("resource.length == 1", &[]),
            ("resource has target_bucket", &[]),
            ("resource has target_bucket && resource.target_bucket == \"b\"", &["s3://b/rolegate-stranger"]),
            (
                "resource has target_bucket && resource.target_bucket == \"b\" && resource has target_prefix && resource.target_prefix like \"in/*.csv\"",
                &["s3://b/in/x.csv", "s3://b/rolegate-stranger", "s3://rolegate-stranger/in/x.csv"],
            ),
            ("resource has target_prefix && resource.target_prefix == \"p\"", &["s3://rolegate-stranger/p"]),
            ("resource has target_function", &["function:rolegate-stranger"]),
            (
                "resource has target_function && resource.target_function like \"fn-*\"",
                &["function:fn-x", "function:rolegate-stranger"],
            ),
            (
                "resource has target_catalog_database && resource.target_catalog_database == \"d\"",
                &["catalog_database:d", "catalog_database:rolegate-stranger"],
            ),
            (
                "resource has target_secret && resource.target_secret == \"s\"",
                &["secret:rolegate-stranger", "secret:s"],
            ),
            (
                "resource has target_grantee && resource.target_grantee == \"g\"",
                &["grantee:g", "grantee:rolegate-stranger"],
            ),
            ("resource has target_other && resource.target_other == \"o\"", &["other:o", "other:rolegate-stranger"]),
            ("resource.target_kind == \"secret\"", &["secret:rolegate-stranger"]),
            ("[\"grantee\", \"nothing\", \"none\"].contains(resource.target_kind)", &["grantee:rolegate-stranger"]),
            ("resource.target_kind == \"s3\"", &["s3://rolegate-stranger/"]),
        ];
        for (condition, more) in rows {
            let mut want: BTreeSet<String> = more.iter().map(ToString::to_string).collect();
            want.extend([String::new(), "s3://rolegate-stranger/x/y".to_owned()]);
            let found = labels(condition);
            let others: BTreeSet<String> = found.difference(&want).cloned().collect();
            assert!(want.is_subset(&found), "{condition}: {found:?}");
            assert!(
                others.iter().all(|one| one == "s3://rolegate-stranger/rolegate-stranger"),
                "{condition}: {others:?}"
            );
        }
    }

    /// The kind of thing, and which attribute of a rule it fills.
    #[test]
    fn what_rules_see() {
        let facts = |kind| Thing { kind, name: "n".into(), path: "p".into() };
        let seen = |kind| {
            let thing = facts(kind);
            let target = thing.facts()?;
            let all = [
                ("bucket", target.bucket),
                ("prefix", target.prefix),
                ("function", target.function),
                ("catalog_database", target.catalog_database),
                ("secret", target.secret),
                ("grantee", target.grantee),
                ("other", target.other),
            ];
            Some(
                all.into_iter()
                    .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        for (kind, want) in [
            (TargetKind::None, None),
            (TargetKind::S3, Some("bucket=n prefix=p")),
            (TargetKind::Function, Some("function=n")),
            (TargetKind::CatalogDatabase, Some("catalog_database=n")),
            (TargetKind::Secret, Some("secret=n")),
            (TargetKind::Grantee, Some("grantee=n")),
            (TargetKind::Other, Some("other=n")),
        ] {
            assert_eq!(seen(kind).as_deref(), want, "{kind}");
        }
    }

    #[test]
    fn targets_are_bounded() {
        let list = |name: &str| {
            let names: Vec<String> = (0..40).map(|number| format!("\"{number}\"")).collect();
            format!("[{}].contains(resource.{name})", names.join(", "))
        };
        let condition = format!(
            "resource has target_bucket && resource has target_prefix && {} && {}",
            list("target_bucket"),
            list("target_prefix")
        );
        assert_eq!(things(&values(&forbid(&condition))).len(), MAX_COMBINATIONS + 2);
    }
}
