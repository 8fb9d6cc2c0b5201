//! The admin address: metrics, health and a page to look at. Reads only; nothing here changes the gate's state.

pub(crate) mod access;
mod doors;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::admin::access::{Access, AdminRequest, Denied};
use crate::admin::doors::{Client, Doors};
use crate::net::tls::AdminIdentity;
use crate::observe::Metrics;
use crate::observe::metrics::{Exposition, GateMetrics, gzip, takes_gzip};

/// The page's own code and style only, and nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What the admin address shows.
#[derive(Clone, Debug)]
pub(crate) struct AdminState {
    metrics: Metrics,
    gates: Arc<[(String, GateMetrics)]>,
    readiness: watch::Receiver<Readiness>,
    source: Arc<dyn StatusSource>,
}

/// Whether new sessions are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readiness {
    /// Not yet: the files that the configuration names are being loaded.
    Starting,
    /// New sessions are taken.
    Ready,
    /// No longer: the gates are being stopped.
    Draining,
}

/// What is read when somebody asks, rather than counted as it happens.
pub(crate) trait StatusSource: std::fmt::Debug + Send + Sync {
    /// Brings the gauges up to date.
    fn measure(&self);
    /// The IAM facts: accounts, clusters, and how fetching goes.
    fn facts(&self) -> serde_json::Value;
    /// Every cause for which open gates are not ready for sessions, and whether it holds. May block.
    fn checks(&self) -> Vec<Check>;
    /// How reloading the configuration goes.
    fn configuration(&self) -> serde_json::Value;
}

/// A cause for which the gates might not be ready.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Check {
    name: &'static str,
    fault: Option<String>,
}

impl Check {
    /// What is looked at, and what is wrong with it, if anything.
    #[must_use]
    pub(crate) const fn of(name: &'static str, fault: Option<String>) -> Self {
        Self { name, fault }
    }

    fn line(&self) -> String {
        match &self.fault {
            None => format!("[+] {}: ok\n", self.name),
            Some(fault) => format!("[-] {}: {fault}\n", self.name),
        }
    }
}

impl AdminState {
    /// Shows these metrics and `source`; `readiness` is what `/readyz` answers.
    #[must_use]
    pub(crate) fn new(
        metrics: Metrics,
        gates: Vec<(String, GateMetrics)>,
        readiness: watch::Receiver<Readiness>,
        source: Arc<dyn StatusSource>,
    ) -> Self {
        Self { metrics, gates: gates.into(), readiness, source }
    }
}

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
///
/// # Errors
/// The listener's.
pub(crate) async fn serve(
    address: AdminAddress,
    state: AdminState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let doors = Doors::open(address.listener, address.tls)?;
    let app = router(state, address.access).into_make_service_with_connect_info::<Client>();
    axum::serve(doors, app).with_graceful_shutdown(shutdown).await
}

