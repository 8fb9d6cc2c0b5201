//! What the gate itself says: refusals in place of the server's error, warnings, and fatal errors.
//!
//! A refused text is replaced by one bare identifier that the server's raw parser is certain to refuse; the error that
//! quotes it is rewritten here. Order, rollback, skip-to-Sync and the transaction status stay the server's own.

use bytes::{BufMut, BytesMut};
use memchr::memmem;
use pgwire::messages::Message;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

use crate::wire::frame::{self, kind};

/// SQLSTATEs by their condition names. Source: PostgreSQL documentation, "PostgreSQL Error Codes".
pub mod sqlstate {
    /// A refusal by policy.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// A body that does not fit its type, or another breach of the protocol.
    pub const PROTOCOL_VIOLATION: &str = "08P01";
    /// A prepared statement that is not there any more.
    pub const INVALID_SQL_STATEMENT_NAME: &str = "26000";
    /// A statement above the size limit.
    pub const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    /// TLS is required, or another rule of the start-up is broken.
    pub const INVALID_AUTHORIZATION: &str = "28000";
    /// A start-up request for what the gate does not offer.
    pub const FEATURE_NOT_SUPPORTED: &str = "0A000";
    /// The backend cannot be reached.
    pub const CONNECTION_FAILURE: &str = "08006";
    /// The gate's session limit.
    pub const TOO_MANY_CONNECTIONS: &str = "53300";
    /// `disk_full`.
    pub const DISK_FULL: &str = "53100";
    /// The gate is being stopped.
    pub const ADMIN_SHUTDOWN: &str = "57P01";
    /// A session was idle for too long. Source: PostgreSQL's `idle_session_timeout`.
    pub const IDLE_SESSION_TIMEOUT: &str = "57P05";
    /// Authentication took too long. Source: `src/backend/tcop/postgres.c`, `ProcessInterrupts`.
    pub const QUERY_CANCELED: &str = "57014";
    /// The gate's own notices.
    pub const WARNING: &str = "01000";
}

/// The identifier that replaces a refused text. It joins the cluster's log with the audit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nonce(String);

/// What every nonce starts with.
const NONCE_PREFIX: &str = "rolegate_refused_";

impl Nonce {
    /// A nonce made of eight random bytes.
    #[must_use]
    pub fn new(random: [u8; 8]) -> Self {
        Self(format!("{NONCE_PREFIX}{:016x}", u64::from_be_bytes(random)))
    }

    /// The whole identifier, as the server quotes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The fields of an error or warning as the client sees them, without the severity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Field `C`.
    pub sqlstate: &'static str,
    /// Field `M`.
    pub message: String,
    /// Field `D`.
    pub detail: Option<String>,
    /// Field `H`.
    pub hint: Option<String>,
    /// Field `P`: counted in characters from 1.
    pub position: Option<usize>,
}

impl Report {
    /// A report with nothing but its message.
    #[must_use]
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None, position: None }
    }

    /// Adds what the client can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn fields(&self, severity: &str, localized: bool) -> Vec<(u8, String)> {
        let mut fields = vec![(b'S', severity.to_owned())];
        if localized {
            fields.push((b'V', severity.to_owned()));
        }
        fields.push((b'C', self.sqlstate.to_owned()));
        fields.push((b'M', self.message.clone()));
        let optional = [(b'D', self.detail.clone()), (b'H', self.hint.clone())];
        fields.extend(optional.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))));
        fields.extend(self.position.map(|position| (b'P', position.to_string())));
        for (_, value) in &mut fields {
            // A NUL would end the field early and shift all that follow.
            value.retain(|character| character != '\0');
        }
        fields
    }

    /// The report as an ErrorResponse frame with severity FATAL.
    #[must_use]
    pub fn fatal(&self) -> Vec<u8> {
        error_frame(self.fields("FATAL", true))
    }

    /// The report as a NoticeResponse frame with severity WARNING.
    #[must_use]
    pub fn warning(&self) -> Vec<u8> {
        let mut out = BytesMut::new();
        // Encoding fails only for a body above 2 GiB; such a warning is dropped.
        match NoticeResponse::new(self.fields("WARNING", true)).encode(&mut out) {
            Ok(()) => out.to_vec(),
            Err(_) => Vec::new(),
        }
    }
}

/// A statement that was refused and whose error has not come back yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rejection {
    /// Stands in the text's place.
    pub nonce: Nonce,
    /// What the client is told.
    pub report: Report,
}

