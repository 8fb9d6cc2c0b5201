//! The program under test: `rolegate serve` before a server of the test's own, and `rolegate check`.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::cases::{CASES, Sent};
use super::wire;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/client_texts");

/// A running gate.
pub(crate) struct Gate {
    folder: TempDir,
    port: u16,
    /// The server behind it.
    pub(crate) backend: u16,
    process: Child,
    received: Receiver<String>,
    bytes: Receiver<Vec<u8>>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn configuration(folder: &Path, policy: &str, port: u16, backend: u16) -> String {
    let path = folder.join("rolegate.toml");
    let text = format!(
        "[admin]\nlisten = \"127.0.0.1:{}\"\n[audit]\npath = \"audit.jsonl\"\n[policy]\n{policy}rules = [\"{DATA}/rules.cedar\"]\n\
         [policy.groups]\netl = [\"etl\"]\nanalysts = [\"analyst\"]\n\
         [facts]\niam = [\"{DATA}/*7*.json\"]\nclusters = [\"{DATA}/clusters.json\"]\n\
         [[gate]]\nname = \"demo\"\nlisten = \"127.0.0.1:{port}\"\ncluster = \"demo\"\n\
         [gate.upstream]\naddress = \"127.0.0.1:{backend}\"\ntls = \"disable\"\n",
        free_port()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

impl Gate {
    pub(crate) fn start(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ((sender, received), (bytes_sender, bytes)) = (channel(), channel());
        let (port, backend) = (free_port(), wire::server(sender, bytes_sender));
        let path = configuration(folder.path(), policy, port, backend);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_rolegate"))
            .args(["serve", "--config", &path])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, port, backend, process, received, bytes }
    }

    /// Every byte that the server was sent since the last time.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.try_iter().flatten().collect()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let began = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => return stream,
                Err(_) if began.elapsed() < Duration::from_secs(20) => sleep(Duration::from_millis(20)),
                Err(error) => {
                    panic!("{error}: {}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default())
                }
            }
        }
    }

    /// What the client is told in one session, and what the server is sent.
    pub(crate) fn session(&self, parameters: &[(&str, &str)], sent: &Sent) -> String {
        let mut text = wire::talk(self.connect(), parameters, sent);
        for statement in self.received.try_iter() {
            writeln!(text, "server\n  {}", statement.replace('\n', "\n  ")).unwrap();
        }
        text
    }

    /// Ends the gate and gives its audit, less what differs from run to run.
    pub(crate) fn audit(mut self) -> Vec<Value> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
        let mut records = Vec::new();
        for line in fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap().lines() {
            let mut record: Value = serde_json::from_str(line).unwrap();
            if record["event"] != "verdict" {
                continue;
            }
            let fields = record.as_object_mut().unwrap();
            for of_the_log in ["v", "log", "host", "instance", "seq", "prev", "id", "event"] {
                assert!(fields.shift_remove(of_the_log).is_some(), "{of_the_log}");
            }
            for varying in [
                "time",
                "session",
                "client_port",
                "policy_version",
                "facts_version",
                "facts_age_seconds",
                "decision_seconds",
            ] {
                assert!(fields.remove(varying).is_some(), "{varying}");
            }
            if fields["nonce"].is_string() {
                fields["nonce"] = "(nonce)".into();
            }
            records.push(record);
        }
        records
    }
}

/// What `rolegate check` prints for the texts of a user's cases, and its exit status. Of SARIF the results, one a line.
pub(crate) fn check(policy: &str, user: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = configuration(folder.path(), policy, 1, 2);
    let mut names = Vec::new();
    for (number, case) in CASES.iter().enumerate().filter(|(_, case)| case.user == user) {
        let (Sent::Query(sql) | Sent::Bound(sql, _)) = case.sent;
        let name = format!("{number:02}.sql");
        fs::write(folder.path().join(&name), sql).unwrap();
        names.push(name);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_rolegate"))
        .current_dir(folder.path())
        .args(["check", "--config", &path, "--user", user])
        .args(options)
        .args(names)
        .output()
        .unwrap();
    let status = output.status.code().unwrap();
    let mut out = String::from_utf8(output.stdout).unwrap();
    if options.contains(&"sarif") {
        let log: Value = serde_json::from_str(&out).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        out.clear();
        for result in results {
            writeln!(out, "{result}").unwrap();
        }
    }
    format!("{out}{}exit status {status}\n", String::from_utf8_lossy(&output.stderr))
}
