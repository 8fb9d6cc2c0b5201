//! The relay between two scripted sides, over pipes that hold 8 bytes, so that every read is short.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::wire::answer::{Rejection, Report, sqlstate};
use crate::wire::frame::{append, backend, kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

const PIPE_BYTES: usize = 8;
const LIMIT: usize = 200;

/// Refuses texts with "bad", annotates texts with "odd", and watches prepared statements whose text has "call".
#[derive(Default)]
struct Script {
    seen: Vec<String>,
    watched: bool,
    closed: usize,
}

fn refusal(message: &str) -> Rejection {
    Rejection { nonce: Nonce::new([7; 8]), report: Report::new(sqlstate::INSUFFICIENT_PRIVILEGE, message) }
}

impl Inspector for Script {
    async fn statement(&mut self, name: Option<&[u8]>, text: &[u8], standing: Standing) -> Ruling {
        let text = String::from_utf8_lossy(text).into_owned();
        if standing.is_behind && text.contains("slow") {
            return Ruling::Wait;
        }
        self.watched |= name.is_some() && text.contains("call");
        let ruling = if text.contains("bad") {
            Ruling::Refuse(refusal("RG201: no"))
        } else if text.contains("odd") {
            let warning = Some(Report::new(sqlstate::WARNING, "RG301: hm"));
            Ruling::Annotate { comment: Some("/* c */".to_owned()), warning }
        } else {
            Ruling::Forward
        };
        self.seen.push(text);
        ruling
    }

    fn watches_prepared(&self) -> bool {
        self.watched
    }

    async fn bind(&mut self, _statement: &[u8], values: &[&[u8]], _standing: Standing) -> Ruling {
        if values.contains(&&b"arn"[..]) { Ruling::Refuse(refusal("RG107: no")) } else { Ruling::Forward }
    }

    fn close(&mut self, _statement: &[u8], _standing: Standing) {
        self.closed += 1;
    }

    async fn function_call(&mut self, values: &[&[u8]]) -> Ruling {
        if values.contains(&&b"arn"[..]) { Ruling::Refuse(refusal("RG107: no")) } else { Ruling::Forward }
    }

    fn refuse(&mut self, report: Report) -> Rejection {
        Rejection { nonce: Nonce::new([8; 8]), report }
    }
}

#[derive(Default)]
struct Ear {
    users: RefCell<Vec<String>>,
    settled: Cell<usize>,
    wants_answers: bool,
    /// The SQLSTATEs of errors.
    errors: RefCell<Vec<String>>,
}

impl RelayObserver for Ear {
    fn to_backend(&self, _bytes: usize) {}
    fn to_frontend(&self, _bytes: usize) {}
    fn session_authorization(&self, user: &[u8]) {
        self.users.borrow_mut().push(String::from_utf8_lossy(user).into_owned());
    }
    fn client_encoding(&self, _encoding: &[u8]) {}
    fn let_in(&self) {}
    fn reached(&self, _reached: Reached) {}
    fn settled(&self) {
        self.settled.set(self.settled.get() + 1);
    }
    fn wants_answers(&self) -> bool {
        self.wants_answers
    }
    fn answered(&self, answered: Answered<'_>, _reached: Reached) {
        if let Answered::Error(sqlstate) = answered {
            self.errors.borrow_mut().push(String::from_utf8_lossy(sqlstate).into_owned());
        }
    }
}

/// What a server says that lets everybody in.
fn welcome() -> Vec<u8> {
    [frame(b'R', &[&[0; 4]]), ready(b'I')].concat()
}

fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(append(&mut out, kind, parts));
    out
}

fn query(text: &str) -> Vec<u8> {
    frame(kind::QUERY, &[text.as_bytes(), b"\0"])
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    frame(kind::PARSE, &[name.as_bytes(), b"\0", text.as_bytes(), b"\0\0\0"])
}

fn ready(status: u8) -> Vec<u8> {
    frame(backend::READY_FOR_QUERY, &[&[status]])
}

struct Outcome {
    to_backend: Vec<u8>,
    to_frontend: Vec<u8>,
    script: Script,
    ended: Result<Ended, RelayError>,
    settled: usize,
}

fn bounds() -> Bounds {
    let authenticated_by = tokio::time::Instant::now() + Duration::from_mins(1);
    Bounds { max_statement_bytes: LIMIT, authenticated_by, idle: None, lifetime: None }
}

/// A session whose legs are closed when it has ended.
async fn relayed(
    frontend: DuplexStream,
    backend: DuplexStream,
    script: &mut Script,
    ear: &Ear,
    drain: &mut watch::Receiver<Drain>,
) -> Result<Ended, RelayError> {
    relay(&Legs::new(frontend, backend), script, ear, &bounds(), drain).await
}

