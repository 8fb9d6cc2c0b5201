//! Whole files: defaults, every error a user can cause, overrides, patterns, and that what is shown loads again.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::overrides::Override;
use crate::config::value::TlsMode;
use crate::gate::codes::{Code, Severity};
use crate::observe::logging::LogFormat;
use crate::sql::Dialect;

/// The least that loads.
const LEAST: &str =
    "[[gate]]\nname = \"demo\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n";

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rolegate.toml"), text).unwrap();
    folder
}

fn load(folder: &TempDir, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let overrides: Vec<_> = variables.iter().filter_map(|(name, value)| Override::new(name, value)).collect();
    Config::load_with(&folder.path().join("rolegate.toml"), &overrides)
}

fn message(text: &str, variables: &[(&str, &str)]) -> String {
    let folder = folder(text);
    let message = load(&folder, variables).expect_err(text).to_string();
    message.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn defaults() {
    let config = load(&folder(LEAST), &[]).unwrap();
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9439");
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Text));
    assert_eq!(config.audit.path, "-");
    assert_eq!((config.runtime.workers, config.runtime.drain_timeout), (None, Period::from_secs(30)));
    assert_eq!(config.policy, PolicySection::default());
    assert!(config.policy.notice && config.policy.comment && !config.facts.is_configured());
    assert_eq!((config.policy.cache.capacity, config.policy.cache.ttl), (10_000, Period::from_secs(300)));
    let gate = &config.gate[0];
    assert_eq!((gate.dialect, gate.upstream.tls), (Dialect::Redshift, TlsMode::VerifyFull));
    assert_eq!(gate.upstream.address, "localhost:5440");
    assert_eq!(gate.upstream.connect_timeout, Period::from_secs(10));
    assert_eq!((gate.limits.max_statement_bytes, gate.limits.max_sessions), (16_777_216, 5000));
    assert!(gate.tls.is_none() && gate.cluster.is_empty());
}

const FULL: &str = r#"
[admin]
listen = "[::1]:9439"
[log]
level = "warn"
format = "json"
[audit]
path = "audit.jsonl"
[runtime]
workers = 2
drain_timeout = "1m"
[policy]
mode = "shadow"
rules = ["rules/*.cedar", "rules/a.cedar"]
notice = false
comment = false
severity = { RG104 = "reject", RG301 = "allow", RG206 = "annotate" }
[policy.groups]
etl = ["etl_user", "both"]
analysts = ["both"]
[policy.cache]
capacity = 5
ttl = "250ms"
[facts]
iam = ["iam/*.json"]
clusters = ["iam/1.json"]
mode = "aws"
external_id = "first-only"
[facts.aws]
refresh = "1m"
max_stale = "1h"
lookup_timeout = "1s"
absent_for = "5s"
[[facts.aws.account]]
id = "123456789012"
profile = "a"
role_arn = "arn:aws:iam::123456789012:role/Reader"
external_id = "x"
regions = ["us-east-1"]
serverless = true
[[gate]]
name = "demo"
listen = "127.0.0.1:5439"
cluster = "demo"
dialect = "postgresql"
[gate.upstream]
address = "[::1]:5440"
tls = "verify-ca"
ca = "ca.pem"
server_name = "demo.example.com"
connect_timeout = "2s"
[gate.tls]
certificate = "/etc/x.pem"
key = "x.key"
required = true
[gate.limits]
max_statement_bytes = 4096
startup_timeout = "5s"
max_sessions = 7
"#;

fn full() -> TempDir {
    let folder = folder(FULL);
    for (directory, file) in [("rules", "b.cedar"), ("rules", "a.cedar"), ("iam", "2.json"), ("iam", "1.json")] {
        fs::create_dir_all(folder.path().join(directory)).unwrap();
        fs::write(folder.path().join(directory).join(file), "").unwrap();
    }
    folder
}

#[test]
fn every_key_is_read_and_shown() {
    let folder = full();
    let config = load(&folder, &[]).unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(config.policy.rules, [path("rules/a.cedar"), path("rules/b.cedar")]);
    assert_eq!(config.facts.iam, [path("iam/1.json"), path("iam/2.json")]);
    assert_eq!(config.audit.path, path("audit.jsonl").display().to_string());
    assert_eq!(config.gate[0].upstream.ca, Some(path("ca.pem")));
    let tls = config.gate[0].tls.as_ref().unwrap();
    assert_eq!((tls.certificate.as_path(), &tls.key, tls.required), (Path::new("/etc/x.pem"), &path("x.key"), true));
    let severity = |code| config.policy.severity.get(&code).copied();
    assert_eq!(severity(Code::Rg104), Some(Severity::Reject));
    assert_eq!(severity(Code::Rg206), Some(Severity::Annotate));
    assert_eq!(severity(Code::Rg101), None);
    let groups: Vec<&String> =
        config.policy.groups.iter().filter(|one| one.1.contains(&"both".to_owned())).map(|one| one.0).collect();
    assert_eq!(groups, ["analysts", "etl"]);
    fs::write(config.source(), config.to_toml_masked()).unwrap();
    assert_eq!(load(&folder, &[]).unwrap().flat(), config.flat());
}

