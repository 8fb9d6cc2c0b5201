//! One session: one frontend, one backend. The conductor, which calls the rooms in order.

mod cancel;
pub(crate) mod drift;
pub(crate) mod inspect;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod notes;
pub(crate) mod observer;
pub(crate) mod outcomes;
pub(crate) mod record;
pub(crate) mod registry;
mod running;
pub(crate) mod service;
mod start;
pub(crate) mod stored;
pub(crate) mod statements;

use std::sync::Arc;

use tokio::sync::watch;

use crate::net::socket::{Peer, Socket};
use crate::session::service::Service;
use crate::session::start::start;
use crate::wire::relay::Drain;

/// Serves one accepted connection to its end. Not cancel safe.
pub(crate) fn serve(
    socket: Socket,
    peer: Peer,
    service: Arc<Service>,
    mut drain: watch::Receiver<Drain>,
) -> impl Future<Output = ()> {
    // Boxed: what a start-up needs is given back when the session stands. And no `async fn`, which would keep room for its
    // arguments twice, in every session.
    let starting = Box::pin(start(socket, peer, Arc::clone(&service), drain.clone()));
    async move {
        let mut running = starting.await;
        // By reference: moved out, it would take its room twice.
        if let Some(running) = &mut running {
            running.relay(&service, &mut drain).await;
        }
    }
}