/// The backend lets the user in, answers with `answer` once it has read `expected` bytes, and closes when the frontend has. What it
/// says first is left out of what the frontend got.
fn run(sent: Vec<u8>, expected: usize, answer: Vec<u8>) -> Outcome {
    run_after(welcome().len(), sent, expected, answer)
}

/// The frontend sends what it sends once it has read `first` bytes.
fn run_after(first: usize, sent: Vec<u8>, expected: usize, answer: Vec<u8>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (frontend, client) = duplex(PIPE_BYTES);
        let (backend, server) = duplex(PIPE_BYTES);
        let mut script = Script::default();
        let ear = Ear::default();
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let (ended, to_frontend, to_backend) = tokio::join!(
            relayed(frontend, backend, &mut script, &ear, &mut drain),
            play_client(client, first, sent),
            play_server(server, expected, answer),
        );
        let to_frontend = to_frontend.strip_prefix(welcome().as_slice()).unwrap().to_vec();
        Outcome { to_backend, to_frontend, script, ended, settled: ear.settled.get() }
    })
}

async fn play_client(client: DuplexStream, first: usize, sent: Vec<u8>) -> Vec<u8> {
    let (mut read, mut write) = tokio::io::split(client);
    let mut got = vec![0; first];
    read.read_exact(&mut got).await.unwrap();
    let write = async {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(write, read.read_to_end(&mut got));
    read.unwrap();
    got
}

async fn play_server(mut server: DuplexStream, expected: usize, answer: Vec<u8>) -> Vec<u8> {
    let mut got = vec![0; expected];
    server.write_all(&welcome()).await.unwrap();
    server.read_exact(&mut got).await.unwrap();
    // A session that the gate ends does not take all of it.
    server.write_all(&answer).await.ok();
    server.read_to_end(&mut got).await.unwrap();
    got
}

#[test]
fn what_is_not_changed_passes_byte_for_byte() {
    let mut sent = frame(b'p', &[b"secret\0"]);
    sent.extend(query("select 1"));
    sent.extend(parse("s", "select $1"));
    sent.extend(frame(b'?', &[&[0; 1000]]));
    sent.extend(frame(b'F', &[b"\0\0\0\x09\0\0\0\0\0\0"]));
    let answer = frame(b'D', &[&[1; 1000]]);
    let outcome = run(sent.clone(), sent.len(), answer.clone());
    assert_eq!(outcome.to_backend, sent);
    assert_eq!(outcome.to_frontend, answer);
    assert_eq!(outcome.script.seen, ["select 1", "select $1"]);
    assert_eq!(outcome.ended.unwrap(), Ended::Frontend);
}

#[test]
fn a_refused_text_never_reaches_the_backend() {
    let nonce = Nonce::new([7; 8]);
    let good = query("good");
    let sent = [query("bad one"), good.clone()].concat();
    let replaced = [query(nonce.as_str()), good].concat();
    let native =
        [b"SERROR\0VERROR\0C42601\0Msyntax error at or near \"", nonce.as_str().as_bytes(), b"\"\0P1\0\0"].concat();
    let answer = [frame(b'E', &[&native]), ready(b'T'), frame(b'E', &[b"SERROR\0Mother\0\0"]), ready(b'E')].concat();
    let outcome = run(sent, replaced.len(), answer);
    assert_eq!(outcome.to_backend, replaced);
    let error = frame(b'E', &[b"SERROR\0VERROR\0C42501\0MRG201: no\0\0"]);
    let want = [error, ready(b'T'), frame(b'E', &[b"SERROR\0Mother\0\0"]), ready(b'E')].concat();
    assert_eq!(outcome.to_frontend, want);
}

#[test]
fn a_refused_parse_keeps_its_name() {
    let nonce = Nonce::new([7; 8]);
    let sync = frame(kind::SYNC, &[]);
    let sent = [parse("s1", "bad"), sync.clone()].concat();
    let replaced = [parse("s1", nonce.as_str()), sync].concat();
    assert_eq!(run(sent, replaced.len(), Vec::new()).to_backend, replaced);
}

#[test]
fn an_annotated_text_has_a_comment_and_its_warning_stands_between_frames() {
    let replaced = [parse("", "odd\n/* c */"), query("odd\n/* c */")].concat();
    let answer = [frame(b'1', &[]), frame(b'D', &[&[2; 30]]), frame(b'C', &[b"SELECT 1\0"]), ready(b'I')].concat();
    let outcome = run([parse("", "odd"), query("odd")].concat(), replaced.len(), answer);
    assert_eq!(outcome.to_backend, replaced);
    let warning = Report::new(sqlstate::WARNING, "RG301: hm").warning();
    let (parsed, row, done) = (frame(b'1', &[]), frame(b'D', &[&[2; 30]]), frame(b'C', &[b"SELECT 1\0"]));
    let want = [warning.clone(), warning, parsed, row, done, ready(b'I')].concat();
    assert_eq!(outcome.to_frontend, want);
}

#[test]
fn an_oversize_statement_is_refused_and_the_session_goes_on() {
    let nonce = Nonce::new([8; 8]);
    let after = query("after");
    // The limit is one of the body, which ends with a NUL.
    for (bytes, is_refused) in [(LIMIT - 2, false), (LIMIT - 1, false), (LIMIT, true), (LIMIT + 1, true)] {
        let long = "x".repeat(bytes);
        let passed = if is_refused { query(nonce.as_str()) } else { query(&long) };
        let to_backend = [passed, after.clone()].concat();
        let outcome = run([query(&long), after.clone()].concat(), to_backend.len(), Vec::new());
        assert_eq!(outcome.to_backend, to_backend, "{bytes}");
        assert_eq!(outcome.script.seen.last().map(String::as_str), Some("after"));
        assert_eq!(outcome.script.seen.len(), if is_refused { 1 } else { 2 }, "{bytes}");
    }
}

#[test]
fn malformed_bodies_are_replaced() {
    let nonce = Nonce::new([8; 8]);
    let query_body = frame(kind::QUERY, &[b"good\0bad\0"]);
    let parse_body = frame(kind::PARSE, &[b"\0x\0"]);
    let replaced = [query(nonce.as_str()), parse(nonce.as_str(), nonce.as_str())].concat();
    let outcome = run([query_body, parse_body].concat(), replaced.len(), Vec::new());
    assert_eq!(outcome.to_backend, replaced);
    assert!(outcome.script.seen.is_empty());
}

#[test]
fn binds_of_watched_statements_are_shown() {
    let nonce = Nonce::new([7; 8]);
    let bind = |value: &[u8]| frame(kind::BIND, &[b"\0c\0\0\0\0\x01\0\0\0\x03", value, b"\0\0"]);
    let close = frame(kind::CLOSE, &[b"Sc\0"]);
    let sent = [parse("c", "call f($1)"), bind(b"abc"), bind(b"arn"), close.clone()].concat();
    let replaced = [parse("c", "call f($1)"), bind(b"abc"), parse(nonce.as_str(), nonce.as_str()), close].concat();
    let outcome = run(sent, replaced.len(), Vec::new());
    assert_eq!(outcome.to_backend, replaced);
    assert_eq!(outcome.script.closed, 1);
}

#[test]
fn streams_that_cannot_be_followed_end_the_session() {
    for bad in [b"Q\0\0\0\x03".to_vec(), b"Q\xff\xff\xff\xff".to_vec(), frame(b'm', &[b"x"])] {
        let outcome = run(bad.clone(), 0, Vec::new());
        assert!(outcome.to_backend.is_empty(), "{bad:?}");
        assert!(matches!(outcome.ended, Err(RelayError::FrontendFrame(_) | RelayError::Compressed(_))), "{bad:?}");
        let told = String::from_utf8_lossy(&outcome.to_frontend).into_owned();
        assert!(told.contains("SFATAL\0VFATAL\0C08P01\0Mterminating connection: "), "{told:?}");
    }
}

#[test]
fn frames_cut_anywhere_are_the_same_frames() {
    let whole = [query("select 1"), parse("s", "bad"), frame(kind::SYNC, &[]), query("odd")].concat();
    let nonce = Nonce::new([7; 8]);
    let replaced =
        [query("select 1"), parse("s", nonce.as_str()), frame(kind::SYNC, &[]), query("odd\n/* c */")].concat();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for cut in 0..whole.len() {
        let got = runtime.block_on(async {
            let (frontend, mut client) = duplex(1024);
            let (backend, mut server) = duplex(1024);
            let (mut script, ear) = (Script::default(), Ear::default());
            let (_keep, mut drain) = watch::channel(Drain::Running);
            let play = async {
                server.write_all(&welcome()).await.unwrap();
                client.write_all(&whole[..cut]).await.unwrap();
                tokio::task::yield_now().await;
                client.write_all(&whole[cut..]).await.unwrap();
                let mut got = vec![0; replaced.len()];
                server.read_exact(&mut got).await.unwrap();
                drop((client, server));
                got
            };
            let (_ended, got) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
            got
        });
        assert_eq!(got, replaced, "cut at {cut}");
    }
}

#[test]
fn an_idle_session_ends_with_the_drain() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (frontend, mut client) = duplex(1024);
        let (backend, mut server) = duplex(1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (sender, mut drain) = watch::channel(Drain::Running);
        let play = async {
            server.write_all(&ready(b'I')).await.unwrap();
            let mut got = vec![0; 6];
            client.read_exact(&mut got).await.unwrap();
            sender.send_replace(Drain::WhenIdle);
            let mut last = Vec::new();
            client.read_to_end(&mut last).await.unwrap();
            last
        };
        let (ended, last) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
        assert_eq!(ended.unwrap(), Ended::Drained);
        assert!(last.starts_with(b"E") && last.windows(6).any(|window| window == b"C57P01"), "{last:?}");
    });
}

