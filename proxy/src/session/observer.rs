//! What a session learns from what passes: how many bytes, whom the server takes it for, how far the server has come.

use std::cell::RefCell;
use std::time::Instant;

use tracing::{Span, info};

use crate::observe::audit::AuditEvent;
use crate::observe::values::{LoginResult, SessionState};
use crate::session::limits::Counted;
use crate::session::notes::SessionNotes;
use crate::session::record;
use crate::session::registry::LiveSession;
use crate::session::service::Service;
use crate::session::statements::Statements;
use crate::wire::relay::{Answered, Reached, RelayObserver};

/// By what others see a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionSigns<'a> {
    /// Where it says what it does, and who it is.
    pub listed: &'a LiveSession,
    /// In which it is logged.
    pub span: &'a Span,
    /// Whether the client's leg is encrypted.
    pub is_tls: bool,
}

/// Counts bytes, and tells the state machine what the server says.
#[derive(Debug)]
pub(crate) struct SessionObserver<'a> {
    notes: &'a SessionNotes,
    service: &'a Service,
    statements: &'a RefCell<Statements>,
    signs: SessionSigns<'a>,
    /// Held until the server has let the user in.
    starting: RefCell<Option<Counted>>,
}

impl<'a> SessionObserver<'a> {
    /// The observer of a session that counts as `starting` until it is let in.
    #[must_use]
    pub(crate) fn new(
        notes: &'a SessionNotes,
        service: &'a Service,
        statements: &'a RefCell<Statements>,
        signs: SessionSigns<'a>,
        starting: Option<Counted>,
    ) -> Self {
        Self { notes, service, statements, signs, starting: RefCell::new(starting) }
    }

    /// Whether the server has let the user in.
    #[must_use]
    pub(crate) fn is_let_in(&self) -> bool {
        self.starting.borrow().is_none()
    }
}

