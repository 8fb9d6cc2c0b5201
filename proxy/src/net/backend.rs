//! Reaching the backend: name, TCP, TLS. The name is resolved for every connection, so that a moved cluster is followed.

use std::io;
use std::time::Duration;

use rustls_pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::net::listener::tune;
use crate::net::socket::Socket;
use crate::net::stream::Stream;

/// The packet that asks a PostgreSQL server for TLS. Source: PostgreSQL documentation, "Message Formats", SSLRequest.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Where the backend is and how it is reached.
#[derive(Clone)]
pub struct Backend {
    /// `host:port`.
    pub address: String,
    /// TLS to the backend and the name that its certificate must carry; `None`: plain TCP.
    pub tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The longest that resolving the name, TCP and TLS may take together.
    pub timeout: Duration,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Backend").field("address", &self.address).finish_non_exhaustive()
    }
}

closed_sets! {
    /// The ways in which a backend cannot be reached, as the metrics count them.
    pub enum BackendFailure {
        /// The name does not resolve, or TCP does not connect.
        Connect,
        /// The deadline passed.
        Timeout,
        /// It does not offer TLS, which the configuration demands.
        NoTls,
        /// The TLS handshake failed.
        Handshake,
    }
}

/// Why the backend cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The name does not resolve, or TCP does not connect.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The configured address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The deadline passed.
    #[error("cannot connect to {address} within {timeout:?}")]
    Timeout {
        /// The configured address.
        address: String,
        /// The configured limit.
        timeout: Duration,
    },
    /// The backend answered the SSLRequest with anything but `S`; there is no fallback to plain TCP.
    #[error("{address} does not offer TLS, and [gate.upstream] tls demands it")]
    NoTls {
        /// The configured address.
        address: String,
    },
    /// The handshake failed: usually the certificate.
    #[error("TLS handshake with {address} failed: {source}")]
    Handshake {
        /// The configured address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

impl BackendError {
    /// Which failure it is.
    #[must_use]
    pub const fn failure(&self) -> BackendFailure {
        match self {
            Self::Connect { .. } => BackendFailure::Connect,
            Self::Timeout { .. } => BackendFailure::Timeout,
            Self::NoTls { .. } => BackendFailure::NoTls,
            Self::Handshake { .. } => BackendFailure::Handshake,
        }
    }
}

/// The host part of `host:port`, without the brackets of an IPv6 address, as a name for certificates.
///
/// # Errors
/// The name is not one that a certificate can carry.
pub fn server_name(host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

impl Backend {
    /// Opens a connection. Cancel safe: a dropped attempt leaves nothing behind.
    ///
    /// # Errors
    /// [`BackendError`].
    pub async fn connect(&self) -> Result<Stream, BackendError> {
        let timeout = || BackendError::Timeout { address: self.address.clone(), timeout: self.timeout };
        tokio::time::timeout(self.timeout, self.open()).await.map_err(|_elapsed| timeout())?
    }

    async fn open(&self) -> Result<Stream, BackendError> {
        let failed = |source| BackendError::Connect { address: self.address.clone(), source };
        let mut socket = Socket::Tcp(TcpStream::connect(&self.address).await.map_err(failed)?);
        tune(&socket).map_err(failed)?;
        let Some((connector, name)) = &self.tls else { return Ok(Stream::Plain(socket)) };
        socket.write_all(&SSL_REQUEST).await.map_err(failed)?;
        // One byte and no more: what a man in the middle sends ahead of the handshake stays in the socket, where the
        // handshake trips over it (CVE-2021-23222).
        if socket.read_u8().await.map_err(failed)? != b'S' {
            return Err(BackendError::NoTls { address: self.address.clone() });
        }
        let handshake = connector.connect(name.clone(), socket).await;
        let stream = handshake.map_err(|source| BackendError::Handshake { address: self.address.clone(), source })?;
        Ok(Stream::Backend(Box::new(stream)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::tls::{Verify, connector};

    fn backend(address: String, name: Option<&str>) -> Backend {
        let connector = || connector(Verify::Nothing, None).unwrap();
        let tls = name.map(|name| (connector(), server_name(name).unwrap()));
        Backend { address, tls, timeout: Duration::from_millis(500) }
    }

    /// What a backend finds that answers a request for TLS with these bytes.
    async fn answered(bytes: &'static [u8]) -> Result<Stream, BackendError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = backend(listener.local_addr().unwrap().to_string(), Some("localhost"));
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 8];
            socket.read_exact(&mut request).await.unwrap();
            assert_eq!(request, SSL_REQUEST);
            socket.write_all(bytes).await.unwrap();
            socket
        };
        tokio::join!(backend.connect(), server).0
    }

    #[tokio::test]
    async fn a_backend_without_tls_is_never_spoken_to_in_plain() {
        let rows: [(&[u8], BackendFailure); 6] = [
            (b"N", BackendFailure::NoTls),
            (b"E", BackendFailure::NoTls),
            (b"\0", BackendFailure::NoTls),
            // What is sent ahead of the handshake is part of it.
            (b"SR\0\0\0\x08\0\0\0\0", BackendFailure::Handshake),
            (b"SS", BackendFailure::Handshake),
            (b"S", BackendFailure::Timeout),
        ];
        for (bytes, want) in rows {
            let found = answered(bytes).await.map(|_stream| ()).unwrap_err();
            assert_eq!(found.failure(), want, "{bytes:?}: {found}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_told_with_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = backend(address.clone(), None).connect().await.map(|_stream| ()).unwrap_err();
        assert_eq!(error.failure(), BackendFailure::Connect);
        assert!(error.to_string().starts_with(&format!("cannot connect to {address}: ")), "{error}");
    }

    #[test]
    fn names_that_a_certificate_can_carry() {
        for name in ["localhost", "c.abc.eu-west-1.redshift.amazonaws.com", "10.0.0.1", "::1", "[::1]"] {
            assert!(server_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a..b", "-"] {
            assert!(server_name(name).is_err(), "{name}");
        }
    }
}
