//! What `rolegate check` reads beside plain files: dbt projects, scripts of psql, labelled lines; and what it says at its end.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const ROLE: &str = "arn:aws:iam::123456789012:role/RoleA";
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dbt");

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    command.arg("check").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A project as dbt 1.12 has compiled it; its manifest is cut down to what is read.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "dbt_project.yml",
        "models/orders.sql",
        "models/customers.sql",
        "models/loads.sql",
        "models/customers.yml",
        "snapshots/snap.sql",
    ];
    for (from, to) in files.into_iter().map(|name| (name, PathBuf::from(name))).chain([
        ("manifest.json", PathBuf::from("shop/target/manifest.json")),
        ("run_results.json", PathBuf::from("shop/target/run_results.json")),
    ]) {
        let to = folder.path().join(if to.starts_with("shop") { to } else { Path::new("shop").join(to) });
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(Path::new(DATA).join(from), to).unwrap();
    }
    folder
}

/// Node, file, line and codes of everything that carries a role.
fn found(output: &Output) -> Vec<(String, String, u64, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let codes = |row: &Value| {
        let findings = row["findings"].as_array().unwrap().iter();
        let codes: Vec<String> =
            findings.map(|finding| format!("{}@{}", word(&finding["code"]), finding["line"])).collect();
        codes.join(" ")
    };
    rows(output)
        .iter()
        .map(|row| (word(&row["id"]), word(&row["file"]), row["line"].as_u64().unwrap(), codes(row)))
        .collect()
}

