//! Redshift's own ways to log in, which pgwire has no messages for: a password's digest, and an identity provider's token.
//!
//! The login is spoken here; everything after it is relayed to pgwire over a pair of sockets.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BufMut as _, BytesMut};
use pgwire::api::PgWireServerHandlers;
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::PgWireBackendMessage;
use pgwire::tokio::process_socket_unix;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long a client may take to log in.
const LOGIN_TIME: Duration = Duration::from_mins(1);
/// Bytes of a start-up packet or an answer: the tokens of identity providers reach many KiB.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Protocol 3.0. This and the codes below: PostgreSQL documentation, "Message Formats".
const PROTOCOL_3: i32 = 196_608;
const SSL_REQUEST_CODE: i32 = 80_877_103;
const GSSENC_REQUEST_CODE: i32 = 80_877_104;

/// `AuthenticationRequest`'s codes and what they carry. Source: `handle_AUTHENTICATION_REQUEST` in `core.py` of
/// `redshift_connector`, `doAuthentication` in `ConnectionFactoryImpl.java` of the Redshift JDBC driver.
const DIGEST_CODE: i32 = 13;
const IDP_CODE: i32 = 14;
/// The digest's algorithm: SHA-256.
const SHA_256: i32 = 0;

/// What a client has to answer before it is let in.
#[derive(Debug)]
pub enum Question {
    /// The password's digest, with both sides' nonces.
    Digest {
        /// Goes with the password.
        salt: [u8; 16],
        /// The backend's nonce.
        nonce: [u8; 16],
    },
    /// An identity provider's token.
    Token,
}

impl Question {
    /// Asks for a digest with a new salt and nonce.
    #[must_use]
    pub fn digest() -> Self {
        Self::Digest { salt: rand::random(), nonce: rand::random() }
    }

    /// The whole `AuthenticationRequest`.
    fn request(&self) -> BytesMut {
        let mut body = BytesMut::new();
        match self {
            Self::Digest { salt, nonce } => {
                body.put_i32(DIGEST_CODE);
                body.put_i32(SHA_256);
                put_sized(&mut body, salt);
                put_sized(&mut body, nonce);
            }
            Self::Token => body.put_i32(IDP_CODE),
        }
        let mut frame = BytesMut::from(&b"R"[..]);
        frame.put_i32(i32::try_from(body.len()).unwrap_or(i32::MAX).saturating_add(4));
        frame.unsplit(body);
        frame
    }

    /// The type of the message that answers it.
    fn answer_type(&self) -> u8 {
        match self {
            Self::Digest { .. } => b'd',
            Self::Token => b'i',
        }
    }

    /// Whether an answer's body shows that its sender knows `secret`: the password, or the token itself.
    fn is_answered_by(&self, answer: &[u8], secret: &str) -> bool {
        match self {
            Self::Digest { salt, nonce } => digest_matches(answer, secret, salt, nonce).unwrap_or(false),
            // The JDBC and ODBC drivers end the token by a NUL, redshift_connector does not.
            Self::Token => answer.strip_suffix(b"\0").unwrap_or(answer) == secret.as_bytes(),
        }
    }
}

fn put_sized(body: &mut BytesMut, bytes: &[u8]) {
    body.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    body.put_slice(bytes);
}

/// Takes a length and as many bytes; none if they are not all there.
fn take_sized<'answer>(answer: &mut &'answer [u8]) -> Option<&'answer [u8]> {
    let length = usize::try_from(answer.try_get_i32().ok()?).ok()?;
    let (bytes, rest) = answer.split_at_checked(length)?;
    *answer = rest;
    Some(bytes)
}

/// SHA-256 of the salted password's SHA-256, the backend's nonce and the client's; none if the answer has another form.
fn digest_matches(mut answer: &[u8], password: &str, salt: &[u8], nonce: &[u8]) -> Option<bool> {
    let digest = take_sized(&mut answer)?;
    let client_nonce = take_sized(&mut answer)?;
    let inner = Sha256::new().chain_update(password).chain_update(salt).finalize();
    let expected = Sha256::new().chain_update(inner).chain_update(nonce).chain_update(client_nonce).finalize();
    Some(answer.is_empty() && digest == expected.as_slice())
}

