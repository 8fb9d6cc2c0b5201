//! The files that a configuration names, and a hash of what they hold: a file that was only touched, or written with
//! what it already held, has not changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::config::{Config, GateSection};

/// A file whose last change is younger than this when it is read may change again without that being seen in its stamp: clocks of
/// file systems are coarse, to two seconds at worst (FAT).
const COARSEST_CLOCK_SECONDS: i64 = 2;

/// Read at one time while a file is hashed.
const CHUNK_BYTES: usize = 64 * 1024;

/// The files of organisation rules.
pub(super) fn rules(config: &Config) -> BTreeSet<&Path> {
    config.policy.rules.iter().map(PathBuf::as_path).collect()
}

/// The file of exceptions.
pub(super) fn exceptions(config: &Config) -> BTreeSet<&Path> {
    config.policy.exceptions.as_deref().into_iter().collect()
}

/// The files of IAM facts.
pub(super) fn facts(config: &Config) -> BTreeSet<&Path> {
    let facts = &config.facts;
    facts.iam.iter().chain(&facts.clusters).chain(&facts.service_control).map(PathBuf::as_path).collect()
}

/// The certificates, keys and authorities of one gate, for either side.
pub(super) fn certificates(gate: &GateSection) -> BTreeSet<&Path> {
    let mut files: BTreeSet<&Path> = gate.upstream.ca.as_deref().into_iter().collect();
    if let Some(tls) = &gate.tls {
        files.extend([tls.certificate.as_path(), tls.key.as_path()].into_iter().chain(tls.client_ca.as_deref()));
        files.extend(tls.also.iter().flat_map(|also| [also.certificate.as_path(), also.key.as_path()]));
    }
    files
}

/// The password of a gate's own connection to the cluster.
pub(super) fn password(gate: &GateSection) -> Option<&Path> {
    gate.catalog.as_ref()?.password_file.as_deref()
}

/// The key that signs the audit's checkpoints.
pub(super) fn audit_key(config: &Config) -> Option<&Path> {
    config.audit.signing_key.as_deref()
}

/// Every file that a configuration names beside itself and reads.
pub(super) fn all(config: &Config) -> BTreeSet<&Path> {
    let of_gates = config.gate.iter().flat_map(|gate| certificates(gate).into_iter().chain(password(gate)));
    let shared = rules(config).into_iter().chain(exceptions(config)).chain(facts(config)).chain(audit_key(config));
    shared.chain(of_gates).collect()
}

/// What a set of files holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents(BTreeMap<PathBuf, FileContent>);

/// What one file holds, and how it was found.
#[derive(Clone, Debug)]
struct FileContent {
    /// `None`: it cannot be read.
    digest: Option<[u8; 32]>,
    /// The stamp that proves it unchanged. `None`: only reading it tells.
    stamp: Option<Stamp>,
    /// When it was written last.
    written: Option<(i64, i64)>,
}

/// What changes with every write to a file, or when another file replaces it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a later write would show in the stamp.
    fn is_settled(self, now: Timestamp) -> bool {
        now.as_second().saturating_sub(self.changed.0) > COARSEST_CLOCK_SECONDS
    }
}

impl Contents {
    /// Reads every file of a configuration, but for those that were not touched since `before`.
    pub(super) fn read(config: &Config, before: &Self, now: Timestamp) -> Self {
        let content = |path: &Path| (path.to_owned(), FileContent::read(path, before.0.get(path), now));
        Self(all(config).into_iter().map(content).collect())
    }

    /// The files whose content changed, that are new, or that are no longer named.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a Path> {
        let digest = |contents: &'a Self, path: &Path| contents.0.get(path).map(|content| content.digest);
        let paths = self.0.keys().chain(other.0.keys()).map(PathBuf::as_path);
        paths.filter(|path| digest(self, path) != digest(other, path)).collect()
    }
}

impl Contents {
    /// Whether any of these files was written since, with whatever it held.
    pub(super) fn were_written_since(&self, later: &Self, files: &BTreeSet<&Path>) -> bool {
        let written = |contents: &Self, path: &Path| contents.0.get(path).map(|content| content.written);
        files.iter().any(|path| written(self, path) != written(later, path))
    }
}

