//! Users whom a session may be acting as beside the one that the server has reported.

use crate::gate::principal::Principal;

/// Users that are followed one by one.
const MAX_FOLLOWED: usize = 8;

/// A few users, or too many to tell them apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Users {
    known: Vec<Principal>,
    is_anybody: bool,
}

impl Users {
    /// Takes one more user in, or lets it be anybody where there are too many.
    pub(super) fn add(&mut self, principal: Principal) {
        if self.is_anybody || self.known.contains(&principal) {
            return;
        }
        if self.known.len() < MAX_FOLLOWED {
            self.known.push(principal);
        } else {
            self.is_anybody = true;
        }
    }

    /// All of `others` too.
    pub(super) fn extend(&mut self, others: &Self) {
        for principal in &others.known {
            self.add(principal.clone());
        }
        self.is_anybody |= others.is_anybody;
    }

    /// Whether there are more than are followed.
    #[must_use]
    pub(crate) const fn is_anybody(&self) -> bool {
        self.is_anybody
    }

    /// Those that are followed.
    #[must_use]
    pub(crate) fn known(&self) -> &[Principal] {
        &self.known
    }

    /// Whether there is nobody.
    pub(super) const fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.is_anybody
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::principal::Attributes;

    #[test]
    fn more_users_than_are_followed_may_be_anybody() {
        for (users, known, is_anybody) in [
            (MAX_FOLLOWED - 1, MAX_FOLLOWED - 1, false),
            (MAX_FOLLOWED, MAX_FOLLOWED, false),
            (MAX_FOLLOWED + 1, MAX_FOLLOWED, true),
        ] {
            let mut followed = Users::default();
            for user in 0..users {
                followed.add(Principal::new(Attributes::of_login(&format!("u{user}"))));
                followed.add(Principal::new(Attributes::of_login("u0")));
            }
            assert_eq!((followed.known().len(), followed.is_anybody()), (known, is_anybody), "{users}");
        }
    }
}
