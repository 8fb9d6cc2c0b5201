//! Where lines go: standard output, or a file that may be moved, removed, replaced or cut under us.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How the file stands to what its path names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FileStanding {
    /// It is the file, with all that was written.
    Same,
    /// The path names another file, or none.
    Replaced,
    /// It is shorter than what was written.
    Truncated,
}

/// A file, or something like one.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    identity: (u64, u64),
    /// A pipe or a device has no end to go on from.
    is_regular: bool,
    is_locked: bool,
    size: u64,
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl LogFile {
    /// Opens a file to append to, readable by its owner only when it is made here.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Self::of(file, path)
    }

    /// Begins an empty file under another name than the path that it will have.
    pub(super) fn begin(path: &Path, at: &Path) -> io::Result<Self> {
        match fs::remove_file(at) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(at)?;
        Self::of(file, path)
    }

    fn of(file: File, path: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut opened = Self {
            path: path.to_owned(),
            identity: identity(&metadata),
            is_regular: metadata.is_file(),
            size: metadata.len(),
            is_locked: false,
            file,
        };
        opened.lock();
        Ok(opened)
    }

    /// Whether no other process writes the file. Where files cannot be locked, none does.
    pub(super) fn lock(&mut self) -> bool {
        let is_held_by_another = || matches!(self.file.try_lock(), Err(TryLockError::WouldBlock));
        self.is_locked = self.is_locked || !self.is_regular || !is_held_by_another();
        self.is_locked
    }

    pub(super) fn is_regular(&self) -> bool {
        self.is_regular
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How the file stands to its path now.
    pub(super) fn standing(&self) -> FileStanding {
        match fs::metadata(&self.path) {
            Ok(named) if identity(&named) != self.identity => FileStanding::Replaced,
            Ok(named) if self.is_regular && named.len() < self.size => FileStanding::Truncated,
            Ok(_) => FileStanding::Same,
            Err(_gone) => FileStanding::Replaced,
        }
    }

    /// What is written from now on stands at the beginning.
    pub(super) fn begin_again(&mut self) {
        self.size = 0;
    }

    /// Sees to it that what was written outlives the machine.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.is_regular { self.file.sync_data() } else { Ok(()) }
    }
}

/// Where lines go.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard output.
    Stdout,
    /// A file.
    File(LogFile),
}

/// A write that failed, after so many bytes.
#[derive(Debug)]
pub(super) struct WriteFailure {
    pub(super) written: usize,
    pub(super) error: io::Error,
}

impl Sink {
    /// The regular file, if it is one.
    pub(super) fn file(&mut self) -> Option<&mut LogFile> {
        match self {
            Self::File(file) if file.is_regular => Some(file),
            Self::Stdout | Self::File(_) => None,
        }
    }

    /// Writes all of `bytes`, or says how many of them.
    pub(super) fn append(&mut self, bytes: &[u8], is_synced: bool) -> Result<(), WriteFailure> {
        let result = match self {
            Self::Stdout => write_counted(&mut io::stdout().lock(), bytes),
            Self::File(file) => write_counted(&mut file.file, bytes),
        };
        let written = result.as_ref().map_or_else(|failure| failure.written, |()| bytes.len());
        if let Self::File(file) = self {
            file.size = file.size.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
            if is_synced && result.is_ok() {
                return file.sync().map_err(|error| WriteFailure { written, error });
            }
        }
        result
    }
}

fn write_counted(out: &mut impl Write, bytes: &[u8]) -> Result<(), WriteFailure> {
    let mut rest = bytes;
    let failed = |rest: &[u8], error| WriteFailure { written: bytes.len().saturating_sub(rest.len()), error };
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => return Err(failed(rest, io::Error::from(io::ErrorKind::WriteZero))),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(rest, error)),
        }
    }
    out.flush().map_err(|error| failed(rest, error))
}

/// Whether a file can be appended to, without leaving one behind that was not there.
///
/// # Errors
/// The operating system's reason.
pub fn check(path: &Path) -> io::Result<()> {
    let is_there = path.try_exists()?;
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if is_there { Ok(()) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut sink = Sink::File(LogFile::open(&path).unwrap());
        sink.append(b"0123456789", false).unwrap();
        let standing = |sink: &mut Sink| sink.file().unwrap().standing();
        assert_eq!(standing(&mut sink), FileStanding::Same);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
        assert_eq!(standing(&mut sink), FileStanding::Truncated);
        sink.file().unwrap().begin_again();
        assert_eq!(standing(&mut sink), FileStanding::Same);
        assert!(sink.file().unwrap().lock());
        assert!(!LogFile::open(&path).unwrap().is_locked, "one process writes a log");
        fs::remove_file(&path).unwrap();
        assert_eq!(standing(&mut sink), FileStanding::Replaced);
        fs::write(&path, "another").unwrap();
        assert_eq!(standing(&mut sink), FileStanding::Replaced);
    }

    #[test]
    fn a_write_that_fails_says_how_far_it_came() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let count = bytes.len().min(self.0).min(3);
                self.0 -= count;
                if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert_eq!(write_counted(&mut Full(7), b"0123456789").unwrap_err().written, 7);
        assert!(write_counted(&mut Full(10), b"0123456789").is_ok());
        let mut device = Sink::File(LogFile::open(Path::new("/dev/full")).unwrap());
        assert!(device.file().is_none() && device.append(b"x", false).unwrap_err().written == 0);
    }

    #[test]
    fn a_check_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        check(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "x").unwrap();
        check(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x");
        assert!(check(&folder.path().join("no/a")).is_err());
    }
}
