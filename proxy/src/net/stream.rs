//! One connection, plain or inside TLS, of either side.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use crate::net::certificate::ClientCertificate;
use crate::net::socket::Socket;

/// A connected byte stream.
#[derive(Debug)]
pub enum Stream {
    /// No TLS.
    Plain(Socket),
    /// We are the TLS server: the frontend's leg.
    Frontend(Box<server::TlsStream<Socket>>),
    /// We are the TLS client: the backend's leg.
    Backend(Box<client::TlsStream<Socket>>),
}

impl Stream {
    /// Whether the bytes are inside TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Who the client is by its certificate, when it showed one.
    #[must_use]
    pub fn client_certificate(&self) -> Option<ClientCertificate> {
        let Self::Frontend(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().and_then(ClientCertificate::read)
    }
}

/// Calls `$method` on the pinned inner stream.
macro_rules! inner {
    ($self:expr, $method:ident, $($argument:expr),*) => {
        match $self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Frontend(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
            Stream::Backend(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        inner!(self, poll_read, context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        inner!(self, poll_write, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, poll_flush, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self, poll_shutdown, context)
    }
}
