//! The way from this machine to the cluster: its name, TCP, TLS, and its certificate against the authorities that are trusted.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use jiff::{Span, Timestamp};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::doctor::checkup::Checkup;
use crate::config::GateSection;
use crate::config::value::TlsMode;
use crate::net::backend::{Backend, BackendError};
use crate::net::distrust::Distrust;
use crate::net::presented::Presented;
use crate::net::tls::{self, Verify};
use crate::serve::build;

/// A certificate that ends sooner is told of.
const SOON_DAYS: i64 = 30;

const BUNDLE: &str = "write the file of its authority into [gate.upstream] ca; Redshift's own is in the Redshift Management Guide, \"Configuring security options for connections\"";

/// Every check of one gate's way to its cluster; what a failure makes pointless is left out.
pub(super) async fn all(gate: &GateSection) -> Vec<Checkup> {
    let mut checkups = vec![clients(gate)];
    let address = &gate.upstream.address;
    match timeout(gate.upstream.connect_timeout.get(), tokio::net::lookup_host(address)).await {
        Ok(Ok(found)) => {
            let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            checkups.push(name(address, &found));
        }
        Ok(Err(error)) => return [checkups, vec![no_name(address, &error.to_string())]].concat(),
        Err(_elapsed) => return [checkups, vec![no_name(address, "no answer in time")]].concat(),
    }
    match timeout(gate.upstream.connect_timeout.get(), TcpStream::connect(address)).await {
        Ok(Ok(_socket)) => checkups.push(Checkup::good("reach", address, "takes connections")),
        Ok(Err(error)) => return [checkups, vec![unreachable(address, &error)]].concat(),
        Err(_elapsed) => return [checkups, vec![unreachable(address, &io::ErrorKind::TimedOut.into())]].concat(),
    }
    checkups.extend(certificate(gate).await);
    checkups
}

fn name(address: &str, found: &[IpAddr]) -> Checkup {
    let listed = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let is_public = |ip: &IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(ip)),
        IpAddr::V6(ip) => !(ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local()),
    };
    if found.iter().any(is_public) {
        let remedy = "a cluster with a public address can be reached around the gate: switch off \"publicly accessible\", or let only the gate in";
        return Checkup::warning("name", address, format!("is {listed}, a public address"), remedy);
    }
    Checkup::good("name", address, format!("is {listed}"))
}

/// The space that providers, and subnets of a VPC, share behind a translation. Source: RFC 6598.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && (64..128).contains(&second)
}

fn no_name(address: &str, said: &str) -> Checkup {
    let remedy =
        "check the spelling, and that this machine asks the VPC's resolver (a private endpoint has no name elsewhere)";
    Checkup::failed("name", address, format!("does not resolve: {said}"), remedy)
}

fn unreachable(address: &str, error: &io::Error) -> Checkup {
    let remedy = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there: check the port, and whether the cluster is paused",
        io::ErrorKind::TimedOut => {
            "something drops the packets: let this machine's security group into the cluster's, and check routes and network ACLs"
        }
        _ => "check routes, security groups and network ACLs between this machine and the cluster",
    };
    Checkup::failed("reach", address, error.to_string(), remedy)
}

/// Whether clients can come with TLS.
fn clients(gate: &GateSection) -> Checkup {
    let subject = gate.name.clone();
    match &gate.tls {
        Some(tls) if tls.required => Checkup::good("client TLS", subject, "demanded of clients"),
        Some(_) => Checkup::good("client TLS", subject, "offered to clients"),
        None if gate.listen.ip().is_loopback() => {
            Checkup::good("client TLS", subject, "not offered; the gate listens on this machine alone")
        }
        None => {
            let remedy = "add [gate.tls] with a certificate for the gate's host name (docs/tls.md)";
            Checkup::warning(
                "client TLS",
                subject,
                "not offered: passwords and statements cross the network in the clear",
                remedy,
            )
        }
    }
}

/// TLS with the cluster as the gate would speak it, and the certificate that it shows.
async fn certificate(gate: &GateSection) -> Vec<Checkup> {
    let address = &gate.upstream.address;
    let backend = match build::backend(gate) {
        Ok(backend) => backend,
        Err(error) => {
            return vec![Checkup::failed("cluster TLS", address, error.to_string(), "correct [gate.upstream]")];
        }
    };
    if gate.upstream.tls == TlsMode::Disable {
        let remedy = "write tls = \"verify-full\" unless the server is on this machine";
        return vec![Checkup::warning("cluster TLS", address, "switched off", remedy)];
    }
    match backend.connect().await {
        Ok(stream) => {
            let shown = stream.backend_certificate();
            let mode = gate.upstream.tls.as_str();
            let mut checkups = vec![if gate.upstream.tls.verifies() {
                Checkup::good("cluster TLS", address, format!("the certificate holds ({mode})"))
            } else {
                let remedy = "write tls = \"verify-full\", so that nobody in between can take the cluster's place";
                Checkup::warning("cluster TLS", address, format!("any certificate is taken ({mode})"), remedy)
            }];
            checkups.extend(shown.map(|shown| dates("cluster certificate", address, &shown, Timestamp::now())));
            checkups
        }
        Err(error) => vec![distrusted(address, &error, shown(&backend).await.as_ref())],
    }
}

