//! From an accepted connection to a session that can be relayed: who is there, what it wants, whether it may, and the backend.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::timeout_at;
use tracing::{Instrument, Span, debug, info, info_span, warn};

use crate::gate::enforcement::Action;
use crate::gate::principal::{Attributes, Principal};
use crate::gate::wording::Wording;
use crate::net::backend::BackendError;
use crate::net::listener::tune;
use crate::net::proxied;
use crate::net::socket::{Peer, Socket};
use crate::net::stream::Stream;
use crate::observe::values::{AttemptResult, Leg, LoginResult, SessionRefusal};
use crate::session::inspect::reports;
use crate::session::limits::{Counted, Full, SessionPlace};
use crate::session::notes::SessionNotes;
use crate::session::registry::LiveSession;
use crate::session::running::{Running, login_failed};
use crate::session::service::{Limits, Service, Settings};
use crate::session::statements::Statements;
use crate::session::{cancel, record};
use crate::wire::answer::{Report, sqlstate};
use crate::wire::close::close_with;
use crate::wire::relay::{Bounds, Drain, Legs, RelayError};
use crate::wire::startup::{self, Opening, StartupError, StartupMessage};

/// How long a client may take to read why it is not let in.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Numbers sessions within this process.
static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// From an accepted connection to a session that can be relayed, if it comes to one.
pub(super) async fn start(
    mut socket: Socket,
    peer: Peer,
    service: Arc<Service>,
    drain: watch::Receiver<Drain>,
) -> Option<Running> {
    let id = NEXT_SESSION.fetch_add(1, Ordering::Relaxed);
    let settings = service.settings.load_full();
    let deadline = Instant::now() + settings.limits.startup_timeout;
    if let Err(error) = tune(&socket) {
        debug!(%error, "socket options");
    }
    let Some(starting) = service.held.start(&settings.limits.holders) else {
        service.metrics.session_refused(SessionRefusal::LimitUnauthenticated);
        debug!("too many connections are not authenticated; closed without a word");
        return None;
    };
    let Some(peer) = client(&mut socket, peer, &settings, deadline).await else {
        service.metrics.session_refused(SessionRefusal::Startup);
        return None;
    };
    let span = info_span!("session", id, gate = %service.name, client = %peer);
    let arrived = Arrived { id, settings, socket, peer, starting, deadline };
    open(arrived, &service, &drain).instrument(span).await
}

/// Who is there: the peer itself, or whom the header of a trusted load balancer names. `None` when the header is not there.
async fn client(socket: &mut Socket, peer: Peer, settings: &Settings, deadline: Instant) -> Option<Peer> {
    let address = match peer {
        Peer::Address(address) if proxied::is_expected(address, &settings.proxies) => address,
        Peer::Address(_) | Peer::Local => return Some(peer),
    };
    match timeout_at(deadline.into(), proxied::client(socket, address)).await {
        Ok(Ok(client)) => Some(Peer::Address(client)),
        Ok(Err(error)) => {
            debug!(%peer, %error, "connection closed");
            None
        }
        Err(_elapsed) => None,
    }
}

/// A connection of a known client that has not said anything yet.
struct Arrived {
    id: u64,
    settings: Arc<Settings>,
    socket: Socket,
    peer: Peer,
    starting: Counted,
    /// The user must be let in by then.
    deadline: Instant,
}

/// From the first byte to a session that can be relayed, if it comes to one.
async fn open(arrived: Arrived, service: &Arc<Service>, drain: &watch::Receiver<Drain>) -> Option<Running> {
    let Arrived { id, settings, socket, peer, starting, deadline } = arrived;
    match timeout_at(deadline.into(), startup::negotiate(socket, &settings.offer)).await {
        Err(_elapsed) => {
            service.metrics.session_refused(SessionRefusal::Startup);
            debug!("start-up took too long");
        }
        Ok(Err(error)) => refuse(error, service).await,
        Ok(Ok(Opening::Cancel(stream, packet))) => {
            // It is no session to come, and must not keep one out.
            drop(starting);
            cancel::forward(stream, &packet, service).await;
        }
        Ok(Ok(Opening::Session(stream, startup))) => {
            let opened = Opened { id, settings, stream, peer, startup, starting, deadline };
            return connect(opened, service, drain).await;
        }
    }
    None
}

async fn refuse(error: StartupError, service: &Service) {
    match error {
        StartupError::Refused { stream, report } => {
            service.metrics.session_refused(SessionRefusal::Startup);
            info!(reason = %report.message, "session refused");
            turn_away(*stream, &report).await;
        }
        StartupError::Handshake(error) => {
            service.metrics.session_refused(SessionRefusal::Tls);
            service.metrics.tls_handshake(Leg::Frontend, AttemptResult::Failed);
            debug!(%error, "TLS handshake with the frontend failed");
        }
        StartupError::Gone(error) => debug!(%error, "connection closed during start-up"),
    }
}

