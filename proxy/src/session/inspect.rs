//! The inspector of a session's statements: who is asking, what was prepared, what the client is told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::gate::DecisionPath;
use crate::gate::enforcement::Action;
use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::gate::wording::Wording;
use crate::observe::metrics::GateMetrics;
use crate::session::limits::Counted;
use crate::session::record;
use crate::session::service::{Service, Settings};
use crate::sql::{self, Effect, StatementKind};
use crate::wire::answer::{Nonce, Refusal, Report, sqlstate};
use crate::wire::relay::{Inspector, Reached, RelayObserver, Ruling, Standing, nonce};

/// Prepared statements with role uses that a session may keep: their texts are judged again after a reload.
const MAX_WATCHED: usize = 1024;

/// Who the session acts as. The server's word counts; what a statement asks for counts beside it until the server has
/// answered everything and no transaction is open, so that neither a failing nor a pipelined SET SESSION AUTHORIZATION changes a verdict for the better.
#[derive(Debug)]
pub struct Identity {
    login: Principal,
    state: RefCell<IdentityState>,
    /// Held until the backend has let the user in.
    starting: RefCell<Option<Counted>>,
}

#[derive(Debug)]
struct IdentityState {
    current: Principal,
    requested: Vec<Principal>,
    /// The server reads the client's texts in an encoding in which a byte below 0x80 can be part of another character.
    unsafe_encoding: bool,
}

impl Identity {
    /// The identity of a session that logs in as `login` and counts as `starting` until it is let in.
    #[must_use]
    pub fn new(login: Principal, starting: Counted) -> Self {
        let state = IdentityState { current: login.clone(), requested: Vec::new(), unsafe_encoding: false };
        Self { login, state: RefCell::new(state), starting: RefCell::new(Some(starting)) }
    }

    /// The relay's ear.
    #[must_use]
    pub fn observer<'a>(&'a self, metrics: &'a GateMetrics) -> SessionObserver<'a> {
        SessionObserver { identity: self, metrics }
    }

    fn current(&self) -> Principal {
        self.state.borrow().current.clone()
    }

    fn requested(&self) -> Vec<Principal> {
        self.state.borrow().requested.clone()
    }

    fn request(&self, effect: &Effect) {
        let principal = self.after(effect);
        let requested = &mut self.state.borrow_mut().requested;
        if !requested.contains(&principal) {
            requested.push(principal);
        }
    }

    fn after(&self, effect: &Effect) -> Principal {
        match effect {
            Effect::SetSessionAuthorization(user) => self.login.with_user(user),
            Effect::ResetSessionAuthorization => self.login.clone(),
        }
    }

    fn reported(&self, user: &str) {
        // As the server writes it: the client may have logged in under another form of the name (`IAM:user`).
        self.state.borrow_mut().current = self.login.with_user(user);
    }
}

/// Counts bytes and follows the session's user.
#[derive(Debug)]
pub struct SessionObserver<'a> {
    identity: &'a Identity,
    metrics: &'a GateMetrics,
}

impl RelayObserver for SessionObserver<'_> {
    fn to_backend(&self, bytes: usize) {
        self.metrics.relayed_to_backend(bytes);
    }

    fn to_frontend(&self, bytes: usize) {
        self.metrics.relayed_to_frontend(bytes);
    }

    fn session_authorization(&self, user: &[u8]) {
        self.identity.reported(&String::from_utf8_lossy(user));
    }

    fn client_encoding(&self, encoding: &[u8]) {
        let is_unsafe = sql::is_unsafe_encoding(&String::from_utf8_lossy(encoding));
        self.identity.state.borrow_mut().unsafe_encoding = is_unsafe;
    }

    fn reached(&self, _reached: Reached) {}

    fn settled(&self) {
        self.identity.starting.take();
        self.identity.state.borrow_mut().requested.clear();
    }
}

/// A prepared statement that names roles, or whose parameters may.
#[derive(Debug)]
struct Watched {
    text: Box<[u8]>,
    generation: u64,
    /// The session's user when it was judged.
    user: Principal,
    parameters: bool,
    /// Running it changes the session's user, and nothing of that shows in the messages that run it.
    effects: Vec<Effect>,
}

/// Rules on the statements of one session.
#[derive(Debug)]
pub struct StatementInspector<'a> {
    session: u64,
    service: &'a Arc<Service>,
    settings: &'a Settings,
    identity: &'a Identity,
    watched: HashMap<Vec<u8>, Watched>,
}

