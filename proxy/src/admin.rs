//! The admin address: metrics, health, the API and the console. Reads only; nothing here changes the gate's state.

pub(crate) mod access;
mod api;
mod connections;
mod doors;
mod places;
mod reply;
mod site;
mod stall;
mod state;
pub(crate) mod view;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::admin::access::{Access, AdminRequest, Denied, NotYet};
use crate::admin::connections::{Client, in_time};
use crate::admin::doors::Doors;
use crate::net::tls::AdminIdentity;
use crate::observe::metrics::{Exposition, gzip, takes_gzip};

pub(crate) use crate::admin::state::{AdminState, Check, StatusSource};
pub(crate) use crate::admin::view::status::Readiness;

/// Where the admin address is and who may see it.
#[derive(Debug)]
pub(crate) struct AdminAddress {
    /// The socket.
    pub listener: TcpListener,
    /// TLS, where it is spoken.
    pub tls: Option<AdminIdentity>,
    /// Who may see what.
    pub access: Access,
}

/// Serves until `shutdown` resolves.
pub(crate) async fn serve(
    address: AdminAddress,
    state: AdminState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let doors = Doors::open(address.listener, address.tls);
    connections::serve(doors, router(state, address.access), shutdown).await;
}

/// Answers only whom it may.
async fn admit(
    State(access): State<Arc<Access>>,
    ConnectInfo(client): ConnectInfo<Client>,
    request: Request,
    next: Next,
) -> Response {
    let checked = match check(&access, client, &request) {
        Ok(()) => Ok(()),
        Err(NotYet::Denied(denied)) => Err(denied),
        // A check that broke off lets nobody in.
        Err(NotYet::With(token)) => match spawn_blocking(move || token.is_good()).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Denied::Unauthorized),
        },
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(Denied::Unauthorized) => {
            let headers = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, headers, "a token or a client certificate is needed\n").into_response()
        }
        Err(Denied::Misdirected) => {
            let what = "not answered under this host name; list it in [admin] hosts\n";
            (StatusCode::MISDIRECTED_REQUEST, what).into_response()
        }
    }
}

fn check(access: &Access, client: Client, request: &Request) -> Result<(), NotYet> {
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    access.check(&AdminRequest {
        path: request.uri().path(),
        has_query: request.uri().query().is_some(),
        // A request in absolute form names its host there.
        host: text(header::HOST).or(request.uri().host()),
        authorization: text(header::AUTHORIZATION),
        has_certificate: client.has_certificate,
    })
}

fn router(state: AdminState, access: Access) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .merge(api::router())
        .fallback(site::file)
        .layer(middleware::from_fn_with_state(Arc::new(access), admit))
        .layer(middleware::from_fn(in_time))
        .with_state(state)
}

/// Gathered, written and compressed on a thread of its own, so that whoever asks for health does not wait for it.
async fn metrics(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let exposition = Exposition::accepted(text(header::ACCEPT));
    let is_compressed = takes_gzip(text(header::ACCEPT_ENCODING));
    let written = spawn_blocking(move || {
        let text = state.metrics.render_after(exposition, || state.source.measure());
        if is_compressed { gzip(text.as_bytes()).map(|body| (body, true)) } else { Ok((text.into_bytes(), false)) }
    });
    let Ok(Ok((body, is_compressed))) = written.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let kind = [(header::CONTENT_TYPE, exposition.content_type()), (header::VARY, "accept, accept-encoding")];
    let encoding = is_compressed.then_some([(header::CONTENT_ENCODING, "gzip")]);
    match encoding {
        None => (kind, body).into_response(),
        Some(encoding) => (kind, encoding, body).into_response(),
    }
}

/// The first fault; with `?verbose`, every cause that is looked at.
async fn readyz(State(state): State<AdminState>, RawQuery(query): RawQuery) -> Response {
    let standing = *state.readiness.borrow();
    let mut checks = vec![match standing {
        Readiness::Starting => Check::of("starting", Some("the gates are not open yet".to_owned())),
        Readiness::Ready => Check::of("gates", None),
        Readiness::Draining => Check::of("draining", Some("no new sessions".to_owned())),
    }];
    let source = Arc::clone(&state.source);
    let broken = |_broken_off| vec![Check::of("checks", Some("they broke off; see the log".to_owned()))];
    checks.extend(spawn_blocking(move || source.checks()).await.unwrap_or_else(broken));
    let fault = checks.iter().find_map(|check| Some(format!("{}: {}\n", check.name, check.fault.as_ref()?)));
    let status = if fault.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_verbose =
        query.is_some_and(|query| query.split('&').any(|word| word == "verbose" || word.starts_with("verbose=")));
    let body = match fault {
        _ if is_verbose => checks.iter().map(Check::line).collect(),
        None => "ready\n".to_owned(),
        Some(fault) => fault,
    };
    (status, body).into_response()
}

#[cfg(test)]
mod tests;