/// Serves one connection until either side ends it.
///
/// # Errors
/// The connection broke, or its client did not speak the protocol.
pub async fn serve(
    mut socket: TcpStream,
    question: Question,
    users: &[(String, String)],
    handlers: impl PgWireServerHandlers,
) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    let login = timeout(LOGIN_TIME, login(&mut socket, &question, users)).await.context("the login took too long")?;
    let Some(opening) = login? else { return Ok(()) };
    let (mut inner, outer) = UnixStream::pair()?;
    inner.write_all(&opening).await?;
    let (served, relayed) =
        tokio::join!(
            process_socket_unix(outer, handlers),
            async move { copy_bidirectional(&mut socket, &mut inner).await }
        );
    served?;
    relayed?;
    Ok(())
}

/// Lets a client log in and gives its start-up packet, with a user in any case; none if it was refused or is a cancel.
async fn login(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    question: &Question,
    users: &[(String, String)],
) -> anyhow::Result<Option<BytesMut>> {
    let Some(parameters) = startup_parameters(stream).await? else { return Ok(None) };
    stream.write_all(&question.request()).await?;
    let answer_type = stream.read_u8().await?;
    ensure!(answer_type == question.answer_type(), "message type {answer_type} does not answer {question:?}");
    let answer = read_sized(stream).await?;
    // redshift_connector names an empty user when it brings a token.
    let named = parameter(&parameters, "user").filter(|name| !name.is_empty());
    let known = users.iter().find(|(user, secret)| {
        // Whoever brings a token may leave it to the token who he is.
        named.map_or(matches!(question, Question::Token), |name| name == user.as_bytes())
            && question.is_answered_by(&answer, secret)
    });
    let Some((user, _)) = known else {
        let name = String::from_utf8_lossy(named.unwrap_or_default()).into_owned();
        stream.write_all(&refusal(name)?).await?;
        return Ok(None);
    };
    Ok(Some(opening(&parameters, named.is_none().then_some(user))))
}

/// The parameters of the start-up packet: each name and value with its NUL. Offers of encryption before it are declined.
async fn startup_parameters(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> anyhow::Result<Option<Vec<u8>>> {
    loop {
        let packet = read_sized(stream).await?;
        let mut rest = packet.as_slice();
        match rest.try_get_i32().context("a start-up packet has a code")? {
            SSL_REQUEST_CODE | GSSENC_REQUEST_CODE => stream.write_all(b"N").await?,
            PROTOCOL_3 => {
                let parameters = rest.strip_suffix(b"\0").context("a start-up packet ends with NUL")?;
                return Ok(Some(parameters.to_vec()));
            }
            // A cancel, which the stand-in takes no notice of, or another version.
            _ => return Ok(None),
        }
    }
}

/// Reads a length that counts itself, and what it counts.
async fn read_sized(stream: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_i32().await?)?;
    let Some(size) = length.checked_sub(4).filter(|size| *size <= MAX_BODY_BYTES) else {
        bail!("a message of {length} bytes; expected 4 to {MAX_BODY_BYTES}");
    };
    let mut body = vec![0; size];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// The value of a start-up parameter.
fn parameter<'packet>(parameters: &'packet [u8], name: &str) -> Option<&'packet [u8]> {
    let mut words = parameters.split(|byte| *byte == 0);
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        if key == name.as_bytes() {
            return Some(value);
        }
    }
    None
}

/// A start-up packet of these parameters, with a user that they lack at its end: of a repeated name the last value counts.
fn opening(parameters: &[u8], user: Option<&String>) -> BytesMut {
    let mut body = BytesMut::new();
    body.put_i32(PROTOCOL_3);
    body.put_slice(parameters);
    if let Some(user) = user {
        body.put_slice(b"user\0");
        body.put_slice(user.as_bytes());
        body.put_u8(0);
    }
    body.put_u8(0);
    let mut packet = BytesMut::new();
    packet.put_i32(i32::try_from(body.len()).unwrap_or(i32::MAX).saturating_add(4));
    packet.unsplit(body);
    packet
}

/// The `ErrorResponse` to one who could not prove to be `user`.
fn refusal(user: String) -> anyhow::Result<BytesMut> {
    let mut bytes = BytesMut::new();
    let error = ErrorInfo::from(PgWireError::InvalidPassword(user));
    PgWireBackendMessage::ErrorResponse(error.into()).encode(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
