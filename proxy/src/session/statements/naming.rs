//! How the session resolves names: what its statements have asked for, and whether the server has done it for certain. Until then what was
//! asked for holds beside what held before.

use crate::gate::naming::Naming;
use crate::sql::{Effect, Turn};

/// Values that are followed of one thing.
const MAX_FOLLOWED: usize = 8;

/// Names of temporary tables that are followed.
const MAX_TEMPORARY: usize = 64;

/// A few values, one of which holds; or too many to tell.
#[derive(Clone, Debug)]
struct Possible<T> {
    values: Vec<T>,
    is_any: bool,
}

impl<T: PartialEq> Possible<T> {
    fn only(value: T) -> Self {
        Self { values: vec![value], is_any: false }
    }

    fn add(&mut self, value: T) {
        if self.values.contains(&value) {
            return;
        }
        if self.values.len() < MAX_FOLLOWED {
            self.values.push(value);
        } else {
            self.is_any = true;
        }
    }

    /// The value that holds for certain.
    fn certain(&self) -> Option<&T> {
        match self.values.as_slice() {
            [only] if !self.is_any => Some(only),
            _ => None,
        }
    }
}

/// How names resolve in one session.
#[derive(Clone, Debug)]
pub(super) struct NamingState {
    databases: Possible<Option<String>>,
    casing: Possible<Option<bool>>,
    path: Possible<Option<Vec<String>>>,
    temporary: Vec<String>,
    /// The server has answered everything, no transaction is open, and nothing was sent since.
    is_idle: bool,
    /// What was sent alone while it was idle: it holds once the server has answered well.
    waiting: Vec<Turn>,
}

impl Default for NamingState {
    fn default() -> Self {
        Self {
            databases: Possible::only(None),
            casing: Possible::only(None),
            path: Possible::only(None),
            temporary: Vec::new(),
            is_idle: false,
            waiting: Vec::new(),
        }
    }
}

