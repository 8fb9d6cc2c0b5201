//! Handshakes between the two legs' settings, over certificates made for the test.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::duplex;

use super::*;

/// An authority and certificates of it, in files.
struct Made {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Made {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let made = Self { folder: tempfile::tempdir().unwrap(), authority };
        fs::write(made.path("ca.crt"), made.authority.pem()).unwrap();
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files of a certificate for this name, and of its key.
    fn identity(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.authority).unwrap();
        let files = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

fn frontend(identities: &[(PathBuf, PathBuf)]) -> Frontend<'_> {
    Frontend { identities, client_authorities: None, client_certificate_required: false, only_tls13: false }
}

/// Whether a handshake under this name succeeds.
fn shakes_hands(acceptor: &TlsAcceptor, connector: &TlsConnector, name: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (client, server) = duplex(1024);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let (accepted, connected) = tokio::join!(acceptor.accept(server), connector.connect(name, client));
        accepted.is_ok() && connected.is_ok()
    })
}

/// (what is verified, whether the authority is known, the name that is asked for, whether it is enough)
#[test]
fn as_much_is_verified_as_is_asked_for() {
    use Verify::{Authority, Full, Nothing};
    let (made, other) = (Made::new(), Made::new());
    let identities = [made.identity("gate.example")];
    let acceptor = acceptor(&frontend(&identities)).unwrap();
    let rows = [
        (Full, true, "gate.example", true),
        (Full, true, "other.example", false),
        (Full, false, "gate.example", false),
        (Authority, true, "other.example", true),
        (Authority, false, "gate.example", false),
        (Nothing, false, "other.example", true),
    ];
    for (verify, is_known, name, want) in rows {
        let authorities = if is_known { made.path("ca.crt") } else { other.path("ca.crt") };
        let connector = connector(verify, Some(&authorities)).unwrap();
        assert_eq!(shakes_hands(&acceptor, &connector, name), want, "{verify:?} {is_known} {name}");
    }
}

#[test]
fn a_client_certificate_is_asked_for_where_authorities_are_named() {
    let made = Made::new();
    let (identities, authorities) = ([made.identity("gate.example")], made.path("ca.crt"));
    let connector = connector(Verify::Full, Some(&authorities)).unwrap();
    for (required, want) in [(false, true), (true, false)] {
        let asking = Frontend {
            client_authorities: Some(&authorities),
            client_certificate_required: required,
            ..frontend(&identities)
        };
        assert_eq!(shakes_hands(&acceptor(&asking).unwrap(), &connector, "gate.example"), want, "{required}");
    }
}

#[test]
fn what_cannot_be_used_is_named_by_its_file() {
    let made = Made::new();
    let (one, two) = (made.identity("one.example"), made.identity("two.example"));
    fs::write(made.path("empty.crt"), "").unwrap();
    let rows = [
        ((made.path("missing.crt"), one.1.clone()), "missing.crt: cannot read a PEM certificate"),
        ((made.path("empty.crt"), one.1.clone()), "empty.crt: holds no certificate"),
        ((one.0.clone(), made.path("missing.key")), "missing.key: cannot read a PEM private key"),
        ((one.0.clone(), two.1.clone()), "one.example.crt: cannot be used with its key"),
    ];
    for (files, want) in rows {
        let error = acceptor(&frontend(&[files])).err().unwrap().to_string();
        assert!(error.contains(want), "{error}");
    }
}
