//! Which files are read: paths, folders and globs become a list, in alphabetical order.

use std::fs;
use std::path::{Path, PathBuf};

/// Where records are read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HistoryInput {
    /// Standard input.
    Stdin,
    /// A file, and its length in bytes.
    File(PathBuf, u64),
}

impl HistoryInput {
    /// The name in records and problems.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path, _) => path.display().to_string(),
        }
    }

    /// Its length, where it is known before it is read.
    #[must_use]
    pub const fn length(&self) -> u64 {
        match self {
            Self::Stdin => 0,
            Self::File(_, length) => *length,
        }
    }
}

/// The inputs that arguments name. Hidden files of a folder are left out.
///
/// # Errors
/// Names what cannot be read, or matches nothing.
pub fn expand(arguments: &[String]) -> Result<Vec<HistoryInput>, String> {
    let mut inputs = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "-" => inputs.push(HistoryInput::Stdin),
            pattern if Path::new(pattern).exists() => add(Path::new(pattern), &mut inputs)?,
            pattern => {
                let paths =
                    glob::glob(pattern).map_err(|error| format!("{pattern}: is not a path or glob: {error}"))?;
                let before = inputs.len();
                for path in paths {
                    add(&path.map_err(|error| format!("{pattern}: {error}"))?, &mut inputs)?;
                }
                if inputs.len() == before {
                    return Err(format!("{pattern}: no such file, and nothing matches it as a glob"));
                }
            }
        }
    }
    if inputs.is_empty() {
        return Err("there is nothing to read in these inputs".to_owned());
    }
    if inputs.iter().filter(|input| **input == HistoryInput::Stdin).count() > 1 {
        return Err("standard input (-) can be read once only".to_owned());
    }
    Ok(inputs)
}

fn add(path: &Path, inputs: &mut Vec<HistoryInput>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: cannot be read: {error}", path.display());
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        inputs.push(HistoryInput::File(path.to_owned(), metadata.len()));
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    entries.iter().try_for_each(|entry| add(entry, inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_globs() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.jsonl", ".hidden", "deep/c.log"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let names = |argument: &str| {
            let inputs = expand(&[format!("{}{argument}", folder.path().display())])?;
            let start = folder.path().display().to_string();
            Ok::<_, String>(inputs.iter().map(|input| input.name().replace(&start, "")).collect::<Vec<_>>())
        };
        assert_eq!(names("").unwrap(), ["/a.jsonl", "/b.csv", "/deep/c.log"]);
        assert_eq!(names("/*.csv").unwrap(), ["/b.csv"]);
        assert_eq!(names("/**/*.log").unwrap(), ["/deep/c.log"]);
        assert!(names("/*.parquet").unwrap_err().contains("nothing matches"));
        assert!(expand(&["-".to_owned(), "-".to_owned()]).is_err());
    }
}
