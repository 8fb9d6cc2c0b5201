//! Whether the secrets that a configuration names are there and for the gate alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::serve::error::BuildError;

/// Permission of those who are neither the owner nor of its group.
const OTHERS_MAY_READ: u32 = 0o004;

/// Every secret is there, and not everybody on the machine may read it.
///
/// # Errors
/// [`BuildError`], the first that is not.
pub(super) fn check(config: &Config) -> Result<(), BuildError> {
    all(config).into_iter().try_for_each(one)
}

/// Private keys, passwords and tokens: every file of a configuration that holds a secret.
#[must_use]
pub fn all(config: &Config) -> Vec<&Path> {
    let of_gates = config.gate.iter().flat_map(|gate| {
        let keys =
            gate.tls.iter().flat_map(|tls| std::iter::once(&tls.key).chain(tls.also.iter().map(|also| &also.key)));
        keys.chain(gate.catalog.iter().filter_map(|catalog| catalog.password_file.as_ref()))
    });
    let admin = &config.admin;
    let of_admin = admin.token_file.iter().chain(admin.tls.iter().map(|tls| &tls.key));
    of_gates.chain(of_admin).chain(&config.audit.signing_key).map(PathBuf::as_path).collect()
}

fn one(path: &Path) -> Result<(), BuildError> {
    let missing = |source| BuildError::Secret { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(missing)?.permissions().mode();
    // Reading shows what the mode does not: that it is not ours.
    fs::read(path).map_err(missing)?;
    if mode & OTHERS_MAY_READ == 0 { Ok(()) } else { Err(BuildError::Exposed { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_and_group() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(one(&path), Err(BuildError::Secret { .. })));
        fs::write(&path, "x").unwrap();
        for (mode, is_good) in [(0o600, true), (0o640, true), (0o644, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(one(&path).is_ok(), is_good, "{mode:o}");
        }
    }
}
