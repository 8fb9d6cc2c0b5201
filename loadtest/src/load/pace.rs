//! When the next operation starts: at once in a closed loop, at its own moment in an open one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// The schedule of a run, shared by all its sessions.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    end: Instant,
    rate: Option<f64>,
    due: Semaphore,
    taken: AtomicU32,
}

impl Pace {
    /// A run that starts now. With a rate, [`keep`](Self::keep) must run beside the sessions.
    #[must_use]
    pub fn new(rate: Option<f64>, length: Duration) -> Self {
        let start = Instant::now();
        let end = start.checked_add(length).unwrap_or(start);
        Self { start, end, rate, due: Semaphore::new(0), taken: AtomicU32::new(0) }
    }

    /// When it started.
    #[must_use]
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Whether nothing more is to start.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Waits for the next operation's turn and gives the moment at which it was due; `None` when the run is over. Whoever waits
    /// longest is first, so a crowd takes turns.
    pub async fn turn(&self) -> Option<Instant> {
        let Some(rate) = self.rate else { return (!self.is_over()).then(Instant::now) };
        self.due.acquire().await.ok()?.forget();
        Some(self.moment(self.taken.fetch_add(1, Ordering::Relaxed), rate))
    }

    fn moment(&self, number: u32, rate: f64) -> Instant {
        let after = Duration::try_from_secs_f64(f64::from(number) / rate).unwrap_or(Duration::MAX);
        self.start.checked_add(after).unwrap_or(self.end)
    }

    /// Hands out turns until the end, on a thread of its own: a runtime's timer is only good to a millisecond. Gives the number of
    /// turns that were due and that no session was free to take.
    pub fn keep(&self) -> usize {
        let mut number = 0_u32;
        while let Some(rate) = self.rate.filter(|_| !self.is_over()) {
            let next = self.moment(number, rate).min(self.end);
            let wait = next.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                self.due.add_permits(1);
                number = number.saturating_add(1);
            } else {
                thread::sleep(wait);
            }
        }
        self.due.close();
        self.due.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_session_finds_its_turns_late_and_the_rest_left() {
        let pace = Arc::new(Pace::new(Some(100.0), Duration::from_millis(300)));
        let keeper = Arc::clone(&pace);
        let keeper = thread::spawn(move || keeper.keep());
        let mut due = Vec::new();
        while let Some(moment) = pace.turn().await {
            due.push(moment.duration_since(pace.start()).as_millis());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(due[..2], [0, 10], "turns are due every 10 ms however late they are taken");
        let left = keeper.join().unwrap();
        assert!((24..=30).contains(&(left + due.len())), "{left} left, {} taken", due.len());
    }
}
