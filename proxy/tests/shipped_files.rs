//! Files that users start from must hold what they promise.

use std::fs;
use std::path::{Path, PathBuf};

use rolegate::config::Config;
use rolegate::gate::finding::Code;
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
    for key in keys.chain(["ca", "server_name", "certificate", "key", "required"]) {
        assert!(text.contains(&format!("{key} = ")), "{key} is not explained");
    }
}

#[test]
fn every_finding_has_its_section() {
    let page = fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected = Code::ALL.map(|code| format!("{code}: {}", code.title()));
    assert_eq!(sections, expected, "one section for each code, in order");
    for code in Code::ALL {
        let section = page.split(&format!("## {code}")).nth(1).unwrap();
        let severity = format!("Default: `{}`.", code.default_severity().as_str());
        assert!(section.lines().any(|line| line == severity), "{code} should say {severity}");
        assert!(section.contains("**Cause.**") && section.contains("**Remedy.**"), "{code}");
    }
}
