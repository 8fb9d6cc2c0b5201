//! The file that follows one that is rotated. It has its first record before it gets the path, so that a process that is killed at any
//! moment leaves either the old file in its place or a new one in which the log goes on.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::observe::audit::rotate::folder_of;

/// What the name of a file ends with that is not in its place yet. It begins with a dot, so that no pattern for the audit's files
/// finds it.
const NEXT: &str = ".next";

/// Where a log's next file is begun.
pub(super) fn beside(path: &Path, log: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{log}{NEXT}"))
}

/// Gives a file that was begun beside its path that path, which must be free: another process may have taken it meanwhile.
///
/// # Errors
/// The operating system's; the file keeps its name.
pub(super) fn put_in_place(begun: &Path, path: &Path) -> io::Result<()> {
    // Other than a rename, a link takes the place of nothing.
    fs::hard_link(begun, path)?;
    fs::remove_file(begun)
}

/// Ends what a process began that was killed while it rotated: where the path is free, the newest file that was begun for it gets it.
/// What is left over of others goes, unless a process is at work on it.
///
/// # Errors
/// The operating system's.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    for begun in left_over(path)? {
        if path.try_exists()? {
            fs::remove_file(&begun)?;
        } else {
            fs::rename(&begun, path)?;
        }
    }
    Ok(())
}

/// Files that were begun for a path and that no process holds, the newest first.
fn left_over(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = folder_of(path);
    let start = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_begun = name.to_str().is_some_and(|name| name.starts_with(&start) && name.ends_with(NEXT));
        if is_begun && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_gets_a_free_path_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let begun = beside(&path, "1f");
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        finish(&path).unwrap();
        assert!(names().is_empty());
        fs::write(&begun, "new").unwrap();
        finish(&path).unwrap();
        assert_eq!((names(), fs::read_to_string(&path).unwrap()), (vec!["a".to_owned()], "new".to_owned()));
        fs::write(&begun, "stale").unwrap();
        fs::write(beside(&folder.path().join("b"), "1f"), "another's").unwrap();
        finish(&path).unwrap();
        assert_eq!(
            (names(), fs::read_to_string(&path).unwrap()),
            (vec![".b.1f.next".to_owned(), "a".to_owned()], "new".to_owned())
        );
        fs::write(&begun, "at work").unwrap();
        let held = File::open(&begun).unwrap();
        held.lock().unwrap();
        fs::remove_file(&path).unwrap();
        finish(&path).unwrap();
        assert!(begun.exists() && !path.exists(), "what a process holds is its own");
    }

    #[test]
    fn no_file_of_another_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "another's").unwrap();
        fs::write(beside(&path, "1f"), "ours").unwrap();
        assert_eq!(put_in_place(&beside(&path, "1f"), &path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        fs::remove_file(&path).unwrap();
        put_in_place(&beside(&path, "1f"), &path).unwrap();
        assert!(fs::read_to_string(&path).unwrap() == "ours" && !beside(&path, "1f").exists());
    }
}
