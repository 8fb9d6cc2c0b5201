//! Who a session may be acting as, what it has prepared and under which policy that was judged: a state machine that is told what
//! passes and says what is to be judged, for whom, and how it came out. It holds no socket and waits for nothing.

mod naming;
mod prepared;
mod users;

use std::sync::Arc;

use jiff::Timestamp;

use crate::gate::enforcement::Action;
use crate::gate::principal::Principal;
use crate::gate::stored::StoredMode;
use crate::gate::verdict::Verdict;
use crate::gate::{DecisionPath, Gate};
use crate::session::outcomes::ToldStatement;
use crate::session::statements::naming::NamingState;
pub(crate) use crate::session::statements::prepared::{Excess, MAX_NAME_BYTES, MAX_PREPARED, earlier};
use crate::session::statements::prepared::{Prepared, WatchedStatement};
use crate::session::statements::users::Users;
use crate::sql::watch::{BoundFault, Watch};
use crate::sql::{self, Effect, Glance};
use crate::wire::relay::{Number, Reached, Standing};

/// Makes verdicts: [`Gate`], and what stands for it in tests.
pub(crate) trait VerdictMaker {
    /// The policy in force, by a number of its own.
    fn generation(&self) -> u64;
    /// Whether uses of stored credentials are observed alone.
    fn is_observing(&self) -> bool;
    /// Whether the lexer's pass alone shows that there is nothing to judge in a text.
    fn is_plain(&self, text: &[u8]) -> bool;
    /// The verdict on a text for one user; `None`: nothing in it is to be judged.
    fn judge(&self, text: &[u8], principal: &Principal) -> (Option<Arc<Verdict>>, DecisionPath);
    /// `verdict`, where the session may be acting as anybody.
    fn judge_as_anybody(&self, verdict: &Verdict) -> Verdict;
    /// `verdict`, where the session's search path puts something before functions that dynamic SQL trusts; of this user, or of anybody.
    fn judge_moved(&self, verdict: &Verdict, of: Option<&Principal>) -> Verdict;
    /// The time by which it judges.
    fn now(&self) -> Timestamp;
}

impl VerdictMaker for Gate {
    fn generation(&self) -> u64 {
        self.policy().generation()
    }

    fn is_observing(&self) -> bool {
        self.policy().stored().mode() != StoredMode::Enforce
    }

    fn is_plain(&self, text: &[u8]) -> bool {
        self.glance(text) == Glance::Plain
    }

    fn judge(&self, text: &[u8], principal: &Principal) -> (Option<Arc<Verdict>>, DecisionPath) {
        Gate::judge(self, text, principal, Timestamp::now)
    }

    fn judge_as_anybody(&self, verdict: &Verdict) -> Verdict {
        self.policy().judge_as_anybody(verdict)
    }

    fn judge_moved(&self, verdict: &Verdict, of: Option<&Principal>) -> Verdict {
        self.policy().enforcer_for(of, Timestamp::now()).judge_moved(verdict)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A verdict, and the user for whom it is the gravest.
#[derive(Clone, Debug)]
pub(crate) struct VerdictFor {
    /// The verdict.
    pub verdict: Arc<Verdict>,
    /// Who would be acting.
    pub principal: Principal,
}

/// What is to be done about a `Bind`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Binding {
    /// It goes to the backend as it is.
    Forward,
    /// These texts are to be judged again.
    JudgeAgain(Vec<Arc<[u8]>>),
    /// A text that would have to be judged again was not kept.
    NotKept,
}

/// The state of one session.
#[derive(Debug)]
pub(crate) struct Statements {
    login: Principal,
    /// Whom the server has reported.
    current: Principal,
    /// Whom the session may be acting as beside that user until the server has answered everything and no transaction is open, so that
    /// neither a failing nor a pipelined SET SESSION AUTHORIZATION makes a verdict more lenient.
    requested: Users,
    prepared: Prepared,
    max_prepared_bytes: usize,
    /// The server reads the client's texts in an encoding in which a byte below 0x80 can be part of another character.
    is_encoding_unsafe: bool,
    /// A search path was asked for that names a schema before `pg_catalog`.
    moves_catalog: bool,
    /// Dynamic SQL has passed that is safe as long as the functions that quote in it are the server's own.
    trusts_quoting: bool,
    /// How names resolve.
    naming: NamingState,
}

impl Statements {
    /// Of a session that logs in as `login`.
    #[must_use]
    pub(crate) fn new(login: Principal, max_prepared_bytes: usize) -> Self {
        Self {
            current: login.clone(),
            login,
            requested: Users::default(),
            prepared: Prepared::default(),
            max_prepared_bytes,
            is_encoding_unsafe: false,
            moves_catalog: false,
            trusts_quoting: false,
            naming: NamingState::default(),
        }
    }

