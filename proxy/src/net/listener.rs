//! Listening sockets: TCP, one for every worker on the same address; Unix; and those that systemd hands over. The socket options
//! of both legs.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net;

use crate::net::socket::{Peer, Socket};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Below the 350 seconds after which an AWS Network Load Balancer forgets an idle connection. Source: Elastic Load
/// Balancing, "Network Load Balancers", connection idle timeout.
const KEEPALIVE: Duration = Duration::from_mins(2);

/// Whether several sockets of this process may share an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sharing {
    /// The address must be free.
    Exclusive,
    /// Every worker binds a socket of its own (`SO_REUSEPORT`), and the kernel spreads the connections.
    ReusePort,
}

/// A listening socket that no runtime has taken over yet.
#[derive(Debug)]
pub enum Bound {
    /// On an address.
    Tcp(TcpListener),
    /// On a path.
    Unix(UnixListener),
}

/// A listening socket of a worker.
#[derive(Debug)]
pub enum Listener {
    /// On an address.
    Tcp(net::TcpListener),
    /// On a path.
    Unix(net::UnixListener),
}

impl Listener {
    /// Hands a socket to the current runtime.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => Self::Tcp(net::TcpListener::from_std(listener)?),
            Bound::Unix(listener) => Self::Unix(net::UnixListener::from_std(listener)?),
        })
    }

    /// Waits for the next connection. Cancel safe.
    ///
    /// # Errors
    /// The operating system's, such as no free descriptors.
    pub async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                Ok((Socket::Tcp(socket), Peer::Address(address)))
            }
            Self::Unix(listener) => Ok((Socket::Unix(listener.accept().await?.0), Peer::Local)),
        }
    }
}

/// Binds a non-blocking listening socket on `address`.
///
/// # Errors
/// The operating system's, such as an address in use.
pub fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::ReusePort)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a non-blocking listening socket on `path`, removing a stale one that an earlier process left there.
///
/// # Errors
/// The operating system's, such as a path in use.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let is_dead = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).is_err_and(is_dead) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The listening TCP sockets that systemd hands over, by address (`LISTEN_FDS`). Source: `sd_listen_fds(3)`.
///
/// # Errors
/// One of them is no listening TCP socket.
pub fn inherited() -> io::Result<Vec<(SocketAddr, TcpListener)>> {
    let mut handed = ListenFd::from_env();
    let mut found = Vec::new();
    for place in 0..handed.len() {
        if let Some(listener) = handed.take_tcp_listener(place)? {
            listener.set_nonblocking(true)?;
            found.push((listener.local_addr()?, listener));
        }
    }
    Ok(found)
}

/// Sets what both legs need: no delay of small messages, and keepalive that outlives load balancers. A Unix socket needs neither.
///
/// # Errors
/// The operating system's.
pub fn tune(socket: &Socket) -> io::Result<()> {
    let Socket::Tcp(stream) = socket else { return Ok(()) };
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.5439");
        let first = bind_unix(&path).unwrap();
        assert_eq!(bind_unix(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(path.exists() && bind_unix(&path).is_ok());
        let file = folder.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert_eq!(bind_unix(&file).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }
}
