//! What came of a run, in figures; written as JSON as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::Serialize;

use crate::load::Plan;
use crate::load::process::Usage;
use crate::load::scenario::Scenario;
use crate::load::tally::{Counts, Tally, Times};

/// Quantiles of the plot of latencies: closer together where they matter.
const CURVE: [f64; 14] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0];

/// Everything about one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// The scenario, as it was run.
    pub scenario: Scenario,
    /// The version of the load generator, which is the gate's.
    pub version: &'static str,
    /// When it started.
    pub started: Timestamp,
    /// Seed of all random choices.
    pub seed: u64,
    /// Seconds of the measured time, up to the end of the last operation that was due in it.
    pub seconds: f64,
    /// Operations in it, by outcome.
    pub counts: Ended,
    /// Operations a second.
    pub rate: f64,
    /// Rows a second.
    pub rows_rate: f64,
    /// Operations that were due and that no session was free to start: above 0 the target did not keep up with the rate.
    pub unstarted: usize,
    /// Latency, from the moment at which an operation was due.
    pub latency: Summary,
    /// The same from the moment at which it was sent.
    pub service: Summary,
    /// Times to connect; absent when no connection was made.
    pub connect: Option<Summary>,
    /// Latency at growing quantiles.
    pub curve: Vec<Point>,
    /// By statement.
    pub statements: Vec<StatementReport>,
    /// By second.
    pub timeline: Vec<SecondReport>,
    /// Refusals by the finding's code.
    pub refusals: BTreeMap<String, u64>,
    /// Failures by message.
    pub failures: BTreeMap<String, u64>,
    /// What the watched process used.
    pub process: Option<Cost>,
}

/// Operations by outcome.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ended {
    /// All.
    pub operations: u64,
    /// Answered.
    pub done: u64,
    /// Refused by the gate.
    pub refused: u64,
    /// Neither.
    pub failed: u64,
    /// Passed though they must be refused, or the other way round.
    pub unexpected: u64,
    /// Rows of all answers.
    pub rows: u64,
}

/// A histogram in a few figures, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// The mean.
    pub mean_us: f64,
    /// The median.
    pub p50_us: f64,
    /// The 90th percentile.
    pub p90_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
    /// The 99.9th percentile.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// A point of the curve of latencies.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// From 0 to 1.
    pub quantile: f64,
    /// Microseconds.
    pub latency_us: f64,
}

/// One statement of the scenario.
#[derive(Clone, Debug, Serialize)]
pub struct StatementReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub counts: Ended,
    /// Latency.
    pub latency: Summary,
}

/// One second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SecondReport {
    /// Its number, from 0.
    pub second: u64,
    /// What ended in it.
    pub counts: Ended,
    /// The median of latency, in microseconds.
    pub p50_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
    /// The longest.
    pub max_us: f64,
}

/// What a process used for a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// CPU time for each operation, in microseconds, those of the warm-up included.
    pub cpu_us_per_operation: f64,
    /// Resident memory that each open session added, in KiB; 0 when sessions are not kept open.
    pub kib_per_session: f64,
    /// Resident memory at the end, in KiB.
    pub resident_kib: u32,
}

impl Cost {
    /// From the process's usage before any session, with all sessions open, and at the end.
    #[must_use]
    pub fn between(
        empty: Option<Usage>,
        opened: Option<Usage>,
        ended: Option<Usage>,
        sessions: usize,
        tally: &Tally,
    ) -> Option<Self> {
        let (empty, opened, ended) = (empty?, opened?, ended?);
        let spent = ended.cpu.saturating_sub(opened.cpu);
        let operations = tally.all.counts.operations().saturating_add(tally.warmup);
        let grown = opened.resident_kib.saturating_sub(empty.resident_kib);
        Some(Self {
            cpu_us_per_operation: micros(spent) / real(operations.max(1)),
            kib_per_session: f64::from(grown) / real(u64::try_from(sessions).unwrap_or(1)),
            resident_kib: ended.resident_kib,
        })
    }
}

impl From<Counts> for Ended {
    fn from(counts: Counts) -> Self {
        let Counts { done, refused, failed, unexpected, rows } = counts;
        Self { operations: counts.operations(), done, refused, failed, unexpected, rows }
    }
}

impl From<&Histogram<u64>> for Summary {
    fn from(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| micros(Duration::from_nanos(histogram.value_at_quantile(quantile)));
        Self {
            mean_us: histogram.mean() / 1000.0,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: micros(Duration::from_nanos(histogram.max())),
        }
    }
}

/// A duration in microseconds.
fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A count as a real number; no run counts more than a u32.
pub(crate) fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn new(plan: &Plan, started: Timestamp, tally: &Tally, unstarted: usize, process: Option<Cost>) -> Self {
        let seconds = plan.scenario.duration.get().max(tally.last).as_secs_f64();
        let latency = &tally.all.latency;
        let point = |quantile: f64| Point {
            quantile,
            latency_us: micros(Duration::from_nanos(latency.value_at_quantile(quantile))),
        };
        let statement = |(template, times): (&crate::load::scenario::Template, &Times)| StatementReport {
            name: template.name.clone(),
            counts: times.counts.into(),
            latency: (&times.latency).into(),
        };
        Self {
            name: plan.name.clone(),
            scenario: plan.scenario.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started,
            seed: plan.seed,
            seconds,
            counts: tally.all.counts.into(),
            rate: real(tally.all.counts.operations()) / seconds.max(1e-9),
            rows_rate: real(tally.all.counts.rows) / seconds.max(1e-9),
            unstarted,
            latency: latency.into(),
            service: (&tally.all.service).into(),
            connect: (!tally.connect.is_empty()).then(|| (&tally.connect).into()),
            curve: CURVE.into_iter().map(point).collect(),
            statements: plan.scenario.statements.iter().zip(&tally.by_template).map(statement).collect(),
            timeline: tally.seconds.iter().map(second).collect(),
            refusals: tally.refusals.clone(),
            failures: tally.failures.clone(),
            process,
        }
    }

    /// Whether everything went as the scenario expects.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.operations > 0 && self.failures.is_empty() && self.counts.unexpected == 0
    }
}

fn second(second: &crate::load::tally::Second) -> SecondReport {
    SecondReport {
        second: second.number,
        counts: second.counts.into(),
        p50_us: micros(second.p50),
        p99_us: micros(second.p99),
        max_us: micros(second.max),
    }
}
