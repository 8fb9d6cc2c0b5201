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

/// Where the packaged unit expects the configuration.
const PACKAGED_FOLDER: &str = "/etc/rolegate";

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

/// Every file.
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
    let text = UNIT.replace(PACKAGED_FOLDER, &start.folder.to_string_lossy());
    program.map_or(text.clone(), |program| text.replace("/usr/bin/rolegate", &program.to_string_lossy()))
}

fn terraform(start: &Start) -> String {
    let region = start.region.as_deref().unwrap_or("us-east-1");
    TERRAFORM.replace("{region}", &escaped(region))
}

/// A text within a basic string of TOML or HCL.
fn escaped(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
}
