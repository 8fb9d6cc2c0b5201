//! Paths and patterns: resolved against the folder of the configuration file, expanded in alphabetical order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use crate::config::Config;
use crate::config::error::Problem;

/// Resolves and expands every path of a configuration whose file is in `folder`.
pub(super) fn resolve(config: &mut Config, folder: &Path) -> Result<(), Problem> {
    if config.audit.is_file() {
        config.audit.path = folder.join(&config.audit.path).to_string_lossy().into_owned();
    }
    for gate in &mut config.gate {
        if let Some(socket) = &mut gate.unix_socket {
            *socket = folder.join(&*socket);
        }
        if let Some(ca) = &mut gate.upstream.ca {
            *ca = folder.join(&*ca);
        }
        if let Some(file) = gate.catalog.as_mut().and_then(|catalog| catalog.password_file.as_mut()) {
            *file = folder.join(&*file);
        }
        if let Some(tls) = &mut gate.tls {
            tls.certificate = folder.join(&tls.certificate);
            tls.key = folder.join(&tls.key);
            if let Some(ca) = &mut tls.client_ca {
                *ca = folder.join(&*ca);
            }
            for identity in &mut tls.also {
                identity.certificate = folder.join(&identity.certificate);
                identity.key = folder.join(&identity.key);
            }
        }
    }
    expand(&mut config.policy.rules, folder, &["policy", "rules"])?;
    expand(&mut config.facts.iam, folder, &["facts", "iam"])?;
    expand(&mut config.facts.clusters, folder, &["facts", "clusters"])?;
    expand(&mut config.facts.service_control, folder, &["facts", "service_control"])
}

/// Replaces patterns by the files that they match.
fn expand(patterns: &mut Vec<PathBuf>, folder: &Path, key: &[&str]) -> Result<(), Problem> {
    let mut files = BTreeSet::new();
    for pattern in patterns.iter() {
        let matching = matching(pattern, folder).map_err(|what| Problem::at(key, what))?;
        if matching.is_empty() {
            let shown = folder.join(pattern);
            let what = format!("\"{}\" matches no file; create the file or correct the pattern", shown.display());
            return Err(Problem::at(key, what));
        }
        files.extend(matching);
    }
    *patterns = files.into_iter().collect();
    Ok(())
}

fn matching(pattern: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    // The folder's own name is no pattern, whatever characters it has.
    let whole = if pattern.is_absolute() {
        pattern.to_owned()
    } else {
        Path::new(&Pattern::escape(&folder.to_string_lossy())).join(pattern)
    };
    let found = glob::glob(&whole.to_string_lossy())
        .map_err(|error| format!("\"{}\" is no pattern: {error}; correct it", pattern.display()))?;
    let files: Result<Vec<PathBuf>, _> =
        found.filter(|path| path.as_ref().map_or(true, |path| !path.is_dir())).collect();
    files.map_err(|error| format!("\"{}\": {error}; make the folder readable", pattern.display()))
}
