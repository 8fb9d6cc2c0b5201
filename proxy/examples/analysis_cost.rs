//! What reading a message costs, in nanoseconds per byte, as it grows: `cargo run --release --example analysis_cost`.

#![expect(clippy::print_stdout, reason = "a measurement that is printed")]

use std::hint::black_box;
use std::time::Instant;

use rolegate::sql::{Dialect, read};

/// A text of about so many bytes.
type Maker = fn(usize) -> Vec<u8>;

/// A COPY whose comments nest as deep as half of its bytes allow, and lie beside each other in the rest.
fn nested(bytes: usize) -> Vec<u8> {
    let depth = bytes / 8;
    let mut text = b"copy venue ".to_vec();
    text.extend(b"/*".repeat(depth));
    text.extend(b"*/".repeat(depth));
    while text.len() < bytes {
        text.extend(b"/* x */ ");
    }
    text.extend(b" from 's3://b/p' iam_role default");
    text
}

fn parentheses(bytes: usize) -> Vec<u8> {
    let mut text = b"create model m from ".to_vec();
    text.extend(b"(".repeat(bytes / 2));
    text.extend(b")".repeat(bytes / 2));
    text.extend(b" function f iam_role default");
    text
}

fn statements(bytes: usize) -> Vec<u8> {
    b"copy a from 's3://b' iam_role default;".repeat(bytes / 38)
}

fn literals(bytes: usize) -> Vec<u8> {
    let mut text = b"copy a from 's3://b' iam_role 'x'".to_vec();
    text.extend(b"\n'y'".repeat(bytes / 4));
    text
}

fn insert(bytes: usize) -> Vec<u8> {
    let mut text = b"insert into t (iam_role) values ".to_vec();
    text.extend(b"('abc', 123, null),".repeat(bytes / 19));
    text
}

fn main() {
    let makers: [(&str, Maker); 5] = [
        ("nested comments", nested),
        ("parentheses", parentheses),
        ("many carriers", statements),
        ("joined literals", literals),
        ("long insert", insert),
    ];
    println!("{:<16} {:>9} {:>9} {:>9}   ns per byte", "", "1 KB", "1 MB", "16 MB");
    for (name, make) in makers {
        print!("{name:<16}");
        for bytes in [1_000_usize, 1_000_000, 16_000_000] {
            let text = make(bytes);
            let rounds = 20_000_000_usize.div_ceil(bytes);
            let began = Instant::now();
            for _round in 0..rounds {
                black_box(read(black_box(&text), Dialect::Redshift));
            }
            let total = u32::try_from(rounds.saturating_mul(text.len())).unwrap_or(u32::MAX);
            print!(" {:>9.2}", began.elapsed().as_secs_f64() * 1e9 / f64::from(total));
        }
        println!();
    }
}
