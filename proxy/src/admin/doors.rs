//! The admin address as a listener, plain or inside TLS. Handshakes go on beside each other, so that one that hangs holds up none.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::net::socket::Socket;
use crate::net::stream::Stream;
use crate::net::tls::{self, AdminIdentity};

/// Handshakes at one time.
const MAX_HANDSHAKES: usize = 32;

/// The longest that a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Pause after a failed accept, such as one without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where requests come in.
#[derive(Debug)]
pub(super) struct Doors {
    address: SocketAddr,
    accepted: mpsc::Receiver<(Stream, SocketAddr)>,
}

impl Doors {
    /// Opens the listener. The certificate is read for every connection, so that a renewed one is in force at once.
    pub(super) fn open(listener: TcpListener, tls: Option<AdminIdentity>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (found, accepted) = mpsc::channel(1);
        let (tls, turns) = (tls.map(Arc::new), Arc::new(Semaphore::new(MAX_HANDSHAKES)));
        tokio::spawn(async move {
            while !found.is_closed() {
                let (socket, peer) = tokio::select! {
                    () = found.closed() => return,
                    accepted = listener.accept() => match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            warn!(%error, "the admin address cannot accept a connection");
                            tokio::time::sleep(ACCEPT_PAUSE).await;
                            continue;
                        }
                    },
                };
                let Some(tls) = &tls else {
                    // An error means that the server has ended, and so does this loop.
                    _ = found.send((Stream::Plain(Socket::Tcp(socket)), peer)).await;
                    continue;
                };
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
                let (tls, found) = (Arc::clone(tls), found.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, shake_hands(&tls, socket)).await {
                        Ok(Ok(stream)) => _ = found.send((stream, peer)).await,
                        Ok(Err(error)) => debug!(%peer, %error, "TLS handshake on the admin address failed"),
                        Err(_elapsed) => debug!(%peer, "TLS handshake on the admin address took too long"),
                    }
                    drop(turn);
                });
            }
        });
        Ok(Self { address, accepted })
    }
}

async fn shake_hands(identity: &Arc<AdminIdentity>, socket: TcpStream) -> io::Result<Stream> {
    let identity = Arc::clone(identity);
    // The files may be on storage that does not answer, and this thread serves others.
    let read = spawn_blocking(move || tls::admin_acceptor(&identity)).await.map_err(io::Error::other)?;
    let acceptor = read.map_err(|error| {
        warn!(%error, "the certificate of the admin address cannot be used");
        io::Error::other(error)
    })?;
    Ok(Stream::Frontend(Box::new(acceptor.accept(Socket::Tcp(socket)).await?)))
}

impl Listener for Doors {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The loop above ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// What is known of the client of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// It has shown a certificate of a known authority.
    pub(super) has_certificate: bool,
}

impl Connected<IncomingStream<'_, Doors>> for Client {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        Self { has_certificate: stream.io().client_certificate().is_some() }
    }
}
