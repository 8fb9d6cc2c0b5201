//! The load generator: scenarios run against a gate or whatever it is compared with, and what came of them.
//!
//! A closed loop measures how fast a target can be; an open loop what its users wait for at a given rate. In the open one an
//! operation's latency starts when it was due, not when a session was free to send it, so a stall counts for everything that
//! was due in it (the "coordinated omission" of closed loops).

pub mod draw;
pub mod drive;
pub mod html;
pub mod pace;
pub mod plot;
pub mod process;
pub mod report;
pub mod scenario;
pub mod tally;
pub mod target;
pub mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use futures::future::join_all;
use indicatif::ProgressBar;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::load::draw::Draw;
use crate::load::drive::Drive;
use crate::load::pace::Pace;
use crate::load::process::Usage;
use crate::load::report::{Cost, Report};
use crate::load::scenario::Scenario;
use crate::load::tally::{Event, Tally};
use crate::load::target::{Session, Target};

/// How a scenario is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in reports.
    pub name: String,
    /// What is run.
    pub scenario: Scenario,
    /// Against what.
    pub target: Target,
    /// A process to watch, usually the gate's.
    pub pid: Option<u32>,
    /// The same seed draws the same operations.
    pub seed: u64,
}

/// Runs one scenario to its end.
///
/// # Errors
/// The setup fails, or a session cannot be opened; what fails later is counted in the report.
pub async fn run(plan: &Plan, progress: &ProgressBar) -> anyhow::Result<Report> {
    let started = jiff::Timestamp::now();
    let (events, received) = unbounded_channel();
    let (scenario, draw) = (plan.scenario.clone(), Draw::new(&plan.scenario)?);
    let drive = Arc::new(Drive { scenario, draw, target: plan.target.clone(), seed: plan.seed, events });
    drive.set_up().await?;
    let usage = || plan.pid.map(Usage::of).transpose();
    let empty = usage()?;
    progress.set_message("opening sessions");
    let sessions = drive.open().await?;
    let opened = usage()?;
    let Measured { tally, unstarted, sessions } = measure(plan, drive, sessions, received, progress).await?;
    let ended = usage()?;
    // Closing many sessions would cost more than a few operations did.
    join_all(sessions.into_iter().map(Session::close)).await;
    let cost = Cost::between(empty, opened, ended, plan.scenario.sessions, &tally);
    Ok(Report::new(plan, started, &tally, unstarted, cost))
}

/// What a run leaves.
struct Measured {
    tally: Tally,
    /// Turns that no session took.
    unstarted: usize,
    /// Those that are open.
    sessions: Vec<Session>,
}

/// The run itself, from the first operation to the last answer.
async fn measure(
    plan: &Plan,
    drive: Arc<Drive>,
    sessions: Vec<Session>,
    received: UnboundedReceiver<Event>,
    progress: &ProgressBar,
) -> anyhow::Result<Measured> {
    let (warmup, duration) = (plan.scenario.warmup.get(), plan.scenario.duration.get());
    let pace = Arc::new(Pace::new(plan.scenario.rate, warmup.saturating_add(duration)));
    let measured_from = pace.start().checked_add(warmup).unwrap_or_else(Instant::now);
    let tally = Tally::new(plan.scenario.statements.len(), measured_from)?;
    let collector = tokio::spawn(collect(tally, received, progress.clone()));
    let keeper = Arc::clone(&pace);
    let keeper = tokio::task::spawn_blocking(move || keeper.keep());
    let mut running = JoinSet::new();
    let mut sessions = sessions.into_iter();
    for number in 0..plan.scenario.sessions {
        running.spawn(Arc::clone(&drive).session(Arc::clone(&pace), number, sessions.next()));
    }
    drop(drive);
    let mut open = Vec::new();
    while let Some(ended) = running.join_next().await {
        open.extend(ended.context("a session panicked")?);
    }
    let unstarted = keeper.await.map_err(|error| anyhow!("the pace was lost: {error}"))?;
    Ok(Measured { tally: collector.await?, unstarted, sessions: open })
}

/// Takes in what the sessions tell until the last of them has ended, and shows how far it is.
async fn collect(mut tally: Tally, mut received: UnboundedReceiver<Event>, progress: ProgressBar) -> Tally {
    let mut shown = Instant::now();
    let began = shown;
    while let Some(event) = received.recv().await {
        tally.add(event);
        if shown.elapsed() > Duration::from_millis(100) {
            shown = Instant::now();
            progress.set_position(u64::try_from(began.elapsed().as_millis()).unwrap_or_default());
            let counts = tally.all.counts;
            progress.set_message(format!("{} done, {} refused, {} failed", counts.done, counts.refused, counts.failed));
        }
    }
    tally.finish();
    tally
}
