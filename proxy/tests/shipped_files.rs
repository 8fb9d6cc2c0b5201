//! Files that users start from must hold what they promise.

use std::fs;
use std::path::{Path, PathBuf};

use rolegate::config::Config;
use rolegate::gate::codes::Code;
use rolegate::serve::build;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_reference_configuration_runs() {
    let config = Config::load(&root().join("config/rolegate.toml")).unwrap();
    assert_eq!(build::all(&config, None).unwrap().gates.len(), 1);
}

#[test]
fn the_reference_configuration_names_every_key() {
    let text = fs::read_to_string(root().join("config/rolegate.toml")).unwrap();
    let config = Config::load(&root().join("config/rolegate.toml")).unwrap();
    let keys = config.to_toml_masked();
    let keys = keys.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key.trim());
    for key in keys.chain([
        "ca",
        "server_name",
        "certificate",
        "key",
        "required",
        "minimum_version",
        "client_ca",
        "client_certificate_required",
        "max_sessions_per_user",
        "max_sessions_per_address",
        "idle_timeout",
        "session_lifetime",
        "signing_key",
        "checkpoint_file",
        "rotate_every",
        "keep_files",
        "keep_for",
    ]) {
        assert!(text.contains(&format!("{key} = ")), "{key} is not explained");
    }
}

#[test]
fn every_example_rule_set_has_a_test_that_passes() {
    let folder = root().join("config/examples");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let rules: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|word| word == "cedar")).collect();
    assert!(rules.len() >= 3);
    for rules in rules {
        let cases = rules.with_extension("test.toml");
        // Cases say what enforcement is to do, so they hold in shadow mode too.
        for mode in ["enforce", "shadow"] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rolegate"));
            let tested = command.args(["policy", "test"]).arg(&cases).env("ROLEGATE__POLICY__MODE", mode).output();
            let tested = tested.unwrap();
            assert!(
                tested.status.success(),
                "{mode}: {}{}",
                String::from_utf8_lossy(&tested.stdout),
                String::from_utf8_lossy(&tested.stderr)
            );
        }
    }
}

#[test]
fn a_case_that_comes_out_otherwise_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    write(
        "rolegate.toml",
        "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n",
    );
    let case =
        "[[case]]\nname = \"keys\"\nuser = \"u\"\nsql = \"copy t from 's3://b' iam_role 'x'\"\nverdict = \"forward\"\n";
    let cases = write("x.test.toml", &format!("config = \"rolegate.toml\"\n{case}"));
    let test = |path: &Path| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_rolegate"))
            .args(["policy", "test"])
            .arg(path)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let (code, shown, _) = test(&cases);
    assert_eq!(code, Some(1));
    for line in
        ["  FAIL  keys  u  reject RG101", "        - forward", "        + reject RG101", "0 of 1 cases as expected"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    for (text, words) in [
        (format!("config = \"rolegate.toml\"\n{case}colour = 1\n"), "line 7"),
        ("config = \"rolegate.toml\"\n".to_owned(), "there is no [[case]]"),
        (format!("config = \"rolegate.toml\"\n{case}codes = [\"RG999\"]\n"), "RG999 is not a finding code"),
    ] {
        let (code, _, said) = test(&write("bad.test.toml", &text));
        assert_eq!(code, Some(2));
        assert!(said.contains("bad.test.toml") && said.contains(words), "{said}");
    }
}

#[test]
fn every_finding_has_its_section() {
    let page = fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = Code::ALL.iter().map(|code| format!("{code}: {}", code.row().title)).collect::<Vec<_>>();
    assert_eq!(sections, expected, "one section for each code, in order");
    for code in Code::ALL {
        let section = page.split(&format!("## {code}")).nth(1).unwrap();
        let severity = format!("Default: `{}`.", code.row().severity);
        assert!(section.lines().any(|line| line == severity), "{code} should say {severity}");
        assert!(section.contains("**Cause.**") && section.contains("**Remedy.**"), "{code}");
    }
}
