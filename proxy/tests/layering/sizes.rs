//! How long files and functions are, in lines of code: without tests, comments and blank lines.

use crate::TREE;
use crate::tree::File;

/// Bounds beyond which a file or a function has more than one job; what is usual is far below.
const LONGEST_FILE: usize = 700;
const LONGEST_FUNCTION: usize = 140;
const USUAL_FILE: usize = 350;
const USUAL_FUNCTION: usize = 30;

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

/// The lines of code between two lines, of which the first is number 1.
fn code(file: &File, first: usize, last: usize) -> usize {
    let is_test = |number: usize| file.test_lines.iter().any(|(from, to)| (*from..=*to).contains(&number));
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let within = lines.filter(|(number, line)| (first..=last).contains(number) && is_code(line) && !is_test(*number));
    within.count()
}

/// What stands so many hundredths of the way from the shortest to the longest.
fn percentile(sorted: &[(usize, String)], hundredths: usize) -> usize {
    sorted[(sorted.len() - 1) * hundredths / 100].0
}

fn show(what: &str, sorted: &[(usize, String)]) {
    let longest: Vec<_> = sorted.iter().rev().take(5).map(|(lines, name)| format!("{name} {lines}")).collect();
    println!(
        "{what}: {} of them, median {}, p90 {}, p99 {}; longest: {}",
        sorted.len(),
        percentile(sorted, 50),
        percentile(sorted, 90),
        percentile(sorted, 99),
        longest.join(", ")
    );
}

fn check(what: &str, mut lines: Vec<(usize, String)>, usual: usize, longest: usize) {
    lines.sort();
    show(what, &lines);
    let too_long: Vec<_> = lines.iter().filter(|(lines, _)| *lines > longest).collect();
    assert!(too_long.is_empty(), "over {longest} lines: {too_long:?}");
    assert!(percentile(&lines, 90) <= usual, "nine tenths of the {what} had at most {usual} lines");
}

#[test]
fn files_are_short() {
    let files = TREE.files.iter().filter(|file| !file.is_test);
    let lines = files.map(|file| (code(file, 1, usize::MAX), file.name.clone())).collect();
    check("files", lines, USUAL_FILE, LONGEST_FILE);
}

#[test]
fn functions_are_short() {
    let mut lines = Vec::new();
    for file in &TREE.files {
        for (name, first, last) in &file.functions {
            lines.push((code(file, *first, *last), format!("{}:{first} {name}", file.name)));
        }
    }
    check("functions", lines, USUAL_FUNCTION, LONGEST_FUNCTION);
}

/// How much of the source is tests: told, not bounded.
#[test]
fn a_part_of_the_source_is_tests() {
    let all: usize = TREE.files.iter().map(|file| file.text.lines().filter(|line| is_code(line)).count()).sum();
    let files = TREE.files.iter().filter(|file| !file.is_test);
    let tested: usize = files.map(|file| code(file, 1, usize::MAX)).sum();
    println!("{tested} lines of code, and {} of tests among them: {} %", all - tested, (all - tested) * 100 / all);
    assert!(all > tested);
}
