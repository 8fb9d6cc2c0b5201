//! A session whose two legs stand, to its end.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tracing::{Span, info};

use crate::net::stream::Stream;
use crate::observe::audit::AuditEvent;
use crate::observe::audit::event::{EndedSession, FailedLogin};
use crate::observe::metrics::SessionGuard;
use crate::observe::values::{LoginResult, SessionEnd};
use crate::session::inspect::StatementInspector;
use crate::session::limits::{Counted, SessionPlace};
use crate::session::notes::SessionNotes;
use crate::session::observer::{SessionObserver, SessionSigns};
use crate::session::record;
use crate::session::registry::ListedSession;
use crate::session::service::{Service, Settings};
use crate::session::statements::Statements;
use crate::wire::relay::{self, Bounds, Drain, Ended, Legs, RelayError};

/// A session whose two legs stand.
pub(super) struct Running {
    pub(super) notes: SessionNotes,
    pub(super) settings: Arc<Settings>,
    pub(super) legs: Legs<Stream, Stream>,
    pub(super) statements: RefCell<Statements>,
    pub(super) bounds: Bounds,
    /// Given back when the user is let in.
    pub(super) starting: Option<Counted>,
    /// Entered for what is logged, not for the whole session: it would be entered and left at every wake-up.
    pub(super) span: Span,
    /// Whether the client's leg is encrypted.
    pub(super) is_tls: bool,
    pub(super) guard: SessionGuard,
    pub(super) listed: ListedSession,
    pub(super) _place: SessionPlace,
}

impl Running {
    /// Relays until one side ends, or the session has to. Not cancel safe.
    pub(super) async fn relay(&mut self, service: &Arc<Service>, drain: &mut watch::Receiver<Drain>) {
        let mut inspector =
            StatementInspector::new(&self.notes, (service, &self.listed), &self.settings, &self.statements);
        let starting = self.starting.take();
        let signs = SessionSigns { listed: &self.listed, span: &self.span, is_tls: self.is_tls };
        let observer = SessionObserver::new(&self.notes, service, &self.statements, signs, starting);
        let began = Instant::now();
        let ended = relay::relay(&self.legs, &mut inspector, &observer, &self.bounds, drain).await;
        self.notes.end(service);
        let login = self.notes.login_refused.get().unwrap_or_else(|| login_result(&ended));
        self.span.in_scope(|| {
            if observer.is_let_in() {
                closed(&mut self.guard, &ended);
            } else {
                service.metrics.login(login);
                login_failed(&mut self.guard, &ended, &self.statements.borrow().login().login_user, login);
            }
        });
        if service.audit.records_sessions() {
            let who = record::session(service, self.notes.numbers(), self.statements.borrow().login());
            let reason = end_reason(&ended);
            service.audit.record(if observer.is_let_in() {
                let (judged, refused) = inspector.counts();
                let seconds = began.elapsed().as_secs_f64();
                AuditEvent::SessionEnd(Box::new(EndedSession { who, reason, seconds, judged, refused }))
            } else {
                AuditEvent::LoginFailed(Box::new(FailedLogin::one(who, reason, login)))
            });
        }
    }
}

/// Counts and logs why a user was not let in.
pub(super) fn login_failed(
    guard: &mut SessionGuard,
    ended: &Result<Ended, RelayError>,
    user: &str,
    result: LoginResult,
) {
    guard.set_reason(end_reason(ended));
    match ended {
        Ok(_) | Err(RelayError::Frontend(_)) => info!(%user, reason = %result, "login failed"),
        Err(error) => info!(%user, reason = %result, %error, "login failed"),
    }
}

/// Counts and logs why a session has ended.
fn closed(guard: &mut SessionGuard, ended: &Result<Ended, RelayError>) {
    let reason = end_reason(ended);
    guard.set_reason(reason);
    match ended {
        Ok(_) | Err(RelayError::Frontend(_)) => info!(%reason, "session closed"),
        Err(error) => info!(%reason, %error, "session closed"),
    }
}

/// How a login went that the cluster did not answer.
fn login_result(ended: &Result<Ended, RelayError>) -> LoginResult {
    match end_reason(ended) {
        SessionEnd::Client => LoginResult::Client,
        SessionEnd::Upstream => LoginResult::Backend,
        SessionEnd::Limit => LoginResult::Timeout,
        SessionEnd::Drain => LoginResult::Drain,
        SessionEnd::Error => LoginResult::Error,
    }
}

fn end_reason(ended: &Result<Ended, RelayError>) -> SessionEnd {
    match ended {
        Ok(Ended::Frontend) | Err(RelayError::Frontend(_)) => SessionEnd::Client,
        Ok(Ended::Backend) | Err(RelayError::Backend(_)) => SessionEnd::Upstream,
        Ok(Ended::Drained) => SessionEnd::Drain,
        Ok(Ended::Unauthenticated | Ended::Idle | Ended::Expired) => SessionEnd::Limit,
        Err(_) => SessionEnd::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_end_has_a_reason() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let rows = [
            (Ok(Ended::Frontend), SessionEnd::Client),
            (Ok(Ended::Backend), SessionEnd::Upstream),
            (Ok(Ended::Drained), SessionEnd::Drain),
            (Ok(Ended::Unauthenticated), SessionEnd::Limit),
            (Ok(Ended::Idle), SessionEnd::Limit),
            (Ok(Ended::Expired), SessionEnd::Limit),
            (Err(RelayError::Frontend(broken())), SessionEnd::Client),
            (Err(RelayError::Backend(broken())), SessionEnd::Upstream),
            (Err(RelayError::Compressed("frontend")), SessionEnd::Error),
        ];
        for (ended, want) in rows {
            assert_eq!(end_reason(&ended), want, "{ended:?}");
        }
    }
}
