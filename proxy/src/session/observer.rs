//! What a session learns from what passes: how many bytes, whom the server takes it for, how far the server has come.

use std::cell::RefCell;
use std::time::Instant;

use tracing::{Span, info};

use crate::observe::audit::AuditEvent;
use crate::observe::values::{LoginResult, SessionState};
use crate::session::limits::Counted;
use crate::session::notes::SessionNotes;
use crate::session::record;
use crate::session::registry::OpenSession;
use crate::session::service::Service;
use crate::session::statements::Statements;
use crate::wire::relay::{Answered, Reached, RelayObserver};

/// By what others see a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionSigns<'a> {
    /// Where it says what it does, and who it is.
    pub listed: &'a OpenSession,
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
