//! What both directions of a session note of it: numbers for the audit, what the cluster says of the login, what it has yet to answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Instant;

use crate::gate::verdict::Verdict;
use crate::observe::audit::AuditEvent;
use crate::observe::audit::event::OutcomeEvent;
use crate::observe::values::LoginResult;
use crate::observe::values::StatementOutcome;
use crate::session::outcomes::{Outcomes, Settled};
use crate::session::service::Service;

/// The numbers by which other logs know a session.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SessionNumbers {
    /// Unique within the process.
    pub session: u64,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The process that serves it in the cluster, once the user is let in.
    pub backend_pid: Option<u32>,
    /// Where the gate connects to the cluster from: what the cluster's connection log shows as the client.
    pub gate_address: Option<SocketAddr>,
}

/// What is noted of a session.
#[derive(Debug, Default)]
pub(crate) struct SessionNotes {
    numbers: Cell<SessionNumbers>,
    /// How the cluster answered the login, if by an error.
    pub login_refused: Cell<Option<LoginResult>>,
    /// Judged statements that are not answered.
    pub outcomes: RefCell<Outcomes>,
    /// What its messages made, by the numbers of the gate, while their transaction may be open.
    made: RefCell<Vec<u64>>,
    /// What the cluster stores may be other when the transaction ends.
    changes_stored: Cell<bool>,
}

impl SessionNotes {
    /// Notes of a session of this number, from a client at this port.
    #[must_use]
    pub(crate) fn new(session: u64, client_port: Option<u16>) -> Self {
        let numbers = SessionNumbers { session, client_port, ..SessionNumbers::default() };
        Self { numbers: Cell::new(numbers), ..Self::default() }
    }

    /// The session's numbers.
    #[must_use]
    pub(crate) fn numbers(&self) -> SessionNumbers {
        self.numbers.get()
    }

    /// The cluster names the process that serves the session.
    pub(crate) fn set_backend_pid(&self, pid: u32) {
        self.numbers.set(SessionNumbers { backend_pid: Some(pid), ..self.numbers.get() });
    }

    /// The gate has connected to the cluster.
    pub(crate) fn set_gate_address(&self, address: Option<SocketAddr>) {
        self.numbers.set(SessionNumbers { gate_address: address, ..self.numbers.get() });
    }

    /// A message goes to the cluster: what it makes is known from now on.
    pub(crate) fn learn(&self, service: &Service, verdict: &Verdict) {
        if !verdict.changes_stored {
            return;
        }
        self.changes_stored.set(true);
        if !verdict.made.is_empty() {
            self.made.borrow_mut().push(service.gate.learn(&verdict.made));
        }
    }

    /// All is answered, and no transaction is open: what was changed is there for others to see, or nowhere.
    pub(crate) fn settled(&self, service: &Service) {
        if self.changes_stored.take() {
            service.gate.settle(&self.made.take());
            service.stored_changed.notify_one();
        }
    }

    /// The session is over.
    pub(crate) fn end(&self, service: &Service) {
        self.settled(service);
        let lost = self.outcomes.borrow_mut().end(Instant::now());
        self.tell(service, lost);
    }

    /// Counts and records how statements went.
    pub(crate) fn tell(&self, service: &Service, settled: Vec<Settled>) {
        for Settled { told, outcome, rows, sqlstate, took } in settled {
            if outcome == StatementOutcome::Completed {
                service.remembered.made(told.iter().filter_map(|statement| statement.made.as_ref()));
            }
            for statement in told.iter() {
                let id = statement.id.as_ref();
                service.metrics.statement_outcome(statement.kind, outcome, took, &statement.chains, id);
                let Some(id) = id else { continue };
                service.tell(AuditEvent::Outcome(Box::new(OutcomeEvent {
                    gate: service.name.clone(),
                    session: self.numbers().session,
                    of: id.to_string(),
                    outcome,
                    rows,
                    error: sqlstate.clone(),
                    seconds: took.as_secs_f64(),
                })));
            }
        }
    }
}
