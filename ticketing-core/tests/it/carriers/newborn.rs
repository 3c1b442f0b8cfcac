//! A Kafka broker that is being started answers that there are no brokers, and librdkafka then forgets the ones it knew,
//! sometimes for ever. Whoever asks goes on all the same. Needs no broker: one speaks here, as much of Kafka's protocol as it takes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{Carrier, CarrierConfig, CarrierError, KafkaConfig};

const LIMIT: Duration = Duration::from_secs(5);
const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;
const UNSUPPORTED_VERSION: i16 = 35;
const UNKNOWN_TOPIC: i16 = 3;

/// Takes connections for as long as the process lives; while `is_up`, it knows of itself as the only broker.
fn broker(is_up: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let is_up = Arc::clone(&is_up);
            // It ends with its connection.
            std::thread::spawn(move || while answer(&mut stream.as_ref().unwrap(), at, &is_up).is_ok() {});
        }
    });
    at
}

fn answer(stream: &mut &TcpStream, at: SocketAddr, is_up: &AtomicBool) -> std::io::Result<()> {
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let mut request = vec![0; u32::from_be_bytes(size) as usize];
    stream.read_exact(&mut request)?;
    let (api, version) = (i16_at(&request, 0), i16_at(&request, 2));
    let mut body = request[4..8].to_vec();
    match (api, version) {
        (API_VERSIONS, 0) => put_versions(&mut body, 0),
        (API_VERSIONS, _) => put_versions(&mut body, UNSUPPORTED_VERSION),
        (METADATA, 4) => put_metadata(&mut body, &request, at, is_up.load(Ordering::SeqCst)),
        other => panic!("librdkafka asks for {other:?}"),
    }
    stream.write_all(&(body.len() as u32).to_be_bytes())?;
    stream.write_all(&body)
}

/// Which requests are taken, as version 0 has it.
fn put_versions(body: &mut Vec<u8>, error: i16) {
    let apis = [(API_VERSIONS, 0, 0), (METADATA, 4, 4)];
    body.extend(error.to_be_bytes());
    body.extend((apis.len() as i32).to_be_bytes());
    apis.iter()
        .for_each(|(api, min, max)| [api, min, max].iter().for_each(|n: &&i16| body.extend(n.to_be_bytes())));
}

/// All topics that are asked for are unknown.
fn put_metadata(body: &mut Vec<u8>, request: &[u8], at: SocketAddr, is_up: bool) {
    let client_len = i16_at(request, 8).max(0) as usize;
    let mut rest = &request[10 + client_len..];
    let count = i32::from_be_bytes(rest[..4].try_into().unwrap()).max(0);
    rest = &rest[4..];
    body.extend(0_i32.to_be_bytes()); // no throttling
    body.extend(i32::from(is_up).to_be_bytes());
    if is_up {
        body.extend(1_i32.to_be_bytes());
        put_text(body, at.ip().to_string().as_bytes());
        body.extend(i32::from(at.port()).to_be_bytes());
        body.extend((-1_i16).to_be_bytes()); // no rack
    }
    put_text(body, b"cluster");
    body.extend((if is_up { 1_i32 } else { -1 }).to_be_bytes());
    body.extend(count.to_be_bytes());
    for _ in 0..count {
        let len = i16_at(rest, 0) as usize;
        body.extend(UNKNOWN_TOPIC.to_be_bytes());
        put_text(body, &rest[2..2 + len]);
        body.push(0);
        body.extend(0_i32.to_be_bytes()); // no partitions
        rest = &rest[2 + len..];
    }
}

fn put_text(body: &mut Vec<u8>, text: &[u8]) {
    body.extend((text.len() as i16).to_be_bytes());
    body.extend(text);
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_knew_of_no_broker_is_heard_again_once_it_does() {
    let is_up = Arc::new(AtomicBool::new(true));
    let brokers = broker(Arc::clone(&is_up)).to_string();
    let config = KafkaConfig { brokers, options: Vec::new(), prefix: String::new() };
    let kafka = Carrier::new(CarrierConfig::Kafka(config));
    kafka.ping(LIMIT).await.unwrap();

    let publisher = kafka.publisher().await.unwrap();
    assert!(publisher.finds_broker(LIMIT).await);

    is_up.store(false, Ordering::SeqCst);
    assert!(!publisher.finds_broker(LIMIT).await);
    let starting = kafka.ping(LIMIT).await;
    assert!(matches!(starting, Err(CarrierError::Unreachable { .. })), "{starting:?}");

    is_up.store(true, Ordering::SeqCst);
    let began = Instant::now();
    while let Err(error) = kafka.ping(LIMIT).await {
        assert!(began.elapsed() < 4 * LIMIT, "it is never heard again: {error}");
    }
    assert!(kafka.publisher().await.unwrap().finds_broker(LIMIT).await);
}
