//! Files of an SQLite database.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Removes a database that an earlier run left, with what SQLite keeps beside it.
///
/// # Errors
/// A file is there and cannot be removed.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::remove;

    #[test]
    fn what_is_there_goes_and_what_is_not_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.sqlite", "a.sqlite-wal", "a.sqlite2"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove(&folder.path().join("a.sqlite")).unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["a.sqlite2"]);
        remove(&folder.path().join("a.sqlite")).unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        assert!(remove(&folder.path().join("b")).is_err());
    }
}
