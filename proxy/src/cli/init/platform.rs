//! What runs a gate, and what that asks of a first configuration.

use std::path::Path;

use clap::ValueEnum;

/// What runs the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Platform {
    /// A terminal: the gate listens on this machine alone
    None,
    /// A service of systemd
    Systemd,
    /// A Helm release
    Kubernetes,
    /// A service of Amazon ECS, by Terraform
    Ecs,
    /// A container by Docker Compose
    Docker,
}

impl Platform {
    /// Whether it runs a release image, which reads AWS, writes its audit to stdout, and is reached by a published port.
    pub(super) const fn is_image(self) -> bool {
        matches!(self, Self::Kubernetes | Self::Ecs | Self::Docker)
    }

    /// Whether the gate finds beside its configuration what lies there now.
    pub(super) const fn sees_folder(self) -> bool {
        matches!(self, Self::None | Self::Systemd | Self::Docker)
    }

    /// Where SQL clients connect.
    pub(super) const fn listen(self) -> &'static str {
        match self {
            Self::None => "127.0.0.1:5439",
            Self::Systemd | Self::Kubernetes | Self::Ecs | Self::Docker => "0.0.0.0:5439",
        }
    }

    /// Where the audit goes.
    pub(super) const fn audit(self) -> &'static str {
        match self {
            Self::None => "audit.jsonl",
            Self::Systemd => "/var/log/rolegate/audit.jsonl",
            Self::Kubernetes | Self::Ecs | Self::Docker => "-",
        }
    }

    /// The next three commands for files in this folder.
    pub(super) fn next(self, folder: &Path) -> [String; 3] {
        let config = quoted(&folder.join("rolegate.toml"));
        let dir = quoted(folder);
        let doctor = format!("rolegate doctor --config {config}");
        let psql = |host: &str| format!("psql \"host={host} port=5439 dbname=dev user=YOUR_USER\"");
        match self {
            Self::None => [doctor, format!("rolegate serve --config {config}"), psql("127.0.0.1")],
            Self::Systemd => [
                doctor,
                format!(
                    "sudo cp {dir}/rolegate.service /etc/systemd/system/ && sudo systemctl daemon-reload && sudo systemctl enable --now rolegate"
                ),
                psql("127.0.0.1"),
            ],
            Self::Kubernetes => [
                doctor,
                format!(
                    "helm upgrade --install rolegate deploy/helm/rolegate --values {dir}/values.yaml --set-file config={config} --set-file rules.first={dir}/rules/first.cedar"
                ),
                "kubectl port-forward service/rolegate 5439:5439".to_owned(),
            ],
            Self::Ecs => [
                doctor,
                format!("terraform -chdir={dir} init && terraform -chdir={dir} apply"),
                psql(&format!("$(terraform -chdir={dir} output -raw endpoint)")),
            ],
            Self::Docker => {
                [doctor, format!("docker compose --file {dir}/compose.yaml up --detach"), psql("127.0.0.1")]
            }
        }
    }
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if text.bytes().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
