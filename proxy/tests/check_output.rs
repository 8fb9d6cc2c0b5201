//! What `rolegate check` prints: places in files of every kind, the same in every format, and no more than the text deserves.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const ROLE: &str = "arn:aws:iam::123456789012:role/RoleA";

fn check(format: &str, path: &Path) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_rolegate")).args(["check", "--format", format]).arg(path).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `rolegate check` prints of a text on its standard input.
fn check_text(format: &str, text: &[u8]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    let piped = command.args(["check", "--format", format, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Line, column and code of every finding.
type Places = Vec<(u64, u64, String)>;

fn place(line: &Value, column: &Value, code: &Value) -> (u64, u64, String) {
    (line.as_u64().unwrap(), column.as_u64().unwrap(), code.as_str().unwrap().to_owned())
}

fn json_places(path: &Path) -> Places {
    let rows: Vec<Value> = check("json", path).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let findings = rows.iter().flat_map(|row| row["findings"].as_array().unwrap());
    findings.map(|finding| place(&finding["line"], &finding["column"], &finding["code"])).collect()
}

fn sarif_places(path: &Path) -> Places {
    let log: Value = serde_json::from_str(&check("sarif", path)).unwrap();
    assert_eq!(log["runs"][0]["columnKind"], "unicodeCodePoints");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let region = |result: &Value| result["locations"][0]["physicalLocation"]["region"].clone();
    results
        .iter()
        .map(|result| place(&region(result)["startLine"], &region(result)["startColumn"], &result["ruleId"]))
        .collect()
}

fn human_places(path: &Path) -> Places {
    let name = path.display().to_string();
    let lines = check("human", path);
    let heads = lines.lines().filter_map(|line| line.strip_prefix(&name)?.strip_prefix(':'));
    heads
        .map(|head| {
            let mut parts = head.splitn(3, ':');
            let mut number = || parts.next().unwrap().parse().unwrap();
            let (line, column) = (number(), number());
            let rest = parts.next().unwrap();
            let code = rest.split(' ').find(|word| word.starts_with("RG")).unwrap();
            (line, column, code.trim_end_matches(':').to_owned())
        })
        .collect()
}

#[test]
fn places_are_the_same_in_every_format() {
    let bad = "copy t from 's3://b' iam_role 'x'";
    let rows: &[(&str, String, &[(u64, u64, &str)])] = &[
        ("one statement", bad.to_owned(), &[(1, 31, "RG101")]),
        ("several statements", format!("select 1;\n{bad};\nselect 2; {bad};\n"), &[(2, 31, "RG101"), (3, 41, "RG101")]),
        ("tabs are one character", format!("select 1;\n\t\t{bad}"), &[(2, 33, "RG101")]),
        ("CRLF", format!("select 1;\r\n\r\n  {bad};\r\n{bad}\r\n"), &[(3, 33, "RG101"), (4, 31, "RG101")]),
        ("a carriage return alone ends no line", format!("select 1;\r{bad}"), &[(1, 41, "RG101")]),
        ("a byte order mark is no character", format!("\u{feff}{bad};\n{bad}"), &[(1, 31, "RG101"), (2, 31, "RG101")]),
        ("characters of several bytes", format!("select 'äö€𝄞', 'x';\n/* é */ {bad}"), &[(2, 39, "RG101")]),
        ("behind them on the same line", format!("select '𝄞€ß';{bad}"), &[(1, 44, "RG101")]),
        ("no newline at the end, blank lines at the start", format!("\n\n\n{bad}"), &[(4, 31, "RG101")]),
        (
            "within the body of a procedure",
            "create procedure p(a text) as $$\nbegin\n\texecute a;\nend $$ language plpgsql;\nselect 1".to_owned(),
            &[(3, 2, "RG106")],
        ),
        (
            "several findings of a statement",
            format!("copy t\n from 's3://b'\n iam_role '{ROLE}'\n iam_role 'y'"),
            &[(4, 11, "RG103"), (4, 11, "RG101")],
        ),
        ("what does not end", format!("select 1;\nselect 'é;\n{bad}"), &[(3, 32, "RG105")]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file.sql");
    for (name, text, wanted) in rows {
        std::fs::write(&path, text).unwrap();
        let wanted: Places = wanted.iter().map(|(line, column, code)| (*line, *column, (*code).to_owned())).collect();
        assert_eq!(json_places(&path), wanted, "{name}: json");
        assert_eq!(sarif_places(&path), wanted, "{name}: sarif");
        assert_eq!(human_places(&path), wanted, "{name}: human");
    }
}

/// Statements and files that repeat one thing very often.
fn repeated(count: usize) -> Vec<(&'static str, String)> {
    let times = |text: &str| text.repeat(count);
    vec![
        ("clauses of one COPY", format!("copy t from 's3://b/p' {}", times(&format!("iam_role '{ROLE}' ")))),
        ("empty clauses of one COPY", format!("copy t from 's3://b/{}' {}", times("p"), times("iam_role '' "))),
        ("roles of a grant", format!("grant assumerole on {}'x' to u for all", times("'x',"))),
        ("grantees", format!("grant select on t to {} u", times(&format!("iam_role '{ROLE}', ")))),
        ("EXECUTEs", format!("create procedure p(a text) as $$ begin {} end $$", times("execute a; "))),
        ("parts of a chain", format!("copy t from 's3://b' iam_role '{}'", times("x,"))),
        ("roles in an option", format!("create external schema s from x {}", times(&format!("y '{ROLE}' ")))),
        ("statements", times("copy t from 's3://b' iam_role 'x';\n")),
        ("statements that are fine", times(&format!("copy t from 's3://b' iam_role '{ROLE}';\n"))),
        ("statements on one line", times("copy é from 's3://b' iam_role 'x';")),
        ("backslashes", times("copy t from 's3://b' null '\\\\' iam_role 'x';")),
        ("quotes", times("copy t from 's3://b' '")),
        ("settings", times("select set_config('client_' || x, 'y', false);")),
        ("settings within settings", times("set_config(")),
        ("bodies", format!("create procedure p() as {}$$$$", times("$$$$,"))),
        (
            "executed variables",
            format!(
                "create procedure p() as $$ declare q text; begin q := '{}'; {} end $$",
                times("x"),
                times("execute q;")
            ),
        ),
        ("variables of psql", format!("copy t from 's3://b' iam_role :x {}", times(":'a' :b "))),
        ("Jinja", format!("copy t from 's3://b' iam_role 'x' {}", times("{{ a }} "))),
        ("curly quotes", format!("copy t from 's3://b' iam_role 'x' {}", times("pwd \u{2018}a\u{2019} "))),
        ("keys", format!("copy t from 's3://b' {}", times("access_key_id 'AKIAIOSFODNN7EXAMPLE' "))),
    ]
}

#[test]
fn reports_grow_no_faster_than_texts() {
    for (name, text) in repeated(16_000) {
        let began = std::time::Instant::now();
        for format in ["json", "sarif", "human", "github", "junit"] {
            let printed = check_text(format, text.as_bytes()).len();
            // SARIF lists the rules, and a message of a thousand refused statements has as many reports.
            let most = 2_500_000 + text.len() * 3;
            assert!(printed < most, "{name} as {format}: {printed} bytes of {}", text.len());
        }
        // What is not linear takes minutes.
        assert!(began.elapsed().as_secs() < 90, "{name}: {:?}", began.elapsed());
    }
}