#[test]
fn a_dbt_project_is_judged_by_its_manifest() {
    let folder = project();
    let output = check(folder.path(), &["--format", "json", "--dbt", "shop"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let row = |id: &str, file: &str, line, codes: &str| (id.to_owned(), format!("shop/{file}"), line, codes.to_owned());
    let expected = [
        row("model.shop.customers", "models/customers.sql", 1, "RG101@1"),
        row("model.shop.loads", "models/loads.sql", 5, ""),
        row("model.shop.orders", "models/orders.sql", 4, "RG101@4"),
        row("model.shop.orders", "models/orders.sql", 5, "RG101@5"),
        row("operation.shop.shop-on-run-end-0", "dbt_project.yml", 10, ""),
        row("operation.shop.shop-on-run-start-1", "dbt_project.yml", 8, ""),
        row("seed.shop.seed", "seeds/seed.csv", 1, ""),
    ];
    assert_eq!(found(&output), expected);
    let notes = |row: usize| rows(&output)[row]["notes"].to_string();
    assert!(
        notes(0).contains("pre-hook 1 of model.shop.customers, which stands in shop/models/customers.yml:"),
        "{}",
        notes(0)
    );
    assert!(
        notes(2).contains("the credential holds the Jinja expression {{ var(\\\"redshift_role\\\") }}"),
        "{}",
        notes(2)
    );
    assert!(!notes(3).contains("Jinja"), "{}", notes(3));
    assert!(
        notes(6).contains("post-hook 1 of seed.shop.seed, which stands in shop/dbt_project.yml:17"),
        "{}",
        notes(6)
    );
    assert_eq!(text(&output.stderr), "9 files, 20 statements, 7 with roles, 3 refused\n");
}

#[test]
fn values_of_a_dbt_project_can_be_given() {
    let folder = project();
    let vars = format!("{{\"redshift_role\": \"{ROLE}\"}}");
    let output = check(folder.path(), &["--format", "json", "--dbt", "shop", "--vars", &vars]);
    let orders = &rows(&output)[2];
    assert_eq!((&orders["verdict"], &orders["role_uses"][0]["roles"][0]), (&"forward".into(), &ROLE.into()));
    assert!(
        orders["statement"].as_str().unwrap().contains("select * from \"postgres\".\"public\".\"orders\""),
        "{orders}"
    );
    let wrong = check(folder.path(), &["--dbt", "shop", "--vars", "role=x"]);
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains("write it as {\"role\""), "{wrong:?}");
}

/// What dbt has not compiled is judged as far as it can be, and counted.
#[test]
fn what_is_not_compiled_is_told() {
    let folder = project();
    let target = folder.path().join("shop/target");
    let mut manifest: Value = serde_json::from_slice(&fs::read(target.join("manifest.json")).unwrap()).unwrap();
    let nodes = manifest["nodes"].as_object_mut().unwrap();
    nodes.retain(|id, _node| id == "model.shop.loads");
    nodes["model.shop.loads"]["compiled_code"] = Value::Null;
    nodes["model.shop.loads"]["config"]["post-hook"] = serde_json::json!([{ "sql": "{{ unload_all() }}" }]);
    fs::write(target.join("manifest.json"), manifest.to_string()).unwrap();
    let output = check(folder.path(), &["--format", "json", "--dbt", "shop"]);
    assert_eq!(found(&output), [("model.shop.loads".to_owned(), "shop/models/loads.sql".to_owned(), 5, String::new())]);
    let said = text(&output.stderr);
    assert!(said.contains("models/loads.sql: model.shop.loads is not compiled"), "{said}");
    assert!(said.contains("post-hook 1 of model.shop.loads is {{ unload_all() }}: only a run"), "{said}");
    assert!(said.ends_with("1 file, 3 statements, 1 with roles, 0 refused, 2 cannot tell\n"), "{said}");
    fs::write(target.join("manifest.json"), "{\"nodes\": {}}").unwrap();
    assert_eq!(check(folder.path(), &["--dbt", "shop"]).status.code(), Some(2), "nothing would be checked");
}

/// (script, verdict, what is said)
#[test]
fn variables_of_psql_are_recognised() {
    let rows_of = [
        ("copy :\"t\" from :'path' iam_role :'role';", "reject", "the credential holds psql's variable :'role'"),
        ("copy t from 's3://b' iam_role :default;", "reject", "the credential holds psql's variable :default"),
        ("copy t from :path iam_role :role;", "reject", "the statement holds psql's variable :path"),
        ("copy t from 's3://b' iam_role :'SESSION';", "reject", "the credential holds psql's variable :'SESSION'"),
        (&format!("copy :t from :'path' iam_role '{ROLE}';"), "forward", "the statement holds psql's variable :'path'"),
    ];
    for (script, verdict, note) in rows_of {
        let folder = folder(&[("a.sql", script)]);
        let output = check(folder.path(), &["--format", "json", "a.sql"]);
        let found = rows(&output);
        assert_eq!((found.len(), &found[0]["verdict"]), (1, &verdict.into()), "{script}: {found:?}");
        assert!(found[0]["notes"].to_string().contains(note), "{script}: {found:?}");
    }
    let folder = folder(&[("a.sql", rows_of[0].0)]);
    let vars = format!("{{\"role\": \"{ROLE}\", \"t\": \"t\", \"path\": \"s3://b\"}}");
    let output = check(folder.path(), &["--format", "json", "--vars", &vars, "a.sql"]);
    assert_eq!((&rows(&output)[0]["verdict"], rows(&output)[0].get("notes")), (&"forward".into(), None), "{output:?}");
}

/// Nothing of a text that may be no template is taken out: between two literals that look like Jinja stands a statement.
#[test]
fn jinja_of_a_script_hides_nothing() {
    let script = format!("select '{{{{'; copy t from 's3://b' iam_role '{ROLE}, x'; select '}}}}'");
    let folder = folder(&[("a.sql", &script), ("b.sql", "copy t from 's3://b' iam_role '{{ var('role') }}'")]);
    let output = check(folder.path(), &["--format", "json", "a.sql"]);
    assert_eq!(rows(&output)[0]["findings"][0]["code"], "RG101", "{output:?}");
    let output = check(folder.path(), &["--format", "json", "b.sql"]);
    let row = &rows(&output)[0];
    assert!(
        row["verdict"] == "reject" && row["notes"].to_string().contains("Jinja expression {{ var('role') }}"),
        "{row}"
    );
}

#[test]
fn a_labelled_line_keeps_its_line() {
    let bad = "select 1;\\n\\ncopy t from 's3://b' iam_role 'x'";
    let lines = format!("{{\"id\": 1, \"sql\": \"select 1\"}}\n\n{{\"id\": 2, \"sql\": \"{bad}\"}}\n");
    let folder = folder(&[("a.jsonl", &lines), ("b.sql", "")]);
    let output = check(folder.path(), &["--format", "json", "--input", "jsonl", "."]);
    let found = rows(&output);
    assert_eq!((&found[0]["line"], &found[1]["line"]), (&1.into(), &3.into()));
    assert_eq!((&found[1]["findings"][0]["line"], &found[1]["findings"][0]["column"]), (&3.into(), &31.into()));
    assert_eq!(text(&output.stderr), "1 file, 3 statements, 1 with roles, 1 refused\n");
}

/// (format, where the closing line is)
#[test]
fn every_check_ends_with_its_counts() {
    let folder =
        folder(&[("a.sql", "select 1; select 2"), ("b/c.sql", &format!("copy t from 's3://b' iam_role '{ROLE}'"))]);
    let line = "2 files, 3 statements, 1 with roles, 0 refused\n";
    for format in ["human", "json", "sarif", "github", "junit"] {
        let output = check(folder.path(), &["--format", format, "."]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let ends = [text(&output.stdout), text(&output.stderr)].map(|text| text.ends_with(line));
        assert_eq!(ends, [format == "human", format != "human"], "{format}");
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    let output = check(folder.path(), &["empty"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "rolegate: empty: holds no .sql file, so nothing would be checked\n");
}

#[test]
fn the_output_is_the_same_whatever_the_number_of_threads() {
    let files: Vec<(String, String)> = (0..300)
        .map(|number| {
            (
                format!("{}/{number}.sql", number % 7),
                format!("select {number};\ncopy t{number} from 's3://b' iam_role 'x{number}'"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    for format in ["human", "json", "sarif", "github", "junit"] {
        let one = check(folder.path(), &["--format", format, "--threads", "1", "."]);
        let many = check(folder.path(), &["--format", format, "--threads", "16", "."]);
        assert!(one.stdout.len() > 10_000 && one.status.code() == Some(1), "{format}");
        assert_eq!((&one.stdout, &one.stderr), (&many.stdout, &many.stderr), "{format}");
    }
}
