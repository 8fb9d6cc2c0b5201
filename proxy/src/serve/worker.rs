//! Worker threads: each has a runtime and listening sockets of its own, so that a session never changes threads.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::net::listener::{Bound, Listener};
use crate::serve::sockets::GateSockets;
use crate::session;
use crate::session::service::Service;
use crate::wire::relay::Drain;

/// Pause after a failed accept, such as one without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The running workers. Nothing is sent over either channel: what matters is who still holds a sender.
#[derive(Debug)]
pub(super) struct Threads {
    /// Held by every listener that has sessions from before the drain.
    sessions: mpsc::Receiver<()>,
    /// Held by every worker.
    workers: mpsc::Receiver<()>,
}

impl Threads {
    /// Resolves when the drain has begun and the last session from before it is over. Cancel safe.
    pub(super) async fn drained(&mut self) {
        while self.sessions.recv().await.is_some() {}
    }

    /// Resolves when every worker has ended. Cancel safe.
    pub(super) async fn finished(&mut self) {
        while self.workers.recv().await.is_some() {}
    }
}

/// The number of cores that the process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Starts the workers; each takes one socket of every list.
pub(super) fn start(
    workers: usize,
    mut sockets: Vec<GateSockets>,
    drain: &watch::Receiver<Drain>,
) -> io::Result<Threads> {
    let (running, sessions) = mpsc::channel(1);
    let (alive, done) = mpsc::channel(1);
    for number in 0..workers {
        let mine: Vec<_> = sockets
            .iter_mut()
            .filter_map(|of_gate| {
                let (service, is_shared) = (Arc::clone(&of_gate.service), of_gate.is_shared);
                let drain = drain.clone();
                of_gate.bound.pop().map(|socket| Acceptor {
                    service,
                    socket,
                    is_shared,
                    drain,
                    running: running.clone(),
                })
            })
            .collect();
        let alive = alive.clone();
        let (tell, told) = std::sync::mpsc::channel();
        thread::Builder::new().name(format!("rolegate-worker-{number}")).spawn(move || {
            // Made here, since it never leaves its thread.
            let made = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let (runtime, outcome) = made.map_or_else(|error| (None, Err(error)), |runtime| (Some(runtime), Ok(())));
            if let (Ok(()), Some(runtime)) = (tell.send(outcome), runtime) {
                runtime.block_on(work(mine));
            }
            drop(alive);
        })?;
        told.recv().map_err(io::Error::other)??;
    }
    Ok(Threads { sessions, workers: done })
}

/// Runs one worker: it accepts at every socket until the drain is over.
async fn work(acceptors: Vec<Acceptor>) {
    let mut listening = JoinSet::new();
    for acceptor in acceptors {
        listening.spawn_local(acceptor.run());
    }
    while let Some(ended) = listening.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a listener failed");
        }
    }
}

/// Takes the connections of one socket.
struct Acceptor {
    service: Arc<Service>,
    socket: Bound,
    /// Another process gets the connections that come during a drain.
    is_shared: bool,
    drain: watch::Receiver<Drain>,
    /// Held until the last session from before the drain is over.
    running: mpsc::Sender<()>,
}

impl Acceptor {
    /// Serves until the drain has ended everything. In a drain, connections are still taken, so that a running statement
    /// can be canceled; those that want a session are told to connect again.
    async fn run(self) {
        let Self { service, socket, is_shared, mut drain, running } = self;
        let listener = match Listener::new(socket) {
            Ok(listener) => listener,
            Err(error) => return error!(gate = %service.name, %error, "cannot listen"),
        };
        let mut sessions = JoinSet::new();
        accept(&listener, &service, &mut drain, &mut sessions, |drain| drain != Drain::Running).await;
        let over = async {
            join_all(&service, &mut sessions).await;
            drop(running);
        };
        if is_shared {
            drop(listener);
            return over.await;
        }
        let mut late = JoinSet::new();
        let accepting = async {
            accept(&listener, &service, &mut drain, &mut late, |drain| drain == Drain::Now).await;
            drop(listener);
            join_all(&service, &mut late).await;
        };
        tokio::join!(over, accepting);
    }
}

/// Takes connections until the drain says so.
async fn accept(
    listener: &Listener,
    service: &Arc<Service>,
    drain: &mut watch::Receiver<Drain>,
    sessions: &mut JoinSet<()>,
    is_over: impl Fn(Drain) -> bool,
) {
    let drain_of_sessions = drain.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    sessions.spawn_local(session::serve(socket, peer, Arc::clone(service), drain_of_sessions.clone()));
                }
                Err(error) => {
                    warn!(gate = %service.name, %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = sessions.join_next() => report(service, ended),
            // An error means that the sender is gone, and the process with it.
            _over = drain.wait_for(|drain| is_over(*drain)) => return,
        }
    }
}

async fn join_all(service: &Service, sessions: &mut JoinSet<()>) {
    while let Some(ended) = sessions.join_next().await {
        report(service, ended);
    }
}

fn report(service: &Service, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(gate = %service.name, %error, "a session failed");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;
    use crate::gate::policy::Parts;
    use crate::net::listener::{self, Sharing};
    use crate::session::service::tests::{service, settings};

    /// Long enough for what has to happen, and short enough to wait for what must not.
    const MOMENT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(20);

    /// A gate with two workers.
    fn gate(is_shared: bool) -> (SocketAddr, Threads, watch::Sender<Drain>) {
        let first = listener::bind(([127, 0, 0, 1], 0).into(), Sharing::ReusePort).unwrap();
        let address = first.local_addr().unwrap();
        let second = listener::bind(address, Sharing::ReusePort).unwrap();
        let bound = vec![Bound::Tcp(first), Bound::Tcp(second)];
        let sockets = GateSockets { service: service(Parts::without_facts(), settings()), bound, is_shared };
        let (drain, drained) = watch::channel(Drain::Running);
        (address, start(2, vec![sockets], &drained).unwrap(), drain)
    }

    async fn answer(address: SocketAddr) -> String {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"\0\0\0\x10\0\x03\0\0user\0a\0\0").await.unwrap();
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        String::from_utf8_lossy(&told).into_owned()
    }

    #[tokio::test]
    async fn workers_without_sockets_end_at_once() {
        let (_drain, drained) = watch::channel(Drain::Running);
        let mut threads = start(2, Vec::new(), &drained).unwrap();
        timeout(LONG, threads.finished()).await.unwrap();
        assert!(cores() >= 1);
    }

    #[tokio::test]
    async fn a_drain_waits_for_connections_from_before_it_and_answers_those_that_come_meanwhile() {
        let (address, mut threads, drain) = gate(false);
        let open = TcpStream::connect(address).await.unwrap();
        // It has been taken once its worker answers another of its own.
        tokio::time::sleep(MOMENT).await;
        assert!(timeout(MOMENT, threads.drained()).await.is_err(), "no drain has begun");
        drain.send_replace(Drain::WhenIdle);
        assert!(timeout(MOMENT, threads.drained()).await.is_err(), "a connection from before it is open");
        assert!(answer(address).await.contains("the gate is being stopped"));
        drop(open);
        timeout(LONG, threads.drained()).await.unwrap();
        assert!(timeout(MOMENT, threads.finished()).await.is_err(), "cancel requests are taken until the end");
        drain.send_replace(Drain::Now);
        timeout(LONG, threads.finished()).await.unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_another_process_has_too_is_let_go_when_the_drain_begins() {
        let (address, mut threads, drain) = gate(true);
        drain.send_replace(Drain::WhenIdle);
        timeout(LONG, threads.drained()).await.unwrap();
        timeout(LONG, threads.finished()).await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
}
