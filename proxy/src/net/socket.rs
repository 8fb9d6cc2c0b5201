//! A client's or the backend's socket, TCP or Unix, and who is at its other end.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// Over a network.
    Tcp(TcpStream),
    /// Within this machine.
    Unix(UnixStream),
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// A network address.
    Address(SocketAddr),
    /// A process on this machine.
    Local,
}

impl Peer {
    /// The address, of a peer that has one.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Local => None,
        }
    }

    /// The port, of a peer that has one.
    #[must_use]
    pub fn port(self) -> Option<u16> {
        match self {
            Self::Address(address) => Some(address.port()),
            Self::Local => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Local => formatter.write_str("local"),
        }
    }
}

impl Socket {
    /// This end's address, where it has one.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The first byte that the peer sends, left in the socket. `None` for a Unix socket, which has no TLS.
    ///
    /// # Errors
    /// The operating system's. An end of the stream reads as 0.
    pub async fn first_byte(&self) -> io::Result<Option<u8>> {
        let Self::Tcp(socket) = self else { return Ok(None) };
        let mut first = [0_u8; 1];
        socket.peek(&mut first).await?;
        let [byte] = first;
        Ok(Some(byte))
    }
}

delegate_io!(Socket: Tcp, Unix);
