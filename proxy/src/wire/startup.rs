//! The packets before the first typed message: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::net::socket::Socket;
use crate::net::stream::Stream;
use crate::net::tls::ALPN;
use crate::wire::answer::{Report, sqlstate};

/// Longest start-up packet, its length included. Source: `src/include/libpq/pqcomm.h`, `MAX_STARTUP_PACKET_LENGTH`.
const MAX_PACKET_BYTES: usize = 10_004;

/// Request codes. Source: `src/include/libpq/pqcomm.h`.
const SSL_REQUEST_CODE: u32 = 80_877_103;
const GSSENC_REQUEST_CODE: u32 = 80_877_104;
const CANCEL_REQUEST_CODE: u32 = 80_877_102;

/// Cancel keys: 4 bytes in protocol 3.0, up to 256 in 3.2; before them length, code and process number.
const CANCEL_PACKET_BYTES: std::ops::RangeInclusive<usize> = 13..=268;

/// The first byte of a TLS record that holds a ClientHello.
const TLS_HANDSHAKE: u8 = 0x16;

/// How a connection begins, once it has said what it wants.
#[derive(Debug)]
pub enum Opening {
    /// A session.
    Session(Stream, StartupMessage),
    /// A CancelRequest, as it came.
    Cancel(Stream, Vec<u8>),
}

/// A StartupMessage that the gate accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StartupMessage {
    /// The packet for the backend: as it came, less `_pq_.compression`.
    pub packet: Vec<u8>,
    /// `user`, empty when absent (native identity provider logins).
    pub user: String,
    /// `database`, or the user's name when absent, as the server does it.
    pub database: String,
    /// `application_name`, or empty.
    pub application: String,
    /// `client_encoding`, when given.
    pub client_encoding: Option<String>,
    /// `options`, when given: command-line settings of the server's process.
    pub options: Option<String>,
}

/// Why a connection ends before it is a session.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The client went away or sends nothing that can be answered.
    #[error("the frontend closed the connection or broke the protocol: {0}")]
    Gone(#[from] io::Error),
    /// The TLS handshake failed.
    #[error("TLS handshake with the frontend failed: {0}")]
    Handshake(io::Error),
    /// The client is told why.
    #[error("{}", report.message)]
    Refused {
        /// The connection to say it on.
        stream: Box<Stream>,
        /// What the client is told.
        report: Report,
    },
}

/// What the frontend's leg offers.
#[derive(Clone, Default)]
pub struct Offer {
    /// TLS, when there is a certificate.
    pub tls: Option<TlsAcceptor>,
    /// Sessions without TLS are refused.
    pub tls_required: bool,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Offer").field("tls_required", &self.tls_required).finish_non_exhaustive()
    }
}

/// Negotiates with a new connection until it is a session or a cancel request. Every packet is read exactly, so that bytes
/// sent ahead of a TLS handshake stay in the socket, where the handshake trips over them (CVE-2021-23214). The caller
/// sets the deadline; cancelling drops the connection.
///
/// # Errors
/// [`StartupError`].
pub async fn negotiate(socket: Socket, offer: &Offer) -> Result<Opening, StartupError> {
    let first = socket.first_byte().await?;
    let is_local = first.is_none();
    let mut stream = Stream::Plain(socket);
    if first == Some(TLS_HANDSHAKE) {
        stream = direct_tls(stream, offer).await?;
    }
    let (mut asked_ssl, mut asked_gss) = (false, false);
    loop {
        let (code, packet) = read_packet(&mut stream).await?;
        match code {
            SSL_REQUEST_CODE if !asked_ssl && !stream.is_tls() => {
                asked_ssl = true;
                if let Some(acceptor) = offer.tls.as_ref().filter(|_| !is_local) {
                    stream.write_all(b"S").await?;
                    stream = accept_tls(stream, acceptor).await?;
                } else {
                    stream.write_all(b"N").await?;
                }
            }
            GSSENC_REQUEST_CODE if !asked_gss && !stream.is_tls() => {
                asked_gss = true;
                stream.write_all(b"N").await?;
            }
            CANCEL_REQUEST_CODE if CANCEL_PACKET_BYTES.contains(&packet.len()) => {
                return Ok(Opening::Cancel(stream, packet));
            }
            CANCEL_REQUEST_CODE => return Err(broken("a cancel request of impossible length")),
            version if version >> 16 == 3 => return open_session(stream, is_local, offer, &packet),
            // A second request for encryption, or one inside it, is taken for a protocol version, as PostgreSQL takes it.
            version => {
                return Err(StartupError::Refused { stream: Box::new(stream), report: unsupported_protocol(version) });
            }
        }
    }
}

/// PostgreSQL's answer to a protocol that it does not speak. Source: `src/backend/postmaster/postmaster.c`,
/// `ProcessStartupPacket`.
fn unsupported_protocol(version: u32) -> Report {
    let (major, minor) = (version >> 16, version & 0xffff);
    let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0");
    Report::new(sqlstate::FEATURE_NOT_SUPPORTED, message)
}

