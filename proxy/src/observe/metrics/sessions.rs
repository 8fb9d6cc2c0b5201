//! Sessions that are open, and what each of them does. A session writes its state to a place of its own, which is read when somebody
//! asks: no two sessions share one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntCounterVec;
use strum::VariantArray;

use crate::observe::values::{SessionEnd, SessionState};

/// What the open sessions of a gate do. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SessionStates(Arc<Mutex<HashMap<u64, StateOfSession>>>);

/// What one session does.
#[derive(Clone, Debug)]
pub struct StateOfSession(Arc<AtomicU8>);

impl StateOfSession {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(code(SessionState::Starting))))
    }

    /// The session does something else now.
    pub fn set(&self, state: SessionState) {
        self.0.store(code(state), Ordering::Relaxed);
    }

    /// The state as it was last set.
    #[must_use]
    pub fn get(&self) -> SessionState {
        let code_now = self.0.load(Ordering::Relaxed);
        SessionState::VARIANTS.iter().copied().find(|state| code(*state) == code_now).unwrap_or(SessionState::Active)
    }
}

const fn code(state: SessionState) -> u8 {
    match state {
        SessionState::Starting => 0,
        SessionState::Active => 1,
        SessionState::Idle => 2,
        SessionState::InTransaction => 3,
    }
}

impl SessionStates {
    /// Sessions by what they do.
    #[must_use]
    pub fn census(&self) -> Vec<(SessionState, usize)> {
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now: Vec<SessionState> = states.values().map(StateOfSession::get).collect();
        let number = |state: &SessionState| (*state, now.iter().filter(|one| *one == state).count());
        SessionState::VARIANTS.iter().map(number).collect()
    }

    pub(super) fn open(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn enter(&self, session: u64) -> StateOfSession {
        let state = StateOfSession::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session, state.clone());
        state
    }

    fn leave(&self, session: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }
}

/// An open session.
#[derive(Debug)]
pub struct SessionGuard {
    gate: Arc<str>,
    session: u64,
    states: SessionStates,
    state: StateOfSession,
    closed: IntCounterVec,
    reason: SessionEnd,
}

impl SessionGuard {
    pub(super) fn open(gate: &Arc<str>, session: u64, states: &SessionStates, closed: &IntCounterVec) -> Self {
        Self {
            gate: Arc::clone(gate),
            session,
            states: states.clone(),
            state: states.enter(session),
            closed: closed.clone(),
            reason: SessionEnd::Error,
        }
    }

    /// Where the session says what it does.
    #[must_use]
    pub fn state(&self) -> &StateOfSession {
        &self.state
    }

    /// Says why the session ended.
    pub fn set_reason(&mut self, reason: SessionEnd) {
        self.reason = reason;
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.states.leave(self.session);
        self.closed.with_label_values(&[&*self.gate, self.reason.as_str()]).inc();
    }
}