/// Answers only whom it may.
async fn admit(
    State(access): State<Arc<Access>>,
    ConnectInfo(client): ConnectInfo<Client>,
    request: Request,
    next: Next,
) -> Response {
    match check(&access, client, &request) {
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

fn check(access: &Access, client: Client, request: &Request) -> Result<(), Denied> {
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
        .route("/api/v1/status", get(status))
        .route("/api/v1/chains", get(chains))
        .route("/api/v1/facts", get(facts))
        .route("/", get(|| async { page("text/html; charset=utf-8", include_str!("admin/console.html")) }))
        .route(
            "/console.js",
            get(|| async { page("text/javascript; charset=utf-8", include_str!("admin/console.js")) }),
        )
        .route("/console.css", get(|| async { page("text/css; charset=utf-8", include_str!("admin/console.css")) }))
        .fallback(|| async { (StatusCode::NOT_FOUND, json(&serde_json::json!({"error": "no such page"}))) })
        .layer(middleware::from_fn_with_state(Arc::new(access), admit))
        .with_state(state)
}

/// Gathered, written and compressed on a thread of its own, so that whoever asks for health does not wait for it.
async fn metrics(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let exposition = Exposition::accepted(text(header::ACCEPT));
    let is_compressed = takes_gzip(text(header::ACCEPT_ENCODING));
    let written = spawn_blocking(move || {
        let text = state.metrics.render_after(exposition, || state.source.measure());
        if is_compressed { gzip(&text).map(|body| (body, true)) } else { Ok((text.into_bytes(), false)) }
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

async fn status(State(state): State<AdminState>) -> impl IntoResponse {
    let gate = |(name, metrics): &(String, GateMetrics)| {
        serde_json::json!({
            "name": name, "sessions_open": metrics.sessions_open(), "policy_version": metrics.policy_version(),
        })
    };
    let gates: Vec<_> = state.gates.iter().map(gate).collect();
    json(&serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "ready": *state.readiness.borrow() == Readiness::Ready, "gates": gates,
        "configuration": state.source.configuration(),
    }))
}

async fn chains(State(state): State<AdminState>) -> impl IntoResponse {
    let row = |([gate, chain, user, kind, verdict, would_be], count): ([String; 6], u64)| {
        serde_json::json!({
            "gate": gate, "chain": chain, "user": user, "kind": kind, "verdict": verdict,
            "would_be": would_be, "uses": count,
        })
    };
    let rows: Vec<_> = state.metrics.chain_uses().into_iter().map(row).collect();
    json(&serde_json::json!({ "chains": rows }))
}

async fn facts(State(state): State<AdminState>) -> impl IntoResponse {
    json(&state.source.facts())
}

fn json(value: &serde_json::Value) -> impl IntoResponse + use<> {
    page("application/json", value.to_string())
}

fn page(content_type: &'static str, body: impl Into<String>) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::Action;
    use crate::observe::metrics::{FactsSay, JudgedLabels};
    use crate::sql::StatementKind;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[derive(Debug)]
    struct Fixed(Metrics);

    impl StatusSource for Fixed {
        fn measure(&self) {
            self.0.cache_entries(7);
        }

        fn facts(&self) -> serde_json::Value {
            serde_json::json!({ "version": "fixed" })
        }

        fn checks(&self) -> Vec<Check> {
            vec![Check::of("audit", Some("it cannot be written".to_owned())), Check::of("facts", None)]
        }

        fn configuration(&self) -> serde_json::Value {
            serde_json::json!({ "restart_pending": ["runtime.workers"] })
        }
    }

    /// Checks that break off.
    #[derive(Debug)]
    struct Broken;

    impl StatusSource for Broken {
        fn measure(&self) {}

        fn facts(&self) -> serde_json::Value {
            serde_json::Value::Null
        }

        fn checks(&self) -> Vec<Check> {
            panic!("a check breaks off")
        }

        fn configuration(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
    }

    #[test]
    fn checks_that_break_off_are_no_readiness() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answered = runtime.block_on(async {
            let ready = watch::channel(Readiness::Ready).1;
            let state = AdminState::new(Metrics::new(), Vec::new(), ready, Arc::new(Broken));
            let response = readyz(State(state), RawQuery(Some("verbose".to_owned()))).await;
            (response.status(), axum::body::to_bytes(response.into_body(), 1024).await.unwrap())
        });
        assert_eq!(answered.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.1, "[+] gates: ok\n[-] checks: they broke off; see the log\n");
    }

    fn ask(request: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let metrics = Metrics::new();
            let gate = metrics.gate("g");
            let (kind, action) = (StatementKind::Copy, Action::Forward);
            let labels = JudgedLabels { user: "etl", kind, would_be: action, action, id: None };
            gate.chain_use("1/<script>", 1, FactsSay::Known, &labels);
            let state = AdminState::new(
                metrics.clone(),
                vec![("g".to_owned(), gate)],
                watch::channel(Readiness::Draining).1,
                Arc::new(Fixed(metrics)),
            );
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let address_of = AdminAddress { listener, tls: None, access: Access::default() };
            let server = tokio::spawn(serve(address_of, state, std::future::pending()));
            let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
            client
                .write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            server.abort();
            answer
        })
    }

    #[test]
    fn pages() {
        let rows = [
            ("GET /healthz", "200 OK", "ok"),
            ("GET /readyz", "503 Service Unavailable", "draining: no new sessions\n"),
            (
                "GET /readyz?verbose",
                "503 Service Unavailable",
                "[-] draining: no new sessions\n[-] audit: it cannot be written\n[+] facts: ok\n",
            ),
            ("GET /metrics", "200 OK", "rolegate_sessions_opened_total{gate=\"g\"} 0"),
            ("GET /api/v1/status", "200 OK", "\"sessions_open\":0"),
            ("GET /api/v1/status", "200 OK", "\"restart_pending\":[\"runtime.workers\"]"),
            ("GET /api/v1/chains", "200 OK", "\"chain\":\"1/<script>\""),
            ("GET /metrics", "200 OK", "rolegate_policy_cache_entries 7"),
            ("GET /api/v1/facts", "200 OK", "\"version\":\"fixed\""),
            ("GET /", "200 OK", "default-src 'none'"),
            ("GET /console.js", "200 OK", "textContent"),
            ("GET /nothing", "404 Not Found", "no such page"),
            ("POST /metrics", "405 Method Not Allowed", ""),
        ];
        let under_another_name = ask("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nX:");
        assert!(under_another_name.starts_with("HTTP/1.1 421"), "{under_another_name}");
        for (request, status, text) in rows {
            let answer = ask(request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(text), "{request}: {answer}");
        }
    }
}
