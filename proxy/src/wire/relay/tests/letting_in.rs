//! What a client may send before it is let in.

use super::*;

/// What the backend got, and what the frontend was told, of a client that sends `sent` to a server that asks `asked` and then waits.
async fn before_it_is_let_in(asked: &[u8], sent: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (frontend, mut client) = duplex(1024 * 1024);
    let (backend, mut server) = duplex(1024);
    let (mut script, ear) = (Script::default(), Ear::default());
    let (_keep, mut drain) = watch::channel(Drain::Running);
    server.write_all(asked).await.unwrap();
    let play = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        client.write_all(sent).await.unwrap();
    };
    let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
    let session = tokio::time::timeout(Duration::from_secs(1), session);
    let _ended = tokio::join!(session, play);
    let (mut to_backend, mut to_frontend) = (Vec::new(), Vec::new());
    server.read_to_end(&mut to_backend).await.unwrap();
    client.read_to_end(&mut to_frontend).await.unwrap();
    (to_backend, to_frontend)
}

#[test]
fn a_statement_where_a_password_is_due_is_cut_in_the_servers_words() {
    let asked = frame(b'R', &[&[0, 0, 0, 3]]);
    let (to_backend, to_frontend) = runtime().block_on(before_it_is_let_in(&asked, &query("select 1")));
    assert!(to_backend.is_empty());
    let told = String::from_utf8_lossy(&to_frontend).into_owned();
    assert!(told.contains("SFATAL\0VFATAL\0C08P01\0Mexpected password response, got message type 81\0"), "{told:?}");
}

#[test]
fn a_statement_at_the_servers_turn_is_held_and_not_gathered() {
    let long = b"Q\x00\xf0\x00\x00".to_vec();
    let flood = [long, vec![b'x'; 100_000]].concat();
    runtime().block_on(async {
        let (frontend, mut client) = duplex(16);
        let (backend, _server) = duplex(1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let taken = Cell::new(0);
        let play = async {
            for byte in flood.chunks(1) {
                client.write_all(byte).await.unwrap();
                taken.set(taken.get() + 1);
            }
        };
        let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
        let both = async { tokio::join!(session, play) };
        assert!(tokio::time::timeout(Duration::from_secs(1), both).await.is_err());
        assert!(taken.get() < 64, "{} bytes were taken", taken.get());
    });
}

#[test]
fn a_statement_sent_with_the_startup_runs_once_the_user_is_let_in() {
    let sent = query("select 1");
    let answer = [frame(b'C', &[b"SELECT 1\0"]), ready(b'I')].concat();
    let outcome = run_after(0, sent.clone(), sent.len(), answer.clone());
    assert_eq!(outcome.to_backend, sent);
    assert_eq!(outcome.to_frontend, answer);
    assert_eq!(outcome.settled, 2, "after the start-up, and after the statement");
}

#[test]
fn authentication_passes_untouched() {
    runtime().block_on(async {
        let (frontend, mut client) = duplex(PIPE_BYTES);
        let (backend, mut server) = duplex(PIPE_BYTES);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::Running);
        let asked = [frame(b'R', &[&[0, 0, 0, 13], &[7; 50]]), frame(b'R', &[&[0, 0, 0, 14]])];
        let answers = [[frame(b'd', &[&[9; 90]]), frame(b'H', &[])].concat(), frame(b'i', &[&[8; 5000]])];
        let play = async {
            for (asked, answer) in asked.iter().zip(&answers) {
                let (mut got_asked, mut got_answer) = (vec![0; asked.len()], vec![0; answer.len()]);
                tokio::join!(async { server.write_all(asked).await.unwrap() }, async {
                    client.read_exact(&mut got_asked).await.unwrap();
                });
                tokio::join!(async { client.write_all(answer).await.unwrap() }, async {
                    server.read_exact(&mut got_answer).await.unwrap();
                });
                assert_eq!((&got_asked, &got_answer), (asked, answer));
            }
            drop(server);
        };
        let (ended, ()) = tokio::join!(relayed(frontend, backend, &mut script, &ear, &mut drain), play);
        assert_eq!(ended.unwrap(), Ended::Backend);
    });
}

#[test]
fn the_drain_does_not_wait_for_a_client_that_is_held_out() {
    let ended = runtime().block_on(async {
        let (frontend, mut client) = duplex(1024);
        let (backend, _server) = duplex(1024);
        let (mut script, ear) = (Script::default(), Ear::default());
        let (_keep, mut drain) = watch::channel(Drain::WhenIdle);
        client.write_all(&query("select 1")).await.unwrap();
        let session = relayed(frontend, backend, &mut script, &ear, &mut drain);
        tokio::time::timeout(Duration::from_secs(10), session).await
    });
    assert_eq!(ended.unwrap().unwrap(), Ended::Drained);
}