#[test]
fn the_environment_overrides() {
    let variables = [
        ("ROLEGATE__LOG__LEVEL", "debug"),
        ("ROLEGATE__POLICY__CACHE__TTL", "1h"),
        ("ROLEGATE__POLICY__CACHE__CAPACITY", "7"),
        ("ROLEGATE__POLICY__SEVERITY__RG104", "allow"),
        ("ROLEGATE__POLICY__GROUPS__Etl", "[\"a\", \"b\"]"),
        ("ROLEGATE__GATE__0__UPSTREAM__ADDRESS", "cluster:5439"),
        ("ROLEGATE__ADMIN__LISTEN", "[::1]:1"),
    ];
    let config = load(&folder(LEAST), &variables).unwrap();
    assert_eq!(config.log.level, "debug");
    assert_eq!((config.policy.cache.ttl, config.policy.cache.capacity), (Period::from_secs(3600), 7));
    assert_eq!(config.policy.severity.get(&Code::Rg104), Some(&Severity::Allow));
    assert_eq!(config.policy.groups["Etl"], ["a", "b"]);
    assert_eq!(config.gate[0].upstream.address, "cluster:5439");
    assert_eq!(config.admin.listen.to_string(), "[::1]:1");
}

/// (lines before the least file, whole message)
#[test]
fn wrong_sections() {
    let rows: &[(&str, &str)] = &[
        ("[log]\nlevel = \n", "line 2, column 9: not valid TOML: "),
        ("[log]\n[log]\n", "line 2, column 1: not valid TOML: "),
        ("[log]\nlevl = \"info\"\n", "line 2: log.levl: unknown key; remove it or use one of level, format"),
        (
            "[logs]\n",
            "line 1: logs: unknown key; remove it or use one of admin, metrics, log, audit, runtime, policy, facts, gate",
        ),
        ("[log]\nlevel = 3\n", "line 2: log.level: found 3; write a string in quotes"),
        (
            "[log]\nlevel = \"loud\"\n",
            "line 2: log.level: unknown level \"loud\"; use one of error, warn, info, debug, trace, off",
        ),
        ("[log]\nformat = \"xml\"\n", "line 2: log.format: unknown value \"xml\"; use one of \"text\", \"json\""),
        ("[log]\nformat = true\n", "line 2: log.format: found true; write a word in quotes"),
        ("log = 1\n", "line 1: log: found 1; write a table"),
        ("[audit]\npath = \"\"\n", "line 2: audit.path: must not be empty; write \"-\" for stdout, \"off\", or a file"),
        (
            "[admin]\nlisten = \"9439\"\n",
            "line 2: admin.listen: found \"9439\"; write an IP address with a port, such as \"127.0.0.1:5439\" or \"[::]:5439\"",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:5439\"\n",
            "line 5: gate[0].listen: 127.0.0.1:5439 is already used by admin.listen; ",
        ),
        ("[runtime]\nworkers = 0\n", "line 2: runtime.workers: 0 is out of range; write 1 to 1024, "),
        ("[runtime]\nworkers = -1\n", "line 2: runtime.workers: found -1; write a whole number, 0 or more"),
        (
            "[runtime]\ndrain_timeout = 30\n",
            "line 2: runtime.drain_timeout: found 30; write a duration such as \"10s\", \"5m\" or \"1h\"",
        ),
        (
            "[policy.cache]\nttl = \"soon\"\n",
            "line 2: policy.cache.ttl: found \"soon\"; write a duration such as \"10s\", \"5m\" or \"1h\"",
        ),
        (
            "[policy]\nmode = \"audit\"\n",
            "line 2: policy.mode: unknown value \"audit\"; use one of \"enforce\", \"shadow\"",
        ),
        ("[policy]\nnotice = \"yes\"\n", "line 2: policy.notice: found \"yes\"; write true or false, without quotes"),
        ("[policy]\nrules = \"a.cedar\"\n", "line 2: policy.rules: found \"a.cedar\"; write a list in square brackets"),
        (
            "[policy]\nrules = [\"none/*.cedar\"]\n",
            "line 2: policy.rules: \"none/*.cedar\" matches no file; create the file or correct the pattern",
        ),
        ("[policy]\nrules = [\"a***\"]\n", "line 2: policy.rules: \"a***\" is not a valid pattern: "),
        (
            "[policy.severity]\nRG999 = \"allow\"\n",
            "line 2: policy.severity.RG999: unknown finding code \"RG999\"; use one of RG101, ",
        ),
        (
            "[policy.severity]\nRG101 = \"warn\"\n",
            "line 2: policy.severity.RG101: unknown value \"warn\"; use one of \"allow\", \"annotate\", \"reject\"",
        ),
        ("[policy.groups]\netl = [\"\"]\n", "line 2: policy.groups.etl: holds an empty user name; remove it"),
        ("[facts]\nmode = \"strict\"\n", "line 2: facts.mode: unknown value \"strict\"; use one of \"guide\", \"aws\""),
        (
            "[facts]\nexternal_id = \"never\"\n",
            "line 2: facts.external_id: unknown value \"never\"; use one of \"same\", \"first-only\", \"unknown\"",
        ),
        (
            "[facts]\niam = [\"rolegate.toml\"]\n",
            "line 1: facts.clusters: lists no file, but [facts] needs both iam and clusters: ",
        ),
        ("[facts]\nclusters = [\"rolegate.toml\"]\n", "line 1: facts.iam: lists no file, "),
        ("[facts]\nservice_control = [\"rolegate.toml\"]\n", "line 1: facts.iam: lists no file, "),
        ("[admin]\nrecent = 2000000\n", "line 2: admin.recent: 2000000 is out of range; write 0 to 1000000"),
        (
            "[admin]\nrecent_bytes = 1\n",
            "line 2: admin.recent_bytes: 1 is too few; write 1048576 or more, or recent = 0",
        ),
        ("[facts.aws]\n", "line 1: facts.aws.account: no account is configured; "),
        ("[[facts.aws.account]]\nid = \"1\"\n", "line 1: facts.aws.account: id \"1\" is not an account id; "),
        ("[facts.aws]\nmax_stale = \"1s\"\n", "line 2: facts.aws.max_stale: is shorter than refresh: "),
        ("[facts.aws]\nlookup_timeout = \"0s\"\n", "line 2: facts.aws.lookup_timeout: must be longer than zero; "),
        (
            "[[facts.aws.account]]\nid = \"123456789012\"\nexternal_id = \"x\"\n",
            "line 1: facts.aws.account: external_id of account 123456789012 has no effect without role_arn; ",
        ),
        (
            "[facts]\niam = [\"rolegate.toml\"]\nclusters = [\"rolegate.toml\"]\n",
            "line 4: gate[0].cluster: missing although [facts] has a source; ",
        ),
    ];
    for (lines, want) in rows {
        let said = message(&format!("{lines}{LEAST}"), &[]);
        assert!(said.starts_with(&format!("rolegate.toml: {want}")), "{lines}\n{said}");
    }
}

