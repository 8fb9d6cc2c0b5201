//! Files that name each other, directly or by a detour.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::Tree;

/// For each file, the files that it names, with a line that does so.
pub(crate) type Edges = BTreeMap<String, BTreeMap<String, usize>>;

/// Who names whom; tests left out, and re-exports, which are followed where they are used.
pub(crate) fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for reference in tree.references.iter().filter(|reference| !reference.is_test && !reference.is_facade) {
        let from = tree.file_of(&reference.module);
        if let Some(to) = tree.target_file(reference).filter(|to| to.name != from.name && !from.is_test) {
            edges.entry(from.name.clone()).or_default().entry(to.name.clone()).or_insert(reference.line);
        }
    }
    edges
}

fn reachable(edges: &Edges, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(file) = next.pop() {
        for to in edges.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(to.clone()) {
                next.push(to.clone());
            }
        }
    }
    seen
}

/// The largest sets of files in which each leads to each.
pub(crate) fn circles(edges: &Edges) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|file| (file, reachable(edges, file))).collect();
    let back = |from: &String, to: &String| reach.get(to).is_some_and(|files| files.contains(from));
    let circle =
        |file: &String| -> Vec<String> { reach[file].iter().filter(|other| back(file, other)).cloned().collect() };
    edges.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// The lines that make a circle, one a line.
pub(crate) fn describe(edges: &Edges, circle: &[String]) -> String {
    let mut lines = Vec::new();
    for from in circle {
        let within = edges[from].iter().filter(|(to, _)| circle.contains(to));
        lines.extend(within.map(|(to, line)| format!("  src/{from}:{line} names {to}")));
    }
    lines.join("\n")
}
