//! A smoke run of the fuzz targets without a fuzzer: every input that they start from, or that they once found, holds to their
//! checks, and so do mutations of them. `ROLEGATE_FUZZ_MUTATIONS` says how many a target (10,000), `ROLEGATE_FUZZ_SEED` from which
//! number on; both give the same mutations every time.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
#[expect(unreachable_pub, reason = "the library of the fuzz crate; a check fails by a panic")]
mod checks;

/// As fuzz/run.sh has it.
const MAX_BYTES: usize = 4096;

/// What a random byte would hardly hit upon.
const WORDS: [&[u8]; 16] = [
    b"iam_role",
    b"credentials",
    b"copy t from 's3://b/k' ",
    b"'arn:aws:iam::123456789012:role/A'",
    b"default",
    b"$$",
    b"$b$",
    b"/*",
    b"*/",
    b"--",
    b"E'",
    b"\\'",
    b"''",
    b";",
    b"\0",
    &[0xff, 0x7f, 0, 4],
];

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |value| value.parse().expect("a number"))
}

/// xorshift64: the same numbers everywhere, and good enough to pick bytes with.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("64 bits") % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }
}

/// Changes one place of the input.
fn mutate(input: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(16)).min(input.len());
    match random.below(6) {
        0 => drop(input.drain(at..end)),
        1 => drop(input.splice(at..at, [random.byte()])),
        2 => drop(input.splice(at..end, WORDS[random.below(WORDS.len())].iter().copied())),
        3 => drop(input.splice(at..at, input[at..end].to_vec())),
        4 => {
            let other = &inputs[random.below(inputs.len())];
            let from = random.below(other.len());
            drop(input.splice(at.., other[from..].iter().copied()));
        }
        _ => input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8)),
    }
    input.truncate(MAX_BYTES);
}

fn inputs(directory: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
    let entries = fs::read_dir(&directory).expect("the directory of inputs");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", directory.display());
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).expect("an input"))).collect()
}

/// Runs the check on every file of the directories and on mutations of them.
fn run(directories: [&str; 2], check: fn(&[u8])) {
    let named: Vec<_> = directories.iter().flat_map(|directory| inputs(directory)).collect();
    for (name, bytes) in &named {
        // Printed only where the check fails: it names the input.
        println!("{name}");
        check(bytes);
    }
    let inputs: Vec<Vec<u8>> = named.into_iter().map(|(_, bytes)| bytes).collect();
    let first = number("ROLEGATE_FUZZ_SEED", 1);
    for seed in first..first + number("ROLEGATE_FUZZ_MUTATIONS", 10_000) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut input = inputs[random.below(inputs.len())].clone();
        for _change in 0..=random.below(8) {
            mutate(&mut input, &inputs, &mut random);
        }
        println!("ROLEGATE_FUZZ_SEED={seed}: {}", input.escape_ascii());
        check(&input);
    }
}

#[test]
fn lexer_inputs_hold() {
    run(["seeds/sql", "found/lexer"], checks::lexer);
}

#[test]
fn extraction_inputs_hold() {
    run(["seeds/sql", "found/extraction"], checks::extraction);
}

#[test]
fn bodies_inputs_hold() {
    run(["seeds/bodies", "found/bodies"], checks::bodies);
}

#[test]
fn frames_inputs_hold() {
    run(["seeds/frames", "found/frames"], checks::frames);
}
