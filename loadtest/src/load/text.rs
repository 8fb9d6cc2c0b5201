//! A report in words, for a terminal.

use std::fmt;

use crate::load::report::{Cost, Ended, Report, Summary};
use crate::load::scenario::{Mode, Scenario};

impl Report {
    /// How fast it was asked to go, in words.
    #[must_use]
    pub fn pace(&self) -> String {
        let Scenario { sessions, depth, mode, rate, .. } = &self.scenario;
        let deep = if *depth > 1 { format!(", {depth} statements under way in each") } else { String::new() };
        let travel = match mode {
            Mode::Simple => "simple queries",
            Mode::Prepared => "prepared statements",
            Mode::Connect => "a connection for each statement",
        };
        let how = rate.map_or_else(|| "closed loop".to_owned(), |rate| format!("open loop at {rate}/s"));
        format!("{how}, {sessions} sessions{deep}, {travel}")
    }

    /// The codes of refusals with their counts, in words.
    #[must_use]
    pub fn refusal_counts(&self) -> String {
        let counts: Vec<String> = self.refusals.iter().map(|(code, count)| format!("{code} {count}")).collect();
        counts.join(", ")
    }

    fn outcome(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ended { operations, done, refused, failed, unexpected, rows } = self.counts;
        let Self { seconds, rate, rows_rate, unstarted, .. } = self;
        writeln!(out, "  {operations} operations in {seconds:.1} s, {rate:.1}/s; {rows} rows, {rows_rate:.0}/s")?;
        writeln!(
            out,
            "  {done} done, {refused} refused, {failed} failed, {unexpected} unexpected, {unstarted} unstarted"
        )?;
        if !self.refusals.is_empty() {
            writeln!(out, "  refused  {}", self.refusal_counts())?;
        }
        for (message, count) in &self.failures {
            writeln!(out, "  {count} times: {message}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}\n  {}", self.name, self.scenario.about, self.pace())?;
        self.outcome(out)?;
        writeln!(out, "  latency  {}", self.latency)?;
        if self.scenario.rate.is_some() {
            writeln!(out, "  service  {}", self.service)?;
        }
        if let Some(connect) = &self.connect {
            writeln!(out, "  connect  {connect}")?;
        }
        if let Some(Cost { cpu_us_per_operation, kib_per_session, resident_kib }) = &self.process {
            writeln!(
                out,
                "  process  {cpu_us_per_operation:.1} µs CPU an operation, {kib_per_session:.1} KiB a session, {resident_kib} KiB"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean_us, p50_us, p90_us, p99_us, p999_us, max_us } = self;
        write!(
            out,
            "mean {mean_us:.0} p50 {p50_us:.0} p90 {p90_us:.0} p99 {p99_us:.0} p99.9 {p999_us:.0} max {max_us:.0} µs"
        )
    }
}
