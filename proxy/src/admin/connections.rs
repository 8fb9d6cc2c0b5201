//! HTTP on the connections that the doors let in. Each step of one is bounded in time, so that a client that sends or reads slowly
//! holds its place no longer than it must.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::time::timeout;
use tracing::debug;

use crate::admin::doors::{Doors, Guest};
use crate::admin::stall::Unstalled;

/// The longest that the head of a request may take, from the first moment of a connection or from the answer before it.
pub(super) const HEAD: Duration = Duration::from_secs(30);

/// The longest until an answer begins, what the request sends behind its head included.
pub(super) const ANSWER: Duration = Duration::from_mins(1);

/// The longest that answers may take once the gate ends.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What is known of the client of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// It has shown a certificate of a known authority.
    pub(super) has_certificate: bool,
}

/// Serves until `shutdown` resolves, and then what is being answered, for a short time.
pub(super) async fn serve(mut doors: Doors, app: Router, shutdown: impl Future<Output = ()>) {
    let (open, mut shutdown) = (GracefulShutdown::new(), pin!(shutdown));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    loop {
        let Guest { stream, place } = tokio::select! {
            guest = doors.next() => guest,
            () = &mut shutdown => break,
        };
        let client = Client { has_certificate: stream.client_certificate().is_some() };
        let app = TowerToHyperService::new(app.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(client));
            app.call(request)
        });
        let connection = open.watch(http.serve_connection(TokioIo::new(Unstalled::new(stream)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection to the admin address broke off");
            }
            drop(place);
        });
    }
    drop(doors);
    if timeout(LAST_ANSWERS, open.shutdown()).await.is_err() {
        debug!("connections to the admin address were left unanswered at the end");
    }
}

/// Gives up on what cannot be answered in time, such as a request whose body never comes.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let too_late = |_elapsed| (StatusCode::REQUEST_TIMEOUT, "not asked or not answered in time\n").into_response();
    timeout(ANSWER, next.run(request)).await.unwrap_or_else(too_late)
}

#[cfg(test)]
mod tests;
