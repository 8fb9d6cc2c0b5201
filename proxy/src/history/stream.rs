//! The bytes of an input: decompressed, and counted as they come.

use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::history::block::MAX_RECORD_BYTES;
use crate::history::input::HistoryInput;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// How much of an input is looked at to tell what it holds.
const HEAD_BYTES: usize = 256 * 1024;

/// Source: RFC 1952, 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Source: RFC 8878, 3.1.1.
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A readable input.
pub type ByteStream = Box<dyn Read + Send>;

/// Bytes that were taken from files so far, before they were decompressed.
pub type BytesRead = Arc<AtomicU64>;

/// Opens an input and decompresses what is compressed by gzip or Zstandard.
///
/// # Errors
/// It cannot be opened or read.
pub fn open(input: &HistoryInput, read: &BytesRead) -> io::Result<ByteStream> {
    match input {
        HistoryInput::Stdin => decompressed(Box::new(io::stdin()), read),
        HistoryInput::File(path, _) => decompressed(Box::new(File::open(path)?), read),
    }
}

/// The first bytes of a stream, with a whole line where there is one that a record can have; and the stream with all of its bytes.
/// What cannot be read further ends the head.
#[must_use]
pub fn head(mut bytes: ByteStream) -> (Vec<u8>, ByteStream) {
    let mut head = Vec::new();
    let mut wanted = HEAD_BYTES;
    loop {
        let missing = wanted.saturating_sub(head.len());
        match bytes.by_ref().take(u64::try_from(missing).unwrap_or(u64::MAX)).read_to_end(&mut head) {
            Err(error) => return (head.clone(), Box::new(Cursor::new(head).chain(Failed(Some(error))))),
            Ok(count) if count < missing || memchr::memchr(b'\n', &head).is_some() || wanted >= MAX_RECORD_BYTES => {
                return (head.clone(), Box::new(Cursor::new(head).chain(bytes)));
            }
            Ok(_) => wanted = wanted.saturating_mul(4),
        }
    }
}

/// A stream that failed.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn decompressed(raw: ByteStream, read: &BytesRead) -> io::Result<ByteStream> {
    let mut raw = CountedBytes { raw, read: Arc::clone(read) };
    let start = start_of(&mut raw)?;
    let whole = Cursor::new(start.clone()).chain(raw);
    // What is plain is read in large pieces by whoever cuts it into blocks.
    let in_pieces = |whole| BufReader::with_capacity(CHUNK_BYTES, whole);
    Ok(if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(in_pieces(whole)))
    } else if start == ZSTANDARD {
        Box::new(Frames { rest: Some(Box::new(in_pieces(whole))), frame: None })
    } else {
        Box::new(whole)
    })
}

/// The first four bytes, or fewer.
fn start_of(raw: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut start)?;
    Ok(start)
}

struct CountedBytes {
    raw: ByteStream,
    read: BytesRead,
}

impl Read for CountedBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.read.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

/// Zstandard frames one after the other, as `zstd` and `cat` make them.
struct Frames {
    rest: Option<ByteStream>,
    frame: Option<StreamingDecoder<ByteStream, ruzstd::decoding::FrameDecoder>>,
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer).map_err(|error| io::Error::new(ErrorKind::UnexpectedEof, error))?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.rest = self.frame.take().map(StreamingDecoder::into_inner);
            }
            let Some(mut rest) = self.rest.take() else { return Ok(0) };
            let start = start_of(&mut rest)?;
            if start.is_empty() {
                return Ok(0);
            }
            let whole: ByteStream = Box::new(Cursor::new(start).chain(rest));
            let frame = StreamingDecoder::new(whole);
            self.frame = Some(frame.map_err(|error| io::Error::new(ErrorKind::UnexpectedEof, error.to_string()))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> (Vec<u8>, Option<ErrorKind>) {
        let mut stream = decompressed(Box::new(Cursor::new(bytes)), &BytesRead::default()).unwrap();
        let mut text = Vec::new();
        let error = stream.read_to_end(&mut text).err().map(|error| error.kind());
        (text, error)
    }

    #[test]
    fn compressed_or_not() {
        let text = b"line\n".repeat(20_000);
        let twice = [text.as_slice(), &text].concat();
        let zstandard = |bytes: &[u8]| compress_to_vec(bytes, CompressionLevel::Fastest);
        assert_eq!(read(text.clone()), (text.clone(), None));
        assert_eq!(read(gzip(&text)), (text.clone(), None));
        assert_eq!(read([gzip(&text), gzip(&text)].concat()), (twice.clone(), None));
        assert_eq!(read(zstandard(&text)), (text.clone(), None));
        assert_eq!(read([zstandard(&text), zstandard(&text)].concat()), (twice, None));
        assert_eq!(read(Vec::new()), (Vec::new(), None));
    }

    #[test]
    fn what_was_cut_off_is_read_as_far_as_it_goes() {
        let numbers: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
        let numbers = numbers.join("\n") + "\n";
        let text = numbers.as_bytes();
        let mut cut = gzip(text);
        cut.truncate(cut.len() / 2);
        let (found, error) = read(cut);
        assert!(text.starts_with(&found) && !found.is_empty());
        assert_eq!(error, Some(ErrorKind::UnexpectedEof));
        let mut cut = compress_to_vec(text, CompressionLevel::Fastest);
        cut.truncate(cut.len() / 2);
        let (found, error) = read(cut);
        assert!(text.starts_with(&found));
        assert!(error.is_some());
    }
}
