//! The sessions that are open, for those who ask who is there. A session enters when it starts and leaves when it is over; in between
//! it writes to a place of its own, and only for what carries roles.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use crate::gate::principal::Principal;
use crate::observe::metrics::StateOfSession;

/// The open sessions of a gate, by number. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveSessions(Arc<Mutex<BTreeMap<u64, Arc<LiveSession>>>>);

/// What is known of an open session.
#[derive(Debug)]
pub(crate) struct LiveSession {
    /// Who logs in, and from where.
    pub login: Principal,
    /// The client's port.
    pub client_port: Option<u16>,
    /// When it started.
    pub since: Timestamp,
    /// What it does.
    pub state: StateOfSession,
    /// The process that serves it in the cluster; 0 before it is known.
    backend_pid: AtomicU32,
    judged: AtomicU32,
    refused: AtomicU32,
    /// The user that it acts as, where that is another than the one who logged in.
    acting: ArcSwapOption<String>,
}

impl LiveSession {
    /// A session that starts now.
    #[must_use]
    pub(crate) fn new(login: Principal, client_port: Option<u16>, state: StateOfSession) -> Self {
        Self {
            login,
            client_port,
            since: Timestamp::now(),
            state,
            backend_pid: AtomicU32::new(0),
            judged: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            acting: ArcSwapOption::empty(),
        }
    }

    /// The cluster names the process that serves the session.
    pub(crate) fn set_backend_pid(&self, pid: u32) {
        self.backend_pid.store(pid, Ordering::Relaxed);
    }

    /// The process that serves it in the cluster.
    #[must_use]
    pub(crate) fn backend_pid(&self) -> Option<u32> {
        Some(self.backend_pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// So many of its messages carried roles, and so many were refused.
    pub(crate) fn set_counts(&self, (judged, refused): (u32, u32)) {
        self.judged.store(judged, Ordering::Relaxed);
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// How many of its messages carried roles, and how many were refused.
    #[must_use]
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.judged.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// The cluster says whom it takes the session for.
    pub(crate) fn acts_as(&self, user: &str) {
        let is_known = self.acting.load().as_ref().map_or(self.login.user == user, |acting| **acting == user);
        if !is_known {
            self.acting.store((self.login.user != user).then(|| Arc::new(user.to_owned())));
        }
    }

    /// The database user that it acts as.
    #[must_use]
    pub(crate) fn user(&self) -> String {
        self.acting.load().as_ref().map_or_else(|| self.login.user.clone(), |acting| String::clone(acting))
    }
}

impl LiveSessions {
    /// Lists a session until the guard is dropped.
    #[must_use]
    pub(crate) fn enter(&self, number: u64, session: LiveSession) -> ListedSession {
        let session = Arc::new(session);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&session));
        ListedSession { number, session, sessions: self.clone() }
    }

    /// The sessions that are open now, by number.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<(u64, Arc<LiveSession>)> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().map(|(number, session)| (*number, Arc::clone(session))).collect()
    }
}

/// A session that is listed.
#[derive(Debug)]
pub(crate) struct ListedSession {
    number: u64,
    session: Arc<LiveSession>,
    sessions: LiveSessions,
}

impl std::ops::Deref for ListedSession {
    type Target = LiveSession;

    fn deref(&self) -> &LiveSession {
        &self.session
    }
}

impl Drop for ListedSession {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::principal::Attributes;
    use crate::observe::Metrics;

    #[test]
    fn sessions_are_listed_while_they_are_open_and_as_whom_they_act() {
        let (sessions, gate) = (LiveSessions::default(), Metrics::new().gate("g"));
        let guard = gate.session_opened(7);
        let login = Principal::new(Attributes::of_login("IAM:etl"));
        let listed = sessions.enter(7, LiveSession::new(login, Some(4000), guard.state().clone()));
        assert_eq!((listed.user().as_str(), listed.backend_pid(), listed.counts()), ("etl", None, (0, 0)));
        for (said, want) in [("etl", "etl"), ("bi", "bi"), ("bi", "bi"), ("etl", "etl")] {
            listed.acts_as(said);
            assert_eq!(listed.user(), want);
        }
        listed.set_backend_pid(12);
        listed.set_counts((3, 1));
        let all = sessions.all();
        assert_eq!((all.len(), all[0].0, all[0].1.backend_pid(), all[0].1.counts()), (1, 7, Some(12), (3, 1)));
        drop(listed);
        assert!(sessions.all().is_empty());
    }
}
