//! The files of a log that are written no longer: their names, compression, and how long they stay.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

/// What a name ends with while its file is compressed. It begins with a dot, so that no pattern for the audit's files finds it.
const PART: &str = ".part";

/// What a file that is written no longer says in its name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct OldFile {
    /// When it was moved away, as the name has it: names sort by time.
    moved: String,
    /// The number of its first record.
    pub(super) first: u64,
    /// The log of that record.
    pub(super) log: String,
    is_compressed: bool,
    pub(super) path: PathBuf,
}

/// The path of a file that is moved away now, of which `first` is the first record.
pub(super) fn old_path(path: &Path, now: Timestamp, log: &str, first: u64) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(
        "{name}.{}.{log}.{first}",
        now.strftime("%Y%m%dT%H%M%S.%3fZ").to_string().replace('.', "")
    ))
}

impl OldFile {
    fn of(path: PathBuf, current: &OsStr) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let own = name.strip_prefix(current.to_str()?)?.strip_prefix('.')?;
        let (own, is_compressed) = own.strip_suffix(".gz").map_or((own, false), |own| (own, true));
        let mut parts = own.split('.');
        let (moved, log, first) = (parts.next()?.to_owned(), parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let is_time = moved.len() == 19 && moved.ends_with('Z');
        (is_time && parts.next().is_none()).then_some(Self { moved, first, log, is_compressed, path })
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// The file's name.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The folder in which a file stands.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The files that were moved away from `path`, the oldest first.
pub(super) fn old_files(path: &Path) -> io::Result<Vec<OldFile>> {
    let folder = folder_of(path);
    let current = path.file_name().unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.extend(OldFile::of(entry?.path(), current));
    }
    found.sort();
    Ok(found)
}

/// How long old files stay. Nothing is removed by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// So many of them.
    pub files: Option<usize>,
    /// So long after they were written last.
    pub age: Option<Duration>,
}

impl Retention {
    /// Those of `files`, the oldest first, that have to go. The oldest goes first, whatever a clock says.
    pub(super) fn too_many(self, files: &[OldFile], age: impl Fn(&OldFile) -> Option<Duration>) -> usize {
        let above = self.files.map_or(0, |kept| files.len().saturating_sub(kept));
        let is_old = |file: &OldFile| age(file).zip(self.age).is_some_and(|(age, limit)| age > limit);
        above.max(files.iter().take_while(|file| is_old(file)).count())
    }
}

/// How long ago a file was written last.
pub(super) fn age(file: &OldFile, now: SystemTime) -> Option<Duration> {
    let written = fs::metadata(&file.path).and_then(|metadata| metadata.modified()).ok()?;
    now.duration_since(written).ok()
}

/// Compresses the old files that are not yet, and clears away what an earlier try left behind.
pub(super) fn compress_all(path: &Path) -> io::Result<()> {
    for file in old_files(path)?.iter().filter(|file| !file.is_compressed) {
        compress(&file.path)?;
    }
    Ok(())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{PART}"))
}

/// Puts a compressed file in the place of a file: the one is there before the other goes.
fn compress(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let part = part(path);
    let out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut encoder = GzEncoder::new(BufWriter::new(out), Compression::default());
    io::copy(&mut BufReader::new(File::open(path)?), &mut encoder)?;
    let file = encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    fs::rename(&part, suffixed(path, ".gz"))?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn now() -> Timestamp {
        "2026-11-28T01:02:03.456Z".parse().unwrap()
    }

    #[test]
    fn names_are_read_again() {
        let path = old_path(Path::new("/var/log/audit.jsonl"), now(), "1f", 12);
        assert_eq!(path, Path::new("/var/log/audit.jsonl.20261128T010203456Z.1f.12"));
        let rows = [
            ("audit.jsonl.20261128T010203456Z.1f.12", Some(("1f", 12))),
            ("audit.jsonl.20261128T010203456Z.1f.12.gz", Some(("1f", 12))),
            (".audit.jsonl.20261128T010203456Z.1f.12.part", None),
            ("audit.jsonl", None),
            ("audit.jsonl.1", None),
            ("audit.jsonl.20261128T010203456Z.1f.x", None),
            ("other.jsonl.20261128T010203456Z.1f.12", None),
        ];
        for (name, want) in rows {
            let found = OldFile::of(PathBuf::from(name), OsStr::new("audit.jsonl"));
            assert_eq!(found.as_ref().map(|file| (file.log.as_str(), file.first)), want, "{name}");
        }
    }

    #[test]
    fn compression_leaves_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let current = folder.path().join("a");
        let old = old_path(&current, now(), "1f", 0);
        fs::write(&old, "text\n".repeat(1000)).unwrap();
        fs::write(part(&old), "half").unwrap();
        compress_all(&current).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.20261128T010203456Z.1f.0.gz"]);
        let mut text = String::new();
        let gz = File::open(suffixed(&old, ".gz")).unwrap();
        flate2::read::GzDecoder::new(gz).read_to_string(&mut text).unwrap();
        assert_eq!(text, "text\n".repeat(1000));
    }

    #[test]
    fn what_has_to_go() {
        let file = |number: u64| OldFile {
            moved: String::new(),
            first: number,
            log: String::new(),
            is_compressed: false,
            path: PathBuf::new(),
        };
        let files: Vec<OldFile> = (0..5).map(file).collect();
        let hours = |file: &OldFile| Some(Duration::from_hours(5 - file.first));
        let rows = [
            (Retention::default(), 0),
            (Retention { files: Some(2), age: None }, 3),
            (Retention { files: Some(9), age: None }, 0),
            (Retention { files: None, age: Some(Duration::from_hours(3)) }, 2),
            (Retention { files: Some(4), age: Some(Duration::from_hours(3)) }, 2),
            (Retention { files: Some(1), age: Some(Duration::from_hours(3)) }, 4),
        ];
        for (retention, want) in rows {
            assert_eq!(retention.too_many(&files, hours), want, "{retention:?}");
        }
    }
}
