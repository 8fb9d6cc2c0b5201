//! Why the gates are not ready for sessions: what `/readyz` says.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::admin::Check;
use crate::config::Config;
use crate::config::value::ReadinessNeed;
use crate::serve::certificates;
use crate::serve::gates::Gates;

/// How long a backend may take to answer.
const PROBE: Duration = Duration::from_secs(1);

/// How long what a probe found stays good.
const PROBE_AGAIN: Duration = Duration::from_secs(5);

/// What the probes found last, and when.
#[derive(Debug, Default)]
pub(super) struct Probes(Mutex<Option<(Instant, bool)>>);

/// Every cause for which open gates are not ready, and whether it holds. May wait for backends.
pub(super) fn checks(config: &Config, gates: &Gates, probes: &Probes) -> Vec<Check> {
    let needs = |need| config.admin.readiness.contains(&need);
    let mut checks = vec![audit(gates), certificate(config)];
    if needs(ReadinessNeed::Facts) {
        checks.push(facts(config, gates));
    }
    if needs(ReadinessNeed::Backend) {
        checks.push(backend(config, probes));
    }
    checks
}

fn audit(gates: &Gates) -> Check {
    let fault = "it cannot be written, and statements with roles are refused until it can be";
    let refuses = gates.services().iter().any(|service| service.audit.refuses());
    Check::of("audit", refuses.then(|| fault.to_owned()))
}

fn certificate(config: &Config) -> Check {
    let now = Timestamp::now().as_duration().as_secs_f64();
    let expired = config.gate.iter().find_map(|gate| {
        let own = certificates::of_clients_leg(gate).into_iter();
        own.filter_map(|(name, not_after)| Some((name, not_after.ok()?))).find(|(_, not_after)| *not_after < now)
    });
    Check::of("certificate", expired.map(|(name, _)| format!("{name} has expired")))
}

fn facts(config: &Config, gates: &Gates) -> Check {
    let too_old = config.facts.max_age.and_then(|max_age| {
        let facts = gates.facts()?;
        let oldest = facts.accounts().map(|(_, account)| account.captured_at()).min()?;
        let age = Duration::try_from(Timestamp::now().duration_since(oldest)).unwrap_or_default();
        (age > max_age.get()).then(|| format!("the oldest account is {} s old, above max_age", age.as_secs()))
    });
    Check::of("facts", too_old)
}

fn backend(config: &Config, probes: &Probes) -> Check {
    let mut last = probes.0.lock().unwrap_or_else(PoisonError::into_inner);
    let is_reachable = match *last {
        Some((at, is_reachable)) if at.elapsed() < PROBE_AGAIN => is_reachable,
        _ => config.gate.iter().any(|gate| answers(&gate.upstream.address)),
    };
    if last.is_none_or(|(at, _)| at.elapsed() >= PROBE_AGAIN) {
        *last = Some((Instant::now(), is_reachable));
    }
    Check::of("backend", (!is_reachable).then(|| "none of the gates' clusters can be reached".to_owned()))
}

/// Whether something listens there.
fn answers(address: &str) -> bool {
    let addresses = address.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    addresses.iter().any(|address| TcpStream::connect_timeout(address, PROBE).is_ok())
}
