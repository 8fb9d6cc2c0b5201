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
use crate::session;
use crate::session::service::Service;
use crate::wire::relay::Drain;

/// Pause after a failed accept, such as one without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The running workers.
#[derive(Debug)]
pub(super) struct Threads {
    done: mpsc::Receiver<()>,
}

impl Threads {
    /// Resolves when every worker has ended its last session. Every worker holds a sender and sends nothing.
    pub(super) async fn finished(mut self) {
        while self.done.recv().await.is_some() {}
    }
}

/// The number of cores that the process may use.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Starts the workers; each takes one socket of every list.
pub(super) fn start(
    workers: usize,
    mut sockets: Vec<(Arc<Service>, Vec<Bound>)>,
    drain: &watch::Receiver<Drain>,
) -> io::Result<Threads> {
    let (alive, done) = mpsc::channel(1);
    for number in 0..workers {
        let mine: Vec<_> = sockets
            .iter_mut()
            .filter_map(|(service, bound)| bound.pop().map(|socket| (Arc::clone(service), socket)))
            .collect();
        let (drain, alive) = (drain.clone(), alive.clone());
        let (tell, told) = std::sync::mpsc::channel();
        thread::Builder::new().name(format!("rolegate-worker-{number}")).spawn(move || {
            // Made here, since it never leaves its thread.
            let made = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let (runtime, outcome) = made.map_or_else(|error| (None, Err(error)), |runtime| (Some(runtime), Ok(())));
            if let (Ok(()), Some(runtime)) = (tell.send(outcome), runtime) {
                runtime.block_on(work(mine, drain));
            }
            drop(alive);
        })?;
        told.recv().map_err(io::Error::other)??;
    }
    Ok(Threads { done })
}

/// One worker's life: it accepts at every socket until the drain.
async fn work(sockets: Vec<(Arc<Service>, Bound)>, drain: watch::Receiver<Drain>) {
    let mut listening = JoinSet::new();
    for (service, socket) in sockets {
        listening.spawn_local(accept(service, socket, drain.clone()));
    }
    while let Some(ended) = listening.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a listener failed");
        }
    }
}

/// Takes connections until the drain, then waits for the last session.
async fn accept(service: Arc<Service>, socket: Bound, mut drain: watch::Receiver<Drain>) {
    let listener = match Listener::new(socket) {
        Ok(listener) => listener,
        Err(error) => return error!(gate = %service.name, %error, "cannot listen"),
    };
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    sessions.spawn_local(session::serve(socket, peer, Arc::clone(&service), drain.clone()));
                }
                Err(error) => {
                    warn!(gate = %service.name, %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = sessions.join_next() => report(&service, ended),
            changed = drain.changed() => {
                if changed.is_err() || *drain.borrow() != Drain::Running {
                    break;
                }
            }
        }
    }
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        report(&service, ended);
    }
}

fn report(service: &Service, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(gate = %service.name, %error, "a session failed");
    }
}
