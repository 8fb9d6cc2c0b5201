//! What a session learns from what passes: how many bytes, whom the server takes it for, how far the server has come.

use std::cell::RefCell;

use crate::observe::audit::AuditEvent;
use crate::session::limits::Counted;
use crate::session::record;
use crate::session::service::Service;
use crate::session::statements::Statements;
use crate::wire::relay::{Reached, RelayObserver};

/// Counts bytes, and tells the state machine what the server says.
#[derive(Debug)]
pub(crate) struct SessionObserver<'a> {
    session: u64,
    service: &'a Service,
    statements: &'a RefCell<Statements>,
    /// Held until the server has let the user in.
    starting: RefCell<Option<Counted>>,
}

impl<'a> SessionObserver<'a> {
    /// The observer of a session that counts as `starting` until it is let in.
    #[must_use]
    pub(crate) fn new(
        session: u64,
        service: &'a Service,
        statements: &'a RefCell<Statements>,
        starting: Option<Counted>,
    ) -> Self {
        Self { session, service, statements, starting: RefCell::new(starting) }
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
    }

    fn to_frontend(&self, bytes: usize) {
        self.service.metrics.relayed_to_frontend(bytes);
    }

    fn session_authorization(&self, user: &[u8]) {
        self.statements.borrow_mut().user_reported(&String::from_utf8_lossy(user));
    }

    fn client_encoding(&self, encoding: &[u8]) {
        self.statements.borrow_mut().encoding_reported(&String::from_utf8_lossy(encoding));
    }

    fn let_in(&self) {
        if self.starting.take().is_some() && self.service.audit.records_sessions() {
            let who = record::session(self.service, self.session, self.statements.borrow().login());
            self.service.audit.record(AuditEvent::Login(Box::new(who)));
        }
    }

    fn reached(&self, reached: Reached) {
        self.statements.borrow_mut().reached(reached);
    }

    fn settled(&self) {
        self.statements.borrow_mut().settled();
    }
}
