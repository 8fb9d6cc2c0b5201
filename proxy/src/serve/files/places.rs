//! The entries of folders that decide what a configuration's files hold: the files themselves, every link on the way to them, and
//! what would fit a pattern. Kubernetes, for one, exchanges all mounted files at once by the link `..data` beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;

use crate::config::Config;
use crate::serve::inputs;

/// Links that are followed on the way to a file; the kernel gives up after as many.
const MAX_LINKS: usize = 40;

/// Entries by their folder. Folders are named as the file system names them, without links, since that is how they are watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    entries: BTreeSet<PathBuf>,
    patterns: BTreeMap<PathBuf, BTreeSet<Pattern>>,
    /// The folders of all of them.
    folders: BTreeSet<PathBuf>,
    /// Paths that were followed, as they were written: links may lead in a circle.
    followed: BTreeSet<PathBuf>,
    /// Some folder on the way to a file does not exist.
    is_broken: bool,
}

impl Places {
    /// The places of a configuration's own file and of every file that it names.
    pub(super) fn of(config: &Config) -> Self {
        let mut places = Self::default();
        places.add_file(config.source());
        for file in inputs::all(config) {
            places.add_file(file);
        }
        for pattern in config.patterns() {
            places.add_pattern(pattern);
        }
        let of_entries = places.entries.iter().filter_map(|entry| entry.parent());
        places.folders = of_entries.chain(places.patterns.keys().map(PathBuf::as_path)).map(Path::to_owned).collect();
        places
    }

    /// Every folder that has such an entry.
    pub(super) fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    /// Whether all folders are there.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_broken
    }

    /// Whether this is one of the entries, or a watched folder itself.
    pub(super) fn hold(&self, path: &Path) -> bool {
        if self.entries.contains(path) || self.folders.contains(path) {
            return true;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
        let fits = |pattern: &Pattern| pattern.matches(&name.to_string_lossy());
        self.patterns.get(folder).is_some_and(|patterns| patterns.iter().any(fits))
    }

    fn add_file(&mut self, file: &Path) {
        self.add_entry(file, MAX_LINKS);
    }

    /// Adds the entry that a path names, the links among its folders, and what the entry itself links to.
    fn add_entry(&mut self, path: &Path, links_left: usize) {
        let (Some(folder), Some(name)) = (folder_of(path), path.file_name()) else { return };
        let Some(links_left) = links_left.checked_sub(1) else { return };
        if !self.followed.insert(path.to_owned()) {
            return;
        }
        for ancestor in folder.ancestors().filter(|ancestor| ancestor.is_symlink()) {
            self.add_entry(ancestor, links_left);
        }
        let Ok(folder) = fs::canonicalize(folder) else {
            self.is_broken = true;
            return;
        };
        let entry = folder.join(name);
        if let Ok(target) = fs::read_link(&entry) {
            self.add_entry(&folder.join(target), links_left);
        }
        self.entries.insert(entry);
    }

    /// Adds, for every part of a pattern from the first that is not plain, what may fit it in the folders that fit what is before it.
    fn add_pattern(&mut self, pattern: &Path) {
        let mut before = PathBuf::new();
        let mut is_plain = true;
        for part in pattern.components() {
            let name = part.as_os_str().to_string_lossy();
            is_plain &= !matches!(part, Component::Normal(_)) || Pattern::escape(&name) == name;
            if !is_plain {
                let folders = if before.as_os_str().is_empty() { Path::new(".") } else { &before };
                if name == "**" {
                    self.add_fitting(&folders.join("**"), "*");
                }
                self.add_fitting(folders, if name == "**" { "*" } else { &name });
            }
            before.push(part);
        }
    }

    fn add_fitting(&mut self, folders: &Path, name: &str) {
        let Ok(name) = Pattern::new(name) else { return };
        let Ok(found) = glob::glob(&folders.to_string_lossy()) else { return };
        for folder in found.flatten().filter(|path| path.is_dir()) {
            for link in folder.ancestors().filter(|ancestor| ancestor.is_symlink()) {
                self.add_entry(link, MAX_LINKS);
            }
            if let Ok(folder) = fs::canonicalize(folder) {
                self.patterns.entry(folder).or_default().insert(name.clone());
            }
        }
    }
}

/// The folder of a path; the working directory, of a bare name.
fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const GATE: &str =
        "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n";

    /// The places of a configuration with these rules, whose file is `path`.
    fn places(path: &Path, rules: &str) -> Places {
        fs::write(path, format!("[policy]\nrules = [{rules}]\n{GATE}")).unwrap();
        Places::of(&Config::load(path).unwrap())
    }

    #[test]
    fn files_and_what_fits_a_pattern() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["rules/a", "rules/b", "more"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["rules/a/x.cedar", "more/y.cedar"] {
            fs::write(root.join(name), "").unwrap();
        }
        let places = places(&root.join("rolegate.toml"), "\"rules/*/x.cedar\", \"more/y.cedar\"");
        let rows = [
            ("rolegate.toml", true),
            ("rules/a/x.cedar", true),
            ("rules/b/x.cedar", true),
            ("rules/c", true),
            ("rules/a/z.cedar", false),
            ("more/y.cedar", true),
            ("more/z.cedar", false),
            ("more", true),
            ("audit.jsonl", false),
        ];
        for (name, want) in rows {
            assert_eq!(places.hold(&root.join(name)), want, "{name}");
        }
        assert!(places.is_whole());
    }

    #[test]
    fn every_link_on_the_way_is_one_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["mount/..1", "elsewhere"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        symlink("..1", root.join("mount/..data")).unwrap();
        symlink("..data/rolegate.toml", root.join("mount/rolegate.toml")).unwrap();
        symlink("../../elsewhere/r.cedar", root.join("mount/..1/r.cedar")).unwrap();
        symlink("mount", root.join("here")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        fs::write(root.join("elsewhere/r.cedar"), "").unwrap();
        let mut places = places(&root.join("here/rolegate.toml"), "\"..data/r.cedar\"");
        for name in [
            "here",
            "mount/rolegate.toml",
            "mount/..data",
            "mount/..1/rolegate.toml",
            "mount/..1/r.cedar",
            "elsewhere/r.cedar",
        ] {
            assert!(places.hold(&root.join(name)), "{name}");
        }
        assert!(!places.hold(&root.join("elsewhere/other.cedar")));
        places.add_file(&root.join("circle/x"));
        assert!(!places.is_whole());
    }
}
