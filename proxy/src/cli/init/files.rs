//! The texts of a first configuration.

use std::path::{Path, PathBuf};

use crate::cli::init::endpoint::Endpoint;
use crate::cli::init::platform::Platform;

const CONFIGURATION: &str = include_str!("rolegate.toml");
const RULES: &str = include_str!("first.cedar");
const UNIT: &str = include_str!("rolegate.service");
const VALUES: &str = include_str!("values.yaml");
const TERRAFORM: &str = include_str!("main.tf");
const COMPOSE: &str = include_str!("compose.yaml");

/// Where snapshots lie, within the folder.
const IAM: &str = "facts/iam/*.json";
const CLUSTERS: &str = "facts/clusters/*.json";

/// What the packaged unit runs, and where it expects the configuration.
const PACKAGED_PROGRAM: &str = "/usr/bin/rolegate ";
const PACKAGED_CONFIGURATION: &str = "/etc/rolegate/rolegate.toml";

/// What a first configuration is made of.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) folder: PathBuf,
    pub(super) endpoint: Endpoint,
    pub(super) cluster: Option<String>,
    pub(super) account: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    pub(super) platform: Platform,
    pub(super) tls: String,
    /// Snapshot files lie in the folder already.
    pub(super) has_snapshots: bool,
}

impl Start {
    /// Whether the folder holds snapshots of accounts and of clusters where the configuration looks for them.
    pub(super) fn snapshots_in(folder: &Path) -> bool {
        let has_some = |pattern: &str| {
            let within = Path::new(&glob::Pattern::escape(&folder.to_string_lossy())).join(pattern);
            glob::glob(&within.to_string_lossy()).is_ok_and(|found| found.flatten().next().is_some())
        };
        has_some(IAM) && has_some(CLUSTERS)
    }
}

/// A file to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct NewFile {
    /// Its path within the folder.
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// Every file that `init` writes, with its text.
pub(super) fn all(start: &Start) -> Vec<NewFile> {
    let file = |name, text| NewFile { name, text };
    let mut files = vec![file("rolegate.toml", configuration(start)), file("rules/first.cedar", RULES.to_owned())];
    files.extend(match start.platform {
        Platform::None => None,
        Platform::Systemd => Some(file("rolegate.service", unit(start))),
        Platform::Kubernetes => Some(file("values.yaml", VALUES.to_owned())),
        Platform::Ecs => Some(file("main.tf", terraform(start))),
        Platform::Docker => Some(file("compose.yaml", COMPOSE.to_owned())),
    });
    files
}

fn configuration(start: &Start) -> String {
    let text = CONFIGURATION
        .replace("{listen}", start.platform.listen())
        .replace("{audit}", start.platform.audit())
        .replace("{admin}", admin(start.platform))
        .replace("{facts}", &facts(start))
        .replace("{name}", &escaped(&gate_name(start)))
        .replace("{address}", &escaped(&start.endpoint.address))
        .replace("{tls}", &start.tls);
    match &start.cluster {
        Some(cluster) => text.replace("{cluster}", &format!("cluster = \"{}\"", escaped(cluster))),
        None => text.replace("{cluster}", "# cluster = \"warehouse\""),
    }
}

/// A gate's name has letters, digits and few marks; so has an identifier of a cluster.
fn gate_name(start: &Start) -> String {
    let is_good = |name: &&String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    start.cluster.as_ref().filter(is_good).cloned().unwrap_or_else(|| "warehouse".to_owned())
}

fn admin(platform: Platform) -> &'static str {
    if platform.is_image() {
        "# Within the container's network: probes and Prometheus reach it there, and the NetworkPolicy or security group keeps others out.\n\
         listen = \"0.0.0.0:9439\"\n\
         insecure = true"
    } else {
        "listen = \"127.0.0.1:9439\""
    }
}

/// The section that reads AWS, or how to get facts where no account is given.
fn facts(start: &Start) -> String {
    if start.has_snapshots {
        return format!("iam = [\"{IAM}\"]\nclusters = [\"{CLUSTERS}\"]\n");
    }
    let Some(account) = &start.account else { return NO_FACTS.to_owned() };
    let mut text = format!("[[facts.aws.account]]\nid = \"{account}\"\n");
    if let Some(profile) = &start.profile {
        text.extend(["profile = \"", &escaped(profile), "\"\n"]);
    }
    let regions = start.region.as_ref().map_or_else(String::new, |region| format!("\"{}\"", escaped(region)));
    let serverless = start.endpoint.is_serverless;
    format!("{text}regions = [{regions}]\nserverless = {serverless}\n")
}