/// Says why, and closes. A client that does not listen any more is left alone.
async fn turn_away(stream: Stream, report: &Report) {
    if let Err(error) = close_with(stream, Some(report), LAST_WORDS).await {
        debug!(%error, "the frontend did not wait for its refusal");
    }
}

/// A connection that has said what it wants.
struct Opened {
    id: u64,
    settings: Arc<Settings>,
    stream: Stream,
    peer: Peer,
    startup: StartupMessage,
    starting: Counted,
    /// The user must be let in by then.
    deadline: Instant,
}

/// Lets the client in and hands its start-up to the backend.
async fn connect(opened: Opened, service: &Arc<Service>, drain: &watch::Receiver<Drain>) -> Option<Running> {
    let Opened { id, settings, stream, peer, startup, starting, deadline } = opened;
    let is_tls = stream.is_tls();
    if is_tls {
        service.metrics.tls_handshake(Leg::Frontend, AttemptResult::Ok);
    }
    let drain_now = *drain.borrow();
    let principal = principal(&startup, peer, &stream);
    let notes = SessionNotes::new(id, peer.port());
    let admitted = admission(&startup, peer, service, &settings.limits, drain_now)
        .and_then(|place| judged(&startup, &notes, &principal, service).map(|()| place));
    let place = match admitted {
        Ok(place) => place,
        Err(report) => {
            info!(user = %startup.user, reason = %report.message, "session refused");
            turn_away(stream, &report).await;
            return None;
        }
    };
    let began = Instant::now();
    let mut backend = match reach(&settings, deadline).await {
        Ok(backend) => backend,
        Err(error) => {
            service.metrics.upstream_error(error.failure());
            service.metrics.session_refused(SessionRefusal::Startup);
            warn!(%error, "the backend cannot be reached");
            let report = Report::new(sqlstate::CONNECTION_FAILURE, "the gate cannot reach the cluster");
            turn_away(stream, &report.hint("the gate's log says why; try again later")).await;
            return None;
        }
    };
    notes.set_gate_address(backend.local_address());
    service.metrics.upstream_connect(began.elapsed());
    if let Some(not_after) = backend.server_certificate_not_after() {
        service.metrics.server_certificate(not_after);
    }
    let mut guard = service.metrics.session_opened(id);
    debug!(user = %startup.user, database = %startup.database, tls = is_tls, "login handed to the backend");
    let sent = async {
        backend.write_all(&startup.packet).await?;
        backend.flush().await
    };
    if let Err(error) = sent.await {
        login_failed(&mut guard, &Err(RelayError::Backend(error)), &startup.user, LoginResult::Backend);
        service.metrics.login(LoginResult::Backend);
        return None;
    }
    let limits = &settings.limits;
    let listed = service.sessions.enter(id, LiveSession::new(principal.clone(), peer.port(), guard.state().clone()));
    let mut statements = Statements::new(principal, limits.max_prepared_bytes);
    if crate::sql::startup_may_move_catalog(&startup.packet) {
        statements.catalog_moved();
    }
    let statements = RefCell::new(statements);
    let bounds = Bounds {
        max_statement_bytes: limits.max_statement_bytes,
        authenticated_by: deadline.into(),
        idle: limits.idle_timeout,
        lifetime: limits.session_lifetime,
    };
    let (legs, span) = (Legs::new(stream, backend), Span::current());
    Some(Running {
        notes,
        settings,
        legs,
        statements,
        bounds,
        starting: Some(starting),
        span,
        is_tls,
        guard,
        listed,
        _place: place,
    })
}

fn principal(startup: &StartupMessage, peer: Peer, stream: &Stream) -> Principal {
    let certificate = stream.client_certificate();
    Principal::new(Attributes {
        database: startup.database.clone(),
        application: startup.application.clone(),
        client_address: peer.ip(),
        tls_subject: certificate.as_ref().map(|certificate| certificate.subject.clone()),
        tls_names: certificate.map(|certificate| certificate.names).unwrap_or_default(),
        ..Attributes::of_login(&startup.user)
    })
}

/// Connects to the backend within the time that is left for the start-up, however long `connect_timeout` is.
async fn reach(settings: &Settings, deadline: Instant) -> Result<Stream, BackendError> {
    let backend = &settings.backend;
    let too_late =
        || BackendError::Timeout { address: backend.address.clone(), timeout: settings.limits.startup_timeout };
    timeout_at(deadline.into(), backend.connect()).await.map_err(|_elapsed| too_late())?
}

/// Lets a session in, or says why not.
fn admission(
    startup: &StartupMessage,
    peer: Peer,
    service: &Service,
    limits: &Limits,
    drain: Drain,
) -> Result<SessionPlace, Report> {
    let refuse = |reason: SessionRefusal, report: Report| {
        service.metrics.session_refused(reason);
        Err(report)
    };
    let too_many = |holder: &str| {
        let message = format!("the gate takes no more sessions {holder}");
        Report::new(sqlstate::TOO_MANY_CONNECTIONS, message).hint("close idle sessions and try again")
    };
    if drain != Drain::Running {
        let report = Report::new(sqlstate::ADMIN_SHUTDOWN, "the gate is being stopped").hint("connect again");
        return refuse(SessionRefusal::Drain, report);
    }
    service.held.take(&limits.holders, &startup.user, peer.ip()).or_else(|full| match full {
        Full::Total => refuse(SessionRefusal::LimitTotal, too_many(&format!("than {}", limits.max_sessions))),
        Full::User => refuse(SessionRefusal::LimitUser, too_many(&format!("of user \"{}\"", startup.user))),
        Full::Address => refuse(SessionRefusal::LimitAddress, too_many(&format!("from {peer}"))),
    })
}

