//! What a gate knows of changes in what its cluster stores: what was there, what statements that passed do, and what nothing explains.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::catalog::{Baseline, Catalog, ClusterRoles, Drift, PassedChange, PassedChanges};

/// Changes that are listed for people.
const MAX_LISTED: usize = 200;

/// A change, and when it was noticed.
#[derive(Clone, Debug)]
pub(crate) struct NoticedDrift {
    /// When a reading showed it.
    pub at: Timestamp,
    /// What it is.
    pub drift: Drift,
}

#[derive(Debug, Default)]
struct DriftState {
    baseline: Baseline,
    passed: PassedChanges,
    cluster: Option<ClusterRoles>,
    listed: VecDeque<NoticedDrift>,
}

/// Shared by the sessions, which say what passes, and by whatever reads what is stored.
#[derive(Debug, Default)]
pub(crate) struct DriftWatch(Mutex<DriftState>);

impl DriftWatch {
    fn with<T>(&self, act: impl FnOnce(&mut DriftState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A message that does this goes to the cluster.
    pub(crate) fn passed(&self, changes: Vec<PassedChange>) {
        if !changes.is_empty() {
            self.with(|state| state.passed.add(changes, Instant::now()));
        }
    }

    /// What a reading of `place`, a name for cluster and database, shows that nothing explains.
    pub(crate) fn read(&self, place: &str, catalog: &Catalog) -> Vec<Drift> {
        self.with(|state| {
            let DriftState { baseline, passed, listed, .. } = state;
            noticed(listed, baseline.compare(place, catalog, passed, Instant::now()))
        })
    }

    /// What facts say of the cluster that others before did not.
    pub(crate) fn told(&self, fresh: ClusterRoles) -> Vec<Drift> {
        self.with(|state| match &mut state.cluster {
            Some(known) => noticed(&mut state.listed, known.compare(fresh)),
            none => {
                *none = Some(fresh);
                Vec::new()
            }
        })
    }

    /// The changes that were noticed last, the newest first.
    #[must_use]
    pub(crate) fn listed(&self) -> Vec<NoticedDrift> {
        self.with(|state| state.listed.iter().cloned().collect())
    }
}

fn noticed(listed: &mut VecDeque<NoticedDrift>, drifts: Vec<Drift>) -> Vec<Drift> {
    let at = Timestamp::now();
    for drift in drifts.iter().take(MAX_LISTED) {
        listed.push_front(NoticedDrift { at, drift: drift.clone() });
    }
    listed.truncate(MAX_LISTED);
    drifts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(attached: &[String]) -> ClusterRoles {
        let attached = Some(attached.iter().cloned().collect());
        ClusterRoles { cluster: "c".to_owned(), attached, default: None }
    }

    #[test]
    fn what_was_noticed_is_listed() {
        let watch = DriftWatch::default();
        let of = |names: &[&str]| roles(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(watch.told(of(&["a"])).is_empty(), "what is there at the start is no change");
        assert_eq!(watch.told(of(&["a", "b"])).len(), 1);
        assert_eq!(watch.told(of(&["b"])).len(), 1);
        assert!(watch.told(of(&["b"])).is_empty());
        let listed: Vec<_> =
            watch.listed().iter().map(|one| format!("{} {}", one.drift.change, one.drift.name)).collect();
        assert_eq!(listed, ["gone a", "appeared b"]);
        let many: Vec<String> = (0..MAX_LISTED + 50).map(|number| number.to_string()).collect();
        assert_eq!(watch.told(roles(&many)).len(), MAX_LISTED + 51);
        assert_eq!(watch.listed().len(), MAX_LISTED);
    }
}
