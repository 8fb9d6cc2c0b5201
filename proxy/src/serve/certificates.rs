//! When the certificates that a gate's section names expire.

use std::path::Path;

use crate::config::{Config, GateSection, GateTlsSection};
use crate::net::tls::{self, TlsError};
use crate::observe::values::Leg;

/// A certificate's name in the metrics, and when it expires.
pub(super) type Expiry = (String, Result<f64, TlsError>);

/// Those that the gate presents to clients, by the names of their files.
pub(super) fn of_clients_leg(gate: &GateSection) -> Vec<Expiry> {
    let identities = gate.tls.as_ref().map(GateTlsSection::identities).unwrap_or_default();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    identities.iter().map(|(certificate, _)| (name(certificate), tls::not_after(certificate, false))).collect()
}

/// All of a gate but the one that its cluster shows.
pub(super) fn of(gate: &GateSection) -> Vec<(Leg, Expiry)> {
    let mut all: Vec<_> = of_clients_leg(gate).into_iter().map(|expiry| (Leg::Frontend, expiry)).collect();
    let mut authorities = |leg, name: &str, path: &Path| all.push((leg, (name.to_owned(), tls::not_after(path, true))));
    if let Some(path) = gate.tls.as_ref().and_then(|tls| tls.client_ca.as_deref()) {
        authorities(Leg::Frontend, "client_authority", path);
    }
    if let Some(path) = &gate.upstream.ca {
        authorities(Leg::Backend, "authority", path);
    }
    all
}

/// The first certificate of a configuration that expires before this Unix time.
pub(super) fn ending_by(config: &Config, time: f64) -> Option<String> {
    let all = config.gate.iter().flat_map(|gate| of(gate).into_iter().map(move |expiry| (&gate.name, expiry)));
    let mut ending = all.filter(|(_, (_, (_, not_after)))| not_after.as_ref().is_ok_and(|not_after| *not_after < time));
    ending.next().map(|(gate, (leg, (name, _)))| format!("[[gate]] {gate}: {name} of the {leg} leg expires"))
}
