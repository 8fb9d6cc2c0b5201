//! A type's name means one thing in the whole crate.

use std::collections::BTreeMap;

use crate::TREE;

/// Names that more than one file gives to a type, and why no reader confuses them.
const SHARED: [(&str, &str); 0] = [];

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