#[test]
fn the_servers_word_on_the_user_is_heard() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let users = runtime.block_on(async {
        let (frontend, mut client) = duplex(PIPE_BYTES);
        let (backend, mut server) = duplex(PIPE_BYTES);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let status = frame(backend::PARAMETER_STATUS, &[b"session_authorization\0etl\0"]);
        let play = async {
            server.write_all(&status).await.unwrap();
            drop(server);
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, status);
        };
        let (ended, ()) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
        assert_eq!(ended.unwrap(), Ended::Backend);
        ear.users.into_inner()
    });
    assert_eq!(users, ["etl"]);
}

/// An error is told of whatever its length; the SQLSTATE of one that is too long to be read is not known.
#[test]
fn errors_of_any_length_are_answers() {
    for (bytes, want) in [(10, "42501"), (60_000, "42501"), (70_000, ""), (300_000, "")] {
        let failed = frame(b'E', &[b"SERROR\0C42501\0M", &vec![b'x'; bytes], b"\0\0"]);
        let answer = [failed, ready(b'I')].concat();
        let errors = runtime().block_on(async {
            let (frontend, mut client) = duplex(1024);
            let (backend, server) = duplex(1024);
            let (mut script, ear) = (Script::default(), Ear { wants_answers: true, ..Ear::default() });
            let (_keep, mut drain) = watch::channel(Drain::Running);
            let sent = query("select 1");
            client.write_all(&sent).await.unwrap();
            let play = async {
                let play = play_server(server, sent.len(), answer.clone());
                let mut got = vec![0; welcome().len() + answer.len()];
                let read = async {
                    client.read_exact(&mut got).await.unwrap();
                    client.shutdown().await.unwrap();
                };
                tokio::join!(play, read);
                assert_eq!(&got[welcome().len()..], answer);
            };
            let (ended, ()) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
            assert_eq!(ended.unwrap(), Ended::Frontend);
            ear.errors.into_inner()
        });
        assert_eq!(errors, [want], "{bytes} bytes");
    }
}

