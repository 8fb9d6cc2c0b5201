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

#[cfg(test)]
mod tests {
    use super::*;

    /// (path, how a shell takes it)
    #[test]
    fn paths_are_one_word_of_a_shell() {
        for (path, want) in [
            ("/etc/rolegate", "/etc/rolegate"),
            ("/a b", "'/a b'"),
            ("/it's", r"'/it'\''s'"),
            ("/$HOME", "'/$HOME'"),
            ("/a;rm -r", "'/a;rm -r'"),
            ("/`x`", "'/`x`'"),
            ("/a\nb", "'/a\nb'"),
            ("/caf\u{e9}", "'/caf\u{e9}'"),
            ("/a_b-c+d:e@f.g", "/a_b-c+d:e@f.g"),
        ] {
            assert_eq!(quoted(Path::new(path)), want);
        }
    }

    /// What to type next names the folder, quoted, in every command that needs it.
    #[test]
    fn the_next_commands() {
        let next = |platform: Platform| platform.next(Path::new("/my gate"));
        let doctor = "rolegate doctor --config '/my gate/rolegate.toml'";
        for platform in Platform::value_variants() {
            assert_eq!(next(*platform)[0], doctor, "{platform:?}");
        }
        for (platform, want) in [
            (Platform::None, "rolegate serve --config '/my gate/rolegate.toml'"),
            (Platform::Systemd, "sudo cp '/my gate'/rolegate.service /etc/systemd/system/ && "),
            (
                Platform::Kubernetes,
                "helm upgrade --install rolegate deploy/helm/rolegate --values '/my gate'/values.yaml --set-file config='/my gate/rolegate.toml' ",
            ),
            (Platform::Ecs, "terraform -chdir='/my gate' init && terraform -chdir='/my gate' apply"),
            (Platform::Docker, "docker compose --file '/my gate'/compose.yaml up --detach"),
        ] {
            assert!(next(platform)[1].starts_with(want), "{}", next(platform)[1]);
        }
        assert_eq!(next(Platform::Docker)[2], "psql \"host=127.0.0.1 port=5439 dbname=dev user=YOUR_USER\"");
        assert_eq!(next(Platform::Kubernetes)[2], "kubectl port-forward service/rolegate 5439:5439");
        assert!(next(Platform::Ecs)[2].contains("host=$(terraform -chdir='/my gate' output -raw endpoint) port"));
    }

    /// An image is reached from elsewhere and writes its audit to stdout; a terminal keeps to this machine.
    #[test]
    fn what_a_platform_asks_for() {
        for (platform, is_image, sees_folder, listen, audit) in [
            (Platform::None, false, true, "127.0.0.1:5439", "audit.jsonl"),
            (Platform::Systemd, false, true, "0.0.0.0:5439", "/var/log/rolegate/audit.jsonl"),
            (Platform::Kubernetes, true, false, "0.0.0.0:5439", "-"),
            (Platform::Ecs, true, false, "0.0.0.0:5439", "-"),
            (Platform::Docker, true, true, "0.0.0.0:5439", "-"),
        ] {
            assert_eq!((platform.is_image(), platform.sees_folder()), (is_image, sees_folder), "{platform:?}");
            assert_eq!((platform.listen(), platform.audit()), (listen, audit), "{platform:?}");
        }
    }
}
