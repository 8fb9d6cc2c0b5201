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
