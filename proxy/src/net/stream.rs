//! One connection, plain or inside TLS, of either side.

use std::net::SocketAddr;

use tokio_rustls::{client, server};

use crate::net::certificate::{self, ClientCertificate};
use crate::net::presented::Presented;
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

    /// This end's address, where it has one.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Plain(socket) => socket.local_address(),
            Self::Frontend(stream) => stream.get_ref().0.local_address(),
            Self::Backend(stream) => stream.get_ref().0.local_address(),
        }
    }

    /// The certificate that the backend shows, on its own leg inside TLS.
    #[must_use]
    pub fn backend_certificate(&self) -> Option<Presented> {
        let Self::Backend(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().and_then(Presented::read)
    }

    /// Who the client is by its certificate, when it showed one.
    #[must_use]
    pub fn client_certificate(&self) -> Option<ClientCertificate> {
        let Self::Frontend(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().and_then(ClientCertificate::read)
    }

    /// When the certificate expires that the backend showed, in Unix seconds.
    #[must_use]
    pub fn server_certificate_not_after(&self) -> Option<f64> {
        let Self::Backend(stream) = self else { return None };
        stream.get_ref().1.peer_certificates()?.first().and_then(certificate::not_after)
    }
}

delegate_io!(Stream: Plain, Frontend, Backend);
