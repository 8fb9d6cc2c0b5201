//! The admin address as a listener, plain or inside TLS. Handshakes go on beside each other, so that one that hangs holds up none.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::admin::places::{AdminPlace, AdminPlaces};
use crate::net::socket::Socket;
use crate::net::stream::Stream;
use crate::net::tls::{self, AdminIdentity};

/// Handshakes at one time.
const MAX_HANDSHAKES: usize = 32;

/// The longest that a handshake may take, the wait for its turn included.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Pause after a failed accept, such as one without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection that was let in, and its place.
#[derive(Debug)]
pub(super) struct Guest {
    /// The bytes.
    pub(super) stream: Stream,
    /// Held while the connection is open.
    pub(super) place: AdminPlace,
}

/// Where requests come in.
#[derive(Debug)]
pub(super) struct Doors {
    guests: mpsc::Receiver<Guest>,
}

impl Doors {
    /// Opens the listener. The certificate is read for every connection, so that a renewed one is in force at once.
    pub(super) fn open(listener: TcpListener, tls: Option<AdminIdentity>) -> Self {
        let (found, guests) = mpsc::channel(1);
        tokio::spawn(keep(listener, tls.map(Arc::new), found));
        Self { guests }
    }

    /// The next connection. Cancel safe.
    pub(super) async fn next(&mut self) -> Guest {
        match self.guests.recv().await {
            Some(guest) => guest,
            // The loop below ends only with these doors.
            None => std::future::pending().await,
        }
    }
}

/// Lets connections in until nobody takes them. One without a place is closed at once.
async fn keep(listener: TcpListener, tls: Option<Arc<AdminIdentity>>, found: mpsc::Sender<Guest>) {
    let (places, turns) = (AdminPlaces::default(), Arc::new(Semaphore::new(MAX_HANDSHAKES)));
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
        let Some(place) = places.take(peer.ip()) else {
            debug!(%peer, "too many connections to the admin address");
            continue;
        };
        let Some(tls) = tls.clone() else {
            // An error means that the server has ended, and so does this loop.
            _ = found.send(Guest { stream: Stream::Plain(Socket::Tcp(socket)), place }).await;
            continue;
        };
        let (turns, found) = (Arc::clone(&turns), found.clone());
        tokio::spawn(async move {
            if let Some(stream) = in_time(&tls, &turns, socket, peer).await {
                _ = found.send(Guest { stream, place }).await;
            }
        });
    }
}

/// The stream inside TLS, where the handshake succeeds in time.
async fn in_time(tls: &Arc<AdminIdentity>, turns: &Semaphore, socket: TcpStream, peer: SocketAddr) -> Option<Stream> {
    let shaken = async {
        let _turn = turns.acquire().await.map_err(io::Error::other)?;
        shake_hands(tls, socket).await
    };
    match timeout(HANDSHAKE, shaken).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => debug!(%peer, %error, "TLS handshake on the admin address failed"),
        Err(_elapsed) => debug!(%peer, "TLS handshake on the admin address took too long"),
    }
    None
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
