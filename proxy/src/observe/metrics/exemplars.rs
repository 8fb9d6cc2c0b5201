//! Exemplars: the id of the last decision that a series, or a bucket of it, has counted.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

/// A decision that was counted.
#[derive(Clone, Debug)]
pub(super) struct Exemplar {
    /// The id of its audit record.
    pub(super) id: Arc<str>,
    /// What was counted: 1, or what was observed.
    pub(super) value: f64,
    /// When it was observed.
    pub(super) at: Timestamp,
}

/// A series by its name and labels.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct SeriesName {
    family: String,
    labels: Vec<(String, String)>,
}

impl SeriesName {
    pub(super) fn of<'a>(family: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels: Vec<_> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        labels.sort_unstable();
        Self { family: family.to_owned(), labels }
    }
}

/// The exemplars of all series, by the place of the bucket in a histogram; `None` for a counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Exemplars(HashMap<(SeriesName, Option<usize>), Exemplar>);

impl Exemplars {
    pub(super) fn put(&mut self, series: SeriesName, bucket: Option<usize>, exemplar: Exemplar) {
        self.0.insert((series, bucket), exemplar);
    }

    pub(super) fn get(&self, series: &SeriesName, bucket: Option<usize>) -> Option<&Exemplar> {
        self.0.get(&(series.clone(), bucket))
    }
}
