//! Reading the files of an audit, compressed or not, in the order in which they were written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::observe::audit::verify::{LinePlace, record_time};

/// Room for reading; records have some kilobytes.
const BUFFER: usize = 256 * 1024;

/// What a compressed file begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

fn failed(path: &Path) -> impl Fn(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path)?);
    let is_compressed = file.fill_buf()?.starts_with(&GZIP);
    let plain: Box<dyn Read> = if is_compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(BufReader::with_capacity(BUFFER, plain)))
}

/// The files in the order of their first records' times; one without a record keeps its place at the end. Of a file that is named
/// compressed too, only that one: for a moment both are there.
pub(super) fn in_order(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut timed = Vec::new();
    let is_named = |suffix: &str, path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        paths.iter().any(|other| *other == name)
    };
    for path in paths.iter().filter(|path| !is_named(".gz", path)) {
        let mut time = None;
        each_line_of(path, |_, line, _| {
            time = record_time(line);
            Ok(time.is_none())
        })?;
        timed.push((time.is_none(), time, path.clone()));
    }
    timed.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    Ok(timed.into_iter().map(|(.., path)| path).collect())
}

/// Shows every line of the files, less its line feed, and whether it has one, until one says that it is enough.
pub(in crate::cli) fn each_line(
    paths: &[PathBuf],
    mut show: impl FnMut(&LinePlace, &[u8], bool) -> Result<bool, String>,
) -> Result<(), String> {
    for path in paths {
        if !each_line_of(path, &mut show)? {
            return Ok(());
        }
    }
    Ok(())
}

fn each_line_of(
    path: &Path,
    mut show: impl FnMut(&LinePlace, &[u8], bool) -> Result<bool, String>,
) -> Result<bool, String> {
    let mut file = open(path).map_err(failed(path))?;
    let mut place = LinePlace { file: path.display().to_string(), line: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(failed(path))? == 0 {
            return Ok(true);
        }
        place.line = place.line.saturating_add(1);
        let (text, is_ended) = line.strip_suffix(b"\n").map_or((line.as_slice(), false), |text| (text, true));
        if !show(&place, text, is_ended)? {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn compressed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn record(time: &str) -> String {
        format!("{{\"v\":2,\"log\":\"l\",\"seq\":1,\"prev\":null,\"id\":\"x\",\"time\":\"{time}\"}}\n")
    }

    /// The files' names, in the order in which they are read.
    fn order(files: &[(&str, Vec<u8>)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let write = |(name, bytes): &(&str, Vec<u8>)| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths: Vec<PathBuf> = files.iter().map(write).collect();
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        in_order(&paths).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn files_stand_in_the_order_of_their_first_records() {
        let [first, second, third] =
            ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"].map(record);
        let late_first = format!("{second}{first}");
        assert_eq!(
            order(&[("c", third.clone().into()), ("a", first.clone().into()), ("b", late_first.into())]),
            ["a", "b", "c"]
        );
        assert_eq!(order(&[("b", compressed(&third)), ("a", compressed(&first))]), ["a", "b"]);
        let noise = format!("\nno record\n{first}");
        assert_eq!(
            order(&[("b", second.clone().into()), ("a", noise.into())]),
            ["a", "b"],
            "the first that is a record"
        );
        assert_eq!(
            order(&[("z", Vec::new()), ("y", b"nothing\n".to_vec()), ("a", third.into())]),
            ["a", "z", "y"],
            "without a record, at the end as given"
        );
    }

    /// While a file is being compressed both are there: the records count once.
    #[test]
    fn a_file_that_is_compressed_too_counts_once() {
        let text = record("2026-01-01T00:00:00Z");
        let both = [
            ("a.jsonl", text.clone().into_bytes()),
            ("a.jsonl.gz", compressed(&text)),
            ("a.jsonl.gzip", text.clone().into_bytes()),
        ];
        assert_eq!(order(&both), ["a.jsonl.gz", "a.jsonl.gzip"]);
        assert_eq!(order(&both[..1]), ["a.jsonl"]);
    }

    /// (bytes, lines with their numbers and whether they end)
    #[test]
    fn lines_are_counted_in_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let rows: &[(Vec<u8>, &[(u64, &str, bool)])] = &[
            (Vec::new(), &[]),
            (b"one".to_vec(), &[(1, "one", false)]),
            (b"one\n".to_vec(), &[(1, "one", true)]),
            (b"one\n\ntwo".to_vec(), &[(1, "one", true), (2, "", true), (3, "two", false)]),
            (b"one\r\n".to_vec(), &[(1, "one\r", true)]),
            (compressed("one\ntwo\n"), &[(1, "one", true), (2, "two", true)]),
            ([compressed("one\n"), compressed("two\n")].concat(), &[(1, "one", true), (2, "two", true)]),
        ];
        for (bytes, want) in rows {
            std::fs::write(&path, bytes).unwrap();
            let mut seen = Vec::new();
            each_line(&[path.clone(), path.clone()], |place, line, is_ended| {
                seen.push((place.line, String::from_utf8(line.to_vec()).unwrap(), is_ended));
                Ok(true)
            })
            .unwrap();
            let once: Vec<_> = want.iter().map(|(number, text, ends)| (*number, (*text).to_owned(), *ends)).collect();
            assert_eq!(seen, [once.clone(), once].concat());
        }
    }

    #[test]
    fn reading_stops_when_it_is_enough_and_errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let mut seen = 0;
        each_line(&[path.clone(), path.clone()], |_, _, _| {
            seen += 1;
            Ok(seen < 3)
        })
        .unwrap();
        assert_eq!(seen, 3, "the last of them in the second file");
        assert_eq!(each_line(std::slice::from_ref(&path), |_, _, _| Err("no".to_owned())), Err("no".to_owned()));
        let missing = folder.path().join("missing");
        let told = each_line(std::slice::from_ref(&missing), |_, _, _| Ok(true)).unwrap_err();
        assert!(told.starts_with(&format!("{}: ", missing.display())), "{told}");
        std::fs::write(&path, &compressed("one\ntwo\n")[..12]).unwrap();
        let told = each_line(std::slice::from_ref(&path), |_, _, _| Ok(true)).unwrap_err();
        assert!(told.starts_with(&format!("{}: ", path.display())), "a file that is cut off: {told}");
    }
}
