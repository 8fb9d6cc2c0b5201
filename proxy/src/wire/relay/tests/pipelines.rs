//! What is sent before earlier answers have come: refusals, warnings, and statements that wait.

use super::*;

const PARSED: &[u8] = b"1\0\0\0\x04";

fn sync() -> Vec<u8> {
    frame(kind::SYNC, &[])
}

fn error(message: &str) -> Vec<u8> {
    frame(b'E', &[b"SERROR\0C42601\0M", message.as_bytes(), b"\0\0"])
}

fn texts(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_reason_of_the_oldest_of_many_refusals_survives() {
    let nonce = Nonce::new([7; 8]);
    let sent = [parse("", "bad").repeat(1000), sync()].concat();
    let replaced = [parse("", nonce.as_str()).repeat(1000), sync()].concat();
    let answer = [error(&format!("syntax error at or near \"{}\"", nonce.as_str())), ready(b'I')].concat();
    let outcome = run(sent, replaced.len(), answer);
    assert_eq!(outcome.to_backend, replaced);
    assert!(texts(&outcome.to_frontend).contains("C42501\0MRG201: no"), "{}", texts(&outcome.to_frontend));
}

#[test]
fn a_pipeline_of_refused_queries_is_answered_each_for_its_reason() {
    let nonce = Nonce::new([7; 8]);
    let sent = query("bad").repeat(1000);
    let replaced = query(nonce.as_str()).repeat(1000);
    let one = [error(&format!("syntax error at or near \"{}\"", nonce.as_str())), ready(b'I')].concat();
    let (frontend, client) = duplex(1024 * 1024);
    let (backend, mut server) = duplex(1024 * 1024);
    let got = runtime().block_on(async {
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let serve = async {
            server.write_all(&welcome()).await.unwrap();
            let mut got = vec![0; query(nonce.as_str()).len()];
            for _ in 0..1000 {
                server.read_exact(&mut got).await.unwrap();
                server.write_all(&one).await.unwrap();
            }
            server.read_to_end(&mut got).await.unwrap();
        };
        let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
        let (_ended, got, ()) = tokio::join!(session, play_client(client, 0, sent), serve);
        got
    });
    assert_eq!(texts(&got).matches("MRG201: no").count(), 1000);
    assert!(!texts(&got).contains("syntax error") && !replaced.is_empty());
}

#[test]
fn what_the_server_skips_has_no_warning() {
    let odd = parse("", "odd\n/* c */");
    let sent = [parse("", "wrong"), parse("", "odd").repeat(1000), sync(), parse("", "odd"), sync()].concat();
    let forwarded = [parse("", "wrong"), odd.repeat(1000), sync(), odd, sync()].concat();
    let answer = [error("wrong"), ready(b'I'), PARSED.to_vec(), ready(b'I')].concat();
    let outcome = run(sent, forwarded.len(), answer);
    assert_eq!(outcome.to_backend, forwarded);
    let warning = Report::new(sqlstate::WARNING, "RG301: hm").warning();
    let want = [error("wrong"), ready(b'I'), warning, PARSED.to_vec(), ready(b'I')].concat();
    assert_eq!(texts(&outcome.to_frontend), texts(&want));
}

/// A client that sends `sent` at once to a server that answers `answers` in turn, each after it has got what belongs to it: what it had
/// got by then, and what it got in the end.
fn in_turn(sent: &[u8], answers: &[(usize, Vec<u8>)]) -> (Vec<Vec<u8>>, Result<Ended, RelayError>) {
    runtime().block_on(async {
        let (frontend, mut client) = duplex(1024 * 1024);
        let (backend, mut server) = duplex(1024 * 1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let play = async {
            server.write_all(&welcome()).await.unwrap();
            client.write_all(sent).await.unwrap();
            let mut rounds = Vec::new();
            for (expected, answer) in answers {
                let mut got = vec![0; *expected];
                server.read_exact(&mut got).await.unwrap();
                let early = tokio::time::timeout(Duration::from_secs(1), server.read_u8()).await;
                assert!(early.is_err(), "more came before the answer: {early:?}");
                rounds.push(got);
                server.write_all(answer).await.unwrap();
            }
            drop((server, client));
            rounds
        };
        let (ended, rounds) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
        (rounds, ended)
    })
}

#[test]
fn what_must_wait_waits_for_every_answer_before_it_and_all_behind_it_with_it() {
    let (one, two, slow, last) = (query("one"), query("two"), query("slow"), query("last"));
    let done = [frame(b'C', &[b"SELECT 1\0"]), ready(b'I')].concat();
    let first = [one.clone(), two.clone()].concat();
    let then = [slow.clone(), last.clone()].concat();
    let (rounds, _ended) = in_turn(
        &[first.clone(), then.clone()].concat(),
        &[(first.len(), [done.clone(), done.clone()].concat()), (then.len(), Vec::new())],
    );
    assert_eq!(rounds, [first, then]);
}

#[test]
fn nothing_within_a_segment_waits() {
    let whole = [parse("", "one"), parse("", "slow"), sync()].concat();
    let (rounds, _ended) = in_turn(&whole, &[(whole.len(), Vec::new())]);
    assert_eq!(rounds, [whole]);
}

#[test]
fn what_follows_a_function_call_waits_for_its_answer() {
    let call = frame(b'F', &[b"\0\0\0\x09\0\0\0\0\0\0"]);
    let rest = [query("select 1"), parse("", "x"), sync()].concat();
    let answered = [frame(b'V', &[&[0xff; 4]]), ready(b'I')].concat();
    let (rounds, _ended) =
        in_turn(&[call.clone(), rest.clone()].concat(), &[(call.len(), answered), (rest.len(), Vec::new())]);
    assert_eq!(rounds, [call, rest]);
}

#[test]
fn a_refused_function_call_is_a_refused_query() {
    let nonce = Nonce::new([7; 8]);
    let call = frame(b'F', &[b"\0\0\0\x09\0\0\0\x01\0\0\0\x03arn\0\0"]);
    let replaced = query(nonce.as_str());
    let answer = [error(&format!("at \"{}\"", nonce.as_str())), ready(b'I')].concat();
    let outcome = run(call, replaced.len(), answer);
    assert_eq!(outcome.to_backend, replaced);
    assert!(texts(&outcome.to_frontend).contains("MRG107: no"));
}

#[test]
fn statements_behind_copy_data_that_failed_end_the_session() {
    let copy = [parse("", "copy"), sync(), frame(b'c', &[]), parse("", "set"), sync()].concat();
    let answer = [frame(b'G', &[b"\0\0\0"]), error("no")].concat();
    let outcome = run(copy.clone(), copy.len(), answer);
    assert!(matches!(outcome.ended, Err(RelayError::Lost)), "{:?}", outcome.ended);
    assert!(texts(&outcome.to_frontend).contains("C08P01"));
}

#[test]
fn a_statement_sent_with_the_startup_is_not_idle_and_a_skipped_query_leaves_it_idle() {
    let rows = [
        ("sent with the start-up", query("select 1"), Vec::new(), false),
        (
            "a query that was skipped",
            [parse("", "x"), query("y"), sync()].concat(),
            [error("x"), ready(b'I')].concat(),
            true,
        ),
        (
            "an extended COPY",
            [parse("", "copy"), sync(), frame(b'c', &[]), sync()].concat(),
            [frame(b'G', &[b"\0\0\0"]), frame(b'C', &[b"COPY 0\0"]), ready(b'I')].concat(),
            true,
        ),
    ];
    for (name, sent, answer, want) in rows {
        let ended = runtime().block_on(async {
            let (frontend, mut client) = duplex(1024);
            let (backend, mut server) = duplex(1024);
            let (mut script, ear) = (Script::default(), Ear::default());
            let (sender, mut drain) = watch::channel(Drain::Running);
            client.write_all(&sent).await.unwrap();
            server.write_all(&welcome()).await.unwrap();
            let play = async {
                let mut got = vec![0; sent.len()];
                server.read_exact(&mut got).await.unwrap();
                server.write_all(&answer).await.unwrap();
                sender.send_replace(Drain::WhenIdle);
            };
            let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
            let session = tokio::time::timeout(Duration::from_secs(5), session);
            let (ended, ()) = tokio::join!(session, play);
            ended.is_ok_and(|ended| ended.is_ok_and(|ended| ended == Ended::Drained))
        });
        assert_eq!(ended, want, "{name}");
    }
}