impl<'a> StatementInspector<'a> {
    /// The inspector of one session.
    #[must_use]
    pub fn new(session: u64, service: &'a Arc<Service>, settings: &'a Settings, identity: &'a Identity) -> Self {
        Self { session, service, settings, identity, watched: HashMap::new() }
    }

    /// The verdict for the session's user; `None`: nothing in the text is to be judged.
    fn judge(&self, text: &[u8]) -> (Option<Arc<Verdict>>, DecisionPath) {
        self.service.gate.judge(text, &self.identity.state.borrow().current, Timestamp::now)
    }

    /// The gravest verdict over everybody whom the session may be acting as when the server runs the text, and who that is.
    /// `verdict` is that for the session's user.
    async fn gravest(&self, text: &[u8], mut verdict: Arc<Verdict>) -> (Arc<Verdict>, Principal) {
        let gate = &self.service.gate;
        let mut principal = self.identity.current();
        if let Some(live) = self.service.live.as_ref().filter(|_| !verdict.unknown_roles.is_empty()) {
            live.look_up(&verdict.unknown_roles).await;
            if let (Some(again), _) = gate.judge(text, &principal, Timestamp::now) {
                verdict = again;
            }
        }
        let mut others = self.identity.requested();
        let prepared = self.watched.values().flat_map(|watched| &watched.effects);
        let effects = verdict.statements.iter().filter_map(|statement| statement.effect.as_ref()).chain(prepared);
        others.extend(effects.map(|effect| self.identity.after(effect)));
        for other in others {
            if let (Some(second), _) = gate.judge(text, &other, Timestamp::now)
                && second.would_be > verdict.would_be
            {
                (verdict, principal) = (second, other);
            }
        }
        (verdict, principal)
    }

    /// Rules on a statement by its verdict.
    async fn rule(
        &mut self,
        name: Option<&[u8]>,
        text: &[u8],
        verdict: Arc<Verdict>,
        source: DecisionPath,
        began: Instant,
    ) -> Ruling {
        let (verdict, principal) = self.gravest(text, verdict).await;
        self.service.metrics.decision(source, began.elapsed(), text.len());
        if source == DecisionPath::Cold {
            // A pipeline of statements that are all new would keep the worker from its other sessions for as long as
            // there is something to read. Before the effects are noted: what the backend says meanwhile clears them.
            tokio::task::yield_now().await;
        }
        if verdict.action != Action::Reject {
            for statement in &verdict.statements {
                if let Some(effect) = &statement.effect {
                    self.identity.request(effect);
                }
            }
            if let Some(report) = name.and_then(|name| self.watch(name, &verdict, text)) {
                return Ruling::Refuse(self.refuse(report));
            }
        }
        self.ruling(&verdict, &principal, text)
    }

    /// Whether the server may read other quotes in a text than the gate: not in one of ASCII alone, in any encoding.
    fn is_unreadable(&self, text: &[u8]) -> bool {
        self.identity.state.borrow().unsafe_encoding && !text.is_ascii()
    }

    /// What a verdict means for its message.
    fn ruling(&self, verdict: &Verdict, principal: &Principal, text: &[u8]) -> Ruling {
        let nonce = match verdict.action {
            Action::Reject => Some(fresh_nonce()),
            Action::Forward | Action::Annotate => None,
        };
        record::verdict(self.service, self.session, principal, verdict, text, nonce.as_ref());
        match (verdict.action, nonce) {
            (Action::Reject, Some(nonce)) => Ruling::Refuse(Refusal {
                nonce,
                report: report(sqlstate::INSUFFICIENT_PRIVILEGE, verdict.refusal(text)),
            }),
            (Action::Annotate, _) => {
                let annotations = self.settings.annotations_under(verdict.mode);
                Ruling::Annotate {
                    comment: annotations.comment.then(|| verdict.comment()),
                    warning: annotations.notice.then(|| report(sqlstate::WARNING, verdict.warning())),
                }
            }
            (Action::Forward | Action::Reject, _) => Ruling::Forward,
        }
    }

    /// An ordinary statement, which may take the place of a watched one of its name.
    fn plain(&mut self, name: Option<&[u8]>, text: &[u8], began: Instant) -> Ruling {
        if let (Some(name), false) = (name, self.watched.is_empty()) {
            self.forget(name);
        }
        self.service.metrics.plain_statement(text.len(), began.elapsed());
        Ruling::Forward
    }