const NO_FACTS: &str = "# None yet, so chains are judged by their syntax and by the rules, not by IAM. From AWS itself:\n\
    # [[facts.aws.account]]\n\
    # id = \"123456789012\"\n\
    # regions = [\"us-east-1\"]\n\
    # or from files that `rolegate iam pull` or the AWS command line wrote:\n\
    # iam = [\"facts/iam/*.json\"]\n\
    # clusters = [\"facts/clusters/*.json\"]\n";

fn unit(start: &Start) -> String {
    let program = std::env::current_exe().ok().filter(|path| path.is_absolute());
    unit_of(program.as_deref(), &start.folder)
}

/// The packaged unit with another program and folder.
fn unit_of(program: Option<&Path>, folder: &Path) -> String {
    let program = program.map_or(PACKAGED_PROGRAM.to_owned(), |program| unit_word(program) + " ");
    let text = UNIT.replace(PACKAGED_PROGRAM, &program);
    // Within arguments, and not within the program's path, a dollar sign begins a variable.
    text.replace(PACKAGED_CONFIGURATION, &unit_word(&folder.join("rolegate.toml")).replace('$', "$$"))
}

/// A path as systemd takes it for one word of a command line, with no specifier in it. Source: `systemd.service(5)`,
/// "Command lines", and `systemd.syntax(7)`, "Quoting".
fn unit_word(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%%");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%$".contains(&byte);
    if text.bytes().all(is_plain) { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

fn terraform(start: &Start) -> String {
    let region = start.region.as_deref().unwrap_or("us-east-1");
    TERRAFORM.replace("{region}", &escaped(region))
}

/// A text within a basic string of TOML or HCL.
fn escaped(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(platform: Platform) -> Start {
        Start {
            folder: PathBuf::from("/opt/gate"),
            endpoint: Endpoint::parse("warehouse.abc.us-east-1.redshift.amazonaws.com:5439").unwrap(),
            cluster: Some("warehouse".to_owned()),
            account: None,
            profile: None,
            region: Some("us-east-1".to_owned()),
            platform,
            tls: "verify-full".to_owned(),
            has_snapshots: false,
        }
    }

    /// (program, folder, what runs)
    #[test]
    fn a_unit_runs_this_program_on_this_folder() {
        for (program, folder, program_word, config_word) in [
            (None, "/etc/rolegate", "/usr/bin/rolegate", "/etc/rolegate/rolegate.toml"),
            (Some("/opt/bin/rolegate"), "/srv/gate", "/opt/bin/rolegate", "/srv/gate/rolegate.toml"),
            (Some("/opt/a b/rolegate"), "/srv/my gate", "\"/opt/a b/rolegate\"", "\"/srv/my gate/rolegate.toml\""),
            (Some("/opt/50%/rolegate"), "/srv/50%", "/opt/50%%/rolegate", "/srv/50%%/rolegate.toml"),
            (None, "/srv/$HOME", "/usr/bin/rolegate", "/srv/$$HOME/rolegate.toml"),
            (None, "/srv/a\"b\\c", "/usr/bin/rolegate", "\"/srv/a\\\"b\\\\c/rolegate.toml\""),
            (None, "/usr/bin/rolegate x", "/usr/bin/rolegate", "\"/usr/bin/rolegate x/rolegate.toml\""),
        ] {
            let unit = unit_of(program.map(Path::new), Path::new(folder));
            let line = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            assert_eq!(line("ExecStartPre="), format!("{program_word} config check {config_word}"), "{folder}");
            assert_eq!(line("ExecStart="), format!("{program_word} serve --config {config_word}"), "{folder}");
            assert_eq!(unit.lines().count(), UNIT.lines().count(), "{folder}");
        }
    }

    /// (the cluster's name, the name of the gate)
    #[test]
    fn a_gate_is_called_as_its_cluster_where_it_may_be() {
        for (cluster, want) in [
            (Some("sales-1.eu_x"), "sales-1.eu_x"),
            (Some("with blank"), "warehouse"),
            (Some("a\"b"), "warehouse"),
            (Some("caf\u{e9}"), "warehouse"),
            (None, "warehouse"),
        ] {
            let start = Start { cluster: cluster.map(str::to_owned), ..start(Platform::None) };
            assert_eq!(gate_name(&start), want);
            let text = configuration(&start);
            let named = cluster
                .map_or("# cluster = \"warehouse\"".to_owned(), |name| format!("cluster = \"{}\"", escaped(name)));
            assert!(text.contains(&format!("name = \"{want}\"\n")) && text.contains(&named), "{text}");
            assert!(!text.contains('{'), "no placeholder is left: {text}");
        }
    }

    /// (what is known, what [facts] holds)
    #[test]
    fn facts_of_a_first_configuration() {
        let known = |account: Option<&str>, profile: Option<&str>, region: Option<&str>| Start {
            account: account.map(str::to_owned),
            profile: profile.map(str::to_owned),
            region: region.map(str::to_owned),
            ..start(Platform::None)
        };
        for (start, want) in [
            (known(None, None, Some("us-east-1")), NO_FACTS.to_owned()),
            (
                known(Some("123456789012"), None, Some("eu-west-1")),
                "[[facts.aws.account]]\nid = \"123456789012\"\nregions = [\"eu-west-1\"]\nserverless = false\n".to_owned(),
            ),
            (
                known(Some("123456789012"), Some("a\"b\\c\n"), None),
                "[[facts.aws.account]]\nid = \"123456789012\"\nprofile = \"a\\\"b\\\\c\"\nregions = []\nserverless = false\n".to_owned(),
            ),
        ] {
            assert_eq!(facts(&start), want);
        }
        let snapshots = Start { has_snapshots: true, ..known(Some("123456789012"), None, None) };
        assert_eq!(facts(&snapshots), "iam = [\"facts/iam/*.json\"]\nclusters = [\"facts/clusters/*.json\"]\n");
        let endpoint = Endpoint::parse("wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com").unwrap();
        assert!(facts(&Start { endpoint, ..known(Some("123456789012"), None, None) }).ends_with("serverless = true\n"));
    }

    /// (platform, files beside the configuration and the rules)
    #[test]
    fn every_platform_has_its_file() {
        for (platform, more) in [
            (Platform::None, None),
            (Platform::Systemd, Some("rolegate.service")),
            (Platform::Kubernetes, Some("values.yaml")),
            (Platform::Ecs, Some("main.tf")),
            (Platform::Docker, Some("compose.yaml")),
        ] {
            let names: Vec<&str> = all(&start(platform)).iter().map(|file| file.name).collect();
            let want: Vec<&str> = ["rolegate.toml", "rules/first.cedar"].into_iter().chain(more).collect();
            assert_eq!(names, want, "{platform:?}");
            let text = &all(&start(platform))[0].text;
            assert!(text.contains(&format!("listen = \"{}\"", platform.listen())), "{text}");
            assert!(text.contains(&format!("path = \"{}\"", platform.audit())), "{text}");
            let is_open = text.contains("listen = \"0.0.0.0:9439\"\ninsecure = true");
            assert_eq!(is_open, platform.is_image(), "the admin address of {platform:?}: {text}");
        }
    }

    #[test]
    fn terraform_knows_the_region() {
        for (region, want) in
            [(Some("eu-west-1"), "\"eu-west-1\""), (None, "\"us-east-1\""), (Some("a\"b"), "\"a\\\"b\"")]
        {
            let text = terraform(&Start { region: region.map(str::to_owned), ..start(Platform::Ecs) });
            assert!(text.contains(want) && !text.contains("{region}"), "{text}");
        }
    }

    /// Snapshots count where accounts and clusters are both there, whatever letters the folder's name holds.
    #[test]
    fn snapshots_of_both_kinds() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("[a]*?");
        std::fs::create_dir_all(folder.join("facts/iam")).unwrap();
        std::fs::create_dir_all(folder.join("facts/clusters")).unwrap();
        assert!(!Start::snapshots_in(&folder));
        std::fs::write(folder.join("facts/iam/a.json"), "{}").unwrap();
        assert!(!Start::snapshots_in(&folder));
        std::fs::write(folder.join("facts/clusters/c.txt"), "{}").unwrap();
        assert!(!Start::snapshots_in(&folder));
        std::fs::write(folder.join("facts/clusters/c.json"), "{}").unwrap();
        assert!(Start::snapshots_in(&folder));
    }
}