impl FileContent {
    fn read(path: &Path, before: Option<&Self>, now: Timestamp) -> Self {
        let (mut stamp, mut written) = (None, None);
        let digest = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            let found = Stamp::of(&metadata);
            written = Some((metadata.mtime(), metadata.mtime_nsec()));
            stamp = Some(found).filter(|stamp| stamp.is_settled(now));
            match before {
                Some(before) if before.stamp == Some(found) => before.digest.ok_or(io::ErrorKind::NotFound.into()),
                _ => digest(file),
            }
        });
        Self { digest: digest.ok(), stamp, written }
    }
}

fn digest(mut file: File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(chunk.get(..count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TEXT: &str = "[policy]\nrules = [\"*.cedar\"]\n[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\n\
                        address = \"localhost:5440\"\n";

    /// What a change to a folder with the rules `a` and `b` does to them, as names of files.
    fn differing(change: impl FnOnce(&Path), later: i64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("rolegate.toml"), TEXT).unwrap();
        for name in ["a.cedar", "b.cedar"] {
            fs::write(at(name), name).unwrap();
        }
        let load = || Config::load(&at("rolegate.toml")).unwrap();
        let now = Timestamp::from_second(Timestamp::now().as_second() + later).unwrap();
        let before = Contents::read(&load(), &Contents::default(), now);
        change(folder.path());
        let after = Contents::read(&load(), &before, now);
        let names =
            before.differing(&after).into_iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        names.collect()
    }

    #[test]
    fn only_another_content_differs() {
        type Change = fn(&Path);
        let rows: [(&str, Change, &[&str]); 7] = [
            ("nothing", |_| (), &[]),
            (
                "another text of the same length",
                |folder| fs::write(folder.join("a.cedar"), "A.cedar").unwrap(),
                &["a.cedar"],
            ),
            ("the same text again", |folder| fs::write(folder.join("a.cedar"), "a.cedar").unwrap(), &[]),
            (
                "the same text in another file",
                |folder| {
                    fs::copy(folder.join("a.cedar"), folder.join("c")).unwrap();
                    fs::rename(folder.join("c"), folder.join("a.cedar")).unwrap();
                },
                &[],
            ),
            ("a file that is gone", |folder| fs::remove_file(folder.join("a.cedar")).unwrap(), &["a.cedar"]),
            ("a new one that fits", |folder| fs::write(folder.join("c.cedar"), "c").unwrap(), &["c.cedar"]),
            ("a new one that does not", |folder| fs::write(folder.join("c.txt"), "c").unwrap(), &[]),
        ];
        // Read so soon that stamps tell nothing, and so late that they do.
        for later in [0, 10] {
            for (name, change, want) in &rows {
                assert_eq!(&differing(change, later), want, "{name}, {later} s later");
            }
        }
    }

    #[test]
    fn every_file_that_is_read_is_looked_after_and_none_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        let text = TEXT.replace("[\"*.cedar\"]", "[\"rolegate.toml\"]").replace(
            "[gate.upstream]",
            "[gate.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"ca\"\nalso = [{ certificate = \"c2\", key = \"k2\" }]\n\
             [gate.catalog]\nuser = \"u\"\ndatabase = \"d\"\npassword_file = \"p\"\n[gate.upstream]\nca = \"uca\"",
        );
        let audit = "[audit]\npath = \"audit.jsonl\"\nsigning_key = \"sign\"\ncheckpoint_file = \"checkpoints\"\n";
        fs::write(&path, format!("{audit}{text}")).unwrap();
        let config = Config::load(&path).unwrap();
        let names: Vec<_> =
            all(&config).into_iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["c", "c2", "ca", "k", "k2", "p", "rolegate.toml", "sign", "uca"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_one_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = TEXT.replace("[gate.upstream]", "[gate.tls]\ncertificate = \"c\"\nkey = \"k\"\n[gate.upstream]");
        fs::write(at("rolegate.toml"), text.replace("*.cedar", "rolegate.toml")).unwrap();
        let config = Config::load(&at("rolegate.toml")).unwrap();
        let now = Timestamp::now();
        let before = Contents::read(&config, &Contents::default(), now);
        assert!(before.differing(&Contents::read(&config, &before, now)).is_empty());
        fs::write(at("k"), "key").unwrap();
        let after = Contents::read(&config, &before, now);
        assert_eq!(before.differing(&after), BTreeSet::from([at("k").as_path()]));
    }
}
