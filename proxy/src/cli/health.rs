//! `rolegate health`: asks a running gate whether it is ready, for the health checks of containers that hold no other program.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::{AdminSection, Config};
use crate::net::backend;
use crate::net::socket::Socket;
use crate::net::stream::Stream;
use crate::net::tls::{self, Verify};

/// The longest that a question and its answer may take.
const LIMIT: Duration = Duration::from_secs(4);

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
    let asked = ask(&config.admin, "/readyz");
    let (status, body) = asked.map_err(|error| format!("{}: no gate answers: {error}", config.admin.listen))?;
    output::print(&body)?;
    Ok(Exit::of(status != 200))
}

/// Whether a gate lives at this admin address.
pub(super) fn answers(admin: &AdminSection) -> bool {
    ask(admin, "/healthz").is_ok_and(|(status, _body)| status == 200)
}

/// The status and body of a page that asks nobody who they are.
fn ask(admin: &AdminSection, path: &str) -> io::Result<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async { timeout(LIMIT, answer(admin, path)).await });
    let answer = asked.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut)).flatten()?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

async fn answer(admin: &AdminSection, path: &str) -> io::Result<String> {
    let socket = Socket::Tcp(TcpStream::connect(reachable(admin.listen)).await?);
    let mut stream = if admin.tls.is_some() {
        // The gate's own certificate, on this machine: which one it is does not matter here.
        let connector = tls::connector(Verify::Nothing, None).map_err(io::Error::other)?;
        let name = backend::server_name("localhost").map_err(io::Error::other)?;
        Stream::Backend(Box::new(connector.connect(name, socket).await?))
    } else {
        Stream::Plain(socket)
    };
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    match stream.take(MAX_BYTES).read_to_end(&mut answer).await {
        // Some servers close without a word of TLS.
        Ok(_) | Err(_) if !answer.is_empty() => {}
        outcome => _ = outcome?,
    }
    String::from_utf8(answer).map_err(io::Error::other)
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
