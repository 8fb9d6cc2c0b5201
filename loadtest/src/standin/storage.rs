//! The folder that plays S3: a bucket is a folder in it, a key a path in that.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};

/// The folder of all buckets.
#[derive(Clone, Debug)]
pub struct Storage {
    root: PathBuf,
}

impl Storage {
    /// Buckets under `root`, which is made.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(root: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&root).with_context(|| root.display().to_string())?;
        Ok(Self { root })
    }

    /// The path of an S3 URI, which stays below the root.
    fn path(&self, uri: &str) -> anyhow::Result<PathBuf> {
        let Some(key) = uri.strip_prefix("s3://").filter(|key| key.contains('/')) else {
            bail!("The specified S3 path '{uri}' is not of the form s3://bucket/prefix");
        };
        let relative = Path::new(key);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            bail!("The specified S3 path '{uri}' leaves its bucket");
        }
        Ok(self.root.join(relative))
    }

    /// Writes the rows of an UNLOAD: two slices, or one when it is not parallel. Earlier files of the same names are
    /// replaced.
    ///
    /// # Errors
    /// The path is no S3 path, or it cannot be written.
    pub fn write(&self, uri: &str, lines: &[String], parallel: bool) -> anyhow::Result<()> {
        let prefix = self.path(uri)?;
        if let Some(folder) = prefix.parent() {
            fs::create_dir_all(folder)?;
        }
        let slices: &[&str] = if parallel { &["0000_part_00", "0001_part_00"] } else { &["000"] };
        for (slice, suffix) in slices.iter().enumerate() {
            let mine = lines.iter().skip(slice).step_by(slices.len());
            let text: String = mine.flat_map(|line| [line.as_str(), "\n"]).collect();
            let mut name = prefix.as_os_str().to_owned();
            name.push(suffix);
            fs::write(PathBuf::from(name), text)?;
        }
        Ok(())
    }

    /// The lines of all files whose path begins with the prefix, in the order of their names.
    ///
    /// # Errors
    /// There are none.
    pub fn read(&self, uri: &str) -> anyhow::Result<Vec<String>> {
        let prefix = self.path(uri)?;
        let missing = || format!("The specified S3 prefix '{uri}' does not exist");
        let folder = prefix.parent().with_context(missing)?;
        let entries = fs::read_dir(folder).with_context(missing)?;
        let name = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|path| {
            path.is_file() && path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))
        });
        files.sort();
        if files.is_empty() {
            bail!(missing());
        }
        let mut lines = Vec::new();
        for path in files {
            lines.extend(fs::read_to_string(&path)?.lines().map(str::to_owned));
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::Storage;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(folder.path().join("s3")).unwrap();
        let lines: Vec<String> = (0..5).map(|line| line.to_string()).collect();
        storage.write("s3://b/x/y_", &lines, true).unwrap();
        let mut read = storage.read("s3://b/x/y_").unwrap();
        read.sort();
        assert_eq!(read, lines);
        assert!(storage.read("s3://b/x/z").is_err());
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(folder.path().to_owned()).unwrap();
        for uri in ["s3://b/../../x", "s3://../x", "s3:///etc/passwd", "/etc/passwd", "s3://b"] {
            assert!(storage.write(uri, &[], true).is_err(), "{uri}");
        }
    }
}