/// Has the gate judge what the start-up itself asks for; says why when that is refused.
fn judged(
    startup: &StartupMessage,
    notes: &SessionNotes,
    principal: &Principal,
    service: &Service,
) -> Result<(), Report> {
    let policy = service.gate.policy();
    let enforcer = policy.enforcer(principal, Timestamp::now());
    let verdict = enforcer.judge_startup(startup.client_encoding.as_deref(), startup.options.as_deref());
    let Some(verdict) = verdict else { return Ok(()) };
    record::verdict(service, notes.numbers(), principal, &verdict);
    if verdict.action < Action::Reject {
        return Ok(());
    }
    service.metrics.session_refused(SessionRefusal::Startup);
    let wording = Wording { position: None, ..verdict.refusal(b"") };
    Err(reports::report(sqlstate::FEATURE_NOT_SUPPORTED, wording))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::Mode;
    use crate::gate::modes::Modes;
    use crate::gate::policy::Parts;
    use crate::session::service::tests::{service, settings};

    fn startup(user: &str, client_encoding: Option<&str>) -> StartupMessage {
        StartupMessage {
            packet: Vec::new(),
            user: user.to_owned(),
            database: "d".to_owned(),
            application: String::new(),
            client_encoding: client_encoding.map(str::to_owned),
            options: None,
        }
    }

    /// Who comes from where during what, and the SQLSTATE of the refusal.
    #[test]
    fn sessions_are_let_in_up_to_their_limits() {
        let (settings, service) = (settings(), service(Parts::without_facts(), settings()));
        let enter = |user: &str, address: [u8; 4], drain| {
            let peer = Peer::Address((address, 1).into());
            admission(&startup(user, None), peer, &service, &settings.limits, drain).map_err(|report| report.sqlstate)
        };
        let (here, there) = ([127, 0, 0, 1], [127, 0, 0, 2]);
        assert_eq!(enter("a", here, Drain::WhenIdle).unwrap_err(), sqlstate::ADMIN_SHUTDOWN);
        assert_eq!(enter("a", here, Drain::Now).unwrap_err(), sqlstate::ADMIN_SHUTDOWN);
        let place = enter("a", here, Drain::Running).unwrap();
        assert_eq!(enter("a", there, Drain::Running).unwrap_err(), sqlstate::TOO_MANY_CONNECTIONS, "one of a user");
        assert_eq!(enter("b", here, Drain::Running).unwrap_err(), sqlstate::TOO_MANY_CONNECTIONS, "one of an address");
        drop(place);
        let _places = [enter("a", here, Drain::Running).unwrap(), enter("b", there, Drain::Running).unwrap()];
        let elsewhere = [127, 0, 0, 3];
        assert_eq!(enter("c", elsewhere, Drain::Running).unwrap_err(), sqlstate::TOO_MANY_CONNECTIONS, "two of all");
    }

    #[test]
    fn a_start_up_in_an_unsafe_encoding_is_refused_unless_it_is_only_looked_at() {
        for (mode, encoding, is_refused) in [
            (Mode::Enforce, Some("SJIS"), true),
            (Mode::Enforce, Some("UTF8"), false),
            (Mode::Enforce, None, false),
            (Mode::Shadow, Some("SJIS"), false),
        ] {
            let service = service(Parts { modes: Modes::all(mode), ..Parts::without_facts() }, settings());
            let principal = Principal::new(Attributes::of_login("a"));
            let judged = judged(&startup("a", encoding), &SessionNotes::new(1, None), &principal, &service);
            assert_eq!(judged.is_err(), is_refused, "{mode} {encoding:?}");
            if let Err(report) = judged {
                assert_eq!((report.sqlstate, report.position), (sqlstate::FEATURE_NOT_SUPPORTED, None));
                assert!(report.message.starts_with("RG109: "), "{report:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reaching_the_backend_takes_no_longer_than_the_start_up_may() {
        let mut settings = settings();
        // A network that is for documentation: nobody answers.
        settings.backend.address = "192.0.2.1:5439".to_owned();
        settings.backend.timeout = Duration::from_hours(1);
        let reached = reach(&settings, Instant::now() + Duration::from_secs(5)).await;
        let error = reached.map(|_stream| ()).unwrap_err();
        // Where there is no such route, the system says so at once.
        assert!(matches!(error, BackendError::Timeout { .. } | BackendError::Connect { .. }), "{error}");
    }
}