fn open_session(stream: Stream, is_local: bool, offer: &Offer, packet: &[u8]) -> Result<Opening, StartupError> {
    let refused = |stream, report| Err(StartupError::Refused { stream: Box::new(stream), report });
    // Nobody can listen in on a Unix socket.
    if offer.tls_required && !stream.is_tls() && !is_local {
        let report = Report::new(sqlstate::INVALID_AUTHORIZATION, "this gate takes sessions over TLS only")
            .hint("set sslmode=require (or verify-full) in the client");
        return refused(stream, report);
    }
    match StartupMessage::read(packet) {
        Ok(startup) => Ok(Opening::Session(stream, startup)),
        Err(report) => refused(stream, report),
    }
}

impl StartupMessage {
    /// Reads a whole StartupMessage packet, length and version included. Of a parameter that is given twice the last one
    /// counts, as in PostgreSQL, and only it is passed on, so that no server can read another one than the gate. A value that
    /// is not UTF-8 is passed on as it is, for the server to judge; the gate reads it with replacement characters.
    ///
    /// # Errors
    /// What the client is to be told.
    pub fn read(packet: &[u8]) -> Result<Self, Report> {
        let (prefix, body) = packet.split_at_checked(8).ok_or_else(malformed)?;
        let pairs = parameters(body)?;
        let last = |parameter| pairs.iter().rposition(|(key, _)| Read::of(key) == Some(parameter));
        let counts = Read::VARIANTS.map(last);
        let mut kept = prefix.to_vec();
        for (place, &(key, value)) in pairs.iter().enumerate() {
            if key.eq_ignore_ascii_case(b"replication") && !is_off(value) {
                let message = "replication connections do not pass this gate";
                return Err(Report::new(sqlstate::FEATURE_NOT_SUPPORTED, message));
            }
            // If the server accepted it, it would wrap its messages, and the gate would see nothing.
            if key.eq_ignore_ascii_case(b"_pq_.compression") {
                continue;
            }
            if Read::of(key).is_some() && !counts.contains(&Some(place)) {
                continue;
            }
            for part in [key, b"\0", value, b"\0"] {
                kept.extend_from_slice(part);
            }
        }
        kept.push(0);
        let length = u32::try_from(kept.len()).map_err(|_long| malformed())?;
        kept.splice(..4, length.to_be_bytes());
        let value = |place: usize| pairs.get(place).map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let [user, database, application, client_encoding, options] = counts.map(|place| place.and_then(value));
        let user = user.unwrap_or_default();
        let database = database.filter(|name| !name.is_empty()).unwrap_or_else(|| user.clone());
        let application = application.unwrap_or_default();
        Ok(Self { packet: kept, user, database, application, client_encoding, options })
    }
}

/// The start-up parameters that the gate reads, in the order in which they are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Read {
    User,
    Database,
    Application,
    ClientEncoding,
    Options,
}

impl Read {
    const VARIANTS: [Self; 5] = [Self::User, Self::Database, Self::Application, Self::ClientEncoding, Self::Options];

    /// The parameter of this name. Those that are settings of the server are named in any case. Source: PostgreSQL,
    /// `src/backend/postmaster/postmaster.c`, `ProcessStartupPacket`.
    fn of(key: &[u8]) -> Option<Self> {
        match key {
            b"user" => Some(Self::User),
            b"database" => Some(Self::Database),
            b"options" => Some(Self::Options),
            _ if key.eq_ignore_ascii_case(b"application_name") => Some(Self::Application),
            _ if key.eq_ignore_ascii_case(b"client_encoding") => Some(Self::ClientEncoding),
            _ => None,
        }
    }
}

fn malformed() -> Report {
    Report::new(sqlstate::PROTOCOL_VIOLATION, "invalid startup packet layout")
}

