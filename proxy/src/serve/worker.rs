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