    /// The user who logs in.
    #[must_use]
    pub(crate) const fn login(&self) -> &Principal {
        &self.login
    }

    /// The user whom the server has reported.
    #[must_use]
    pub(crate) const fn current(&self) -> &Principal {
        &self.current
    }

    /// Whether `Bind` and `Close` matter.
    #[must_use]
    pub(crate) fn watches_prepared(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// The user whom the session acts as, where that can be nobody else.
    #[must_use]
    pub(crate) fn only_user(&self) -> Option<&Principal> {
        (self.requested.is_empty() && self.prepared.users().is_empty()).then_some(&self.current)
    }

    /// The server reports the session's user. Within a transaction a ROLLBACK may bring the former one back.
    pub(crate) fn user_reported(&mut self, user: &str) {
        // As the server writes it: the client may have logged in under another form of the name (`IAM:user`).
        let reported = self.login.with_user(user);
        if reported != self.current {
            self.requested.add(std::mem::replace(&mut self.current, reported));
        }
    }

    /// The server reports the encoding in which it reads the client's texts.
    pub(crate) fn encoding_reported(&mut self, encoding: &str) {
        self.is_encoding_unsafe = sql::is_unsafe_encoding(encoding);
    }

    /// The server has come so far. A prepared statement that is gone may have been run just before.
    pub(crate) fn reached(&mut self, reached: Reached) {
        if reached.is_failure {
            self.naming.failed();
        }
        if !self.prepared.is_empty() {
            let users = self.prepared.reach(reached);
            self.requested.extend(&users);
        }
    }

    /// The server has answered everything, and no transaction is open.
    pub(crate) fn settled(&mut self) {
        self.requested = Users::default();
        if self.naming.settled() {
            self.rename();
        }
    }

    /// A transaction is open, or more is to be answered.
    pub(crate) fn unsettled(&mut self) {
        self.naming.passed();
    }

    /// An ordinary message goes to the server.
    pub(crate) fn passed(&mut self) {
        self.naming.passed();
    }

    /// Names resolve otherwise: verdicts of before are no more of this session.
    fn rename(&mut self) {
        let naming = self.naming.naming();
        self.login = self.login.with_naming(&naming);
        self.current = self.current.with_naming(&naming);
    }

    /// Whether the server may read other quotes in a text than the gate.
    #[must_use]
    pub(crate) fn is_unreadable(&self, text: &[u8], standing: Standing) -> bool {
        self.is_misread(text) || Self::depends_on_encoding(text, standing)
    }

    /// Whether the encoding that the server has told of lets it read other quotes in a text.
    #[must_use]
    pub(crate) fn is_misread(&self, text: &[u8]) -> bool {
        self.is_encoding_unsafe && !text.is_ascii()
    }

    /// Whether an encoding that the server has yet to tell of may let it read other quotes in a text: what is sent before it in the
    /// same segment may change the encoding, and nothing tells of that in time.
    #[must_use]
    pub(crate) fn depends_on_encoding(text: &[u8], standing: Standing) -> bool {
        standing.is_in_segment && sql::reads_by_encoding(text)
    }

    /// Whether a text in which nothing is to be judged might have to be, once the server has told of its encoding.
    #[must_use]
    pub(crate) fn may_change(text: &[u8], standing: Standing) -> bool {
        standing.is_behind && !text.is_ascii() && sql::holds_sign(text)
    }

    /// The start-up, or a function that is called by its number, asks for a search path that may name a schema before `pg_catalog`.
    pub(crate) fn catalog_moved(&mut self) {
        self.moves_catalog = true;
    }

    /// Whether dynamic SQL has passed that is not safe under such a search path.
    pub(crate) const fn trusts_quoting(&self) -> bool {
        self.trusts_quoting
    }

    /// The gravest verdict over everybody whom the session may be acting as when the server runs the text, and over what the session
    /// has done before. `first` is one for some user, made before.
    pub(crate) fn gravest<V: VerdictMaker>(&self, judge: &V, text: &[u8], first: VerdictFor) -> VerdictFor {
        let mut ruled = self.gravest_of_users(judge, text, first);
        let has = |effect| ruled.verdict.statements.iter().any(|one| one.has_effect(effect));
        if (self.trusts_quoting && has(&Effect::MovesCatalog)) || (self.moves_catalog && has(&Effect::TrustsQuoting)) {
            let only = self.users(&ruled.verdict).is_empty().then_some(&self.current);
            ruled.verdict = Arc::new(judge.judge_moved(&ruled.verdict, only));
        }
        ruled
    }

    /// A text without roles is the same for all.
    fn gravest_of_users<V: VerdictMaker>(&self, judge: &V, text: &[u8], first: VerdictFor) -> VerdictFor {
        let is_first = first.principal == self.current && first.verdict.generation == judge.generation();
        let again = if is_first { None } else { judge.judge(text, &self.current).0 };
        let verdict = again.unwrap_or(first.verdict);
        let mut gravest = VerdictFor { verdict, principal: self.current.clone() };
        // What a text without roles asks for is the same for all, and so is what becomes of it, unless one is let off what others are not.
        let is_without_roles = gravest.verdict.statements.iter().all(|statement| statement.uses.is_empty());
        let is_without_roles = is_without_roles && !gravest.verdict.uses_stored();
        if is_without_roles && !gravest.verdict.is_softened() {
            return gravest;
        }
        let users = self.users(&gravest.verdict);
        if users.is_anybody() {
            gravest.verdict = Arc::new(judge.judge_as_anybody(&gravest.verdict));
        }
        for principal in users.known().iter().map(|principal| principal.with_naming(&self.current.naming)) {
            if gravest.verdict.action == Action::Reject {
                break;
            }
            if let (Some(verdict), _) = judge.judge(text, &principal)
                && (verdict.action, verdict.would_be) > (gravest.verdict.action, gravest.verdict.would_be)
            {
                gravest = VerdictFor { verdict, principal };
            }
        }
        gravest
    }

    /// Everybody whom the session may be acting as, beside the user whom the server has reported, when it runs a message.
    #[must_use]
    pub(crate) fn users(&self, verdict: &Verdict) -> Users {
        let mut users = self.requested.clone();
        users.extend(self.prepared.users());
        users.extend(&self.effects(verdict));
        users
    }

    fn effects(&self, verdict: &Verdict) -> Users {
        let mut users = Users::default();
        for effect in verdict.statements.iter().flat_map(|statement| &statement.effects) {
            match effect {
                Effect::SetSessionAuthorization(user) => users.add(self.login.with_user(user)),
                Effect::ResetSessionAuthorization => users.add(self.login.clone()),
                Effect::MovesCatalog | Effect::TrustsQuoting | Effect::Turn { .. } | Effect::Redefines => {}
            }
            if users.is_anybody() {
                break;
            }
        }
        users
    }

    /// A text that was judged goes to the server, as a statement of this number and, from a `Parse`, under this name. Whether what it
    /// uses is still to be counted when it is bound.
    ///
    /// # Errors
    /// [`Excess`]: it is not to be sent.
    pub(crate) fn forward(
        &mut self,
        name: Option<&[u8]>,
        standing: Standing,
        text: &[u8],
        verdict: &Arc<Verdict>,
    ) -> Result<bool, Excess> {
        let (users, is_observed) = (self.effects(verdict), verdict.is_observed());
        let mut counts_when_bound = name.is_some();
        if let Some(name) = name {
            let watched = WatchedStatement {
                text: (text.len() <= self.max_prepared_bytes).then(|| text.into()),
                generation: verdict.generation,
                stands_until: verdict.stands_until(),
                user: self.current.clone(),
                told: Arc::from([]),
                watch: verdict.statements.iter().fold(Watch::default(), |watch, one| watch.and(one.watch)),
                users: users.clone(),
                is_observed,
                verdict: verdict.concerns_names().then(|| Arc::clone(verdict)),
            };
            match self.prepared.prepare(name, standing.number, watched, self.max_prepared_bytes) {
                // Nothing hangs on it but a count, which is made at once.
                Err(_excess) if is_observed => {
                    self.prepared.replace(name, standing.number);
                    counts_when_bound = false;
                }
                kept => kept?,
            }
        }
        self.ask(verdict, name.is_none(), standing);
        self.requested.extend(&users);
        let has = |effect| verdict.statements.iter().any(|one| one.has_effect(effect));
        self.moves_catalog |= has(&Effect::MovesCatalog);
        self.trusts_quoting |= has(&Effect::TrustsQuoting);
        Ok(counts_when_bound)
    }

    fn ask(&mut self, verdict: &Verdict, runs: bool, standing: Standing) {
        let effects = verdict.statements.iter().flat_map(|statement| &statement.effects);
        if self.naming.ask(effects, runs, standing.is_behind) {
            self.rename();
        }
    }

    /// A `Bind` of what was prepared under a name goes to the server: what it uses, with its text where that was kept.
    pub(crate) fn run(&mut self, name: &[u8], standing: Standing) -> Vec<(Arc<Verdict>, Option<Arc<[u8]>>)> {
        let of = |watched: &WatchedStatement| Some((watched.verdict.clone()?, watched.text.clone()));
        let run: Vec<_> = self.prepared.of(name).filter_map(of).collect();
        if run.is_empty() {
            self.naming.passed();
        }
        for (verdict, _) in &run {
            self.ask(verdict, true, standing);
        }
        run
    }

    /// Whom a message makes of the session's user counts from now until all is settled.
    pub(crate) fn request(&mut self, verdict: &Verdict) {
        let users = self.effects(verdict);
        self.requested.extend(&users);
    }

    /// A text in which there is nothing to judge goes to the server, or a `Close`.
    pub(crate) fn replace(&mut self, name: &[u8], number: Number) {
        self.prepared.replace(name, number);
    }

    /// What is wrong with the values of a `Bind`: the text that they are handed to, and how it is at fault.
    #[must_use]
    pub(crate) fn fault(&self, name: &[u8], values: &[&[u8]]) -> Option<(Arc<[u8]>, BoundFault)> {
        self.prepared.of(name).find_map(|watched| {
            let fault = watched.watch.judge(values)?;
            Some((watched.text.clone().unwrap_or_else(|| Arc::from(&b""[..])), fault))
        })
    }

    /// What is to be done about the texts of a `Bind`.
    #[must_use]
    pub(crate) fn bind<V: VerdictMaker>(&self, judge: &V, name: &[u8]) -> Binding {
        let generation = judge.generation();
        let (mut is_current, mut texts, mut is_kept) = (true, Vec::new(), true);
        for watched in self.prepared.of(name) {
            if watched.is_observed && watched.text.is_none() && judge.is_observing() {
                continue;
            }
            let stands = watched.stands_until.is_none_or(|until| judge.now() < until);
            is_current &= watched.generation == generation && watched.user == self.current && stands;
            is_kept &= watched.text.is_some();
            texts.extend(watched.text.clone());
        }
        let is_one = self.only_user().is_some();
        match () {
            () if is_current && (is_one || texts.is_empty() && is_kept) => Binding::Forward,
            () if is_kept => Binding::JudgeAgain(texts),
            () => Binding::NotKept,
        }
    }

    /// Whether a name stands, or may stand, for a statement that is judged, and not observed alone.
    #[must_use]
    pub(crate) fn watches(&self, name: &[u8]) -> bool {
        self.prepared.of(name).any(|watched| !watched.is_observed)
    }

    /// What is told when a name is run: of the statement that was prepared last.
    #[must_use]
    pub(crate) fn told(&self, name: &[u8]) -> Arc<[ToldStatement]> {
        self.prepared.of(name).last().map_or_else(|| Arc::from([]), |watched| Arc::clone(&watched.told))
    }

    /// A `Parse` under this name went to the server: what is told when it is run.
    pub(crate) fn tell(&mut self, name: &[u8], told: &Arc<[ToldStatement]>) {
        self.prepared.tell(name, told);
    }

    /// The texts of a `Bind` were judged again, and it goes to the server.
    pub(crate) fn bound(
        &mut self,
        name: &[u8],
        generation: u64,
        stands_until: Option<Timestamp>,
        verdicts: &[Option<Arc<Verdict>>],
    ) {
        self.prepared.confirm(name, generation, stands_until, &self.current.clone());
        self.prepared.renew(name, verdicts);
    }
}

#[cfg(test)]
mod tests;