/// The certificate that the cluster shows to somebody who takes any.
async fn shown(backend: &Backend) -> Option<Presented> {
    let (_connector, name) = backend.tls.clone()?;
    let any = Backend { tls: Some((tls::connector(Verify::Nothing, None).ok()?, name)), ..backend.clone() };
    any.connect().await.ok()?.backend_certificate()
}

fn distrusted(address: &str, error: &BackendError, shown: Option<&Presented>) -> Checkup {
    let shown = shown.map_or_else(String::new, |shown| {
        format!("; it shows {} by {} for {}", shown.subject, shown.issuer, shown.names.join(", "))
    });
    let remedy = match error {
        BackendError::NoTls { .. } => {
            "the server speaks no TLS: is it the cluster? Only for a server on this machine write tls = \"disable\""
        }
        BackendError::Handshake { source, .. } => match Distrust::of(source) {
            Some(Distrust::Authority) => BUNDLE,
            Some(Distrust::Name) => {
                "write one of its names into [gate.upstream] server_name, or take the address that it names"
            }
            Some(Distrust::Expired) => {
                "check the clock of this machine; if it is right, the server's certificate has to be renewed"
            }
            Some(Distrust::NotYetValid) => "set the clock of this machine",
            Some(Distrust::Other) => {
                "take a certificate that rustls can read: X.509 version 3 with a subject alternative name"
            }
            None => "is something between this machine and the cluster that ends TLS, or a server of another protocol?",
        },
        BackendError::Connect { .. } | BackendError::Timeout { .. } => {
            "the server takes connections and does not answer: is it a PostgreSQL or a Redshift?"
        }
    };
    Checkup::failed("cluster TLS", address, format!("{error}{shown}"), remedy)
}

/// Whether a certificate holds now and for some time to come.
pub(super) fn dates(
    check: &'static str,
    subject: impl Into<String>,
    certificate: &Presented,
    now: Timestamp,
) -> Checkup {
    let until = certificate.not_after;
    let soon = now.checked_add(Span::new().hours(24 * SOON_DAYS)).unwrap_or(now);
    let found = format!("{}, until {until}", certificate.subject);
    if now < certificate.not_before {
        let found = format!("{}, only from {}", certificate.subject, certificate.not_before);
        return Checkup::failed(check, subject, found, "set the clock of this machine, or take another certificate");
    }
    match () {
        () if until < now => Checkup::failed(check, subject, found, "renew it: its time is over"),
        () if until < soon => {
            Checkup::warning(check, subject, found, format!("renew it: it ends within {SOON_DAYS} days"))
        }
        () => Checkup::good(check, subject, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checkup::Health;

    #[test]
    fn dates_of_a_certificate() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let certificate = Presented {
            subject: "CN=gate".to_owned(),
            issuer: "CN=ca".to_owned(),
            names: vec![],
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2026-12-31T00:00:00Z"),
        };
        for (now, health) in [
            ("2025-12-31T23:59:59Z", Health::Failed),
            ("2026-06-01T00:00:00Z", Health::Good),
            ("2026-01-01T00:00:00Z", Health::Good),
            ("2026-12-01T00:00:00Z", Health::Good),
            ("2026-12-01T00:00:01Z", Health::Warning),
            ("2026-12-31T00:00:00Z", Health::Warning),
            ("2026-12-31T00:00:01Z", Health::Failed),
            ("2027-01-01T00:00:00Z", Health::Failed),
        ] {
            assert_eq!(dates("c", "s", &certificate, at(now)).health, health, "{now}");
        }
    }

    /// (kind of error, what to do)
    #[test]
    fn what_to_do_about_a_cluster_that_is_not_reached() {
        for (kind, remedy) in [
            (io::ErrorKind::ConnectionRefused, "nothing listens there: check the port"),
            (io::ErrorKind::TimedOut, "something drops the packets: let this machine's security group in"),
            (io::ErrorKind::HostUnreachable, "check routes, security groups and network ACLs"),
        ] {
            let told = unreachable("db:5439", &kind.into());
            assert_eq!((told.health, told.check, told.subject.as_str()), (Health::Failed, "reach", "db:5439"));
            assert!(told.remedy.starts_with(remedy), "{kind}: {}", told.remedy);
        }
        let told = no_name("db:5439", "no answer in time");
        assert_eq!((told.health, told.found.as_str()), (Health::Failed, "does not resolve: no answer in time"));
    }

    #[test]
    fn public_addresses_are_told_of() {
        let of = |ip: &str| name("db:5439", &[ip.parse().unwrap()]).health;
        for ip in [
            "10.0.0.7",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "fd00::1",
            "fe80::1",
            "::1",
            "::ffff:10.0.0.7",
        ] {
            assert_eq!(of(ip), Health::Good, "{ip}");
        }
        for ip in ["52.1.2.3", "172.32.0.1", "100.63.255.255", "100.128.0.0", "2600::1", "::ffff:52.1.2.3"] {
            assert_eq!(of(ip), Health::Warning, "{ip}");
        }
        let mixed = name("db:5439", &["10.0.0.7".parse().unwrap(), "52.1.2.3".parse().unwrap()]);
        assert_eq!((mixed.health, mixed.found.as_str()), (Health::Warning, "is 10.0.0.7, 52.1.2.3, a public address"));
        assert_eq!(name("db:5439", &["10.0.0.7".parse().unwrap()]).found, "is 10.0.0.7");
    }
}
