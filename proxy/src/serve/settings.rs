//! From a configuration to what the sessions of one gate start with: limits, TLS on both sides, the backend.

use crate::config::value::{TlsMode, TlsVersion};
use crate::config::{Config, GateSection, Period};
use crate::net::backend::{self, Backend};
use crate::net::tls::{self, Frontend, Verify};
use crate::serve::certificates;
use crate::serve::error::BuildError;
use crate::session::limits::HolderLimits;
use crate::session::service::{Annotations, Limits, Settings};
use crate::sql::Dialect;
use crate::wire::function_call::FunctionCalls;
use crate::wire::startup::Offer;

/// The settings of a gate; its certificates are read.
pub(super) fn of(config: &Config, gate: &GateSection) -> Result<Settings, BuildError> {
    let policy = &config.policy;
    Ok(Settings {
        limits: limits(gate),
        offer: offer(gate)?,
        backend: upstream_of(gate)?,
        certificates: certificates::of(gate)?,
        proxies: gate.proxy_protocol_from.clone(),
        annotations: Annotations { comment: policy.comment, notice: policy.notice },
        shadow_annotations: Annotations {
            comment: policy.comment && policy.shadow_comment,
            notice: policy.notice && policy.shadow_notice,
        },
        function_calls: gate.function_call.unwrap_or(match gate.dialect {
            Dialect::Redshift => FunctionCalls::Refuse,
            Dialect::PostgreSql => FunctionCalls::Relay,
        }),
    })
}

fn limits(gate: &GateSection) -> Limits {
    let limits = &gate.limits;
    Limits {
        max_statement_bytes: limits.max_statement_bytes,
        max_prepared_bytes: limits.max_prepared_bytes,
        startup_timeout: limits.startup_timeout.get(),
        max_sessions: limits.max_sessions,
        holders: HolderLimits {
            total: Some(limits.max_sessions),
            per_user: limits.max_sessions_per_user,
            per_address: limits.max_sessions_per_address,
            unauthenticated: Some(limits.max_unauthenticated),
            cancels: Some(limits.max_cancels),
        },
        idle_timeout: limits.idle_timeout.map(Period::get),
        session_lifetime: limits.session_lifetime.map(Period::get),
    }
}

fn offer(gate: &GateSection) -> Result<Offer, BuildError> {
    let Some(tls) = &gate.tls else { return Ok(Offer::default()) };
    let acceptor = tls::acceptor(&Frontend {
        identities: &tls.identities(),
        client_authorities: tls.client_ca.as_deref(),
        client_certificate_required: tls.client_certificate_required,
        only_tls13: tls.minimum_version == TlsVersion::Tls13,
    })?;
    // A client certificate can only be demanded inside TLS.
    Ok(Offer { tls: Some(acceptor), tls_required: tls.required || tls.client_certificate_required })
}

