//! Every input that the fuzz targets start from, or that they once found, holds to their checks.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[expect(clippy::indexing_slicing, unreachable_pub, reason = "the library of the fuzz crate; a check fails by a panic")]
mod checks;

/// Runs the check on every file of a directory, and says how many there were.
fn run(directory: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
    let mut inputs = 0;
    for entry in fs::read_dir(&directory).expect("the directory of inputs") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("an input");
        // Printed only where the check fails: it names the input.
        println!("{}", path.display());
        check(&bytes);
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", directory.display());
}

#[test]
fn lexer_inputs_hold() {
    run("seeds/sql", checks::lexer);
    run("found/lexer", checks::lexer);
}

#[test]
fn extraction_inputs_hold() {
    run("seeds/sql", checks::extraction);
    run("found/extraction", checks::extraction);
}

#[test]
fn bodies_inputs_hold() {
    run("seeds/bodies", checks::bodies);
    run("found/bodies", checks::bodies);
}

#[test]
fn frames_inputs_hold() {
    run("seeds/frames", checks::frames);
    run("found/frames", checks::frames);
}