/// A runtime whose clock jumps to the next timer when there is nothing else to do.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A frontend that sends this and leaves, before a backend that has this status and never closes: how the session has ended
/// after 13 seconds, if it has.
async fn left_behind(sent: Vec<u8>, status: u8) -> Option<Ended> {
    let (frontend, mut client) = duplex(1024);
    let (backend, mut server) = duplex(1024);
    let (mut script, ear) = (Script::default(), Ear::default());
    let (_keep, mut drain) = watch::channel(Drain::Running);
    if status != 0 {
        server.write_all(&ready(status)).await.unwrap();
    }
    client.write_all(&sent).await.unwrap();
    client.shutdown().await.unwrap();
    let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
    let ended = tokio::time::timeout(Duration::from_secs(13), session).await;
    ended.ok().map(Result::unwrap)
}

#[test]
fn a_backend_that_does_not_close_after_its_frontend_is_given_up() {
    let ended = runtime().block_on(async {
        // One of two statements is answered; the other is under way and goes on to its end.
        let two = [query("select 1"), query("select 2")].concat();
        tokio::join!(left_behind(vec![], 0), left_behind(vec![], b'T'), left_behind(two, b'I'))
    });
    assert_eq!(ended, (Some(Ended::Frontend), Some(Ended::Frontend), None));
}

#[test]
fn a_client_that_does_not_read_gets_no_last_words_within_a_frame() {
    runtime().block_on(async {
        let (frontend, mut client) = duplex(PIPE_BYTES);
        let (backend, mut server) = duplex(1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (sender, mut drain) = watch::channel(Drain::Running);
        let row = frame(b'D', &[&[b'x'; 100]]);
        server.write_all(&[row.clone(), ready(b'I')].concat()).await.unwrap();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.send_replace(Drain::Now);
        };
        let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
        let (ended, ()) = tokio::join!(session, stop);
        assert_eq!(ended.unwrap(), Ended::Drained);
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, row[..PIPE_BYTES], "what was written before, and no FATAL behind half a frame");
    });
}

#[test]
fn a_client_that_reads_no_last_words_is_not_waited_for() {
    let ended = runtime().block_on(async {
        let (frontend, _client) = duplex(PIPE_BYTES);
        let (backend, _server) = duplex(1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Now);
        let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
        tokio::time::timeout(Duration::from_secs(13), session).await
    });
    assert_eq!(ended.unwrap().unwrap(), Ended::Drained);
}

mod letting_in;
mod pipelines;