/// (lines after the least file, the message)
#[test]
fn wrong_gates() {
    let second = "[[gate]]\nname = \"demo\"\nlisten = \"127.0.0.1:1\"\nupstream = { address = \"a:1\" }\n";
    let same_address = second.replace("demo", "other").replace(":1\"\nu", ":5439\"\nu");
    let rows: &[(&str, &str)] = &[
        ("tls = \"prefer\"\n", "line 6: gate[0].upstream.tls: unknown value \"prefer\"; use one of \"disable\", "),
        ("tls = \"require\"\nca = \"ca.pem\"\n", "line 7: gate[0].upstream.ca: has no effect unless tls is "),
        (
            "tls = \"disable\"\nserver_name = \"a\"\n",
            "line 7: gate[0].upstream.server_name: has no effect when tls is ",
        ),
        ("server_name = \"a:1\"\n", "line 6: gate[0].upstream.server_name: \"a:1\" is not a host name; "),
        ("connect_timeout = \"0s\"\n", "line 6: gate[0].upstream.connect_timeout: must be longer than zero; "),
        ("[gate.tls]\ncertificate = \"a.pem\"\n", "line 6: gate[0].tls.key: missing; add it"),
        ("[gate.tls]\nkey = \"a.pem\"\n", "line 6: gate[0].tls.certificate: missing; add it"),
        ("[gate.limits]\nmax_sessions = 0\n", "line 7: gate[0].limits.max_sessions: must be at least 1: "),
        (
            "[gate.limits]\nmax_statement_bytes = 10\n",
            "line 7: gate[0].limits.max_statement_bytes: 10 is out of range; ",
        ),
        (
            "[gate.limits]\nstartup_timeout = \"0s\"\n",
            "line 7: gate[0].limits.startup_timeout: must be longer than zero; ",
        ),
        ("[gate.limits]\nmax_users = 1\n", "line 7: gate[0].limits.max_users: unknown key; "),
        ("[[gate]]\nname = \"b\"\nlisten = \"127.0.0.1:1\"\n", "line 6: gate[1].upstream: missing; add it"),
        (second, "line 7: gate[1].name: \"demo\" is already the name of gate[0]; "),
        (&same_address, "line 8: gate[1].listen: 127.0.0.1:5439 is already used by gate[0].listen; "),
    ];
    for (lines, want) in rows {
        let said = message(&format!("{LEAST}{lines}"), &[]);
        assert!(said.starts_with(&format!("rolegate.toml: {want}")), "{lines}\n{said}");
    }
}

