//! What systemd is told: that the gates are open, that they are being stopped, and that the process is alive. Source: `sd_notify(3)`.
//! Without systemd nothing is said.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::observe::words::counted;

/// How many signs of life fit into the period of the watchdog.
const SIGNS: u32 = 3;

/// Says that the gates are open.
pub(super) fn ready(gates: usize) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("{} open", counted(gates, "gate")))]);
}

/// Says that no new sessions are taken any more.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// Says again and again that this task is still run, where a watchdog waits for it. Never resolves. Cancel safe.
pub(super) async fn watchdog() -> Infallible {
    let Some(period) = sd_notify::watchdog_enabled().and_then(interval) else {
        return std::future::pending().await;
    };
    let mut turns = tokio::time::interval(period);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn interval(period: Duration) -> Option<Duration> {
    period.checked_div(SIGNS).filter(|interval| !interval.is_zero())
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "systemd cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_come_in_time() {
        assert_eq!(interval(Duration::from_secs(30)), Some(Duration::from_secs(10)));
        assert_eq!(interval(Duration::ZERO), None);
    }
}
