//! Pages name files that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Ends of what pages call by a path.
const KINDS: [&str; 6] = [".rs", ".py", ".md", ".sh", ".toml", ".json"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    docs.chain([root().join("CONTRIBUTING.md"), root().join("README.md")]).collect()
}

/// Whether a word between backquotes is the path of a file of ours: it has a folder, or is a test, and has one of the endings.
fn is_path(word: &str) -> bool {
    (word.contains('/') || word.starts_with("test_"))
        && KINDS.iter().any(|kind| word.ends_with(kind))
        && !word.contains([' ', '*', '<', '{', ':'])
}

fn is_there(word: &str) -> bool {
    let homes = ["", "proxy/src", "proxy", "tests", "tests/e2e", "docs", "loadtest"];
    word.starts_with('/') || homes.iter().any(|home| root().join(home).join(word).exists())
}

/// What a page calls code, by single backquotes; the pieces between fences come out as well, and name no path.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Says for every page what it names and is not there.
fn missing(named: fn(&Path, &str) -> Vec<String>) -> Vec<String> {
    let page = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        named(&path, &text).into_iter().map(move |word| format!("{name}: {word}")).collect::<Vec<_>>()
    };
    pages().into_iter().flat_map(page).collect()
}

#[test]
fn the_files_that_pages_name_are_there() {
    let missing = missing(|_, text| {
        let paths = code(text).filter(|word| is_path(word) && !is_there(word));
        paths.map(str::to_owned).collect()
    });
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_targets_that_pages_name_are_there() {
    let missing = missing(|_, text| {
        let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
        let targets = code(text).filter_map(|word| word.strip_prefix("make ")?.split(' ').next());
        targets.filter(|target| !makefile.contains(&format!("\n{target}:"))).map(str::to_owned).collect()
    });
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_pages_that_pages_link_to_are_there() {
    let missing = missing(|path, text| {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let files = links.filter(|link| !link.contains("://")).map(|link| link.split('#').next().unwrap());
        files.filter(|file| !path.with_file_name(file).exists() && !file.is_empty()).map(str::to_owned).collect()
    });
    assert!(missing.is_empty(), "{missing:#?}");
}
