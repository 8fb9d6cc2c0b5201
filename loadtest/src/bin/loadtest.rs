//! The load generator.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rolegate_loadtest::load::report::Report;
use rolegate_loadtest::load::scenario::Scenario;
use rolegate_loadtest::load::target::{Login, Target};
use rolegate_loadtest::load::{Plan, html, run};

/// Whether sessions use TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Tls {
    /// Plain TCP.
    Disable,
    /// TLS, with whatever certificate.
    Require,
}

/// Run load scenarios against a gate, or whatever it is compared with
///
/// The password is read from PGPASSWORD. Ends with status 1 when anything failed or came out otherwise than the scenario expects.
#[derive(Debug, Parser)]
#[command(after_help = "Example: PGPASSWORD=demo loadtest --out target/load loadtest/scenarios/chains.toml")]
struct Arguments {
    /// The scenarios, run in turn
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// host:port
    #[arg(long, default_value = "127.0.0.1:5439")]
    target: String,
    /// The database user
    #[arg(long, default_value = "etl")]
    user: String,
    /// The database
    #[arg(long, default_value = "dev")]
    database: String,
    /// Whether sessions use TLS
    #[arg(long, default_value = "disable")]
    tls: Tls,
    /// Sessions, in place of the scenario's
    #[arg(long)]
    sessions: Option<usize>,
    /// Operations a second (an open loop), in place of the scenario's; 0 for a closed loop
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of the measured time, in place of the scenario's
    #[arg(long)]
    seconds: Option<u64>,
    /// The longest that one operation may take, in seconds
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Threads of the load generator
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seed of random choices: the same seed draws the same operations
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A process on this machine, usually the gate, whose CPU time and memory is measured
    #[arg(long)]
    pid: Option<u32>,
    /// Folder for a JSON and an HTML report of each scenario
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self, path: &Path) -> anyhow::Result<Plan> {
        let mut scenario = Scenario::load(path)?;
        scenario.sessions = self.sessions.unwrap_or(scenario.sessions);
        scenario.rate = self.rate.or(scenario.rate).filter(|rate| *rate > 0.0);
        if let Some(seconds) = self.seconds {
            scenario.duration = rolegate::config::Period::from_secs(seconds);
        }
        scenario.check().context("with the options given")?;
        let (user, database) = (self.user.clone(), self.database.clone());
        let login = Login { user, database, password: std::env::var("PGPASSWORD").ok() };
        let target = Target::new(&self.target, self.tls == Tls::Require, &login, Duration::from_secs(self.timeout))?;
        let name = path.file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().into_owned());
        Ok(Plan { name, scenario, target, pid: self.pid, seed: self.seed })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let plans = arguments.scenarios.iter().map(|path| arguments.plan(path)).collect::<Result<Vec<_>, _>>()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(arguments.threads.max(1)).enable_all().build()?;
    let mut clean = true;
    for plan in &plans {
        let length = plan.scenario.warmup.get().saturating_add(plan.scenario.duration.get());
        let progress = ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {elapsed} {msg}")?;
        progress.set_style(style);
        progress.set_prefix(plan.name.clone());
        let report = runtime.block_on(run(plan, &progress)).with_context(|| plan.name.clone())?;
        progress.finish_and_clear();
        write!(std::io::stdout().lock(), "{report}")?;
        if let Some(folder) = &arguments.out {
            write(folder, &report)?;
        }
        clean &= report.is_clean();
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(folder: &Path, report: &Report) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let json = serde_json::to_string_pretty(report)?;
    for (extension, text) in [("json", json), ("html", html::page(report)?)] {
        let path = folder.join(&report.name).with_extension(extension);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
