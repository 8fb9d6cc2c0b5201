//! Labelled statements: what `rolegate check` says of each must agree with its label. `ROLEGATE_SQL_CASES` names
//! another file of cases.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test says what is wrong by failing")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

fn cases() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sql.jsonl");
    let path = std::env::var("ROLEGATE_SQL_CASES").unwrap_or_else(|_unset| own.to_owned());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn check(input: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rolegate"))
        .args(["check", "--format", "json", "--input", "jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A role use as the labels write it.
fn label(role_use: &Value) -> Option<Value> {
    match role_use["method"].as_str().unwrap() {
        "chain" => Some(role_use["roles"].clone()),
        word @ ("default" | "session" | "all") => Some(Value::from(word)),
        _ => None,
    }
}

fn agrees(case: &Value, rows: &[&Value]) -> Result<(), String> {
    let refused = rows.iter().any(|row| row["verdict"] == "reject");
    let uses: Vec<Value> = rows.iter().flat_map(|row| row["role_uses"].as_array().unwrap()).filter_map(label).collect();
    let note = case["note"].as_str().unwrap_or_default();
    let disguised = ["escape", "octal", "join", "continuation", "glue", "built from two", "drops"]
        .iter()
        .any(|word| note.contains(word));
    match case["expect"].as_str().unwrap() {
        "reject" if refused => Ok(()),
        "pass" if !refused && uses.is_empty() => Ok(()),
        "extract" if Value::from(uses.clone()) == case["roles"] && (!refused || disguised) => Ok(()),
        "extract" if refused && disguised => Ok(()),
        expected => Err(format!("expected {expected} {}, got refused={refused} {uses:?}", case["roles"])),
    }
}

#[test]
fn labelled_statements() {
    let input = cases();
    let rows = check(&input);
    let cases: Vec<Value> =
        input.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut wrong = Vec::new();
    for case in &cases {
        let rows: Vec<&Value> = rows.iter().filter(|row| row["id"] == case["id"]).collect();
        assert!(!rows.is_empty(), "{} got no output", case["id"]);
        if let Err(why) = agrees(case, &rows) {
            wrong.push(format!("{}: {why}\n  {}", case["id"], case["sql"]));
        }
    }
    println!("{}/{} cases agree", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