/// (whole file, the message)
#[test]
fn wrong_files() {
    let gate = |name: &str| LEAST.replace("demo", name);
    let address = |address: &str| LEAST.replace("localhost:5440", address);
    let rows: &[(&str, &str)] = &[
        ("", "gate: no gate is configured; add a [[gate]] section with name, listen and [gate.upstream]"),
        ("gate = []\n", "line 1: gate: no gate is configured; "),
        (
            "[gate]\nname = \"demo\"\n",
            "line 1: gate: found a table, expected a list; write each gate as a section [[gate]], ",
        ),
        ("[[gate]]\n", "line 1: gate[0].name: missing; add it"),
        (&gate(""), "line 2: gate[0].name: \"\" cannot be a gate's name; "),
        (&gate("a b"), "line 2: gate[0].name: \"a b\" cannot be a gate's name; "),
        (
            &address("localhost"),
            "line 5: gate[0].upstream.address: found \"localhost\"; write the cluster's host:port, ",
        ),
    ];
    for (text, want) in rows {
        let said = message(text, &[]);
        assert!(said.starts_with(&format!("rolegate.toml: {want}")), "{text}\n{said}");
    }
    let said = message(&address("postgres://etl:hunter2@demo:5439/dev"), &[]);
    assert!(said.contains("gate[0].upstream.address: found a URL; ") && !said.contains("hunter2"), "{said}");
}

/// (variable, value, the message)
#[test]
fn wrong_variables() {
    let rows: &[(&str, &str, &str)] = &[
        ("ROLEGATE__LOG__LEVL", "info", "log.levl, set by the environment variable ROLEGATE__LOG__LEVL: unknown key; "),
        ("ROLEGATE__LOGS__LEVEL", "info", "logs, set by the environment variable ROLEGATE__LOGS__LEVEL: unknown key; "),
        (
            "ROLEGATE__LOG__FORMAT",
            "xml",
            "log.format, set by the environment variable ROLEGATE__LOG__FORMAT: unknown value \"xml\"; ",
        ),
        (
            "ROLEGATE__GATE__1__NAME",
            "x",
            "gate[1].name, set by the environment variable ROLEGATE__GATE__1__NAME: the list has 1 entry; ",
        ),
        (
            "ROLEGATE__GATE__0__NAME__X",
            "x",
            "gate[0].name.x, set by the environment variable ROLEGATE__GATE__0__NAME__X: \"x\" is below ",
        ),
        ("ROLEGATE__", "x", ", set by the environment variable ROLEGATE__: unknown key; "),
    ];
    for (name, value, want) in rows {
        let said = message(LEAST, &[(name, value)]);
        assert!(said.starts_with(&format!("rolegate.toml: {want}")), "{name}\n{said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = Config::load(Path::new("/nonexistent/rolegate.toml")).unwrap_err().to_string();
    assert!(said.starts_with("/nonexistent/rolegate.toml: cannot be read: "), "{said}");
    let folder = folder("");
    fs::write(folder.path().join("rolegate.toml"), b"name = \"\xff\"").unwrap();
    let said = load(&folder, &[]).unwrap_err().to_string();
    assert!(said.contains("rolegate.toml: cannot be read: ") && said.contains("UTF-8"), "{said}");
}

#[test]
fn a_folder_whose_name_is_a_pattern() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("a[1]*");
    fs::create_dir_all(inner.join("rules/sub.cedar")).unwrap();
    fs::write(inner.join("rules/a.cedar"), "").unwrap();
    let file = inner.join("rolegate.toml");
    fs::write(&file, format!("[policy]\nrules = [\"rules/*.cedar\"]\n{LEAST}")).unwrap();
    let config = Config::load_with(&file, &[]).unwrap();
    assert_eq!(config.policy.rules, [inner.join("rules/a.cedar")]);
}

#[test]
fn free_ports_may_repeat() {
    let other = "[[gate]]\nname = \"b\"\nlisten = \"127.0.0.1:0\"\nupstream = { address = \"a:1\" }\n";
    let text = format!("[admin]\nlisten = \"127.0.0.1:0\"\n{}{other}", LEAST.replace(":5439", ":0"));
    assert_eq!(load(&folder(&text), &[]).unwrap().gate.len(), 2);
}
