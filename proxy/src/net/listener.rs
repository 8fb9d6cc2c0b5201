//! Listening sockets, one for every worker on the same address, and the socket options of both legs.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;

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

/// Binds a non-blocking listening socket on `address`.
///
/// # Errors
/// The operating system's, such as an address in use.
pub fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::ReusePort)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets what both legs need: no delay of small messages, and keepalive that outlives load balancers.
///
/// # Errors
/// The operating system's.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))
}
