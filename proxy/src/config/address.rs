//! Addresses: `host:port` of the backend, `address:port` to listen on.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Whether a text is `host:port`, `1.2.3.4:port` or `[::1]:port`.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_port && is_host
}

/// Whether a host is a name or an IPv4 address: no scheme, no user, no path.
pub(super) fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Reads the backend's address.
pub(super) fn upstream<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_str(UpstreamVisitor)
}

struct UpstreamVisitor;

impl Visitor<'_> for UpstreamVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "the cluster's host:port, such as \"demo.abc123.us-east-1.redshift.amazonaws.com:5439\", \
             without scheme, user or database",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        // A URL may hold a password, which must not be repeated in the message.
        let shown = if text.contains('@') { Unexpected::Other("a URL") } else { Unexpected::Str(text) };
        if is_host_and_port(text) { Ok(text.to_owned()) } else { Err(E::invalid_value(shown, &self)) }
    }
}

/// Reads an address to listen on.
pub(super) fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    deserializer.deserialize_str(ListenVisitor)
}

struct ListenVisitor;

impl Visitor<'_> for ListenVisitor {
    type Value = SocketAddr;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an IP address with a port, such as \"127.0.0.1:5439\" or \"[::]:5439\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
        text.parse().map_err(|_not_an_address| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port() {
        let good = ["demo.example.com:5439", "127.0.0.1:1", "[::1]:5439", "localhost:65535"];
        let bad = [
            "::1:5439",
            "[demo]:5439",
            "demo",
            "demo:",
            ":5439",
            "demo:0",
            "demo:+1",
            "demo:65536",
            "demo:5439/dev",
            "postgres://demo:5439",
            "user:secret@demo:5439",
        ];
        for (texts, want) in [(good.as_slice(), true), (bad.as_slice(), false)] {
            for text in texts {
                assert_eq!(is_host_and_port(text), want, "{text}");
            }
        }
    }
}
