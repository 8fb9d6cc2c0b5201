//! A type's name means one thing in the whole crate.

use std::collections::BTreeMap;

use crate::TREE;

/// Names that more than one file gives to a type, and why no reader confuses them.
const SHARED: [(&str, &str); 28] = [
    ("Arguments", "each subcommand has its own, and names no other's"),
    ("Attributes", "two rooms' own"),
    ("Audit", "two rooms' own"),
    ("Aws", "two rooms' own"),
    ("Caller", "two rooms' own"),
    ("Catalog", "two rooms' own"),
    ("Context", "two rooms' own"),
    ("Effect", "two rooms' own"),
    ("Facts", "two rooms' own"),
    ("File", "two rooms' own"),
    ("Format", "two rooms' own"),
    ("Gate", "two rooms' own"),
    ("Identity", "two rooms' own"),
    ("Limits", "two rooms' own"),
    ("Named", "two rooms' own"),
    ("Outcome", "two rooms' own"),
    ("Place", "two rooms' own"),
    ("Policy", "two rooms' own"),
    ("Reading", "two rooms' own"),
    ("Refusal", "two rooms' own"),
    ("Severity", "two rooms' own"),
    ("Shared", "two rooms' own"),
    ("Source", "two rooms' own"),
    ("Statement", "two rooms' own"),
    ("Step", "two rooms' own"),
    ("Subject", "two rooms' own"),
    ("Token", "two rooms' own"),
    ("Upstream", "two rooms' own"),
];

#[test]
fn no_two_types_share_a_name() {
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in &TREE.files {
        for name in &file.types {
            homes.entry(name).or_default().push(&file.name);
        }
    }
    homes.retain(|_, files| files.len() > 1);
    for (name, reason) in SHARED {
        if homes.remove(name).is_none() {
            println!("{name} is no longer shared ({reason}): take it off the list");
        }
    }
    assert!(homes.is_empty(), "{homes:#?}");
}
