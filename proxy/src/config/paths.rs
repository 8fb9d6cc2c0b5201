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
    for file in [&mut config.audit.signing_key, &mut config.audit.checkpoint_file].into_iter().flatten() {
        *file = folder.join(&*file);
    }
    if let Some(file) = &mut config.admin.token_file {
        *file = folder.join(&*file);
    }
    if let Some(tls) = &mut config.admin.tls {
        for file in [Some(&mut tls.certificate), Some(&mut tls.key), tls.client_ca.as_mut()].into_iter().flatten() {
            *file = folder.join(&*file);
        }
    }
    if let Some(exceptions) = &mut config.policy.exceptions {
        *exceptions = folder.join(&*exceptions);
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
    let mut patterns = Vec::new();
    for (files, key) in [
        (&mut config.policy.rules, ["policy", "rules"]),
        (&mut config.facts.iam, ["facts", "iam"]),
        (&mut config.facts.clusters, ["facts", "clusters"]),
        (&mut config.facts.service_control, ["facts", "service_control"]),
    ] {
        patterns.extend(files.iter().map(|pattern| resolved(pattern, folder)));
        expand(files, folder, &key)?;
    }
    config.patterns = patterns;
    Ok(())
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

/// A pattern with the folder before it, whose own name is no pattern, whatever characters it has.
fn resolved(pattern: &Path, folder: &Path) -> PathBuf {
    if pattern.is_absolute() {
        return pattern.to_owned();
    }
    Path::new(&Pattern::escape(&folder.to_string_lossy())).join(pattern)
}

fn matching(pattern: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let found = glob::glob(&resolved(pattern, folder).to_string_lossy())
        .map_err(|error| format!("\"{}\" is not a valid pattern: {error}", pattern.display()))?;
    let files: Result<Vec<PathBuf>, _> =
        found.filter(|path| path.as_ref().map_or(true, |path| !path.is_dir())).collect();
    files.map_err(|error| format!("\"{}\": {error}; make the folder readable", pattern.display()))
}
