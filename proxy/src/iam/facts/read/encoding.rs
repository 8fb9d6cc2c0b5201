//! From the bytes of a file to its text: gzip, UTF-16 as PowerShell writes it, a byte order mark.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

/// The longest text that a compressed file may unpack to.
const MAX_UNPACKED_BYTES: u64 = 1 << 31;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Decodes a file's bytes.
///
/// # Errors
/// Says what is wrong with them.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&GZIP) {
        let mut unpacked = Vec::new();
        let read = MultiGzDecoder::new(bytes.as_slice()).take(MAX_UNPACKED_BYTES).read_to_end(&mut unpacked);
        read.map_err(|error| format!("the gzip data is damaged: {error}"))?;
        if u64::try_from(unpacked.len()).is_ok_and(|length| length >= MAX_UNPACKED_BYTES) {
            return Err("the gzip data unpacks to more than 2 GiB".to_owned());
        }
        return decode_text(unpacked);
    }
    decode_text(bytes)
}

fn decode_text(bytes: Vec<u8>) -> Result<String, String> {
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        // JSON starts with an ASCII character, so the place of its zero byte tells the order.
        [first, 0, ..] if *first != 0 => from_utf16(&bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => from_utf16(&bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest.to_vec()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to().saturating_add(1)))
}

fn from_utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("the UTF-16 text has an odd number of bytes: it is cut off".to_owned());
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the UTF-16 text is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn encodings() {
        let text = "{\"é\": 1}";
        let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        let rows = [
            ("plain", text.as_bytes().to_vec()),
            ("byte order mark", marked(&[0xef, 0xbb, 0xbf], text.as_bytes().to_vec())),
            ("PowerShell", marked(&[0xff, 0xfe], utf16(u16::to_le_bytes))),
            ("big endian", marked(&[0xfe, 0xff], utf16(u16::to_be_bytes))),
            ("no mark", utf16(u16::to_le_bytes)),
            ("no mark, big endian", utf16(u16::to_be_bytes)),
            ("gzip", gzip.finish().unwrap()),
        ];
        for (name, bytes) in rows {
            assert_eq!(decode(bytes).as_deref(), Ok(text), "{name}");
        }
        for (bytes, why) in [
            (b"{\"a\": \"\xff\"}".to_vec(), "byte 8 is not UTF-8"),
            (vec![0xff, 0xfe, b'{'], "odd number of bytes"),
            (vec![0x1f, 0x8b, 1, 2], "gzip data is damaged"),
        ] {
            assert!(decode(bytes).unwrap_err().contains(why), "{why}");
        }
    }
}
