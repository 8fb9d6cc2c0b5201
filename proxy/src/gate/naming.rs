//! How a session resolves names, as far as its statements tell. Part of whom a verdict is for, so that one from the cache is right.

use crate::sql::{Effect, Turn};

/// Databases that are followed within a message.
const MAX_WITHIN: usize = 8;

/// How a session resolves names. What it has not said is as at its start.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Naming {
    /// Databases that USE has named, on any of which names may resolve.
    pub used: Vec<String>,
    /// Names do not resolve on the database that the session logged in to.
    pub has_left: bool,
    /// Names may resolve on more databases than are followed.
    pub is_anywhere: bool,
    /// Whether the case of letters in quotes counts; `None`: it may or may not.
    pub is_cased: Option<bool>,
    /// Where functions and views without a schema are found; `None`: it cannot be told.
    pub search_path: Option<Vec<String>>,
    /// Names that temporary tables may have, which are found before others.
    pub temporary: Vec<String>,
}

impl Naming {
    /// The databases on which names may resolve; `None`: any.
    #[must_use]
    pub fn databases<'n>(&'n self, login: &'n str) -> Vec<Option<&'n str>> {
        if self.is_anywhere {
            return vec![None];
        }
        let own = Some(login).filter(|_| !self.has_left);
        own.into_iter().chain(self.used.iter().map(String::as_str)).map(Some).collect()
    }

    /// Whether a schema is one in which names without a schema are found; `None`: it cannot be told.
    #[must_use]
    pub fn finds_in(&self, schema: Option<&str>, user: &str) -> Option<bool> {
        let schema = schema?;
        let is_own = |name: &str| name.eq_ignore_ascii_case("$user") && schema.eq_ignore_ascii_case(user);
        let path = match &self.search_path {
            Some(path) => return Some(path.iter().any(|name| name.eq_ignore_ascii_case(schema) || is_own(name))),
            None => ["$user", "public"],
        };
        // Where it begins is the default, unless the user or the start-up says otherwise.
        path.iter().any(|name| name.eq_ignore_ascii_case(schema) || is_own(name)).then_some(true)
    }

    /// How names of a message may resolve that itself changes how they do: as before it, or as it says. `login` is the database of the
    /// login.
    #[must_use]
    pub fn within(&self, login: &str, effects: &[Effect]) -> Self {
        let mut naming = self.clone();
        for effect in effects {
            let Effect::Turn { turn, .. } = effect else { continue };
            match turn {
                Turn::Database(Some(name)) if naming.used.len() < MAX_WITHIN => naming.used.push(name.clone()),
                Turn::Database(Some(_)) => naming.is_anywhere = true,
                Turn::Database(None) => naming.used.push(login.to_owned()),
                Turn::Casing(_) => naming.is_cased = None,
                Turn::SearchPath(_) => naming.search_path = None,
                Turn::Temporary(name) => naming.temporary.push(name.clone()),
            }
        }
        naming
    }

    /// Whether a temporary table may have this name.
    #[must_use]
    pub fn may_be_temporary(&self, name: &str) -> bool {
        self.temporary.iter().any(|temporary| temporary.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Naming;
    use crate::sql::{Effect, Turn};

    #[test]
    fn names_resolve_where_the_session_says() {
        let start = Naming::default();
        assert_eq!(start.databases("dev"), [Some("dev")]);
        let used = Naming { used: vec!["sales".to_owned()], ..Naming::default() };
        assert_eq!(used.databases("dev"), [Some("dev"), Some("sales")]);
        assert_eq!(Naming { has_left: true, ..used.clone() }.databases("dev"), [Some("sales")]);
        assert_eq!(Naming { is_anywhere: true, ..used }.databases("dev"), [None]);
    }

    #[test]
    fn a_message_changes_how_its_own_names_resolve() {
        let turn = |turn| Effect::Turn { turn, is_alone: false };
        let start = Naming { is_cased: Some(true), search_path: Some(Vec::new()), ..Naming::default() };
        let within = start.within("dev", &[turn(Turn::Database(Some("sales".to_owned()))), turn(Turn::Casing(None))]);
        assert_eq!((within.databases("dev"), within.is_cased), (vec![Some("dev"), Some("sales")], None));
        let moved = start.within("dev", &[turn(Turn::SearchPath(None)), turn(Turn::Temporary("t".to_owned()))]);
        assert!(moved.search_path.is_none() && moved.may_be_temporary("t") && !start.may_be_temporary("t"));
        let many: Vec<Effect> = (0..20).map(|n| turn(Turn::Database(Some(format!("d{n}"))))).collect();
        assert_eq!(start.within("dev", &many).databases("dev"), [None]);
        let left = Naming { has_left: true, ..Naming::default() };
        assert_eq!(left.within("dev", &[turn(Turn::Database(None))]).databases("dev"), [Some("dev")]);
    }

    #[test]
    fn the_path_says_where_bare_names_are_found() {
        let start = Naming::default();
        assert_eq!(start.finds_in(Some("public"), "bob"), Some(true));
        assert_eq!(start.finds_in(Some("Bob"), "bob"), Some(true));
        assert_eq!((start.finds_in(Some("x"), "bob"), start.finds_in(None, "bob")), (None, None));
        let set = Naming { search_path: Some(vec!["x".to_owned(), "$user".to_owned()]), ..Naming::default() };
        assert_eq!(set.finds_in(Some("X"), "bob"), Some(true));
        assert_eq!((set.finds_in(Some("public"), "bob"), set.finds_in(Some("bob"), "bob")), (Some(false), Some(true)));
    }
}
