//! When the certificates that a gate's section names expire.

use std::path::Path;

use crate::config::{Config, GateSection, GateTlsSection};
use crate::net::tls::{self, TlsError};
use crate::observe::values::Leg;
use crate::session::service::GateCertificate;

/// Those that the gate shows to clients, by the names of their files, and the authorities that it trusts on either leg. The one that its
/// cluster shows is none of them.
///
/// # Errors
/// [`TlsError`], naming the file.
pub(super) fn of(gate: &GateSection) -> Result<Vec<GateCertificate>, TlsError> {
    let identities = gate.tls.as_ref().map(GateTlsSection::identities).unwrap_or_default();
    let mut all = Vec::new();
    for (path, _key) in &identities {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let not_after = tls::not_after(path, false)?;
        all.push(GateCertificate { leg: Leg::Frontend, name, not_after, is_shown: true });
    }
    let mut authorities = |leg, name: &str, path: &Path| {
        let not_after = tls::not_after(path, true)?;
        all.push(GateCertificate { leg, name: name.to_owned(), not_after, is_shown: false });
        Ok::<(), TlsError>(())
    };
    if let Some(path) = gate.tls.as_ref().and_then(|tls| tls.client_ca.as_deref()) {
        authorities(Leg::Frontend, "client_authority", path)?;
    }
    if let Some(path) = &gate.upstream.ca {
        authorities(Leg::Backend, "authority", path)?;
    }
    Ok(all)
}

/// The first certificate of a configuration that expires before this Unix time.
///
/// # Errors
/// [`TlsError`], naming the file.
pub(super) fn ending_by(config: &Config, time: f64) -> Result<Option<String>, TlsError> {
    for gate in &config.gate {
        if let Some(ending) = of(gate)?.into_iter().find(|certificate| certificate.not_after < time) {
            let GateCertificate { leg, name, .. } = ending;
            return Ok(Some(format!("[[gate]] {}: {name} of the {leg} leg expires", gate.name)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of the gate's section, and the certificates that are told of: leg, name, whether clients are shown it.
    #[test]
    fn what_is_used_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["gate.example".to_owned()]).unwrap();
        for name in ["gate.crt", "ca.crt"] {
            std::fs::write(folder.path().join(name), made.cert.pem()).unwrap();
        }
        let own = "[gate.tls]\ncertificate = \"gate.crt\"\nkey = \"gate.key\"\n";
        let rows = [
            ("tls = \"disable\"\n", String::new(), vec![]),
            ("ca = \"ca.crt\"\n", String::new(), vec![(Leg::Backend, "authority", false)]),
            (
                "tls = \"disable\"\n",
                format!("{own}client_ca = \"ca.crt\"\n"),
                vec![(Leg::Frontend, "gate.crt", true), (Leg::Frontend, "client_authority", false)],
            ),
        ];
        for (upstream, tls, want) in rows {
            let path = folder.path().join("rolegate.toml");
            let gate = "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:0\"\n[gate.upstream]\naddress = \"h:1\"\n";
            std::fs::write(&path, format!("{gate}{upstream}{tls}")).unwrap();
            let config = Config::load(&path).unwrap();
            let found = of(&config.gate[0]).unwrap();
            let found: Vec<_> = found.iter().map(|one| (one.leg, one.name.as_str(), one.is_shown)).collect();
            assert_eq!(found, want, "{upstream}{tls}");
            assert_eq!(ending_by(&config, 0.0).unwrap(), None);
            assert_eq!(ending_by(&config, f64::MAX).unwrap().is_some(), !want.is_empty());
        }
    }
}
