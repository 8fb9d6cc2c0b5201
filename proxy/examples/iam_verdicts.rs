//! Judges hops, one JSON object a line on standard input, by IAM's own rules, and prints `allowed`, `denied` or `unknown` for each.
//! The form of a hop is that of `rolegate::iam::case`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io::{self, BufRead as _};

use rolegate::iam::case::judge_case;
use rolegate::iam::{EvaluationMode, Outcome};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        let word = match judge_case(&line?, EvaluationMode::Aws)?.outcome {
            Outcome::Allowed => "allowed",
            Outcome::Denied(_) => "denied",
            Outcome::Unknown(_) => "unknown",
        };
        println!("{word}");
    }
    Ok(())
}
