//! Series whose labels come from what sessions do, bounded in number over all families together. What is refused has one half of the
//! places and what is not the other; in each, the least recently used series leave for the one that is `other`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, LabelPair, Metric, MetricFamily, MetricType};
use strum::VariantArray;

use crate::observe::metrics::exemplars::{Exemplar, Exemplars, SeriesName};

/// Stands for what no source vouches for.
pub(super) const UNKNOWN: &str = "unknown";

/// Stands for what had to leave.
pub(super) const OTHER: &str = "other";

/// Stands for no chain or no group.
pub(super) const NONE: &str = "none";

/// The source of a chain's first hop.
const CLUSTER: &str = "cluster";

closed_sets! {
    /// A family with such labels.
    pub enum BoundedFamily {
        /// Uses of chains.
        ChainUses,
        /// Evaluated hops.
        Hops,
        /// Refusals.
        Refusals,
        /// Rules that applied.
        RuleHits,
    }
}

/// What a family is.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Labels with values from a closed set or the configuration,
    pub(super) closed: &'static [&'static str],
    /// and those with other values, which follow them.
    pub(super) open: &'static [&'static str],
}

impl BoundedFamily {
    pub(super) const fn row(self) -> Row {
        match self {
            Self::ChainUses => Row {
                name: "rolegate_chain_uses_total",
                help: "Uses of a role chain, by user, statement kind, how it is named, what was done and what enforcement would do.",
                closed: &["gate", "kind", "verdict", "would_be", "via"],
                open: &["chain", "user"],
            },
            Self::Hops => Row {
                name: "rolegate_hops_total",
                help: "Hops evaluated against the IAM facts, by result.",
                closed: &["gate", "result"],
                open: &["source", "target"],
            },
            Self::Refusals => Row {
                name: "rolegate_refusals_total",
                help: "Findings for which a statement is refused or would be under enforcement, by group of the user.",
                closed: &["gate", "code", "action"],
                open: &["chain", "group"],
            },
            Self::RuleHits => Row {
                name: "rolegate_rule_hits_total",
                help: "Organisation rules that applied, by effect.",
                closed: &["gate", "effect"],
                open: &["rule"],
            },
        }
    }

    pub(super) fn labels(self) -> Vec<&'static str> {
        let row = self.row();
        row.closed.iter().chain(row.open).copied().collect()
    }
}

/// Which half of the places a series takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Half {
    /// That of what works.
    Accepted,
    /// That of what is refused, or would be.
    Refused,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    family: BoundedFamily,
    closed: Box<[Box<str>]>,
    open: Box<[Box<str>]>,
}

impl Key {
    /// Whether it names nobody, so that it takes no place.
    fn is_nobody(&self) -> bool {
        self.open.iter().all(|value| [UNKNOWN, OTHER, NONE, CLUSTER].contains(&&**value))
    }

    /// The series for which it leaves.
    fn other(&self) -> Self {
        Self { open: self.open.iter().map(|_| OTHER.into()).collect(), ..self.clone() }
    }
}

#[derive(Clone, Debug, Default)]
struct Counted {
    count: u64,
    /// As much of it as a scrape has seen.
    seen: u64,
    exemplar: Option<Exemplar>,
}

#[derive(Debug)]
struct Held {
    accepted: LruCache<Arc<Key>, Counted>,
    refused: LruCache<Arc<Key>, Counted>,
    /// Series of nobody: as many as their closed labels allow.
    nobody: HashMap<Arc<Key>, Counted>,
    overflow: HashMap<BoundedFamily, u64>,
    limit: usize,
}

/// The series of all such families. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Tuples(Arc<Mutex<Held>>);

