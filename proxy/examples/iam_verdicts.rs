//! Judges hops, one JSON object a line on standard input, by IAM's own rules, and prints `allowed`, `denied` or `unknown` for each.
//! The form of a hop is that of `rolegate::iam::case`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io::{self, BufRead as _};

use rolegate::iam::EvaluationMode;
use rolegate::iam::case::judge_case;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        println!("{}", judge_case(&line?, EvaluationMode::Aws)?.outcome.decision());
    }
    Ok(())
}
