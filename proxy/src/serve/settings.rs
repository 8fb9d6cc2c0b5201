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