impl Tuples {
    /// At most `limit` series that name somebody.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Held {
            accepted: LruCache::new_unbounded(),
            refused: LruCache::new_unbounded(),
            nobody: HashMap::new(),
            overflow: BoundedFamily::VARIANTS.iter().map(|family| (*family, 0)).collect(),
            limit,
        })))
    }

    /// Counts once. Labels stand in the order of the family's row.
    pub(super) fn count(
        &self,
        family: BoundedFamily,
        half: Half,
        closed: &[&str],
        open: &[&str],
        exemplar: Option<Exemplar>,
    ) {
        self.count_times(1, family, half, (closed, open), exemplar);
    }

    /// Counts so many at once.
    pub(super) fn count_times(
        &self,
        times: u64,
        family: BoundedFamily,
        half: Half,
        (closed, open): (&[&str], &[&str]),
        exemplar: Option<Exemplar>,
    ) {
        let owned = |values: &[&str]| values.iter().map(|value| Box::from(*value)).collect();
        let key = Key { family, closed: owned(closed), open: owned(open) };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = held.place(key, half);
        counted.count = counted.count.saturating_add(times);
        if exemplar.is_some() {
            counted.exemplar = exemplar;
        }
    }

    /// Series that name somebody, and how many there may be.
    pub(super) fn size(&self) -> (usize, usize) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (held.accepted.len().saturating_add(held.refused.len()), held.limit)
    }

    /// How many series have left, by family.
    pub(super) fn overflow(&self) -> Vec<(BoundedFamily, u64)> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.overflow.iter().map(|(family, count)| (*family, *count)).collect()
    }

    /// The series of a family: labels in the order of its row, and counts.
    pub(super) fn of(&self, family: BoundedFamily) -> Vec<(Vec<String>, u64)> {
        let texts = |key: &Key| key.closed.iter().chain(&key.open).map(ToString::to_string).collect();
        let all = self.snapshot(false).into_iter().filter(|(key, _)| key.family == family);
        all.map(|(key, counted)| (texts(&key), counted.count)).collect()
    }

    /// The exemplars of the series that have one.
    pub(super) fn exemplars(&self, into: &mut Exemplars) {
        for (key, counted) in self.snapshot(false) {
            if let Some(exemplar) = counted.exemplar {
                into.put(SeriesName::of(key.family.row().name, key.pairs()), None, exemplar);
            }
        }
    }

    fn snapshot(&self, is_scrape: bool) -> Vec<(Arc<Key>, Counted)> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { accepted, refused, nobody, .. } = &mut *held;
        let all = accepted.iter_mut().chain(refused.iter_mut()).chain(nobody.iter_mut());
        all.map(|(key, counted)| {
            if is_scrape {
                counted.seen = counted.count;
            }
            (Arc::clone(key), counted.clone())
        })
        .collect()
    }
}

impl Held {
    /// Where a series counts: a place of its own, for which another may have to leave.
    fn place(&mut self, key: Key, half: Half) -> &mut Counted {
        if key.is_nobody() {
            return self.nobody.entry(Arc::new(key)).or_default();
        }
        let most = (self.limit / 2).max(1);
        let places = match half {
            Half::Accepted => &mut self.accepted,
            Half::Refused => &mut self.refused,
        };
        if !places.contains_key(&key) {
            while places.len() >= most {
                let Some((key, left)) = places.remove_lru() else { break };
                let overflow = self.overflow.entry(key.family).or_default();
                *overflow = overflow.saturating_add(1);
                let other = self.nobody.entry(Arc::new(key.other())).or_default();
                other.count = other.count.saturating_add(left.count.saturating_sub(left.seen));
            }
        }
        places.entry(Arc::new(key)).or_insert_with(Counted::default)
    }
}

impl Key {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let row = self.family.row();
        let names = row.closed.iter().chain(row.open).copied();
        names.zip(self.closed.iter().chain(&self.open).map(|value| &**value))
    }

    fn metric(&self, count: u64) -> Metric {
        let mut labels: Vec<LabelPair> = self
            .pairs()
            .map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name(name.to_owned());
                pair.set_value(value.to_owned());
                pair
            })
            .collect();
        labels.sort_by(|one, other| one.name().cmp(other.name()));
        let mut counter = Counter::default();
        counter.set_value(whole(count));
        let mut metric = Metric::from_label(labels);
        metric.set_counter(counter);
        metric
    }
}

