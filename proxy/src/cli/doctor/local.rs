//! What this machine must have, whatever the cluster does: files, ports, descriptors, and IAM facts.

use std::io;
use std::net::SocketAddr;

use crate::cli::doctor::checkup::Checkup;
use crate::cli::doctor::{descriptors, files};
use crate::cli::health;
use crate::config::Config;
use crate::net::listener::{self, Sharing};
use crate::observe::words::counted;
use crate::serve::build;

/// Every check that asks no cluster.
pub(super) fn all(config: &Config) -> Vec<Checkup> {
    let mut checkups = vec![policy(config), facts(config)];
    checkups.extend(files::all(config));
    checkups.extend(ports(config));
    checkups.push(descriptors::check(config));
    checkups
}

fn policy(config: &Config) -> Checkup {
    let subject = config.source().display().to_string();
    match build::all(config, None) {
        Ok(built) => Checkup::good(
            "policy",
            subject,
            format!("rules, facts and certificates load for {}", counted(built.gates.len(), "gate")),
        ),
        Err(error) => Checkup::failed(
            "policy",
            subject,
            error.to_string(),
            "correct the file that is named; `rolegate config check` says the same",
        ),
    }
}

/// Whether the credentials for AWS are there and may read what the gate needs. All of it is read, as at a start.
fn facts(config: &Config) -> Checkup {
    let Some(aws) = &config.facts.aws else {
        return if config.facts.is_configured() {
            facts_of_files(config)
        } else {
            let remedy = "add [[facts.aws.account]], or iam and clusters (docs/facts.md)";
            Checkup::warning("facts", "[facts]", "no source: chains are judged by syntax and rules, not by IAM", remedy)
        };
    };
    let subject = aws.account.iter().map(|account| account.id.as_str()).collect::<Vec<_>>().join(", ");
    match build::facts_from_aws(config) {
        Ok(()) => Checkup::good("facts", subject, "every account can be read from AWS"),
        Err(error) => Checkup::failed("facts", subject, error.to_string(), aws_remedy(&error.to_string())),
    }
}

/// Whether the files hold facts, and of what.
fn facts_of_files(config: &Config) -> Checkup {
    match build::facts_from_files(config) {
        Ok(facts) => {
            let names: Vec<&str> = facts.clusters().into_iter().map(|cluster| cluster.name.as_str()).collect();
            let names = if names.is_empty() { "no cluster".to_owned() } else { names.join(", ") };
            let (roles, accounts) = (counted(facts.role_count(), "role"), counted(facts.accounts().count(), "account"));
            let found = format!("from files alone: {roles} of {accounts}; {names}");
            Checkup::good("facts", "[facts]", found)
        }
        Err(error) => {
            let remedy = "write the file that is named anew: `rolegate iam pull`, or the commands of docs/facts.md";
            Checkup::failed("facts", "[facts]", error.to_string(), remedy)
        }
    }
}

/// What to do about an answer of AWS, by the words that its errors are known by.
fn aws_remedy(said: &str) -> &'static str {
    let rows = [
        ("no AWS source", "use a release build, or build with --features aws"),
        (
            "AccessDenied",
            "give the credentials the actions that config/rolegate.toml lists above [[facts.aws.account]]",
        ),
        ("ExpiredToken", "renew the credentials: their time is over"),
        ("RequestExpired", "set the clock: AWS refuses requests whose time is off by more than five minutes"),
        ("SignatureDoesNotMatch", "check the secret key, and the clock of this machine"),
        ("InvalidClientTokenId", "the access key does not exist: check which credentials the process is given"),
        (
            "could not find profile",
            "write the profile into the AWS configuration files of the user that the gate runs as",
        ),
    ];
    let found = rows.into_iter().find(|(words, _remedy)| said.contains(words));
    found.map_or("give the process credentials (a role of the instance, task or pod, or a profile), and a way to AWS's endpoints", |(_, remedy)| remedy)
}

/// Whether the addresses are free, or held by a gate that runs.
fn ports(config: &Config) -> Vec<Checkup> {
    let is_running = health::answers(&config.admin);
    let gates = config.gate.iter().map(|gate| gate.listen);
    std::iter::once(config.admin.listen).chain(gates).map(|address| port(address, is_running)).collect()
}

fn port(address: SocketAddr, is_running: bool) -> Checkup {
    let subject = address.to_string();
    match listener::bind(address, Sharing::Exclusive) {
        Ok(_socket) => Checkup::good("port", subject, "free"),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_running => {
            Checkup::good("port", subject, "in use, and a gate answers on the admin address")
        }
        Err(error) => Checkup::failed("port", subject, error.to_string(), port_remedy(&error)),
    }
}

fn port_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop the program that has it (ss -ltnp shows which), or write another port into listen"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: write one of its own, or 0.0.0.0 for all",
        io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE: write a higher one",
        _ => "write another address into listen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checkup::Health;

    #[test]
    fn a_port_is_free_or_taken_by_a_stranger_or_by_a_gate() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = holder.local_addr().unwrap();
        let taken = port(address, false);
        assert_eq!(taken.health, Health::Failed);
        assert!(taken.remedy.starts_with("stop the program"), "{taken:?}");
        assert_eq!(port(address, true).health, Health::Good);
        drop(holder);
        assert_eq!(port(address, false).found, "free");
        let elsewhere = port("192.0.2.1:5439".parse().unwrap(), true);
        assert!(elsewhere.remedy.starts_with("this machine has no such address"), "{elsewhere:?}");
    }

    #[test]
    fn answers_of_aws_have_their_remedies() {
        for (said, remedy) in [
            ("AWS account 1: iam:GetRole: AccessDenied: not authorized", "give the credentials the actions"),
            ("RequestExpired: Request has expired", "set the clock"),
            ("dispatch failure", "give the process credentials"),
        ] {
            assert!(aws_remedy(said).starts_with(remedy), "{said}");
        }
    }
}
