//! Who holds how many sessions of a gate: the limits by user and by address, on connections that are not authenticated, and on
//! cancel requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

/// The most sessions that one holder may have; `None`: any number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct HolderLimits {
    /// Sessions of all clients together, those included that the cluster has not let in yet.
    pub total: Option<usize>,
    /// Sessions of one login user.
    pub per_user: Option<usize>,
    /// Sessions from one client address.
    pub per_address: Option<usize>,
    /// Connections that are not authenticated yet, of all clients together.
    pub unauthenticated: Option<usize>,
    /// Cancel requests under way to the backend.
    pub cancels: Option<usize>,
}

/// The limit that a session would exceed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    /// That of all sessions together.
    Total,
    /// That of its user.
    User,
    /// That of its address.
    Address,
}

/// Who holds what at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Census {
    /// Connections that are not authenticated yet.
    pub unauthenticated: usize,
    /// Cancel requests under way.
    pub cancels: usize,
    /// Sessions of the login user that has most of them.
    pub of_one_user: usize,
    /// Sessions from the address that has most of them.
    pub of_one_address: usize,
}

/// The sessions of one gate.
#[derive(Debug, Default)]
pub(crate) struct SessionLimits {
    taken: HeldPlaces,
    starting: Arc<AtomicUsize>,
    canceling: Arc<AtomicUsize>,
}

/// One table of all workers, held for a moment by whoever counts and never across a wait.
type HeldPlaces = Arc<std::sync::Mutex<Taken>>;

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    users: HashMap<Box<str>, usize>,
    addresses: HashMap<IpAddr, usize>,
}

impl SessionLimits {
    /// Counts a connection until it is authenticated; `None` when too many are not.
    #[must_use]
    pub(crate) fn start(&self, limits: &HolderLimits) -> Option<Counted> {
        Counted::enter(&self.starting, limits.unauthenticated)
    }

    /// Counts a cancel request until it is delivered; `None` when too many are not.
    #[must_use]
    pub(crate) fn cancel(&self, limits: &HolderLimits) -> Option<Counted> {
        Counted::enter(&self.canceling, limits.cancels)
    }

    /// Connections that are not authenticated, cancel requests under way, and the sessions of the user and of the address that has most.
    #[must_use]
    pub(crate) fn census(&self) -> Census {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        Census {
            unauthenticated: self.starting.load(Ordering::Relaxed),
            cancels: self.canceling.load(Ordering::Relaxed),
            of_one_user: taken.users.values().copied().max().unwrap_or_default(),
            of_one_address: taken.addresses.values().copied().max().unwrap_or_default(),
        }
    }

    /// Takes a place for a session; a client of this machine has no address.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn take(
        &self,
        limits: &HolderLimits,
        user: &str,
        address: Option<IpAddr>,
    ) -> Result<SessionPlace, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |count: Option<&usize>| count.copied().unwrap_or_default();
        let is_full = |most: Option<usize>, count: usize| most.is_some_and(|most| count >= most);
        if is_full(limits.total, taken.total) {
            return Err(Full::Total);
        }
        if is_full(limits.per_user, held(taken.users.get(user))) {
            return Err(Full::User);
        }
        if address.is_some_and(|address| is_full(limits.per_address, held(taken.addresses.get(&address)))) {
            return Err(Full::Address);
        }
        add_one(&mut taken.total);
        add_one(taken.users.entry(user.into()).or_default());
        if let Some(address) = address {
            add_one(taken.addresses.entry(address).or_default());
        }
        Ok(SessionPlace { taken: Arc::clone(&self.taken), user: user.into(), address })
    }
}

fn add_one(count: &mut usize) {
    *count = count.saturating_add(1);
}

/// A session's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct SessionPlace {
    taken: HeldPlaces,
    user: Box<str>,
    address: Option<IpAddr>,
}

impl Drop for SessionPlace {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        release(&mut taken.users, &self.user);
        if let Some(address) = &self.address {
            release(&mut taken.addresses, address);
        }
    }
}

/// Counts one less; a holder of none is removed, so that the tables never outgrow the sessions.
fn release<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// One connection among those of its kind, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn enter(count: &Arc<AtomicUsize>, most: Option<usize>) -> Option<Self> {
        let entered = Self(Arc::clone(count));
        let before = count.fetch_add(1, Ordering::Relaxed);
        most.is_none_or(|most| before < most).then_some(entered)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_user_and_address_and_given_back() {
        let limits = HolderLimits { per_user: Some(2), per_address: Some(3), ..HolderLimits::default() };
        let counts = SessionLimits::default();
        let (here, there) = (Some([127, 0, 0, 1].into()), Some([127, 0, 0, 2].into()));
        let first = counts.take(&limits, "a", here).unwrap();
        let _second = counts.take(&limits, "a", here).unwrap();
        assert_eq!(counts.take(&limits, "a", there).unwrap_err(), Full::User);
        let _third = counts.take(&limits, "b", here).unwrap();
        assert_eq!(counts.take(&limits, "c", here).unwrap_err(), Full::Address);
        drop(first);
        assert!(counts.take(&limits, "a", there).is_ok());
        drop(counts.take(&limits, "d", there));
        assert_eq!(counts.taken.lock().unwrap().users.len(), 2, "a holder of none is forgotten");
    }

    #[test]
    fn all_sessions_together_are_bounded_from_the_moment_they_are_let_start() {
        let limits = HolderLimits { total: Some(2), ..HolderLimits::default() };
        let counts = SessionLimits::default();
        let first = counts.take(&limits, "a", None).unwrap();
        let _second = counts.take(&limits, "b", None).unwrap();
        assert_eq!(counts.take(&limits, "c", None).unwrap_err(), Full::Total);
        drop(first);
        assert!(counts.take(&limits, "c", None).is_ok());
    }

    #[test]
    fn connections_that_are_not_authenticated_and_cancel_requests_are_bounded() {
        let counts = SessionLimits::default();
        let limits = HolderLimits { unauthenticated: Some(1), cancels: Some(1), ..HolderLimits::default() };
        for enter in [SessionLimits::start, SessionLimits::cancel] {
            let one = enter(&counts, &limits);
            assert!(one.is_some() && enter(&counts, &limits).is_none());
            drop(one);
            assert!(enter(&counts, &limits).is_some());
        }
    }
}
