//! `rolegate health`: asks a running gate whether it is ready, for the health checks of containers that hold no other program.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::exit::Exit;
use crate::config::Config;

/// The longest that connecting, and then each part of the answer, may take.
const LIMIT: Duration = Duration::from_secs(3);

/// The longest answer that is read.
const MAX_BYTES: u64 = 4096;

/// Arguments of `rolegate health`.
#[derive(Args, Debug)]
pub struct HealthArguments {
    /// The configuration file of the running gate
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Prints what `/readyz` says.
///
/// # Errors
/// The configuration cannot be read, or nobody answers.
pub fn run(arguments: &HealthArguments) -> Result<Exit, String> {
    let config = Config::load(&arguments.config).map_err(|error| error.to_string())?;
    let address = config.admin.listen;
    let (status, body) = ask(address, "/readyz").map_err(|error| format!("{address}: no gate answers: {error}"))?;
    io::stdout().lock().write_all(body.as_bytes()).map_err(|error| format!("cannot write: {error}"))?;
    Ok(Exit::of(status != 200))
}

/// Whether a gate lives at this admin address.
pub(super) fn answers(address: SocketAddr) -> bool {
    ask(address, "/healthz").is_ok_and(|(status, _body)| status == 200)
}

/// The status and body of a page of an admin address.
fn ask(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&reachable(address), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let status = answer.strip_prefix("HTTP/1.1 ")?.split_whitespace().next()?.parse().ok()?;
    let (_headers, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// An address that listens everywhere is reached by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_answers() {
        for (listen, want) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.7:1", "10.0.0.7:1")] {
            assert_eq!(reachable(listen.parse().unwrap()), want.parse().unwrap());
        }
        assert_eq!(
            parse("HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\nstarting\n"),
            Some((503, "starting\n".to_owned()))
        );
        for text in ["", "HTTP/1.1 ok\r\n\r\n", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
