//! What the subcommands that read histories share: their arguments, the progress bar, and what is said of inputs that cannot be read.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::cluster;
use crate::cli::output::note;
use crate::config::Period;
use crate::history::{BytesRead, History, HistoryCounts, HistoryProblem, RecordReader, StatementRecord, expand};
use crate::observe::words::counted;
use crate::serve::cluster_history::ClusterRows;

/// Problems of one kind that are shown; all of them go to `--problems`.
const SHOWN_PROBLEMS: usize = 20;

/// Inputs, and how they are read.
#[derive(Args, Debug)]
pub struct RecordArguments {
    /// Files, folders, globs or - for standard input: the gate's audit, exports of SYS or STL views as CSV or JSON lines, audit log
    /// files of Redshift, or what `rolegate history` wrote; plain, gzip or Zstandard
    #[arg(required_unless_present = "from_cluster", value_name = "INPUT")]
    inputs: Vec<String>,
    /// Read the cluster behind this gate of the configuration, over the service connection of [gate.catalog]
    #[arg(long, value_name = "GATE")]
    from_cluster: Option<String>,
    /// How far back the cluster is read
    #[arg(long, value_name = "PERIOD", default_value = "7d")]
    since: Period,
    /// Write everything that is wrong with the inputs to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    problems: Option<PathBuf>,
    /// How many threads read and judge; as many as there are processors when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl RecordArguments {
    /// These inputs, read in the usual way.
    pub(super) const fn of(inputs: Vec<String>) -> Self {
        Self { inputs, from_cluster: None, since: Period::from_secs(0), problems: None, threads: None }
    }

    /// What is to be read of the cluster.
    fn cluster(&self, config: Option<&Path>) -> Result<Option<ClusterRows>, String> {
        let Some(gate) = &self.from_cluster else { return Ok(None) };
        let config = config.ok_or("--from-cluster needs --config FILE, which says how the cluster is reached")?;
        cluster::rows(config, Some(gate), self.since).map(Some)
    }

    /// All inputs, what was read of the cluster among them.
    fn open(&self, cluster: Option<&ClusterRows>) -> Result<History, String> {
        let mut inputs = if self.inputs.is_empty() { Vec::new() } else { expand(&self.inputs)? };
        inputs.extend(cluster.into_iter().flat_map(ClusterRows::inputs));
        Ok(History::open(inputs))
    }

    /// Reads all inputs, audits joined with what became of their statements: as [`RecordArguments::read`].
    pub(super) fn read_with_outcomes<P: Default + Send>(
        &self,
        config: Option<&Path>,
        fold: impl Fn(&mut P, &StatementRecord<'_>) + Sync + Send,
        part: impl FnMut(P) -> io::Result<()> + Send,
    ) -> Result<HistoryCounts, String> {
        let cluster = self.cluster(config)?;
        self.read_history(self.open(cluster.as_ref())?.with_outcomes(), fold, part)
    }

    /// Reads all inputs: `fold` takes the records of a part, `part` the parts in order. `config` says how a cluster is reached.
    pub(super) fn read<P: Default + Send>(
        &self,
        config: Option<&Path>,
        fold: impl Fn(&mut P, &StatementRecord<'_>) + Sync + Send,
        part: impl FnMut(P) -> io::Result<()> + Send,
    ) -> Result<HistoryCounts, String> {
        let cluster = self.cluster(config)?;
        self.read_history(self.open(cluster.as_ref())?, fold, part)
    }

    fn read_history<P: Default + Send>(
        &self,
        history: History,
        fold: impl Fn(&mut P, &StatementRecord<'_>) + Sync + Send,
        part: impl FnMut(P) -> io::Result<()> + Send,
    ) -> Result<HistoryCounts, String> {
        let is_readable = history.is_readable();
        let bar = bar(history.length());
        let mut output = Output {
            part,
            bar: bar.clone(),
            read: history.progress(),
            shown: 0,
            all: self
                .problems
                .as_deref()
                .map(File::create)
                .transpose()
                .map_err(|error| format!("--problems: {error}"))?
                .map(BufWriter::new),
        };
        let mut builder = rayon::ThreadPoolBuilder::new();
        if let Some(threads) = self.threads {
            builder = builder.num_threads(usize::from(threads));
        }
        let pool = builder.build().map_err(|error| format!("no threads can be started: {error}"))?;
        let counts =
            pool.install(|| history.read(true, fold, &mut output)).map_err(|error| format!("cannot go on: {error}"))?;
        bar.finish_and_clear();
        output.finish()?;
        if !is_readable {
            return Err("none of the inputs can be read".to_owned());
        }
        Ok(counts)
    }
}

/// A bar on a terminal; nothing elsewhere.
fn bar(length: u64) -> ProgressBar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target((length > 0).then_some(length), target);
    let form = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

struct Output<F> {
    part: F,
    bar: ProgressBar,
    read: BytesRead,
    shown: usize,
    all: Option<BufWriter<File>>,
}

impl<F> Output<F> {
    fn say(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    fn finish(&mut self) -> Result<(), String> {
        if self.shown > SHOWN_PROBLEMS {
            let more = counted(self.shown.saturating_sub(SHOWN_PROBLEMS), "more problem");
            let where_all = if self.all.is_some() { "" } else { "; --problems FILE holds them all" };
            self.say(&format!("{more}{where_all}"));
        }
        self.all.take().map_or(Ok(()), |mut file| file.flush()).map_err(|error| format!("--problems: {error}"))
    }
}

impl<P, F: FnMut(P) -> io::Result<()>> RecordReader<P> for Output<F> {
    fn part(&mut self, part: P) -> io::Result<()> {
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        (self.part)(part)
    }

    fn problem(&mut self, problem: HistoryProblem) {
        self.shown = self.shown.saturating_add(1);
        if self.shown <= SHOWN_PROBLEMS {
            self.say(&problem.to_string());
        }
        if let Some(file) = &mut self.all {
            let line = serde_json::to_string(&problem).unwrap_or_default();
            if writeln!(file, "{line}").is_err() {
                self.all = None;
            }
        }
    }
}
