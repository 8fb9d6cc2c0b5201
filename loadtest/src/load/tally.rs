//! Counting: every operation's times go into histograms, as they come in from the sessions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::load::draw::Expected;
use crate::load::target::Outcome;

/// Kinds of failures that are told apart; the rest goes under one name.
const MAX_FAILURES: usize = 20;
const OTHER: &str = "other failures";
/// The longest time that a histogram holds, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// One operation.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The statement's place in the scenario.
    pub template: usize,
    /// When it was due.
    pub due: Instant,
    /// When it was sent.
    pub sent: Instant,
    /// When its answer was complete.
    pub ended: Instant,
    /// What came of it.
    pub outcome: Outcome,
    /// What should have.
    pub expected: Expected,
}

/// What a session tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection was made in that time.
    Connected(Duration),
    /// An operation ended.
    Operation(Sample),
    /// A connection could not be made while the run went on.
    NotConnected(String),
}

/// Operations by outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Answered.
    pub done: u64,
    /// Refused by the gate.
    pub refused: u64,
    /// Neither.
    pub failed: u64,
    /// Passed though they must be refused, or refused though they must pass.
    pub unexpected: u64,
    /// Rows of all answers.
    pub rows: u64,
}

impl Counts {
    fn add(&mut self, sample: &Sample) {
        let (counter, wrong) = match &sample.outcome {
            Outcome::Done { rows } => {
                self.rows = self.rows.saturating_add(*rows);
                (&mut self.done, sample.expected == Expected::Refusal)
            }
            Outcome::Refused { .. } => (&mut self.refused, sample.expected == Expected::Pass),
            Outcome::Failed(_) => (&mut self.failed, false),
        };
        *counter = counter.saturating_add(1);
        self.unexpected = self.unexpected.saturating_add(u64::from(wrong));
    }

    /// All operations.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.done.saturating_add(self.refused).saturating_add(self.failed)
    }
}

/// Times and counts of some operations.
#[derive(Clone, Debug)]
pub struct Times {
    /// From the moment at which an operation was due, so that a stall counts for all that were due in it.
    pub latency: Histogram<u64>,
    /// From the moment at which it was sent.
    pub service: Histogram<u64>,
    /// How they ended.
    pub counts: Counts,
}

impl Times {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { latency: histogram()?, service: histogram()?, counts: Counts::default() })
    }

    fn add(&mut self, sample: &Sample) {
        record(&mut self.latency, sample.ended.saturating_duration_since(sample.due));
        record(&mut self.service, sample.ended.saturating_duration_since(sample.sent));
        self.counts.add(sample);
    }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1000, LONGEST, 3)?)
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LONGEST));
}

/// One second of a run.
#[derive(Clone, Copy, Debug)]
pub struct Second {
    /// Its number, from 0.
    pub number: u64,
    /// Operations that ended in it.
    pub counts: Counts,
    /// Median of latency.
    pub p50: Duration,
    /// 99th percentile of latency.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// All that a run has told so far.
#[derive(Debug)]
pub struct Tally {
    measured_from: Instant,
    /// From there to the end of the last operation.
    pub last: Duration,
    /// Of all statements.
    pub all: Times,
    /// By the statement's place in the scenario.
    pub by_template: Vec<Times>,
    /// Times to connect.
    pub connect: Histogram<u64>,
    /// Refusals by the finding's code.
    pub refusals: BTreeMap<String, u64>,
    /// Failures by message.
    pub failures: BTreeMap<String, u64>,
    /// Operations before the measured time.
    pub warmup: u64,
    /// The measured seconds.
    pub seconds: Vec<Second>,
    second: (u64, Times),
}

impl Tally {
    /// Counts what ends after `measured_from`.
    ///
    /// # Errors
    /// None but those of memory.
    pub fn new(templates: usize, measured_from: Instant) -> anyhow::Result<Self> {
        Ok(Self {
            measured_from,
            last: Duration::ZERO,
            all: Times::new()?,
            by_template: (0..templates).map(|_| Times::new()).collect::<Result<_, _>>()?,
            connect: histogram()?,
            refusals: BTreeMap::new(),
            failures: BTreeMap::new(),
            warmup: 0,
            seconds: Vec::new(),
            second: (0, Times::new()?),
        })
    }

