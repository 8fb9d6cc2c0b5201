//! What the two directions of a session tell each other.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use crate::wire::answer::{Rejection, Report};
use crate::wire::relay::hanging::Hanging;
use crate::wire::relay::owed::{Answer, Asked, Number, Owed, Reached};
use crate::wire::relay::passage::Passage;
use crate::wire::relay::phase::Phase;
use crate::wire::relay::{RelayError, Standing};

/// The status byte of a ReadyForQuery outside a transaction.
const IDLE: u8 = b'I';

/// Both directions run in one task and borrow nothing across a wait.
#[derive(Debug)]
pub(super) struct Ledger {
    owed: RefCell<Owed>,
    /// Absent while nothing hangs on any statement, as in an idle session.
    hanging: RefCell<Option<Box<Hanging>>>,
    /// How far the client has got with logging in.
    pub(super) phase: Cell<Phase>,
    /// The status byte of the last ReadyForQuery; 0 before the first.
    pub(super) status: Cell<u8>,
    /// Whether the frontend stands between two server frames.
    pub(super) is_at_boundary: Cell<bool>,
    /// The frontend has sent Terminate or closed.
    pub(super) is_terminated: Cell<bool>,
    /// The frontend has sent statements and is not let in: nothing of it is read any more.
    pub(super) is_held_out: Cell<bool>,
    /// Counts reads from the frontend.
    pub(super) activity: Cell<u64>,
}

impl Ledger {
    /// Of a session whose StartupMessage has been sent.
    pub(super) fn new() -> Self {
        Self {
            owed: RefCell::new(Owed::new()),
            hanging: RefCell::default(),
            phase: Cell::new(Phase::new()),
            status: Cell::new(0),
            is_at_boundary: Cell::new(true),
            is_terminated: Cell::new(false),
            is_held_out: Cell::new(false),
            activity: Cell::new(0),
        }
    }

    /// The user is let in, and the server has been ready once.
    pub(super) fn is_ready(&self) -> bool {
        self.phase.get() == Phase::Ready
    }

    /// A frontend message is about to be sent; the number that it has if it is a statement.
    pub(super) fn ask(&self, asked: Asked) -> Result<Number, RelayError> {
        let mut owed = self.owed.borrow_mut();
        let number = owed.next();
        owed.ask(asked);
        if owed.is_lost() { Err(RelayError::Lost) } else { Ok(number) }
    }

    /// A message has come from the server, and stands ahead in `passage`: warnings that are due are put before it.
    pub(super) fn hear(&self, answer: Answer, passage: &mut Passage) -> Result<Reached, RelayError> {
        let mut owed = self.owed.borrow_mut();
        let reached = owed.hear(answer);
        if let Some(hanging) = &mut *self.hanging.borrow_mut() {
            hanging.reach(reached, passage.insert());
        }
        if owed.is_lost() { Err(RelayError::Lost) } else { Ok(reached) }
    }

    /// The refusal that an error of the server quotes.
    pub(super) fn quoted(&self, error: &[u8]) -> Option<Rejection> {
        self.hanging.borrow_mut().as_mut()?.quoted(error)
    }

    /// Whether an error of the server may be the answer to a refused statement.
    pub(super) fn has_refusals(&self) -> bool {
        self.hanging.borrow().as_ref().is_some_and(|hanging| hanging.has_refusals())
    }

    /// Drops what was attached to statements that the server has passed.
    pub(super) fn tidy(&self) {
        let mut place = self.hanging.borrow_mut();
        if let Some(hanging) = &mut *place {
            hanging.forget_refusals(self.owed.borrow().passed());
            if hanging.is_empty() {
                *place = None;
            }
        }
    }

    /// The server's error about this statement is to be rewritten.
    pub(super) fn refuse(&self, number: Number, refusal: Rejection) {
        if number >= self.owed.borrow().passed() {
            self.hanging.borrow_mut().get_or_insert_default().refuse(number, refusal);
        }
    }

    /// The client is to be warned when the server comes to this statement.
    pub(super) fn warn(&self, number: Number, report: &Report) {
        if number >= self.owed.borrow().passed() {
            self.hanging.borrow_mut().get_or_insert_default().warn(number, report);
        }
    }

    /// Whether there is room for more refusals.
    pub(super) fn has_room(&self) -> bool {
        self.hanging.borrow().as_ref().is_none_or(|hanging| hanging.has_room())
    }

    /// Where the next message of the frontend stands.
    pub(super) fn standing(&self) -> Standing {
        let owed = self.owed.borrow();
        // A statement within COPY data ends the session: there is nothing to wait for.
        let is_behind = owed.owes_ready() && !owed.takes_copy_data();
        Standing { number: owed.next(), is_behind, is_in_segment: owed.is_in_segment() }
    }

    /// Whether the server has answered everything it was sent.
    pub(super) fn owes_nothing(&self) -> bool {
        !self.is_ready() || self.owed.borrow().owes_nothing()
    }

    /// The server has answered everything for certain, and no transaction is open.
    pub(super) fn is_settled(&self) -> bool {
        self.status.get() == IDLE && self.owed.borrow().is_settled()
    }

    /// Whether the session could end without loss to its client.
    pub(super) fn is_idle(&self) -> bool {
        let is_at_rest = || self.status.get() == IDLE && self.owed.borrow().is_at_rest();
        self.is_at_boundary.get() && (self.is_held_out.get() || is_at_rest())
    }

    /// Resolves when `holds` is true. It is checked whenever the task is polled, and only the other direction changes it.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        poll_fn(|_context| if holds(self) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
