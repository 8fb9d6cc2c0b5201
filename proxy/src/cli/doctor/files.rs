//! Files that hold secrets, the file that the audit is written to, and the gates' own certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::doctor::checkup::Checkup;
use crate::cli::doctor::endpoint;
use crate::config::Config;
use crate::net::presented::Presented;
use crate::serve::{build, secrets};

/// Bits of a mode that let others than the owner in; a group that may read is how services are handed keys.
const OTHERS: u32 = 0o027;

pub(super) fn all(config: &Config) -> Vec<Checkup> {
    let mut checkups = vec![audit(config)];
    checkups.extend(secrets::all(config).into_iter().map(secret));
    for tls in config.gate.iter().filter_map(|gate| gate.tls.as_ref()) {
        checkups.extend(tls.identities().iter().map(|(certificate, _key)| own_certificate(certificate)));
    }
    checkups
}

fn secret(path: &Path) -> Checkup {
    let subject = path.display().to_string();
    let mode = fs::File::open(path).and_then(|file| file.metadata()).map(|found| found.permissions().mode());
    match mode {
        Err(error) => {
            let remedy = "make it readable for the user that the gate runs as, and run this as that user";
            Checkup::failed("secret", subject, format!("cannot be read: {error}"), remedy)
        }
        Ok(mode) if mode & OTHERS != 0 => {
            let found = format!("others may read or change it (mode {:o})", mode & 0o777);
            Checkup::warning("secret", subject, found, format!("chmod 600 {}", path.display()))
        }
        Ok(_) => Checkup::good("secret", subject, "readable, and for its owner and group alone"),
    }
}

fn audit(config: &Config) -> Checkup {
    match build::check_writable(config) {
        Ok(()) => Checkup::good("audit", config.audit.path.clone(), "can be written"),
        Err(error) => {
            let remedy = "make the folder, owned by the user that the gate runs as, and run this as that user";
            Checkup::failed("audit", config.audit.path.clone(), error.to_string(), remedy)
        }
    }
}

fn own_certificate(path: &Path) -> Checkup {
    let subject = path.display().to_string();
    match Presented::of_file(path) {
        // What is wrong with the file the check of the policy has told.
        None => {
            Checkup::not_checked("gate certificate", subject, "holds no certificate", "name a PEM file in [gate.tls]")
        }
        Some(certificate) => endpoint::dates("gate certificate", subject, &certificate, Timestamp::now()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::checkup::Health;

    #[test]
    fn modes_of_a_secret() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, health) in [
            (0o600, Health::Good),
            (0o640, Health::Good),
            (0o400, Health::Good),
            (0o644, Health::Warning),
            (0o660, Health::Warning),
            (0o601, Health::Warning),
        ] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(secret(file.path()).health, health, "{mode:o}");
        }
        assert_eq!(secret(Path::new("/nowhere/key")).health, Health::Failed);
    }
}
