//! Clients that are slow, or many, over sockets. Time is paused: it goes on when nothing else can.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::middleware;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::admin::places::MAX_OF_ADDRESS;

const PING: &[u8] = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";

/// An address that answers, until the sender is dropped.
async fn open() -> (SocketAddr, oneshot::Sender<()>) {
    let (address, open, _serving) = open_until().await;
    (address, open)
}

/// The same, with what ends when nothing is served any more.
async fn open_until() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/ping", get(|| async { "pong" }))
        .route("/echo", post(|body: Bytes| async { body }))
        .layer(middleware::from_fn(in_time));
    let (open, ended) = oneshot::channel();
    let serving = tokio::spawn(serve(Doors::open(listener, None), app, async { drop(ended.await) }));
    (address, open, serving)
}

async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether a connection is answered, read to the end of the answer; one that is turned away is closed.
async fn is_answered(client: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let mut is_open = client.write_all(PING).await.is_ok();
    while is_open && !answer.ends_with(b"pong") {
        is_open = client.read_buf(&mut answer).await.is_ok_and(|read| read > 0);
    }
    is_open
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let (address, _open) = open().await;
    let (mut reader, mut writer) = connect("127.0.0.1", address).await.into_split();
    let began = Instant::now();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() && began.elapsed() < 10 * HEAD {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = Vec::new();
    // How it ends is up to the kernel.
    _ = reader.read_to_end(&mut answer).await;
    assert!(answer.is_empty() && began.elapsed() <= HEAD + Duration::from_secs(2), "{:?}", began.elapsed());
    dripping.abort();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_more_is_closed() {
    let (address, _open) = open().await;
    let mut client = connect("127.0.0.1", address).await;
    assert!(is_answered(&mut client).await);
    sleep(HEAD * 9 / 10).await;
    assert!(is_answered(&mut client).await, "one that goes on is kept");
    let began = Instant::now();
    client.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(began.elapsed() <= HEAD + Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (address, _open) = open().await;
    let mut client = connect("127.0.0.1", address).await;
    let began = Instant::now();
    client.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() <= ANSWER + HEAD + Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let (address, _open) = open().await;
    let mut held = Vec::new();
    for _ in 0..MAX_OF_ADDRESS {
        let mut client = connect("127.0.0.1", address).await;
        assert!(is_answered(&mut client).await);
        held.push(client);
    }
    assert!(!is_answered(&mut connect("127.0.0.1", address).await).await);
    assert!(is_answered(&mut connect("127.0.0.2", address).await).await, "others are let in");
    held.pop();
    for _ in 0..200 {
        if is_answered(&mut connect("127.0.0.1", address).await).await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the place of a connection that has ended was not given back");
}

#[tokio::test]
async fn what_is_being_answered_is_answered_to_the_end() {
    let (address, open) = open().await;
    let mut client = connect("127.0.0.1", address).await;
    client.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    drop(open);
    sleep(Duration::from_millis(50)).await;
    client.write_all(b"lf").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("half"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_dawdles_does_not_hold_up_the_end() {
    let (address, open, serving) = open_until().await;
    let mut client = connect("127.0.0.1", address).await;
    client.write_all(b"GET /pi").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(open);
    let began = Instant::now();
    serving.await.unwrap();
    assert!(began.elapsed() <= LAST_ANSWERS + Duration::from_secs(1), "{:?}", began.elapsed());
}
