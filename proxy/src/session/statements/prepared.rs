//! Prepared statements that are judged again when they are bound: those that name roles, whose parameters may, or that change the
//! session's user. A name may stand for one of several until the server has answered.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::gate::principal::Principal;
use crate::gate::verdict::Verdict;
use crate::session::outcomes::ToldStatement;
use crate::session::statements::users::Users;
use crate::sql::Watch;
use crate::wire::relay::{Number, Reached};

/// Prepared statements that a session may keep.
pub(crate) const MAX_PREPARED: usize = 1024;

/// The longest name of one.
pub(crate) const MAX_NAME_BYTES: usize = 1024;

/// Statements that one name may stand for before they are taken together.
const MAX_VERSIONS: usize = 4;

/// Why a statement cannot be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Excess {
    /// There are [`MAX_PREPARED`].
    Number,
    /// Its name is longer than [`MAX_NAME_BYTES`].
    Name,
}

/// A statement that is judged when it is bound.
#[derive(Clone, Debug)]
pub(super) struct WatchedStatement {
    /// `None`: there was no room for it.
    pub text: Option<Arc<[u8]>>,
    /// The policy by which it was judged last.
    pub generation: u64,
    /// When it must be judged again, whatever else stays as it is.
    pub stands_until: Option<Timestamp>,
    /// For whom it was judged last.
    pub user: Principal,
    /// What its parameters stand for, as far as their values matter.
    pub watch: Watch,
    /// What the audit and the metrics are told when it is run.
    pub told: Arc<[ToldStatement]>,
    /// Running it changes the session's user to one of these, and nothing of that shows in the messages that run it.
    pub users: Users,
    /// Nothing but a count comes of running it.
    pub is_observed: bool,
    /// The verdict, where it uses stored credentials or changes how names resolve.
    pub verdict: Option<Arc<Verdict>>,
}

/// What a name stands for once the server has run a statement.
#[derive(Debug)]
struct Version {
    /// That statement, while it is not answered.
    number: Option<Number>,
    /// `None`: nothing, or a statement that is not judged.
    watched: Option<WatchedStatement>,
}

/// The prepared statements of a session.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    names: HashMap<Arc<[u8]>, Vec<Version>>,
    /// Unanswered statements that give a name another meaning.
    changes: VecDeque<(Number, Arc<[u8]>)>,
    /// How many watched statements there are.
    count: usize,
    /// The bytes of their texts.
    text_bytes: usize,
    /// What running any of them may make of the session's user.
    users: Users,
}

impl Prepared {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Users that the session may act as when some of them is run.
    pub(super) const fn users(&self) -> &Users {
        &self.users
    }

    /// What a name may stand for.
    pub(super) fn of(&self, name: &[u8]) -> impl Iterator<Item = &WatchedStatement> {
        self.names.get(name).into_iter().flatten().filter_map(|version| version.watched.as_ref())
    }

    /// The verdict on all that a name may stand for was made anew.
    pub(super) fn confirm(&mut self, name: &[u8], generation: u64, stands_until: Option<Timestamp>, user: &Principal) {
        for watched in self.names.get_mut(name).into_iter().flatten().filter_map(|version| version.watched.as_mut()) {
            (watched.generation, watched.user) = (generation, user.clone());
            watched.stands_until = stands_until;
        }
    }

    /// The verdicts that were made anew, of the statements whose texts are kept, in their order.
    pub(super) fn renew(&mut self, name: &[u8], verdicts: &[Option<Arc<Verdict>>]) {
        let kept = self.names.get_mut(name).into_iter().flatten().filter_map(|version| version.watched.as_mut());
        for (watched, verdict) in kept.filter(|watched| watched.text.is_some()).zip(verdicts) {
            watched.is_observed = verdict.as_ref().is_none_or(|verdict| verdict.is_observed());
            watched.verdict = verdict.clone().filter(|verdict| verdict.concerns_names());
        }
    }

    /// What is told when the statement is run that was prepared last under a name.
    pub(super) fn tell(&mut self, name: &[u8], told: &Arc<[ToldStatement]>) {
        let versions = self.names.get_mut(name).into_iter().flatten();
        if let Some(watched) = versions.filter_map(|version| version.watched.as_mut()).last() {
            watched.told = Arc::clone(told);
        }
    }