impl RelayObserver for SessionObserver<'_> {
    fn to_backend(&self, bytes: usize) {
        self.service.metrics.relayed_to_backend(bytes);
        if self.signs.listed.state.get() != SessionState::Starting {
            self.signs.listed.state.set(SessionState::Active);
        }
    }

    fn to_frontend(&self, bytes: usize) {
        self.service.metrics.relayed_to_frontend(bytes);
    }

    fn session_authorization(&self, user: &[u8]) {
        let user = String::from_utf8_lossy(user);
        self.service.metrics.let_in(&user);
        self.signs.listed.acts_as(&user);
        self.statements.borrow_mut().user_reported(&user);
    }

    fn client_encoding(&self, encoding: &[u8]) {
        self.statements.borrow_mut().encoding_reported(&String::from_utf8_lossy(encoding));
    }

    fn let_in(&self) {
        let is_first = self.starting.take().is_some();
        if is_first {
            let statements = self.statements.borrow();
            let login = statements.login();
            self.service.metrics.login(LoginResult::Ok);
            self.service.metrics.let_in(&login.user);
            let tls = self.signs.is_tls;
            self.signs
                .span
                .in_scope(|| info!(user = %login.login_user, database = %login.database, tls, "session opened"));
        }
        if is_first && self.service.audit.records_sessions() {
            let who = record::session(self.service, self.notes.numbers(), self.statements.borrow().login());
            self.service.audit.record(AuditEvent::Login(Box::new(who)));
        }
    }

    fn reached(&self, reached: Reached) {
        self.statements.borrow_mut().reached(reached);
    }

    fn settled(&self) {
        self.notes.settled(self.service);
        self.statements.borrow_mut().settled();
    }

    fn ready(&self, status: u8, is_quiet: bool) {
        if status != b'I' {
            self.statements.borrow_mut().unsettled();
        }
        self.signs.listed.state.set(match status {
            _ if !is_quiet => SessionState::Active,
            b'I' => SessionState::Idle,
            _ => SessionState::InTransaction,
        });
    }

    fn backend_pid(&self, pid: u32) {
        self.notes.set_backend_pid(pid);
        self.signs.listed.set_backend_pid(pid);
    }

    fn login_refused(&self, sqlstate: &[u8]) {
        self.notes.login_refused.set(Some(LoginResult::of_sqlstate(sqlstate)));
    }

    fn wants_answers(&self) -> bool {
        !self.notes.outcomes.borrow().is_empty()
    }

    fn answered(&self, answered: Answered<'_>, reached: Reached) {
        let settled = self.notes.outcomes.borrow_mut().hear(answered, reached, Instant::now());
        self.notes.tell(self.service, settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::policy::Parts;
    use crate::gate::principal::{Attributes, Principal};
    use crate::session::limits::{HolderLimits, SessionLimits};
    use crate::session::service::tests::{service, settings};

    /// What a session of `etl` is after something was heard of it.
    struct Seen {
        state: SessionState,
        is_let_in: bool,
        unauthenticated: usize,
        user: String,
    }

    fn after(hear: impl Fn(&SessionObserver<'_>)) -> (Seen, String) {
        let service = service(Parts::without_facts(), settings());
        let login = Principal::new(Attributes::of_login("etl"));
        let guard = service.metrics.session_opened(1);
        let (limits, notes, span) = (SessionLimits::default(), SessionNotes::new(1, None), Span::none());
        let listed = LiveSession::new(login.clone(), None, guard.state().clone());
        let statements = RefCell::new(Statements::new(login, 1024));
        let signs = SessionSigns { listed: &listed, span: &span, is_tls: false };
        let starting = limits.start(&HolderLimits::default());
        let observer = SessionObserver::new(&notes, &service, &statements, signs, starting);
        hear(&observer);
        let seen = Seen {
            state: listed.state.get(),
            is_let_in: observer.is_let_in(),
            unauthenticated: limits.census().unauthenticated,
            user: statements.borrow().current().user.clone(),
        };
        let refused = notes.login_refused.get().map(|result| result.to_string()).unwrap_or_default();
        (seen, refused)
    }

    #[test]
    fn a_session_starts_until_the_server_lets_it_in_once() {
        let (seen, _) = after(|_| ());
        assert_eq!((seen.state, seen.is_let_in, seen.unauthenticated), (SessionState::Starting, false, 1));
        let (seen, _) = after(|observer| observer.to_backend(10));
        assert_eq!(seen.state, SessionState::Starting, "a password is no statement");
        let (seen, _) = after(|observer| {
            observer.let_in();
            observer.let_in();
        });
        assert_eq!((seen.is_let_in, seen.unauthenticated), (true, 0), "its place among the others is given back once");
    }

    /// The status of a ReadyForQuery, whether nothing is owed any more, and what the session does.
    #[test]
    fn what_a_session_does_is_what_the_server_says_when_it_owes_nothing() {
        for (status, is_quiet, want) in [
            (b'I', true, SessionState::Idle),
            (b'T', true, SessionState::InTransaction),
            (b'E', true, SessionState::InTransaction),
            (b'I', false, SessionState::Active),
        ] {
            let (seen, _) = after(|observer| observer.ready(status, is_quiet));
            assert_eq!(seen.state, want, "{} {is_quiet}", char::from(status));
            let (seen, _) = after(|observer| {
                observer.ready(status, is_quiet);
                observer.to_backend(1);
            });
            assert_eq!(seen.state, SessionState::Active, "something is sent");
        }
    }

    #[test]
    fn whom_the_server_takes_the_session_for_counts() {
        let (seen, _) = after(|observer| observer.session_authorization(b"bob"));
        assert_eq!(seen.user, "bob");
        let (seen, _) = after(|observer| observer.session_authorization(b"\xff"));
        assert_ne!(seen.user, "etl", "a name that is no text is not the one who logged in");
    }

    #[test]
    fn a_refused_login_is_told_by_its_sqlstate() {
        for (sqlstate, want) in
            [(&b"28P01"[..], "password"), (b"53300", "too_many"), (b"XX000", "refused"), (b"", "refused")]
        {
            let (seen, refused) = after(|observer| observer.login_refused(sqlstate));
            assert_eq!((refused.as_str(), seen.is_let_in), (want, false), "{sqlstate:?}");
        }
    }
}
