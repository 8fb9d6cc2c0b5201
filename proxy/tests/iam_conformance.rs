//! Labelled hops: what the evaluation says of each must agree with its label, in both modes. `ROLEGATE_IAM_CASES` names
//! another file of cases.
#![expect(clippy::panic, clippy::print_stdout, reason = "a test says what is wrong by failing")]

use rolegate::iam::EvaluationMode;
use rolegate::iam::case::judge_case;

fn cases() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/iam.jsonl");
    let path = std::env::var("ROLEGATE_IAM_CASES").unwrap_or_else(|_unset| own.to_owned());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn agree_in(mode: EvaluationMode) {
    let input = cases();
    let lines: Vec<&str> = input.lines().filter(|line| !line.trim().is_empty()).collect();
    let wrong: Vec<String> = lines
        .iter()
        .filter_map(|line| match judge_case(line, mode) {
            Ok(case) if case.agrees() => None,
            Ok(case) => Some(format!("{}: expected allowed={}, got {:?}", case.id, case.expects_allowed, case.outcome)),
            Err(error) => Some(format!("{line}: {error}")),
        })
        .collect();
    let (agreeing, all) = (lines.len() - wrong.len(), lines.len());
    println!("{agreeing}/{all} cases agree ({agreeing}/{all} hops agree in mode {mode:?})");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn labelled_hops_by_the_rules_of_iam() {
    agree_in(EvaluationMode::Aws);
}

#[test]
fn labelled_hops_by_the_guide() {
    agree_in(EvaluationMode::Guide);
}
