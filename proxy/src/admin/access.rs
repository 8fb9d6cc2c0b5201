//! Who may see what of the admin address. Pure, but for the token file, which is read for every request that shows a token, so that a new
//! one is in force at once.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A shorter token could be guessed.
pub(crate) const MIN_TOKEN_BYTES: usize = 16;

/// Who may see what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// A file of bearer tokens, one a line; any of them is good.
    pub token_file: Option<PathBuf>,
    /// Whether a client certificate that was verified is good.
    pub takes_certificates: bool,
    /// Host names under which the address may be asked, beside addresses and `localhost`.
    pub hosts: Vec<String>,
}

/// What of a request decides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AdminRequest<'a> {
    /// The path, and whether a query follows it.
    pub(super) path: &'a str,
    pub(super) has_query: bool,
    /// The Host header.
    pub(super) host: Option<&'a str>,
    /// The Authorization header.
    pub(super) authorization: Option<&'a str>,
    /// Whether the client has shown a certificate of a known authority.
    pub(super) has_certificate: bool,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Denied {
    /// It shows neither token nor certificate.
    Unauthorized,
    /// It is for another host: a page of somebody else's may have led a browser here by a name of its own (DNS rebinding).
    Misdirected,
}

/// Why a request is not answered without more ado.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum NotYet {
    /// It is not at all.
    Denied(Denied),
    /// It is if this token is good.
    With(BearerToken),
}

/// A token that a request shows.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct BearerToken {
    file: PathBuf,
    shown: String,
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BearerToken").field("file", &self.file).finish_non_exhaustive()
    }
}

impl BearerToken {
    /// Whether the file holds it. Blocks: the file may be on storage that does not answer.
    pub(super) fn is_good(&self) -> bool {
        // Of a file that is gone or empty nothing is good.
        let Ok(tokens) = tokens(&self.file) else { return false };
        // Hashes are compared, so that the time it takes tells nothing of the token.
        let hash = |token: &str| Sha256::digest(token.as_bytes());
        tokens.iter().any(|token| hash(token) == hash(&self.shown))
    }
}

impl Access {
    fn is_restricted(&self) -> bool {
        self.token_file.is_some() || self.takes_certificates
    }

    /// Whether a request is answered, or with which token it is. Whether the process lives and is ready is no secret: probes can show no
    /// token.
    pub(super) fn check(&self, asked: &AdminRequest<'_>) -> Result<(), NotYet> {
        match () {
            () if matches!(asked.path, "/healthz" | "/readyz") && !asked.has_query => Ok(()),
            // A browser has no token before the page has asked for one.
            () if self.is_restricted() && is_of_page(asked.path) => Ok(()),
            () if self.takes_certificates && asked.has_certificate => Ok(()),
            () if self.is_restricted() => Err(self.token(asked.authorization)),
            () if asked.host.is_none_or(|host| self.is_ours(host)) => Ok(()),
            () => Err(NotYet::Denied(Denied::Misdirected)),
        }
    }

    fn token(&self, authorization: Option<&str>) -> NotYet {
        let shown = authorization.and_then(|value| value.strip_prefix("Bearer "));
        match (&self.token_file, shown) {
            (Some(file), Some(shown)) => NotYet::With(BearerToken { file: file.clone(), shown: shown.to_owned() }),
            _ => NotYet::Denied(Denied::Unauthorized),
        }
    }

    /// A name that no stranger can point at this address: none at all, or one that the configuration lists.
    fn is_ours(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let is_address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        is_address
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name))
    }
}

/// Whether a path is of the console's own files, which are the same in every gate of a version and hold no data.
pub(super) fn is_of_page(path: &str) -> bool {
    path == "/" || path.starts_with("/assets/")
}

/// The tokens of a file.
///
/// # Errors
/// The operating system's reason, or that a line is too short or there is none.
pub(crate) fn tokens(path: &Path) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(path)?;
    let tokens: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if tokens.is_empty() || tokens.iter().any(|token| token.len() < MIN_TOKEN_BYTES) {
        let what = format!("each line must hold a token of {MIN_TOKEN_BYTES} characters or more");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let access = Access { hosts: vec!["gate.example".to_owned()], ..Access::default() };
        let rows = [
            (None, true),
            (Some("127.0.0.1:9439"), true),
            (Some("10.1.2.3"), true),
            (Some("[::1]:9439"), true),
            (Some("LocalHost:9439"), true),
            (Some("gate.example:9439"), true),
            (Some("evil.example:9439"), false),
            (Some("127.0.0.1.evil.example"), false),
            (Some("localhost.evil.example:9439"), false),
            (Some(""), false),
        ];
        for (host, want) in rows {
            let asked = AdminRequest { path: "/metrics", host, ..AdminRequest::default() };
            assert_eq!(access.check(&asked).is_ok(), want, "{host:?}");
            let probe = AdminRequest { path: "/healthz", host, ..AdminRequest::default() };
            assert_eq!(access.check(&probe), Ok(()));
            let verbose = AdminRequest { path: "/readyz", has_query: true, host, ..AdminRequest::default() };
            assert_eq!(access.check(&verbose).is_ok(), want, "{host:?}");
        }
    }

    #[test]
    fn tokens_and_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        fs::write(&file, "the first token of all\n\n  another token, for a change\n").unwrap();
        let access = Access { token_file: Some(file.clone()), ..Access::default() };
        let may = |access: &Access, authorization, has_certificate| {
            let asked =
                AdminRequest { path: "/metrics", host: Some("evil"), authorization, has_certificate, has_query: false };
            match access.check(&asked) {
                Ok(()) => Ok(()),
                Err(NotYet::With(token)) if token.is_good() => Ok(()),
                Err(NotYet::With(_)) => Err(Denied::Unauthorized),
                Err(NotYet::Denied(denied)) => Err(denied),
            }
        };
        let rows = [
            (Some("Bearer the first token of all"), Ok(())),
            (Some("Bearer another token, for a change"), Ok(())),
            (Some("Bearer the first token of al"), Err(Denied::Unauthorized)),
            (Some("Bearer "), Err(Denied::Unauthorized)),
            (Some("Basic the first token of all"), Err(Denied::Unauthorized)),
            (None, Err(Denied::Unauthorized)),
        ];
        for (authorization, want) in rows {
            assert_eq!(may(&access, authorization, false), want, "{authorization:?}");
        }
        assert_eq!(
            may(&access, None, true),
            Err(Denied::Unauthorized),
            "a certificate is nothing where none is asked for"
        );
        let both = Access { takes_certificates: true, ..access.clone() };
        assert_eq!((may(&both, None, true), may(&both, rows[0].0, false)), (Ok(()), Ok(())));
        assert_eq!(may(&both, None, false), Err(Denied::Unauthorized));
        for text in ["", "\n", "too short\n", "the first token of all\nshort\n"] {
            fs::write(&file, text).unwrap();
            assert!(tokens(&file).is_err() && may(&access, rows[0].0, false).is_err(), "{text:?}");
        }
        fs::write(&file, "a token that came later\n").unwrap();
        assert_eq!(may(&access, Some("Bearer a token that came later"), false), Ok(()));
        fs::remove_file(&file).unwrap();
        assert!(may(&access, Some("Bearer a token that came later"), false).is_err());
    }
}