    fn watch(&mut self, name: &[u8], verdict: &Verdict, text: &[u8]) -> Option<Report> {
        let parameters = verdict.statements.iter().any(|statement| statement.watch_parameters);
        if self.watched.len() >= MAX_WATCHED && !self.watched.contains_key(name) {
            let message = format!("the session keeps {MAX_WATCHED} prepared statements with roles and takes no more");
            return Some(Report::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message).hint("close prepared statements"));
        }
        let effects = verdict.statements.iter().filter_map(|statement| statement.effect.clone()).collect();
        let (generation, user) = (verdict.generation, self.identity.current());
        let watched = Watched { text: text.into(), generation, user, parameters, effects };
        self.forget(name);
        self.watched.insert(name.to_vec(), watched);
        None
    }

    /// Whether the verdict on a prepared statement holds: under the policy in force, for the user that the session acts as now.
    fn is_current(&self, watched: &Watched) -> bool {
        let changes_user = |watched: &Watched| !watched.effects.is_empty();
        let state = self.identity.state.borrow();
        watched.generation == self.service.gate.policy().generation()
            && watched.user == state.current
            && state.requested.is_empty()
            && !self.watched.values().any(changes_user)
    }

    /// A prepared statement is gone or replaced. It may have been run just before, so what it does counts until it is
    /// settled.
    fn forget(&mut self, name: &[u8]) {
        for effect in self.watched.remove(name).iter().flat_map(|watched| &watched.effects) {
            self.identity.request(effect);
        }
    }
}

impl Inspector for StatementInspector<'_> {
    async fn statement(&mut self, name: Option<&[u8]>, text: &[u8], standing: Standing) -> Ruling {
        let began = Instant::now();
        if self.is_unreadable(text) {
            let verdict = self.service.gate.policy().judge_unreadable(text);
            return self.ruling(&verdict, &self.identity.current(), text);
        }
        match self.judge(text) {
            (None, _) => self.plain(name, text, began),
            (Some(_), _) if standing.is_behind => Ruling::Wait,
            // Boxed, since it is rare and would take room in every session.
            (Some(verdict), source) => Box::pin(self.rule(name, text, verdict, source, began)).await,
        }
    }

    fn watches_prepared(&self) -> bool {
        !self.watched.is_empty()
    }

    async fn bind(&mut self, statement: &[u8], values: &[&[u8]], standing: Standing) -> Ruling {
        let Some(watched) = self.watched.get(statement) else { return Ruling::Forward };
        if watched.parameters && values.iter().any(|value| sql::names_role(value)) {
            let verdict = self.service.gate.policy().judge_bound_role(&watched.text);
            return self.ruling(&verdict, &self.identity.current(), &watched.text);
        }
        if self.is_current(watched) {
            return Ruling::Forward;
        }
        if standing.is_behind {
            return Ruling::Wait;
        }
        let text = watched.text.clone();
        let (Some(verdict), _) = self.judge(&text) else { return Ruling::Forward };
        let (verdict, principal) = self.gravest(&text, verdict).await;
        if verdict.action == Action::Reject {
            return self.ruling(&verdict, &principal, &text);
        }
        if let Some(watched) = self.watched.get_mut(statement) {
            (watched.generation, watched.user) = (verdict.generation, self.identity.current());
        }
        Ruling::Forward
    }

    fn close(&mut self, statement: &[u8], _standing: Standing) {
        self.forget(statement);
    }

    async fn function_call(&mut self, values: &[&[u8]]) -> Ruling {
        let _ = values;
        Ruling::Forward
    }

    fn refuse(&mut self, report: Report) -> Refusal {
        self.service.metrics.statement(StatementKind::None, Action::Reject);
        Refusal { nonce: fresh_nonce(), report }
    }
}

/// A nonce; should the random source fail, one that is unique by time, for a nonce guards nothing but its own match.
fn fresh_nonce() -> Nonce {
    nonce().unwrap_or_else(|_error| {
        Nonce::new(Timestamp::now().as_nanosecond().to_be_bytes().last_chunk().copied().unwrap_or_default())
    })
}

/// The words of a verdict as the wire carries them.
pub(super) fn report(sqlstate: &'static str, wording: Wording) -> Report {
    let Wording { message, detail, hint, position } = wording;
    Report { sqlstate, message, detail, hint, position }
}
