//! Digests against values of the driver's own code, and whole logins over a stream that holds 8 bytes.

use super::*;

const SALT: [u8; 16] = *b"salt-salt-salt-1";
const NONCE: [u8; 16] = *b"nonce-nonce-nonc";

fn users() -> Vec<(String, String)> {
    vec![("etl".to_owned(), "demo".to_owned()), ("analyst".to_owned(), "t".repeat(20_480))]
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.put_i32(i32::try_from(body.len()).unwrap() + 4);
    frame.extend_from_slice(body);
    frame
}

/// What `redshift_connector` answers: Python's
/// `sha256(sha256(b"demo" + SALT).digest() + NONCE + b"1700000000000").digest()`.
fn digest_answer() -> Vec<u8> {
    let digest: [u8; 32] = [
        0xc6, 0xbe, 0x42, 0xa2, 0xca, 0xb3, 0x04, 0x73, 0x4e, 0x49, 0xec, 0xd7, 0xf0, 0x30, 0x3c, 0x3a, 0xc8, 0x80,
        0x69, 0x30, 0x68, 0x86, 0x59, 0xfb, 0x25, 0xc8, 0x8c, 0xc5, 0xc2, 0xe3, 0x71, 0xed,
    ];
    let mut answer = BytesMut::new();
    put_sized(&mut answer, &digest);
    put_sized(&mut answer, b"1700000000000");
    answer.to_vec()
}

#[test]
fn requests() {
    let digest = Question::Digest { salt: SALT, nonce: NONCE }.request();
    assert_eq!(&digest[..], b"R\0\0\0\x34\0\0\0\x0d\0\0\0\0\0\0\0\x10salt-salt-salt-1\0\0\0\x10nonce-nonce-nonc");
    assert_eq!(&Question::Token.request()[..], b"R\0\0\0\x08\0\0\0\x0e");
}

#[test]
fn answers() {
    let digest = Question::Digest { salt: SALT, nonce: NONCE };
    let good = digest_answer();
    let longer = [good.as_slice(), b"x"].concat();
    let negative = [&[0xff; 4], good.get(4..).unwrap()].concat();
    let rows: &[(&str, &Question, &[u8], &str, bool)] = &[
        ("digest", &digest, &good, "demo", true),
        ("digest of another password", &digest, &good, "other", false),
        ("another salt", &Question::Digest { salt: NONCE, nonce: NONCE }, &good, "demo", false),
        ("another nonce", &Question::Digest { salt: SALT, nonce: SALT }, &good, "demo", false),
        ("cut short", &digest, good.get(..40).unwrap(), "demo", false),
        ("bytes after it", &digest, &longer, "demo", false),
        ("negative length", &digest, &negative, "demo", false),
        ("nothing", &digest, b"", "demo", false),
        ("token", &Question::Token, b"eyJ", "eyJ", true),
        ("token with NUL", &Question::Token, b"eyJ\0", "eyJ", true),
        ("token with two", &Question::Token, b"eyJ\0\0", "eyJ", false),
        ("another token", &Question::Token, b"eyK", "eyJ", false),
        ("no token", &Question::Token, b"", "eyJ", false),
    ];
    for (name, question, answer, secret, expected) in rows {
        assert_eq!(question.is_answered_by(answer, secret), *expected, "{name}");
    }
}

/// Sends `sent` in one piece; gives what the login came to and all that it wrote.
async fn try_login(question: Question, sent: Vec<u8>) -> (anyhow::Result<Option<BytesMut>>, Vec<u8>) {
    let (mut near, client) = tokio::io::duplex(8);
    let (mut reading, mut writing) = tokio::io::split(client);
    let server = async move { login(&mut near, &question, &users()).await };
    let writer = async move {
        // A login that is over reads no more.
        let _written = writing.write_all(&sent).await.is_ok();
        writing.shutdown().await.unwrap();
    };
    let mut written = Vec::new();
    let (outcome, (), read) = tokio::join!(server, writer, reading.read_to_end(&mut written));
    read.unwrap();
    (outcome, written)
}

fn startup(parameters: &[u8]) -> Vec<u8> {
    opening(parameters, None).to_vec()
}

#[tokio::test]
async fn a_digest_lets_its_user_in() {
    let question = Question::Digest { salt: SALT, nonce: NONCE };
    let request = question.request();
    let packet = startup(b"user\0etl\0database\0dev\0");
    let (outcome, written) = try_login(question, [packet.clone(), frame(b'd', &digest_answer())].concat()).await;
    assert_eq!(outcome.unwrap().unwrap(), packet);
    assert_eq!(written, request);
}

#[tokio::test]
async fn encryption_is_declined_first() {
    let ssl_request = b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec();
    let packet = startup(b"user\0analyst\0");
    let token = frame(b'i', "t".repeat(20_480).as_bytes());
    let (outcome, written) = try_login(Question::Token, [ssl_request, packet.clone(), token].concat()).await;
    assert_eq!(outcome.unwrap().unwrap(), packet);
    assert_eq!(written, [b"N".as_slice(), &Question::Token.request()].concat());
}

#[tokio::test]
async fn a_token_names_its_user() {
    for parameters in [b"database\0dev\0".as_slice(), b"user\0\0database\0dev\0"] {
        let token = frame(b'i', "t".repeat(20_480).as_bytes());
        let (outcome, _) = try_login(Question::Token, [startup(parameters), token].concat()).await;
        assert_eq!(outcome.unwrap().unwrap(), startup(&[parameters, b"user\0analyst\0"].concat()));
    }
}

#[tokio::test]
async fn refusals() {
    let digest = || Question::Digest { salt: SALT, nonce: NONCE };
    let rows: [(&str, Question, &[u8], Vec<u8>, &str); 4] = [
        ("another user's digest", digest(), b"user\0analyst\0", frame(b'd', &digest_answer()), "analyst"),
        ("unknown user", digest(), b"user\0nobody\0", frame(b'd', &digest_answer()), "nobody"),
        ("digest without user", digest(), b"database\0dev\0", frame(b'd', &digest_answer()), ""),
        ("another user's token", Question::Token, b"user\0etl\0", frame(b'i', "t".repeat(20_480).as_bytes()), "etl"),
    ];
    for (name, question, parameters, answer, user) in rows {
        let request = question.request();
        let (outcome, written) = try_login(question, [startup(parameters), answer].concat()).await;
        assert!(outcome.unwrap().is_none(), "{name}");
        let error = String::from_utf8_lossy(written.get(request.len()..).unwrap()).into_owned();
        assert!(error.contains("C28P01\0"), "{name}: {error:?}");
        assert!(error.contains(&format!("Password authentication failed for user \"{user}\"")), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_ends_the_connection() {
    let packet = startup(b"user\0etl\0");
    let rows: [(&str, Vec<u8>, &str); 3] = [
        ("password", [packet.clone(), frame(b'p', b"demo\0")].concat(), "does not answer"),
        ("endless", [packet.clone(), b"i\x7f\xff\xff\xff".to_vec()].concat(), "expected 4 to"),
        ("too short", [packet, b"i\0\0\0\x03".to_vec()].concat(), "expected 4 to"),
    ];
    for (name, sent, expected) in rows {
        let (outcome, _) = try_login(Question::Token, sent).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}