impl Rejection {
    /// Roughly how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Report { sqlstate: _, message, detail, hint, position: _ } = &self.report;
        let texts = [Some(message), detail.as_ref(), hint.as_ref(), Some(&self.nonce.0)];
        texts.into_iter().flatten().fold(size_of::<Self>(), |sum, text| sum.saturating_add(text.len()))
    }

    /// Whether `body`, an ErrorResponse of the server, quotes this refusal's nonce.
    #[must_use]
    pub fn is_quoted_in(&self, body: &[u8]) -> bool {
        memmem::find(body, self.nonce.as_str().as_bytes()).is_some()
    }

    /// The ErrorResponse frame that replaces the server's, whose body is `native`: severity as the server wrote it.
    #[must_use]
    pub fn rewrite(&self, native: &[u8]) -> Vec<u8> {
        let severity = field(native, b'S').unwrap_or_else(|| "ERROR".to_owned());
        let mut fields = self.report.fields(&severity, false);
        if let Some(unlocalized) = field(native, b'V') {
            fields.insert(1, (b'V', unlocalized));
        }
        error_frame(fields)
    }

    /// The `Query` frame that goes to the server instead of the refused one.
    pub fn replace_query(&self, out: &mut Vec<u8>) -> bool {
        frame::append(out, kind::QUERY, &[self.nonce.as_str().as_bytes(), b"\0"])
    }

    /// The `Parse` frame that goes to the server instead of the refused one: the same statement name, no parameters.
    pub fn replace_parse(&self, name: &[u8], out: &mut Vec<u8>) -> bool {
        frame::append(out, kind::PARSE, &[name, b"\0", self.nonce.as_str().as_bytes(), b"\0\0\0"])
    }

    /// The `Parse` frame that goes to the server instead of a message that names no text of its own, such as a refused
    /// `Bind`. Its statement name is the nonce, so that its failure touches no statement of the client's.
    pub fn replace_other(&self, out: &mut Vec<u8>) -> bool {
        self.replace_parse(self.nonce.as_str().as_bytes(), out)
    }
}

fn error_frame(fields: Vec<(u8, String)>) -> Vec<u8> {
    let mut out = BytesMut::new();
    if ErrorResponse::new(fields).encode(&mut out).is_err() {
        out.clear();
        out.put_slice(b"E\0\0\0\x05\0");
    }
    out.to_vec()
}

/// The first field `key` of an ErrorResponse body. An unfinished body yields what is there.
fn field(body: &[u8], key: u8) -> Option<String> {
    let mut fields = body.split(|byte| *byte == 0);
    let found = fields.find(|field| field.first() == Some(&key))?;
    found.get(1..).map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Rejection {
        let mut report = Report::new(sqlstate::INSUFFICIENT_PRIVILEGE, "RG201: not attached").hint("attach it");
        report.position = Some(7);
        Rejection { nonce: Nonce::new([1, 2, 3, 4, 5, 6, 7, 8]), report }
    }

    #[test]
    fn rewritten_error_keeps_the_servers_severity() {
        let native = b"SFEHLER\0VERROR\0C42601\0Msyntax error at or near \"rolegate_refused_0102030405060708\"\0P1\0\0";
        assert!(refusal().is_quoted_in(native));
        let frame = refusal().rewrite(native);
        assert_eq!(frame.get(5..), Some(&b"SFEHLER\0VERROR\0C42501\0MRG201: not attached\0Hattach it\0P7\0\0"[..]));
    }

    #[test]
    fn odd_server_errors_do_no_harm() {
        for native in [&b""[..], b"\0", b"M", b"Mrolegate_refused_0102030405060708"] {
            let frame = refusal().rewrite(native);
            assert!(frame.starts_with(b"E"), "{native:?}");
        }
        assert!(!refusal().is_quoted_in(b"SERROR\0Mrolegate_refused_ffff\0\0"));
    }

    #[test]
    fn replacements_are_whole_frames() {
        let mut out = Vec::new();
        assert!(refusal().replace_query(&mut out));
        assert!(refusal().replace_parse(b"s1", &mut out));
        let query = frame::header(&out).unwrap().unwrap().frame_bytes();
        let parse = frame::header(&out[query..]).unwrap().unwrap();
        assert_eq!(query + parse.frame_bytes(), out.len());
        let body = &out[query + frame::HEADER_BYTES..];
        assert_eq!(crate::wire::message::parse(body).unwrap().name, Some(0..2));
    }

    #[test]
    fn a_nul_in_a_text_cannot_shift_fields() {
        let report = Report::new(sqlstate::WARNING, "a\0Cxxxxx");
        assert!(memmem::find(&report.warning(), b"MaCxxxxx\0").is_some());
    }
}
