//! A type's name means one thing in the whole crate.

use std::collections::BTreeMap;

use crate::TREE;

#[test]
fn no_two_types_share_a_name() {
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in &TREE.files {
        for name in &file.types {
            homes.entry(name).or_default().push(&file.name);
        }
    }
    homes.retain(|_, files| files.len() > 1);
    assert!(homes.is_empty(), "one name, several types: {homes:#?}");
}