impl NamingState {
    /// A statement with these effects goes to the server, which `runs` it at once, behind others that are not answered or not. Whether
    /// names may resolve otherwise from now on.
    pub(super) fn ask<'e>(&mut self, effects: impl Iterator<Item = &'e Effect>, runs: bool, is_behind: bool) -> bool {
        let (mut asked, mut is_alone) = (Vec::new(), runs && self.is_idle && !is_behind);
        for effect in effects {
            if let Effect::Turn { turn, is_alone: alone } = effect {
                self.add(turn.clone());
                is_alone &= *alone;
                asked.push(turn.clone());
            }
        }
        let is_turn = !asked.is_empty();
        if runs {
            self.passed();
        }
        if is_alone {
            self.waiting = asked;
        }
        is_turn
    }

    fn add(&mut self, turn: Turn) {
        match turn {
            Turn::Database(name) => self.databases.add(name),
            Turn::Casing(is_cased) => self.casing.add(is_cased),
            Turn::SearchPath(path) => self.path.add(path),
            Turn::Temporary(name) if self.temporary.len() < MAX_TEMPORARY && !self.temporary.contains(&name) => {
                self.temporary.push(name);
            }
            Turn::Temporary(_) => {}
        }
    }

    /// Another statement goes to the server.
    pub(super) fn passed(&mut self) {
        self.is_idle = false;
        self.waiting.clear();
    }

    /// The server has refused something.
    pub(super) fn failed(&mut self) {
        self.waiting.clear();
    }

    /// The server has answered everything, and no transaction is open. Whether names resolve otherwise.
    pub(super) fn settled(&mut self) -> bool {
        self.is_idle = true;
        let waiting = std::mem::take(&mut self.waiting);
        let is_turn = !waiting.is_empty();
        for turn in waiting {
            match turn {
                Turn::Database(name) => self.databases = Possible::only(name),
                Turn::Casing(is_cased) => self.casing = Possible::only(is_cased),
                Turn::SearchPath(path) => self.path = Possible::only(path),
                Turn::Temporary(_) => {}
            }
        }
        is_turn
    }

    /// As verdicts take it.
    pub(super) fn naming(&self) -> Naming {
        Naming {
            used: self.databases.values.iter().flatten().cloned().collect(),
            has_left: !self.databases.values.contains(&None),
            is_anywhere: self.databases.is_any,
            is_cased: self.casing.certain().copied().flatten(),
            search_path: self.path.certain().cloned().flatten(),
            temporary: self.temporary.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(turn: Turn, is_alone: bool) -> Effect {
        Effect::Turn { turn, is_alone }
    }

    fn database(name: &str) -> Effect {
        turn(Turn::Database(Some(name.to_owned())), true)
    }

    /// A state that has settled once.
    fn idle() -> NamingState {
        let mut state = NamingState::default();
        assert!(!state.settled());
        state
    }

    fn places(state: &NamingState) -> (Vec<String>, bool) {
        (state.naming().used, state.naming().has_left)
    }

    #[test]
    fn what_is_answered_alone_holds() {
        let mut state = idle();
        assert!(state.ask([&database("sales")].into_iter(), true, false));
        assert_eq!(places(&state), (vec!["sales".to_owned()], false));
        assert!(state.settled());
        assert_eq!(places(&state), (vec!["sales".to_owned()], true));
        state.ask([&turn(Turn::Database(None), true)].into_iter(), true, false);
        state.settled();
        assert_eq!(places(&state), (vec![], false));
    }

    /// (what happens between the ask and the settling)
    #[test]
    fn what_may_be_taken_back_does_not_hold_alone() {
        let ask = |state: &mut NamingState, effect: Effect, runs, is_behind| {
            state.ask([&effect].into_iter(), runs, is_behind);
        };
        let rows: [(&str, fn(&mut NamingState)); 4] = [
            ("a failure", NamingState::failed),
            ("another statement", NamingState::passed),
            ("nothing", |_| {}),
            ("both", |state| {
                state.failed();
                state.passed();
            }),
        ];
        for (what, between) in rows {
            let mut state = idle();
            ask(&mut state, database("sales"), true, false);
            between(&mut state);
            state.settled();
            assert_eq!(state.naming().has_left, what == "nothing", "{what}");
        }
        for (what, effect, runs, is_behind) in [
            ("prepared alone", database("sales"), false, false),
            ("behind others", database("sales"), true, true),
            ("in a message of several", turn(Turn::Database(Some("sales".to_owned())), false), true, false),
        ] {
            let mut state = idle();
            ask(&mut state, effect, runs, is_behind);
            state.settled();
            assert!(!state.naming().has_left && state.naming().used == ["sales"], "{what}");
        }
        let mut in_transaction = NamingState::default();
        ask(&mut in_transaction, database("sales"), true, false);
        in_transaction.settled();
        assert!(!in_transaction.naming().has_left);
    }

    #[test]
    fn casing_and_path_are_known_when_they_are_certain() {
        let mut state = idle();
        assert_eq!((state.naming().is_cased, state.naming().search_path), (None, None));
        for effect in [turn(Turn::Casing(Some(true)), true), turn(Turn::SearchPath(Some(vec!["a".to_owned()])), true)] {
            state.ask([&effect].into_iter(), true, false);
            state.settled();
        }
        assert_eq!((state.naming().is_cased, state.naming().search_path), (Some(true), Some(vec!["a".to_owned()])));
        state.ask([&turn(Turn::Casing(Some(false)), true)].into_iter(), true, true);
        assert_eq!(state.naming().is_cased, None);
    }

    #[test]
    fn what_is_followed_is_bounded() {
        let mut state = idle();
        for number in 0..1_000 {
            state.ask([&database(&format!("d{number}"))].into_iter(), true, true);
            state.ask([&turn(Turn::Temporary(format!("t{number}")), true)].into_iter(), true, true);
        }
        let naming = state.naming();
        assert!(naming.is_anywhere && naming.used.len() < MAX_FOLLOWED && naming.temporary.len() == MAX_TEMPORARY);
    }
}
