//! The five bytes before every message, and the lengths we accept.

/// Bytes of a frame before its body: the type and the length.
pub const HEADER_BYTES: usize = 5;

/// The longest body that PostgreSQL takes. Source: `src/include/utils/memutils.h`, `MaxAllocSize`.
pub const MAX_BODY_BYTES: usize = 0x3fff_ffff;

/// Types of the frontend's frames that the gate acts on. Source: PostgreSQL documentation, "Message Formats".
pub mod kind {
    /// `Query`.
    pub const QUERY: u8 = b'Q';
    /// `Parse`.
    pub const PARSE: u8 = b'P';
    /// `Bind`.
    pub const BIND: u8 = b'B';
    /// `Describe`.
    pub const DESCRIBE: u8 = b'D';
    /// `Execute`.
    pub const EXECUTE: u8 = b'E';
    /// `Close`.
    pub const CLOSE: u8 = b'C';
    /// `CopyData`; before the user is let in, Redshift's digest answer.
    pub const COPY_DATA: u8 = b'd';
    /// `CopyDone`.
    pub const COPY_DONE: u8 = b'c';
    /// `CopyFail`.
    pub const COPY_FAIL: u8 = b'f';
    /// `Sync`.
    pub const SYNC: u8 = b'S';
    /// `Flush`.
    pub const FLUSH: u8 = b'H';
    /// `FunctionCall`.
    pub const FUNCTION_CALL: u8 = b'F';
    /// `PasswordMessage`, `SASLInitialResponse` and their kin.
    pub const PASSWORD: u8 = b'p';
    /// Redshift: an identity provider's token. Source: aws/amazon-redshift-jdbc-driver, `core/v3/ConnectionFactoryImpl.java`.
    pub const TOKEN: u8 = b'i';
    /// `Terminate`.
    pub const TERMINATE: u8 = b'X';
    /// Compressed data, either side. Source: aws/amazon-redshift-jdbc-driver, `core/CompressedInputStream.java`.
    pub const COMPRESSED: [u8; 3] = [b'm', b'k', b'z'];
}

/// Types of the backend's frames. Source: the same.
pub mod backend {
    /// `Authentication…`.
    pub const AUTHENTICATION: u8 = b'R';
    /// `ErrorResponse`.
    pub const ERROR_RESPONSE: u8 = b'E';
    /// `ReadyForQuery`.
    pub const READY_FOR_QUERY: u8 = b'Z';
    /// `ParameterStatus`.
    pub const PARAMETER_STATUS: u8 = b'S';
    /// `BackendKeyData`.
    pub const KEY_DATA: u8 = b'K';
    /// `ParseComplete`.
    pub const PARSE_COMPLETE: u8 = b'1';
    /// `BindComplete`.
    pub const BIND_COMPLETE: u8 = b'2';
    /// `CloseComplete`.
    pub const CLOSE_COMPLETE: u8 = b'3';
    /// `NoData`.
    pub const NO_DATA: u8 = b'n';
    /// `RowDescription`.
    pub const ROW_DESCRIPTION: u8 = b'T';
    /// `ParameterDescription`.
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    /// `CommandComplete`.
    pub const COMMAND_COMPLETE: u8 = b'C';
    /// `PortalSuspended`.
    pub const PORTAL_SUSPENDED: u8 = b's';
    /// `EmptyQueryResponse`.
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    /// `CopyInResponse`.
    pub const COPY_IN_RESPONSE: u8 = b'G';
    /// `CopyOutResponse`.
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    /// `FunctionCallResponse`.
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
}

/// Type and body length of one frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The type byte.
    pub kind: u8,
    /// Bytes of the body, without type and length.
    pub body_bytes: usize,
}

impl Header {
    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_bytes(self) -> usize {
        self.body_bytes.saturating_add(HEADER_BYTES)
    }
}

/// A length below 4, negative, or beyond [`MAX_BODY_BYTES`]: the stream cannot be followed any further.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("message type {kind:#04x} has the impossible length {length}")]
pub struct BadLength {
    /// The type byte.
    pub kind: u8,
    /// The length as it was sent.
    pub length: i32,
}

/// Reads the header at the start of `bytes`; `None` when it is not complete yet.
///
/// # Errors
/// [`BadLength`].
pub fn header(bytes: &[u8]) -> Result<Option<Header>, BadLength> {
    let Some(&[kind, a, b, c, d]) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes([a, b, c, d]);
    let body_bytes = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    match body_bytes {
        Some(body_bytes) if body_bytes <= MAX_BODY_BYTES => Ok(Some(Header { kind, body_bytes })),
        _ => Err(BadLength { kind, length }),
    }
}

/// Appends a frame to `out`. Returns `false`, with `out` unchanged, when the body is beyond [`MAX_BODY_BYTES`].
#[must_use]
pub fn append(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) -> bool {
    let body_bytes = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let Some(length) = body_bytes.checked_add(4).and_then(|length| u32::try_from(length).ok()) else { return false };
    if body_bytes > MAX_BODY_BYTES {
        return false;
    }
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_table() {
        let rows: &[(&str, &[u8], Result<Option<usize>, i32>)] = &[
            ("nothing", b"", Ok(None)),
            ("four bytes", b"Q\0\0\0", Ok(None)),
            ("empty body", b"S\0\0\0\x04", Ok(Some(0))),
            ("a body", b"Q\0\0\0\x0dselect 1\0", Ok(Some(9))),
            ("length 0", b"p\0\0\0\0", Err(0)),
            ("length 3", b"Q\0\0\0\x03", Err(3)),
            ("negative", b"Q\xff\xff\xff\xf0", Err(-16)),
            ("just below the limit", b"Q\x40\0\0\x02", Ok(Some(MAX_BODY_BYTES - 1))),
            ("at the limit", b"Q\x40\0\0\x03", Ok(Some(MAX_BODY_BYTES))),
            ("just above the limit", b"Q\x40\0\0\x04", Err(0x4000_0004)),
            ("far beyond the limit", b"Q\x7f\xff\xff\xff", Err(i32::MAX)),
        ];
        for (name, bytes, want) in rows {
            let got = header(bytes).map(|header| header.map(|header| header.body_bytes)).map_err(|bad| bad.length);
            assert_eq!(&got, want, "{name}");
        }
    }

    #[test]
    fn append_writes_what_header_reads() {
        let mut out = Vec::new();
        assert!(append(&mut out, b'Q', &[b"select", b" 1\0"]));
        assert_eq!(out, b"Q\0\0\0\x0dselect 1\0");
    }
}
