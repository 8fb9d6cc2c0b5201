//! TLS settings of both legs, built from certificate files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{ALL_VERSIONS, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::net::certificate::{self, Identities};

/// Name of the application protocol that a direct TLS connection must negotiate. Source: PostgreSQL documentation,
/// "Message Flow", SSL Session Encryption.
pub const ALPN: &[u8] = b"postgresql";

/// How much of the backend's certificate is checked; the words are libpq's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verify {
    /// `require`: any certificate.
    Nothing,
    /// `verify-ca`: a certificate of a known authority, whatever name it carries.
    Authority,
    /// `verify-full`: a certificate of a known authority for the backend's own name.
    Full,
}

/// Why TLS cannot be set up. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing usable.
    #[error("{}: cannot read a PEM {what}: {source}", path.display())]
    Pem {
        /// The file that is at fault.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// What the reader says.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("{}: holds no certificate; expected a PEM file with a BEGIN CERTIFICATE block", path.display())]
    NoCertificate {
        /// The file that is at fault.
        path: PathBuf,
    },
    /// The certificate and the key do not match, or the certificate cannot be used.
    #[error("{}: cannot be used with its key: {source}; check that certificate and key belong together", path.display())]
    Unusable {
        /// The certificate file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// No authority is trusted, so nothing could be verified.
    #[error("no certificate authority is known: the system has no store, and [gate.upstream] names no ca file")]
    NoAuthority,
    /// The verifier cannot be built.
    #[error("cannot build the certificate verifier: {0}")]
    Verifier(String),
    /// The protocol settings are refused.
    #[error("cannot set up TLS: {0}")]
    Settings(#[from] rustls::Error),
}

/// What the frontend's leg presents and demands.
#[derive(Clone, Copy, Debug)]
pub struct Frontend<'a> {
    /// Files of certificate chain and key; the first pair serves clients that ask for none of the others.
    pub identities: &'a [(PathBuf, PathBuf)],
    /// Authorities of client certificates; absent: none is asked for.
    pub client_authorities: Option<&'a Path>,
    /// Whether clients without a certificate are refused.
    pub client_certificate_required: bool,
    /// Whether TLS 1.2 is refused.
    pub only_tls13: bool,
}

/// TLS as the frontend's leg speaks it.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn acceptor(frontend: &Frontend<'_>) -> Result<TlsAcceptor, TlsError> {
    let mut config = server(frontend)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn server(frontend: &Frontend<'_>) -> Result<ServerConfig, TlsError> {
    let identities = frontend.identities.iter().map(|(certificate, key)| identity(certificate, key));
    let identities = Identities::new(identities.collect::<Result<_, _>>()?);
    let versions = if frontend.only_tls13 { &[&TLS13][..] } else { ALL_VERSIONS };
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
    let builder = match frontend.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            add_roots(&mut roots, path)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier =
                if frontend.client_certificate_required { verifier } else { verifier.allow_unauthenticated() };
            let verifier = verifier.build().map_err(|error| TlsError::Verifier(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(builder.with_cert_resolver(Arc::new(identities)))
}

/// What the admin address presents, and whose clients it knows.
#[derive(Clone, Debug)]
pub struct AdminIdentity {
    /// The certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates; absent: none is asked for.
    pub client_authorities: Option<PathBuf>,
}

/// TLS as the admin address speaks it. A client without a certificate is not turned away here: a probe has none.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn admin_acceptor(identity: &AdminIdentity) -> Result<TlsAcceptor, TlsError> {
    let identities = [(identity.certificate.clone(), identity.key.clone())];
    let mut config = server(&Frontend {
        identities: &identities,
        client_authorities: identity.client_authorities.as_deref(),
        client_certificate_required: false,
        only_tls13: false,
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn identity(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem {
        path: key.to_owned(),
        what: "private key",
        source,
    })?;
    let made = CertifiedKey::from_der(chain, key, &provider());
    made.map_err(|source| TlsError::Unusable { path: certificate.to_owned(), source })
}

/// The backend's leg: trusts the system's authorities and those of `authorities`, when given.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn connector(verify: Verify, authorities: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let name_ignored = |roots| Arc::new(NameIgnored { roots, provider: provider() });
    let builder = match verify {
        Verify::Nothing => builder.dangerous().with_custom_certificate_verifier(name_ignored(None)),
        Verify::Authority => {
            builder.dangerous().with_custom_certificate_verifier(name_ignored(Some(roots(authorities)?)))
        }
        Verify::Full => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(authorities)?), provider());
            let verifier = verifier.build().map_err(|error| TlsError::Verifier(error.to_string()))?;
            builder.with_webpki_verifier(verifier)
        }
    };
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::Pem { path: path.to_owned(), what: "certificate", source };
    let read = CertificateDer::pem_file_iter(path).map_err(error)?;
    let chain = read.collect::<Result<Vec<_>, _>>().map_err(error)?;
    if chain.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

/// When the first certificate of a PEM file expires, in Unix seconds, or with `of_any` the one of them that expires first.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn not_after(path: &Path, of_any: bool) -> Result<f64, TlsError> {
    let chain = certificates(path)?;
    let considered = if of_any { chain.as_slice() } else { chain.get(..1).unwrap_or_default() };
    let times = considered.iter().filter_map(certificate::not_after);
    times.min_by(f64::total_cmp).ok_or_else(|| TlsError::NoCertificate { path: path.to_owned() })
}

fn roots(authorities: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // The system's store may hold certificates that rustls cannot read; those are skipped, as other clients do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authorities {
        add_roots(&mut roots, path)?;
    }
    if roots.is_empty() { Err(TlsError::NoAuthority) } else { Ok(roots) }
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TlsError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// A backend's certificate checked as far as the setting wants: `verify-ca` against authorities, under whatever name it is;
/// `require` not at all.
struct NameIgnored {
    /// The authorities that are trusted; `None`: any certificate is taken.
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for NameIgnored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NameIgnored").field("checks_authority", &self.roots.is_some()).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for NameIgnored {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
