//! Why a certificate is not trusted, for those who tell a person what to do about it.

use std::io;

use rustls::{CertificateError, Error};

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distrust {
    /// No known authority has signed it.
    Authority,
    /// It is for another name.
    Name,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// Something else.
    Other,
}

impl Distrust {
    /// Reads the reason out of the error of a handshake; `None`: the certificate was not what it failed at.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let Error::InvalidCertificate(reason) = error.get_ref()?.downcast_ref()? else { return None };
        Some(match reason {
            CertificateError::UnknownIssuer => Self::Authority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::Name,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        let of = |error: Error| Distrust::of(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(of(CertificateError::UnknownIssuer.into()), Some(Distrust::Authority));
        assert_eq!(of(CertificateError::NotValidForName.into()), Some(Distrust::Name));
        assert_eq!(of(CertificateError::Expired.into()), Some(Distrust::Expired));
        assert_eq!(of(CertificateError::NotValidYet.into()), Some(Distrust::NotYetValid));
        assert_eq!(of(CertificateError::BadEncoding.into()), Some(Distrust::Other));
        assert_eq!(of(Error::DecryptError), None);
        assert_eq!(Distrust::of(&io::ErrorKind::UnexpectedEof.into()), None);
    }
}