    /// A `Parse` of this number makes `watched`; its text is not kept when all texts would hold more than `max_text_bytes`.
    pub(super) fn prepare(
        &mut self,
        name: &[u8],
        number: Number,
        mut watched: WatchedStatement,
        max_text_bytes: usize,
    ) -> Result<(), Excess> {
        if name.len() > MAX_NAME_BYTES {
            return Err(Excess::Name);
        }
        // What is observed alone leaves room for what is judged.
        let share = if watched.is_observed { 2 } else { 1 };
        if self.count >= MAX_PREPARED.checked_div(share).unwrap_or_default() {
            return Err(Excess::Number);
        }
        let max_text_bytes = max_text_bytes.checked_div(share).unwrap_or_default();
        if watched.text_bytes().saturating_add(self.text_bytes) > max_text_bytes {
            watched.text = None;
        }
        self.text_bytes = self.text_bytes.saturating_add(watched.text_bytes());
        self.count = self.count.saturating_add(1);
        self.users.extend(&watched.users);
        self.change(name, number, Some(watched));
        Ok(())
    }

    /// A `Close`, or a `Parse` of something that is not judged, takes a name away.
    pub(super) fn replace(&mut self, name: &[u8], number: Number) {
        let is_gone = |versions: &Vec<Version>| versions.last().is_none_or(|last| last.watched.is_none());
        if !self.names.get(name).is_none_or(is_gone) {
            self.change(name, number, None);
        }
    }

    fn change(&mut self, name: &[u8], number: Number, watched: Option<WatchedStatement>) {
        let name = self.names.get_key_value(name).map_or_else(|| Arc::from(name), |(name, _)| Arc::clone(name));
        self.changes.push_back((number, Arc::clone(&name)));
        let versions = self.names.entry(name).or_default();
        versions.push(Version { number: Some(number), watched });
        if versions.len() > MAX_VERSIONS {
            let older = versions.remove(0);
            if let (Some(newer), Some(older)) = (versions.first_mut(), older.watched) {
                self.text_bytes = self.text_bytes.saturating_sub(older.text_bytes());
                let (count, text_bytes) = newer.merge(older);
                self.count = self.count.saturating_sub(count);
                self.text_bytes = self.text_bytes.saturating_sub(text_bytes);
            }
        }
    }

    /// The server has come so far. What running the statements that are gone may have made of the session's user.
    pub(super) fn reach(&mut self, reached: Reached) -> Users {
        let mut gone = Users::default();
        while self.changes.front().is_some_and(|(number, _)| *number < reached.skipped) {
            let Some((number, name)) = self.changes.pop_front() else { break };
            let has_failed = reached.is_failure && number.saturating_add(1) == reached.answered;
            self.answered(&name, number, number < reached.answered && !has_failed, &mut gone);
        }
        gone
    }

    /// A change of a name's meaning has come about, or not.
    fn answered(&mut self, name: &Arc<[u8]>, number: Number, is_done: bool, gone: &mut Users) {
        let Some(versions) = self.names.get_mut(name) else { return };
        let Some(place) = versions.iter().position(|version| version.number == Some(number)) else { return };
        let dropped: Vec<Version> = if is_done {
            let mut dropped: Vec<Version> = versions.drain(..place).collect();
            match versions.first_mut() {
                Some(first) if first.watched.is_some() => first.number = None,
                _ => dropped.extend(versions.drain(..1)),
            }
            dropped
        } else {
            vec![versions.remove(place)]
        };
        if versions.is_empty() {
            self.names.remove(name);
        }
        for watched in dropped.into_iter().filter_map(|version| version.watched) {
            self.count = self.count.saturating_sub(1);
            self.text_bytes = self.text_bytes.saturating_sub(watched.text_bytes());
            gone.extend(&watched.users);
        }
        if !gone.is_empty() {
            self.count_users();
        }
    }

    fn count_users(&mut self) {
        self.users = Users::default();
        for version in self.names.values().flatten() {
            if let Some(watched) = &version.watched {
                self.users.extend(&watched.users);
            }
        }
    }
}

/// The earlier of two ends, where none is the latest.
#[must_use]
pub(crate) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

impl WatchedStatement {
    fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, |text| text.len())
    }
}

impl Version {
    /// Takes an older version into this one, which may or may not take its place; how many watched statements that makes fewer, and
    /// how many bytes of this one's text are let go.
    fn merge(&mut self, older: WatchedStatement) -> (usize, usize) {
        // It stays until a later change is known to have come about.
        self.number = None;
        let Some(newer) = &mut self.watched else {
            self.watched = Some(WatchedStatement { text: None, ..older });
            return (0, 0);
        };
        let text_bytes = newer.text_bytes();
        newer.text = None;
        if newer.user != older.user {
            newer.generation = 0;
        }
        newer.generation = newer.generation.min(older.generation);
        newer.stands_until = earlier(newer.stands_until, older.stands_until);
        newer.watch = newer.watch.and(older.watch);
        newer.users.extend(&older.users);
        newer.is_observed &= older.is_observed;
        (1, text_bytes)
    }
}
