//! Driving: the sessions of one run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::future::try_join_all;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc::UnboundedSender;

use crate::load::draw::{Draw, Operation};
use crate::load::pace::Pace;
use crate::load::scenario::{Mode, Scenario};
use crate::load::tally::{Event, Sample};
use crate::load::target::{Outcome, Session, Target};

/// Sessions that are opened at the same time, before a run.
const OPENING: usize = 16;
/// Before a session tries again to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// What all sessions of a run share.
#[derive(Debug)]
pub struct Drive {
    /// The scenario.
    pub scenario: Scenario,
    /// Its operations.
    pub draw: Draw,
    /// Where they go.
    pub target: Target,
    /// Whose number, with the session's, makes its random choices.
    pub seed: u64,
    /// Where everything is told. Nothing is lost while the run goes on: the other end waits for the last sender.
    pub events: UnboundedSender<Event>,
}

/// A connection that no longer answers.
#[derive(Debug)]
struct Broken;

impl Drive {
    /// Runs the statements of `setup`, one after the other.
    ///
    /// # Errors
    /// The first that fails.
    pub async fn set_up(&self) -> anyhow::Result<()> {
        if self.scenario.setup.is_empty() {
            return Ok(());
        }
        let session = self.target.connect().await.context("setup")?;
        for text in &self.scenario.setup {
            session.query(text).await.with_context(|| format!("setup: {text}"))?;
        }
        session.close().await;
        Ok(())
    }

    /// Opens the sessions of the scenario; none when each statement gets one of its own.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub async fn open(&self) -> anyhow::Result<Vec<Session>> {
        if self.scenario.mode == Mode::Connect {
            return Ok(Vec::new());
        }
        let opening =
            futures::stream::iter(0..self.scenario.sessions).map(|_| self.connect()).buffer_unordered(OPENING);
        let opened: Vec<anyhow::Result<Session>> = opening.collect().await;
        opened.into_iter().collect::<Result<_, _>>().context("opening the sessions")
    }

    async fn connect(&self) -> anyhow::Result<Session> {
        let began = Instant::now();
        let mut session = self.target.connect().await?;
        self.tell(Event::Connected(began.elapsed()));
        if self.scenario.mode == Mode::Prepared {
            session.prepare(&self.draw.prepared_texts()).await?;
        }
        Ok(session)
    }

    fn tell(&self, event: Event) {
        // The other end waits for the last sender, so somebody listens.
        let _told = self.events.send(event).is_ok();
    }

    /// Runs one session until the run is over and gives it back, still open. One that breaks is opened again.
    pub async fn session(
        self: Arc<Self>,
        pace: Arc<Pace>,
        number: usize,
        mut opened: Option<Session>,
    ) -> Option<Session> {
        let number = u64::try_from(number).unwrap_or_default();
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(number));
        if self.scenario.mode == Mode::Connect {
            self.connections(&pace, &mut random).await;
            return None;
        }
        while !pace.is_over() {
            let connected = match opened.take() {
                Some(session) => Ok(session),
                None => self.connect().await,
            };
            match connected {
                Ok(session) => {
                    let lane = |_| self.lane(&pace, &session, StdRng::from_rng(&mut random));
                    match try_join_all((0..self.scenario.depth).map(lane)).await {
                        Ok(_) => return Some(session),
                        Err(Broken) => session.abandon(),
                    }
                }
                Err(error) => {
                    self.tell(Event::NotConnected(format!("{error:#}")));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        None
    }

    /// One operation after the other, on a connection that other lanes may share.
    async fn lane(&self, pace: &Pace, session: &Session, mut random: StdRng) -> Result<(), Broken> {
        while let Some(due) = pace.turn().await {
            let operation = self.draw.next(&mut random);
            let sent = Instant::now();
            let ran = tokio::time::timeout(self.target.timeout, session.run(&operation)).await;
            let outcome = ran.unwrap_or_else(|_elapsed| no_answer(self.target.timeout));
            let broken = session.is_closed() || outcome == no_answer(self.target.timeout);
            self.tell_operation(&operation, (due, sent), outcome);
            if broken {
                return Err(Broken);
            }
        }
        Ok(())
    }

    /// A new connection for each operation; its latency holds all of it.
    async fn connections(&self, pace: &Pace, random: &mut StdRng) {
        while let Some(due) = pace.turn().await {
            let operation = self.draw.next(random);
            let sent = Instant::now();
            let run = async {
                let session = self.connect().await?;
                let outcome = session.run(&operation).await;
                session.close().await;
                anyhow::Ok(outcome)
            };
            let ran = tokio::time::timeout(self.target.timeout, run).await;
            let ran = ran.unwrap_or_else(|_elapsed| Ok(no_answer(self.target.timeout)));
            let outcome = ran.unwrap_or_else(|error| Outcome::Failed(format!("connecting: {error:#}")));
            self.tell_operation(&operation, (due, sent), outcome);
        }
    }

    fn tell_operation(&self, operation: &Operation, (due, sent): (Instant, Instant), outcome: Outcome) {
        let (template, expected) = (operation.template, operation.expected);
        self.tell(Event::Operation(Sample { template, due, sent, ended: Instant::now(), outcome, expected }));
    }
}

fn no_answer(timeout: Duration) -> Outcome {
    Outcome::Failed(format!("no answer within {timeout:?}"))
}
