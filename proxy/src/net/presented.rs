//! A server's certificate as a person reads it: whose, by whom, for which names and how long.

use std::path::Path;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::net::certificate;

/// What a certificate says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presented {
    /// The subject's distinguished name.
    pub subject: String,
    /// The distinguished name of who signed it.
    pub issuer: String,
    /// The DNS names that it is for.
    pub names: Vec<String>,
    /// From when it holds.
    pub not_before: Timestamp,
    /// When it expires.
    pub not_after: Timestamp,
}

impl Presented {
    /// Reads a certificate; `None` when it is none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_rest, parsed) = X509Certificate::from_der(certificate).ok()?;
        let moment = |time: i64| Timestamp::from_second(time).ok();
        Some(Self {
            names: certificate::dns_names(&parsed),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_before: moment(parsed.validity().not_before.timestamp())?,
            not_after: moment(parsed.validity().not_after.timestamp())?,
        })
    }

    /// The first certificate of a PEM file; `None` when there is none.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        CertificateDer::from_pem_file(path).ok().as_ref().and_then(Self::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_whose_it_is() {
        let made = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
        let read = Presented::read(made.cert.der()).unwrap();
        assert_eq!((read.names.as_slice(), read.subject == read.issuer), (&["db.example".to_owned()][..], true));
        assert!(read.not_before < read.not_after);
        assert_eq!(Presented::read(&CertificateDer::from(&b"\x30\x03\x02\x01"[..])), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Presented::of_file(file.path()), None);
        std::fs::write(file.path(), made.cert.pem()).unwrap();
        assert_eq!(Presented::of_file(file.path()), Some(read));
    }
}
