//! The server on real sockets: bodies without a length, slow heads, and the orderly end.
#![allow(clippy::unwrap_used, reason = "a test reports a failure by its panic")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_server::answer::Answer;
use ticketing_server::error::ApiError;
use ticketing_server::metrics::Metrics;
use ticketing_server::routes::Routes;
use ticketing_server::serve::{ServeLimits, Served, serve};
use ticketing_server::settings::HttpSettings;
use ticketing_server::shell::Shell;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Served>,
    /// Told when `/wait` has begun; and what it waits for.
    began: Arc<Notify>,
    go_on: Arc<Notify>,
}

async fn read_body(request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    ticketing_server::body::read(&parts, body).await
}

fn routes(metrics: Arc<Metrics>, began: Arc<Notify>, go_on: Arc<Notify>) -> Router {
    Routes::new(metrics, Duration::from_secs(20))
        .route("/fast", get(async || Answer::ok("1".to_owned())))
        .route(
            "/wait",
            get(async move || {
                began.notify_one();
                go_on.notified().await;
                Answer::ok("\"waited\"".to_owned())
            }),
        )
        .route(
            "/body",
            post(async |request: Request| read_body(request).await.map(|b| Answer::ok(b.len().to_string()))),
        )
        .finish(())
}

async fn start(limits: ServeLimits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let metrics = Arc::new(Metrics::new());
    let router = routes(Arc::clone(&metrics), Arc::clone(&began), Arc::clone(&go_on));
    let shell = Arc::new(Shell::new(router, &HttpSettings::read(|_| None).unwrap(), metrics));
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(listener, shell, limits, async {
        let _ = stopped.await;
    }));
    Server { address, stop, served, began, go_on }
}

/// Sends `text` and reads until the server closes the connection.
async fn exchange(address: SocketAddr, text: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes").unwrap();
    String::from_utf8(answer).unwrap()
}

/// Reads one answer with a body of a declared length, and leaves the connection open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.unwrap();
        assert!(n > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return text;
        }
    }
}

fn chunked(chunks: usize, chunk_len: usize) -> Vec<u8> {
    let mut text =
        b"POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..chunks {
        text.extend_from_slice(format!("{chunk_len:x}\r\n").as_bytes());
        text.resize(text.len() + chunk_len, b'x');
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    text
}

#[tokio::test]
async fn a_chunked_body_is_limited_like_any_other() {
    let server = start(ServeLimits::default()).await;
    let answer = exchange(server.address, &chunked(4, 64 * 1024)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""data":262144"#), "{answer}");
    for chunks in [5, 40] {
        let answer = exchange(server.address, &chunked(chunks, 64 * 1024)).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("PAYLOAD_TOO_LARGE"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_is_sent() {
    let server = start(ServeLimits::default()).await;
    let head = "POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n";
    let answer = exchange(server.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let head = "POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
                content-length: 300000\r\n\r\n";
    let answer = exchange(server.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "no leave is given: {answer}");
}

#[tokio::test]
async fn a_head_that_is_slow_or_too_large_is_not_waited_for() {
    let limits = ServeLimits { head_read_timeout: Duration::from_millis(200), ..ServeLimits::default() };
    let server = start(limits).await;
    let began = Instant::now();
    exchange(server.address, b"GET /fast HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(began.elapsed() < Duration::from_secs(5));
    let large = format!("GET /fast HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    let answer = exchange(server.address, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn the_end_finishes_what_runs_closes_what_is_idle_and_takes_nothing_new() {
    let server = start(ServeLimits::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.began.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(read_to_end(&mut idle).await, "", "closed without a further answer");
    assert_eq!(read_to_end(&mut silent).await, "");
    assert!(!server.served.is_finished(), "the request still runs");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");

    server.go_on.notify_one();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("waited"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(server.served.await.unwrap(), Served { cut_off: 0 });
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let limits = ServeLimits { shutdown_grace: Duration::from_millis(100), ..ServeLimits::default() };
    let server = start(limits).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.began.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.served.await.unwrap(), Served { cut_off: 1 });
    assert_eq!(read_to_end(&mut busy).await, "");
}

#[tokio::test]
async fn more_connections_than_there_may_be_wait_for_their_turn() {
    let server = start(ServeLimits { connections_max: 1, ..ServeLimits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    server.began.notified().await;
    let text = b"GET /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let second = tokio::spawn(exchange(server.address, text));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished());
    server.go_on.notify_one();
    assert!(read_to_end(&mut first).await.starts_with("HTTP/1.1 200"));
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let server = start(ServeLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.contains("x-frame-options: SAMEORIGIN") && answer.contains(r#""data":1"#), "{answer}");
    }
    stream.write_all(b"HEAD /fast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(body.is_empty() && head.contains("content-type: application/json"), "{answer}");
}
