//! What a session learns from what passes: how many bytes, whom the server takes it for, how far the server has come.

use std::cell::RefCell;

use crate::observe::metrics::GateMetrics;
use crate::session::limits::Counted;
use crate::session::statements::Statements;
use crate::wire::relay::{Reached, RelayObserver};

/// Counts bytes, and tells the state machine what the server says.
#[derive(Debug)]
pub struct SessionObserver<'a> {
    statements: &'a RefCell<Statements>,
    metrics: &'a GateMetrics,
    /// Held until the server has let the user in.
    starting: RefCell<Option<Counted>>,
}

impl<'a> SessionObserver<'a> {
    /// The observer of a session that counts as `starting` until it is let in.
    #[must_use]
    pub fn new(statements: &'a RefCell<Statements>, metrics: &'a GateMetrics, starting: Option<Counted>) -> Self {
        Self { statements, metrics, starting: RefCell::new(starting) }
    }
}

impl RelayObserver for SessionObserver<'_> {
    fn to_backend(&self, bytes: usize) {
        self.metrics.relayed_to_backend(bytes);
    }

    fn to_frontend(&self, bytes: usize) {
        self.metrics.relayed_to_frontend(bytes);
    }

    fn session_authorization(&self, user: &[u8]) {
        self.statements.borrow_mut().user_reported(&String::from_utf8_lossy(user));
    }

    fn client_encoding(&self, encoding: &[u8]) {
        self.statements.borrow_mut().encoding_reported(&String::from_utf8_lossy(encoding));
    }

    fn let_in(&self) {
        self.starting.take();
    }

    fn reached(&self, reached: Reached) {
        self.statements.borrow_mut().reached(reached);
    }

    fn settled(&self) {
        self.statements.borrow_mut().settled();
    }
}
