//! No test stands where none is built: in programs, and in the documentation of the libraries.

use std::path::{Path, PathBuf};

/// The Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")).chain(below).collect()
}

/// Whether a fenced block of the documentation would be run as an example: one that says it is text, or another language, is not.
fn has_example(text: &str) -> bool {
    let docs =
        text.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
    let fences = docs.filter_map(|line| line.trim_start().strip_prefix("```"));
    fences.step_by(2).any(|language| language.is_empty() || language.starts_with("rust"))
}

#[test]
fn nothing_is_tested_where_no_test_is_built() {
    let proxy = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for package in [proxy.clone(), proxy.with_file_name("loadtest")] {
        for file in sources(&package.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let is_program =
                file.ends_with("src/main.rs") || file.parent().is_some_and(|folder| folder.ends_with("bin"));
            let name = file.display();
            assert!(
                !(is_program && text.contains("#[test]")),
                "{name}: move the test to the library, or build the program's tests"
            );
            assert!(!has_example(&text), "{name}: make the example a test, or build those of the documentation");
        }
    }
}

#[test]
fn examples_are_told_from_other_blocks() {
    assert!(has_example("/// ```\n/// f();\n/// ```\n"));
    assert!(has_example("    //! ```text\n    //! x\n    //! ```\n    //! ```rust\n    //! f();\n    //! ```\n"));
    assert!(!has_example("/// ```sql\n/// select 1\n/// ```\nlet text = \"```\";\n"));
}