/// A count as the exposition writes it; above 2^53 the last digits are lost.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a number of the exposition format is a double")]
pub(super) fn whole(count: u64) -> f64 {
    count as f64
}

/// The collector of these families.
pub(super) struct TupleCollector {
    tuples: Tuples,
    descriptions: Vec<Desc>,
}

impl TupleCollector {
    pub(super) fn new(tuples: Tuples) -> prometheus::Result<Self> {
        let describe = |family: &BoundedFamily| {
            let labels = family.labels().into_iter().map(str::to_owned).collect();
            Desc::new(family.row().name.to_owned(), family.row().help.to_owned(), labels, HashMap::new())
        };
        let descriptions = BoundedFamily::VARIANTS.iter().map(describe).collect::<Result<_, _>>()?;
        Ok(Self { tuples, descriptions })
    }
}

impl Collector for TupleCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all = self.tuples.snapshot(true);
        let family = |family: &BoundedFamily| {
            let own = all.iter().filter(|(key, _)| key.family == *family);
            let mut made = MetricFamily::default();
            made.set_name(family.row().name.to_owned());
            made.set_help(family.row().help.to_owned());
            made.set_field_type(MetricType::COUNTER);
            made.set_metric(own.map(|(key, counted)| key.metric(counted.count)).collect());
            made
        };
        let families = BoundedFamily::VARIANTS.iter().map(family);
        families.filter(|family| !family.get_metric().is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(tuples: &Tuples, half: Half, target: &str) {
        tuples.count(BoundedFamily::Hops, half, &["g", "allowed"], &["1/A", target], None);
    }

    fn count_of(tuples: &Tuples, target: &str) -> Option<u64> {
        let all = tuples.of(BoundedFamily::Hops);
        all.into_iter().find(|(labels, _)| labels[3] == target).map(|(_, count)| count)
    }

    #[test]
    fn the_least_recently_used_leave_for_other() {
        let tuples = Tuples::new(4);
        for target in ["a", "b", "a", "c", "d"] {
            hop(&tuples, Half::Accepted, target);
        }
        assert_eq!((count_of(&tuples, "a"), count_of(&tuples, "b")), (None, None));
        assert_eq!(
            (count_of(&tuples, "c"), count_of(&tuples, "d"), count_of(&tuples, OTHER)),
            (Some(1), Some(1), Some(3))
        );
        assert!(tuples.overflow().contains(&(BoundedFamily::Hops, 2)));
        assert_eq!(tuples.size(), (2, 4));
    }

    #[test]
    fn what_a_scrape_has_seen_is_not_counted_twice() {
        let tuples = Tuples::new(2);
        hop(&tuples, Half::Accepted, "a");
        hop(&tuples, Half::Accepted, "a");
        let collector = TupleCollector::new(tuples.clone()).unwrap();
        assert_eq!(collector.collect()[0].get_metric().len(), 1);
        hop(&tuples, Half::Accepted, "a");
        hop(&tuples, Half::Accepted, "b");
        assert_eq!(count_of(&tuples, OTHER), Some(1));
    }

    #[test]
    fn what_is_refused_pushes_out_nothing_that_works() {
        let tuples = Tuples::new(20);
        for number in 0..10 {
            hop(&tuples, Half::Accepted, &format!("works{number}"));
        }
        for number in 0..10_000 {
            hop(&tuples, Half::Refused, &format!("invented{number}"));
        }
        assert!((0..10).all(|number| count_of(&tuples, &format!("works{number}")) == Some(1)));
        assert_eq!(count_of(&tuples, OTHER), Some(9_990));
        assert_eq!(tuples.size(), (20, 20));
    }

    #[test]
    fn nobody_takes_no_place() {
        let tuples = Tuples::new(2);
        for _ in 0..5 {
            tuples.count(BoundedFamily::Hops, Half::Refused, &["g", "unknown"], &[CLUSTER, UNKNOWN], None);
        }
        assert_eq!((tuples.size().0, count_of(&tuples, UNKNOWN)), (0, Some(5)));
    }
}
