//! A type's name means one thing in the whole crate.

use std::collections::BTreeMap;

use crate::TREE;

/// Names that more than one file gives to a type, and why no reader confuses them.
const SHARED: &[(&str, &str)] = &[
    ("Arguments", "each subcommand has its own, and names no other's"),
    ("Audit", "a section of the configuration, and where records go"),
    ("Aws", "a section of the configuration, and the source that it describes"),
    ("Bytes", "private to the parts that read files"),
    ("Catalog", "a section of the configuration, and what was read by it"),
    ("Context", "each judge and reader has its own, and names no other's"),
    ("Facts", "a section of the configuration, and the facts themselves"),
    ("Gate", "a section of the configuration, and what judges by it"),
    (
        "Identity",
        "a certificate of the configuration, the service in IAM, a session's user: each named in its part alone",
    ),
    ("Limits", "a section of the configuration, and what a session takes of it"),
    ("Place", "of a key, of a literal, of a policy, of a finding: each named in its part alone"),
    ("Policy", "a section of the configuration, and the policy in force"),
    ("Refusal", "by IAM, and of a message: never in one file"),
    ("Role", "in the facts, and as a variable of a body"),
    ("Rules", "the organisation's, and the lexer's"),
    ("Text", "a field of JSON, and an input of the command line"),
    ("Shared", "of replay's groups, and of a leg: each named in its room alone"),
    ("Watch", "of files, and of parameters"),
    ("ChainError", "of a chain of roles, and of the chain of audit records: never in one file"),
    ("Ruled", "by the organisation's rules, and by the session: never in one file"),
    ("Watched", "a prepared statement, and a parameter"),
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
        if homes.remove(*name).is_none() {
            println!("{name} is no longer shared ({reason}): take it off the list");
        }
    }
    assert!(homes.is_empty(), "{homes:#?}");
}
