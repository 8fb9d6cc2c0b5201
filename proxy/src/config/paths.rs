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
    for file in files(config) {
        *file = folder.join(&*file);
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

/// Every file, but for the audit, that is named by itself and not by a pattern.
fn files(config: &mut Config) -> Vec<&mut PathBuf> {
    let Config { audit, admin, policy, gate, .. } = config;
    let alone = [&mut audit.signing_key, &mut audit.checkpoint_file, &mut admin.token_file, &mut policy.exceptions];
    let mut files: Vec<&mut PathBuf> = alone.into_iter().flatten().collect();
    if let Some(tls) = &mut admin.tls {
        files.extend([&mut tls.certificate, &mut tls.key].into_iter().chain(&mut tls.client_ca));
    }
    for gate in gate {
        files.extend(gate.unix_socket.iter_mut().chain(&mut gate.upstream.ca));
        files.extend(gate.catalog.iter_mut().filter_map(|catalog| catalog.password_file.as_mut()));
        // What they match is looked up when it is read: other replicas go on to new files.
        files.extend(gate.coverage.iter_mut().flat_map(|coverage| &mut coverage.audit));
        if let Some(tls) = &mut gate.tls {
            files.extend([&mut tls.certificate, &mut tls.key].into_iter().chain(&mut tls.client_ca));
            files.extend(tls.also.iter_mut().flat_map(|identity| [&mut identity.certificate, &mut identity.key]));
        }
    }
    files
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