pub(super) fn upstream_of(gate: &GateSection) -> Result<Backend, BuildError> {
    let settings = &gate.upstream;
    let verify = match settings.tls {
        TlsMode::Disable => None,
        TlsMode::Require => Some(Verify::Nothing),
        TlsMode::VerifyCa => Some(Verify::Authority),
        TlsMode::VerifyFull => Some(Verify::Full),
    };
    let tls = match verify {
        None => None,
        Some(verify) => {
            let host = settings.address.rsplit_once(':').map_or("", |(host, _port)| host);
            let name = settings.server_name.as_deref().unwrap_or(host);
            let failed = |_invalid| BuildError::ServerName { gate: gate.name.clone(), name: name.to_owned() };
            let server_name = backend::server_name(name).map_err(failed)?;
            Some((tls::connector(verify, settings.ca.as_deref())?, server_name))
        }
    };
    Ok(Backend { address: settings.address.clone(), tls, timeout: settings.connect_timeout.get() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The settings of a gate with these keys in `[policy]`, in the gate's section and in its `[gate.upstream]`.
    fn settings(policy: &str, gate: &str, upstream: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["gate.example".to_owned()]).unwrap();
        fs::write(folder.path().join("gate.crt"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("gate.key"), made.signing_key.serialize_pem()).unwrap();
        let path = folder.path().join("rolegate.toml");
        let head = "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:1\"\n";
        let text = format!("[policy]\n{policy}\n{head}{gate}\n[gate.upstream]\n{upstream}\n");
        fs::write(&path, text).map_err(|error| error.to_string())?;
        let config = Config::load(&path).map_err(|error| error.to_string())?;
        of(&config, &config.gate[0]).map_err(|error| error.to_string())
    }

    const PLAIN: &str = "address = \"localhost:1\"\ntls = \"disable\"";

    #[test]
    fn function_calls_go_by_the_dialect_unless_it_is_said() {
        for (keys, want) in [
            ("", FunctionCalls::Refuse),
            ("dialect = \"postgresql\"", FunctionCalls::Relay),
            ("dialect = \"postgresql\"\nfunction_call = \"refuse\"", FunctionCalls::Refuse),
            ("function_call = \"relay\"", FunctionCalls::Relay),
        ] {
            assert_eq!(settings("", keys, PLAIN).unwrap().function_calls, want, "{keys}");
        }
    }

    /// Keys of `[policy]`; whether comment and notice show while refusals are carried out, and in shadow mode.
    #[test]
    fn shadow_mode_shows_no_more_than_enforcement_does() {
        for (keys, want) in [
            ("", [true, true, true, true]),
            ("shadow_notice = false", [true, true, true, false]),
            ("shadow_comment = false", [true, true, false, true]),
            ("comment = false", [false, true, false, true]),
            ("notice = false", [true, false, true, false]),
        ] {
            let settings = settings(keys, "", PLAIN).unwrap();
            let (enforced, shadow) = (settings.annotations, settings.shadow_annotations);
            assert_eq!([enforced.comment, enforced.notice, shadow.comment, shadow.notice], want, "{keys}");
        }
    }

    /// Keys of `[gate.tls]`; whether TLS is offered, and whether it is demanded.
    #[test]
    fn a_client_certificate_can_only_be_demanded_inside_tls() {
        let own = "tls = { certificate = \"gate.crt\", key = \"gate.key\"";
        for (keys, want) in [
            (String::new(), (false, false)),
            (format!("{own} }}"), (true, false)),
            (format!("{own}, required = true }}"), (true, true)),
            (format!("{own}, client_ca = \"gate.crt\", client_certificate_required = true }}"), (true, true)),
        ] {
            let settings = settings("", &keys, PLAIN).unwrap();
            assert_eq!((settings.offer.tls.is_some(), settings.offer.tls_required), want, "{keys}");
            assert_eq!(settings.certificates.iter().any(|one| one.is_shown), want.0, "{keys}");
        }
    }

    #[test]
    fn limits_are_those_of_the_configuration() {
        let keys = "limits = { max_sessions = 7, max_sessions_per_user = 3, max_unauthenticated = 2, max_cancels = 1 }";
        let limits = settings("", keys, PLAIN).unwrap().limits;
        assert_eq!(
            (limits.holders.total, limits.holders.per_user, limits.holders.per_address),
            (Some(7), Some(3), None)
        );
        assert_eq!((limits.holders.unauthenticated, limits.holders.cancels), (Some(2), Some(1)));
        assert_eq!((limits.idle_timeout, limits.session_lifetime), (None, None), "no session ends by itself");
    }

    #[test]
    fn a_name_that_no_certificate_can_carry_is_an_error_that_says_what_to_set() {
        assert!(settings("", "", PLAIN).unwrap().backend.tls.is_none());
        assert!(settings("", "", "address = \"localhost:1\"\ntls = \"require\"").unwrap().backend.tls.is_some());
        let told = settings("", "", "address = \"localhost:1\"\ntls = \"require\"\nserver_name = \"a b\"").unwrap_err();
        assert!(told.contains("[[gate]] g") || told.contains("server_name"), "{told}");
    }
}
