//! Label values that come from clients or policies, bounded in number.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus::IntCounter;

/// Stands for all values beyond the limit.
pub const OTHER: &str = "other";

/// The values of one label: the first are kept, the rest count under [`OTHER`].
#[derive(Clone, Debug)]
pub struct Bounded {
    seen: Arc<RwLock<HashSet<String>>>,
    limit: usize,
    overflow: IntCounter,
}

impl Bounded {
    /// A label of at most `limit` values; `overflow` counts the rest.
    #[must_use]
    pub fn new(limit: usize, overflow: IntCounter) -> Self {
        Self { seen: Arc::default(), limit, overflow }
    }

    /// The value itself, or [`OTHER`].
    #[must_use]
    pub fn admit<'a>(&self, value: &'a str) -> &'a str {
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).contains(value) {
            return value;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < self.limit {
            seen.insert(value.to_owned());
            return value;
        }
        self.overflow.inc();
        OTHER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_above_the_bound_are_other() {
        let overflow = IntCounter::new("overflow", "overflow").unwrap();
        let label = Bounded::new(2, overflow.clone());
        let got: Vec<&str> = ["a", "b", "a", "c", "b", "d"].map(|value| label.admit(value)).into();
        assert_eq!(got, ["a", "b", "a", OTHER, "b", OTHER]);
        assert_eq!(overflow.get(), 2);
    }
}
