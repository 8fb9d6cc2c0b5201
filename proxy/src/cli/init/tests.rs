//! What is written for every platform loads, and nothing is ever overwritten.

use clap::{Parser, ValueEnum as _};

use super::*;
use crate::config::Config;
use crate::gate::enforcement::Mode;
use crate::serve::build;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    init: InitArguments,
}

const ENDPOINT: &str = "wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com:5439/dev";

fn init(folder: &Path, more: &[&str]) -> Result<String, String> {
    let line = ["init", folder.to_str().unwrap(), "--cluster-endpoint", ENDPOINT];
    write(&Line::try_parse_from(line.iter().chain(more)).map_err(|error| error.to_string())?.init)
}

#[test]
fn what_is_written_for_every_platform_loads_in_shadow_mode() {
    for platform in Platform::value_variants() {
        let folder = tempfile::tempdir().unwrap();
        let name = platform.to_possible_value().unwrap().get_name().to_owned();
        let told = init(folder.path(), &["--platform", &name]).unwrap();
        assert!(told.contains("rolegate.toml\n") && told.contains("shadow mode"), "{told}");
        assert!(told.contains("judged by their syntax and your rules alone"), "{told}");
        let config = Config::load(&folder.path().join("rolegate.toml")).unwrap();
        assert_eq!(config.policy.mode, Mode::Shadow);
        let gate = &config.gate[0];
        assert_eq!((gate.name.as_str(), gate.cluster.as_str()), ("wg", "wg"));
        assert_eq!(gate.upstream.address, ENDPOINT.trim_end_matches("/dev"));
        assert_eq!(gate.listen.ip().is_loopback(), *platform == Platform::None, "{name}");
        assert_eq!(build::all(&config, None).unwrap().gates.len(), 1, "{name}");
        assert!(!config.facts.is_configured());
    }
}

#[test]
fn an_account_is_read_from_aws_by_builds_that_can() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--account", "123456789012", "--profile", "plat\"form"];
    let outcome = init(folder.path(), &more);
    if !cfg!(feature = "aws") {
        assert!(outcome.unwrap_err().contains("no AWS source"));
        assert!(!folder.path().join("rolegate.toml").exists());
        return;
    }
    let config = Config::load(&folder.path().join("rolegate.toml")).unwrap();
    let account = &config.facts.aws.as_ref().unwrap().account[0];
    assert_eq!(account.profile.as_deref(), Some("plat\"form"));
    assert_eq!((account.regions.as_slice(), account.serverless), (&["eu-west-1".to_owned()][..], true));
    build::all(&config, None).unwrap();
}

/// (arguments, what the error says)
#[test]
fn arguments_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    for (more, words) in [
        (&["--account", "12345"][..], "not an account id"),
        (&["--profile", "p"], "--account"),
        (&["--platform", "docker", "--account", "123456789012", "--profile", "p"], "--profile names a file"),
        (&["--tls", "maybe"], "verify-full"),
    ] {
        let said = init(folder.path(), more).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn a_file_that_is_there_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    let rules = folder.path().join("rules/first.cedar");
    fs::write(&rules, "mine").unwrap();
    let said = init(folder.path(), &[]).unwrap_err();
    assert!(said.starts_with(&format!("{}: already there", rules.display())), "{said}");
    assert_eq!(fs::read_to_string(&rules).unwrap(), "mine");
    assert!(!folder.path().join("rolegate.toml").exists());
    // One that cannot be written takes those back that were.
    fs::remove_dir_all(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("rules"), "a file in the folder's place").unwrap();
    assert!(init(folder.path(), &[]).unwrap_err().contains("rules/first.cedar"));
    assert!(!folder.path().join("rolegate.toml").exists());
}

#[test]
fn the_unit_starts_this_program_with_these_files() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), &["--platform", "systemd"]).unwrap();
    let unit = fs::read_to_string(folder.path().join("rolegate.service")).unwrap();
    let program = std::env::current_exe().unwrap();
    let start = format!("ExecStart={} serve --config {}/rolegate.toml\n", program.display(), folder.path().display());
    assert!(unit.contains(&start), "{unit}");
    assert!(!unit.contains("/etc/rolegate/rolegate.toml"), "{unit}");
}

#[test]
fn three_commands_come_next() {
    for platform in Platform::value_variants() {
        let next = platform.next(Path::new("/etc/role gate's"));
        assert_eq!(next[0], r"rolegate doctor --config '/etc/role gate'\''s/rolegate.toml'");
    }
}
