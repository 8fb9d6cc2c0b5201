//! Why the gates are not ready for sessions: what `/readyz` says.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::admin::Check;
use crate::config::Config;
use crate::config::value::ReadinessNeed;
use crate::iam::Facts;
use crate::serve::gates::Gates;
use crate::session::service::Service;

/// How long a backend may take to answer.
const PROBE: Duration = Duration::from_secs(1);

/// How long what a probe found stays good.
const PROBE_AGAIN: Duration = Duration::from_secs(5);

/// What the probes found last, and when.
#[derive(Debug, Default)]
pub(super) struct Probes(Mutex<Option<(Instant, bool)>>);

/// Every cause for which open gates are not ready, and whether it holds. May wait for backends.
pub(super) fn checks(config: &Config, gates: &Gates, probes: &Probes) -> Vec<Check> {
    let (needs, now) = (|need| config.admin.readiness.contains(&need), Timestamp::now());
    let mut checks = vec![audit(gates), certificate(gates, now)];
    if needs(ReadinessNeed::Facts) {
        checks.push(facts(config, gates.facts().as_deref(), now));
    }
    if needs(ReadinessNeed::Backend) {
        checks.push(backend(config, probes));
    }
    if needs(ReadinessNeed::Catalog) {
        checks.push(catalog(gates));
    }
    checks
}

fn audit(gates: &Gates) -> Check {
    let fault = "it cannot be written, and statements with roles are refused until it can be";
    let refuses = gates.services().iter().any(|service| service.audit.refuses());
    Check::of("audit", refuses.then(|| fault.to_owned()))
}

/// The certificates that clients are shown.
fn certificate(gates: &Gates, now: Timestamp) -> Check {
    let now = now.as_duration().as_secs_f64();
    let expired = gates.services().iter().find_map(|service| {
        let settings = service.settings.load();
        let expired = settings.certificates.iter().find(|one| one.is_shown && one.not_after < now)?;
        Some(format!("{} has expired", expired.name))
    });
    Check::of("certificate", expired)
}

/// Facts that are asked for and are not there are no better than old ones.
fn facts(config: &Config, facts: Option<&Facts>, now: Timestamp) -> Check {
    let Some(facts) = facts else { return Check::of("facts", config.facts.is_configured().then(none_read)) };
    if facts.accounts().next().is_none() {
        return Check::of("facts", Some(none_read()));
    }
    let age = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
    let oldest = facts.captures().map(|(what, at)| (age(at), what)).max();
    let too_old = oldest.zip(config.facts.max_age).filter(|((age, _), max_age)| *age > max_age.get());
    Check::of("facts", too_old.map(|((age, what), _)| format!("{what}: {} s old, above max_age", age.as_secs())))
}

/// Before the first reading nobody's groups are known, and no rule permits anything.
fn catalog(gates: &Gates) -> Check {
    let is_unread =
        |service: &&Arc<Service>| service.gate.policy().reads_catalog() && service.catalog.load().read_at.is_none();
    let unread = gates.services().iter().find(is_unread);
    Check::of(
        "catalog",
        unread.map(|service| format!("gate {}: the cluster's catalogue was not read yet", service.name)),
    )
}

fn none_read() -> String {
    "no account has been read yet".to_owned()
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::gate::policy::{ClusterGroups, Parts};
    use crate::iam::Sources;
    use crate::observe::values::Leg;
    use crate::session::service::tests::{service, settings};
    use crate::session::service::{CatalogStatus, GateCertificate};

    fn config(folder: &Path, facts: &str) -> Config {
        std::fs::write(folder.join("clusters.json"), "{}").unwrap();
        let path = folder.join("rolegate.toml");
        let gate =
            "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:0\"\ncluster = \"c\"\n[gate.upstream]\naddress = \"h:1\"\n";
        std::fs::write(&path, format!("{facts}\n{gate}")).unwrap();
        Config::load(&path).unwrap()
    }

    /// Facts of one account, taken at the epoch.
    fn of_one_account(folder: &Path) -> Facts {
        let path = folder.join("a.json");
        let role = r#"{"RoleName": "A", "Arn": "arn:aws:iam::111122223333:role/A", "AssumeRolePolicyDocument": {}}"#;
        let page = format!(r#"{{"captured_at": "1970-01-01T00:00:00Z", "RoleDetailList": [{role}], "Policies": []}}"#);
        std::fs::write(&path, page).unwrap();
        Facts::load(&Sources { iam: vec![path], ..Sources::default() }).unwrap()
    }

    #[test]
    fn facts_that_are_asked_for_must_be_there_and_young() {
        let folder = tempfile::tempdir().unwrap();
        let one = of_one_account(folder.path());
        let configured =
            config(folder.path(), "[facts]\niam = [\"a.json\"]\nclusters = [\"clusters.json\"]\nmax_age = \"1h\"");
        let bare = config(folder.path(), "");
        let after = |seconds| Timestamp::from_second(seconds).unwrap();
        let none = "no account has been read yet";
        let rows = [
            ("no source", &bare, None, 0, None),
            ("a source of which nothing was read", &configured, None, 0, Some(none)),
            ("a source that tells of no account", &configured, Some(Facts::empty()), 0, Some(none)),
            ("young facts", &configured, Some(one.clone()), 3600, None),
            (
                "old facts",
                &configured,
                Some(one.clone()),
                3601,
                Some("account 111122223333: 3601 s old, above max_age"),
            ),
            ("facts from the future", &configured, Some(one), -10_000, None),
        ];
        for (name, config, found, seconds, want) in rows {
            let check = facts(config, found.as_ref(), after(seconds));
            assert_eq!(check, Check::of("facts", want.map(str::to_owned)), "{name}");
        }
    }

    #[test]
    fn a_catalogue_that_is_asked_for_must_have_been_read_once() {
        let check = |groups, read_at: Option<Timestamp>| {
            let gates =
                Gates::of_services(vec![service(Parts { catalog: groups, ..Parts::without_facts() }, settings())]);
            let status = CatalogStatus { read_at, ..CatalogStatus::default() };
            gates.services().first().unwrap().catalog.store(Arc::new(status));
            catalog(&gates)
        };
        let unread = "gate g: the cluster's catalogue was not read yet".to_owned();
        assert_eq!(check(ClusterGroups::Unknown, None), Check::of("catalog", Some(unread)));
        assert_eq!(check(ClusterGroups::Unknown, Some(Timestamp::UNIX_EPOCH)), Check::of("catalog", None));
        assert_eq!(check(ClusterGroups::NotRead, None), Check::of("catalog", None), "it reads none");
    }

    #[test]
    fn only_a_certificate_that_clients_are_shown_makes_the_gates_unready() {
        for (is_shown, not_after, want) in [(true, 99.0, true), (true, 101.0, false), (false, 99.0, false)] {
            let mut settings = settings();
            let name = "gate.crt".to_owned();
            settings.certificates = vec![GateCertificate { leg: Leg::Frontend, name, not_after, is_shown }];
            let gates = Gates::of_services(vec![service(Parts::without_facts(), settings)]);
            let check = certificate(&Arc::new(gates), Timestamp::from_second(100).unwrap());
            let fault = want.then(|| "gate.crt has expired".to_owned());
            assert_eq!(check, Check::of("certificate", fault), "{is_shown} {not_after}");
        }
    }
}
