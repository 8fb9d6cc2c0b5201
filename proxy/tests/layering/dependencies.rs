//! Every dependency is one that the sources name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::tree::Tree;

/// The crates that the code in these folders of a package names.
fn crates(package: &Path, folders: &[&str]) -> BTreeSet<String> {
    let mut crates = BTreeSet::new();
    for folder in folders.iter().map(|folder| package.join(folder)).filter(|folder| folder.is_dir()) {
        let tree = Tree::read(&folder);
        for reference in &tree.references {
            crates.extend(tree.foreign(reference).and_then(|path| path.first().cloned()));
        }
    }
    crates
}

fn manifest(package: &Path) -> toml::Table {
    std::fs::read_to_string(package.join("Cargo.toml")).unwrap().parse().unwrap()
}

fn unused(package: &Path, section: &str, folders: &[&str]) -> Vec<String> {
    let named = crates(package, folders);
    let manifest = manifest(package);
    let entries = manifest[section].as_table().unwrap().keys();
    entries.filter(|entry| !named.contains(&entry.replace('-', "_"))).cloned().collect()
}

#[test]
fn every_dependency_is_named_in_the_sources() {
    let proxy = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for package in [proxy.clone(), proxy.with_file_name("loadtest")] {
        assert_eq!(unused(&package, "dependencies", &["src"]), Vec::<String>::new(), "{}", package.display());
        let others = ["src", "tests", "benches", "examples"];
        assert_eq!(unused(&package, "dev-dependencies", &others), Vec::<String>::new(), "{}", package.display());
    }
}