/// The keys and values of a StartupMessage behind its version: pairs of strings, and a NUL behind the last.
fn parameters(body: &[u8]) -> Result<Vec<(&[u8], &[u8])>, Report> {
    let body = body.strip_suffix(b"\0").ok_or_else(malformed)?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let mut strings = body.strip_suffix(b"\0").ok_or_else(malformed)?.split(|byte| *byte == 0);
    let mut pairs = Vec::new();
    while let Some(key) = strings.next() {
        let value = strings.next().filter(|_| !key.is_empty()).ok_or_else(malformed)?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The values that PostgreSQL reads as "no replication". Source: `src/backend/postmaster/postmaster.c`.
fn is_off(value: &[u8]) -> bool {
    [&b"false"[..], b"off", b"no", b"0", b"f", b"n"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

async fn read_packet(stream: &mut Stream) -> Result<(u32, Vec<u8>), StartupError> {
    let length = stream.read_u32().await?;
    let bytes = usize::try_from(length).ok().filter(|bytes| (8..=MAX_PACKET_BYTES).contains(bytes));
    let bytes = bytes.ok_or_else(|| broken("a start-up packet of impossible length"))?;
    let mut packet = vec![0_u8; bytes];
    let (head, rest) = packet.split_at_mut(4);
    head.copy_from_slice(&length.to_be_bytes());
    stream.read_exact(rest).await?;
    let code = rest.first_chunk().map(|code| u32::from_be_bytes(*code)).unwrap_or_default();
    Ok((code, packet))
}

async fn accept_tls(stream: Stream, acceptor: &TlsAcceptor) -> Result<Stream, StartupError> {
    let Stream::Plain(socket) = stream else { return Err(broken("TLS inside TLS")) };
    let accepted = acceptor.accept(socket).await.map_err(StartupError::Handshake)?;
    Ok(Stream::Frontend(Box::new(accepted)))
}

/// TLS without an SSLRequest: only with the right application protocol, so that no other protocol's client can be
/// talked into it. Source: PostgreSQL documentation, "SSL Session Encryption".
async fn direct_tls(stream: Stream, offer: &Offer) -> Result<Stream, StartupError> {
    let acceptor = offer.tls.as_ref().ok_or_else(|| broken("TLS where none is offered"))?;
    let stream = accept_tls(stream, acceptor).await?;
    match &stream {
        Stream::Frontend(tls) if tls.get_ref().1.alpn_protocol() == Some(ALPN) => Ok(stream),
        _ => Err(broken("direct TLS without the application protocol \"postgresql\"")),
    }
}

fn broken(what: &'static str) -> StartupError {
    StartupError::Gone(io::Error::new(io::ErrorKind::InvalidData, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(parameters: &[u8]) -> Vec<u8> {
        let mut packet = (u32::try_from(parameters.len()).unwrap() + 8).to_be_bytes().to_vec();
        packet.extend_from_slice(&[0, 3, 0, 0]);
        packet.extend_from_slice(parameters);
        packet
    }

    #[test]
    fn unknown_keys_pass_in_order_and_compression_is_dropped() {
        let sent = packet(b"user\0etl\0driver_version\0x\0_PQ_.Compression\0lz4:1\0database\0dev\0\0");
        let startup = StartupMessage::read(&sent).unwrap();
        assert_eq!(startup.packet, packet(b"user\0etl\0driver_version\0x\0database\0dev\0\0"));
        assert_eq!((startup.user.as_str(), startup.database.as_str()), ("etl", "dev"));
    }

    #[test]
    fn what_is_not_changed_passes_as_it_came() {
        for parameters in [&b"user\0etl\0\0"[..], b"\0", b"user\0\0database\0d\0\0"] {
            assert_eq!(StartupMessage::read(&packet(parameters)).unwrap().packet, packet(parameters));
        }
        assert_eq!(StartupMessage::read(&packet(b"user\0etl\0\0")).unwrap().database, "etl");
    }

    #[test]
    fn the_last_of_a_parameter_given_twice_counts_and_goes_on_alone() {
        let sent = packet(b"user\0a\0x\x001\0application_name\0p\0x\x002\0user\0b\0Application_Name\0q\0\0");
        let startup = StartupMessage::read(&sent).unwrap();
        assert_eq!(startup.packet, packet(b"x\x001\0x\x002\0user\0b\0Application_Name\0q\0\0"));
        assert_eq!((startup.user.as_str(), startup.application.as_str()), ("b", "q"));
    }

    #[test]
    fn names_that_are_not_utf_8_are_left_to_the_server() {
        let sent = packet(b"user\0a\xff\0database\0\xc3(\0application_name\0\xe9\0\0");
        let startup = StartupMessage::read(&sent).unwrap();
        assert_eq!(startup.packet, sent);
        assert_eq!((startup.user.as_str(), startup.database.as_str()), ("a\u{fffd}", "\u{fffd}("));
    }

    #[test]
    fn refusals() {
        let rows: &[(&str, &[u8], &str)] = &[
            ("replication", b"user\0a\0replication\0database\0\0", "replication connections do not pass this gate"),
            ("no terminator", b"user\0a\0", "invalid startup packet layout"),
            ("bytes after it", b"user\0a\0\0x", "invalid startup packet layout"),
            ("key without value", b"user\0\0", "invalid startup packet layout"),
            ("terminator inside", b"user\0a\0\0database\0b\0\0", "invalid startup packet layout"),
            ("nothing", b"", "invalid startup packet layout"),
        ];
        for (name, parameters, want) in rows {
            assert_eq!(&StartupMessage::read(&packet(parameters)).unwrap_err().message, want, "{name}");
        }
        assert!(StartupMessage::read(&packet(b"user\0a\0replication\0false\0\0")).is_ok());
    }
}
