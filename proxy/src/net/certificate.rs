//! Certificates: which of ours is presented for a name, and who a client is by its own.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Who a client is by the certificate that it proved to hold, signed by an authority that the gate was told to trust.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ClientCertificate {
    /// The subject's distinguished name, such as `CN=etl, O=Example`.
    pub subject: String,
    /// The subject's alternative names: DNS names, e-mail addresses and URIs.
    pub names: Vec<String>,
}

impl ClientCertificate {
    /// Reads a certificate; `None` when it is none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_rest, parsed) = X509Certificate::from_der(certificate).ok()?;
        let names = alternative_names(&parsed, |name| match name {
            GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some(*text),
            _ => None,
        });
        Some(Self { subject: parsed.subject().to_string(), names })
    }
}

/// When a certificate expires, in Unix seconds; `None` when it is none.
#[must_use]
pub fn not_after(certificate: &CertificateDer<'_>) -> Option<f64> {
    let (_rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    let seconds = parsed.validity().not_after.timestamp();
    // Whole seconds of any year that a certificate can name.
    format!("{seconds}").parse().ok()
}

/// The DNS names that a certificate is for.
pub(super) fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    alternative_names(certificate, |name| match name {
        GeneralName::DNSName(text) => Some(*text),
        _ => None,
    })
}

fn alternative_names(
    certificate: &X509Certificate<'_>,
    pick: impl for<'a> Fn(&'a GeneralName<'a>) -> Option<&'a str>,
) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    names.filter_map(|name| pick(name).map(str::to_owned)).collect()
}

/// One of our certificates, with the DNS names that it is for.
#[derive(Debug)]
struct Identity {
    names: Vec<String>,
    key: Arc<CertifiedKey>,
}

/// Our certificates. The server name that the client sends chooses; the first is for other names and for clients that send none.
#[derive(Debug)]
pub(super) struct Identities(Vec<Identity>);

impl Identities {
    /// Certificates with their keys, the first of them for any name.
    pub(super) fn new(keys: Vec<CertifiedKey>) -> Self {
        let identity = |key: CertifiedKey| {
            let parsed = key.cert.first().and_then(|certificate| X509Certificate::from_der(certificate).ok());
            let names = parsed.map(|(_rest, parsed)| dns_names(&parsed));
            Identity { names: names.unwrap_or_default(), key: Arc::new(key) }
        };
        Self(keys.into_iter().map(identity).collect())
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello
            .server_name()
            .and_then(|wanted| self.0.iter().find(|identity| identity.names.iter().any(|name| covers(name, wanted))));
        named.or(self.0.first()).map(|identity| Arc::clone(&identity.key))
    }
}

/// Whether a certificate's name is for a host: equal, or `*` for its first label. Source: RFC 6125, section 6.4.3.
fn covers(name: &str, host: &str) -> bool {
    let is_wild = || {
        let (rest, parent) = (name.strip_prefix("*.")?, host.split_once('.')?.1);
        Some(rest.eq_ignore_ascii_case(parent))
    };
    name.eq_ignore_ascii_case(host) || is_wild().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        let rows = [
            ("gate.example", "Gate.Example", true),
            ("*.example", "gate.example", true),
            ("*.example", "a.gate.example", false),
            ("*.example", "example", false),
            ("gate.example", "other.example", false),
        ];
        for (name, host, want) in rows {
            assert_eq!(covers(name, host), want, "{name} {host}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_nobody() {
        assert_eq!(ClientCertificate::read(&CertificateDer::from(&b"\x30\x03\x02\x01"[..])), None);
    }
}