    /// Takes in one event.
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Connected(took) => record(&mut self.connect, took),
            Event::NotConnected(message) => {
                self.all.counts.failed = self.all.counts.failed.saturating_add(1);
                self.failure(format!("connecting: {message}"));
            }
            Event::Operation(sample) if sample.due < self.measured_from => {
                self.warmup = self.warmup.saturating_add(1);
                if let Outcome::Failed(message) = sample.outcome {
                    self.failure(format!("in the warm-up: {message}"));
                }
            }
            Event::Operation(sample) => self.operation(sample),
        }
    }

    fn operation(&mut self, sample: Sample) {
        let number = sample.ended.saturating_duration_since(self.measured_from).as_secs();
        if number > self.second.0 {
            self.end_second(number);
        }
        self.second.1.add(&sample);
        self.all.add(&sample);
        if let Some(times) = self.by_template.get_mut(sample.template) {
            times.add(&sample);
        }
        self.last = self.last.max(sample.ended.saturating_duration_since(self.measured_from));
        match sample.outcome {
            Outcome::Done { .. } => {}
            Outcome::Refused { code } => {
                let count = self.refusals.entry(code).or_default();
                *count = count.saturating_add(1);
            }
            Outcome::Failed(message) => self.failure(message),
        }
    }

    fn failure(&mut self, message: String) {
        let is_new = !self.failures.contains_key(&message);
        let key = if is_new && self.failures.len() >= MAX_FAILURES { OTHER.to_owned() } else { message };
        let count = self.failures.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// Closes the current second, and those without an end of an operation, up to `next`.
    fn end_second(&mut self, next: u64) {
        let (number, times) = &mut self.second;
        let at = |quantile| Duration::from_nanos(times.latency.value_at_quantile(quantile));
        let (p50, p99, max) = (at(0.5), at(0.99), Duration::from_nanos(times.latency.max()));
        self.seconds.push(Second { number: *number, counts: times.counts, p50, p99, max });
        for empty in number.saturating_add(1)..next {
            let zero = Duration::ZERO;
            self.seconds.push(Second { number: empty, counts: Counts::default(), p50: zero, p99: zero, max: zero });
        }
        times.latency.reset();
        times.service.reset();
        times.counts = Counts::default();
        *number = next;
    }

    /// Closes the last second.
    pub fn finish(&mut self) {
        if self.second.1.counts.operations() > 0 {
            self.end_second(self.second.0.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(from: Instant, due_ms: u64, sent_ms: u64, ended_ms: u64, outcome: Outcome) -> Event {
        let at = |milliseconds| from + Duration::from_millis(milliseconds);
        let (due, sent, ended) = (at(due_ms), at(sent_ms), at(ended_ms));
        Event::Operation(Sample { template: 0, due, sent, ended, outcome, expected: Expected::Pass })
    }

    #[test]
    fn latency_runs_from_the_moment_it_was_due() {
        let from = Instant::now();
        let mut tally = Tally::new(1, from).unwrap();
        tally.add(sample(from, 0, 900, 1000, Outcome::Done { rows: 3 }));
        tally.add(sample(from, 3000, 3000, 3100, Outcome::Refused { code: "RG201".to_owned() }));
        tally.add(sample(from, 3000, 3000, 3100, Outcome::Failed("x".to_owned())));
        tally.finish();
        assert_eq!(tally.all.latency.max() / 10_000_000, 100, "1 s");
        assert_eq!(tally.all.service.max() / 10_000_000, 10, "100 ms");
        let want = Counts { done: 1, refused: 1, failed: 1, unexpected: 1, rows: 3 };
        assert_eq!(tally.all.counts, want);
        assert_eq!(tally.refusals, BTreeMap::from([("RG201".to_owned(), 1)]));
        assert_eq!(tally.last, Duration::from_millis(3100));
        let seconds: Vec<_> = tally.seconds.iter().map(|second| (second.number, second.counts.operations())).collect();
        assert_eq!(seconds, [(0, 0), (1, 1), (2, 0), (3, 2)]);
    }

    #[test]
    fn the_warm_up_is_not_measured() {
        let from = Instant::now();
        let mut tally = Tally::new(1, from + Duration::from_secs(1)).unwrap();
        tally.add(sample(from, 0, 0, 2000, Outcome::Done { rows: 1 }));
        tally.finish();
        assert_eq!((tally.warmup, tally.all.counts.operations(), tally.seconds.len()), (1, 0, 0));
    }

    #[test]
    fn failures_are_bounded_in_kind() {
        let mut tally = Tally::new(1, Instant::now()).unwrap();
        for number in 0..100 {
            tally.add(Event::NotConnected(number.to_string()));
        }
        assert_eq!(tally.failures.len(), MAX_FAILURES + 1);
        assert_eq!(tally.failures[OTHER], 80);
    }
}
