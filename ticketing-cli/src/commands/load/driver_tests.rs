//! The driver against servers that stall, break off, or are gone.

use super::{End, Ended, Load, drive};
use crate::commands::load::client::Api;
use crate::commands::load::discover::Departure;
use crate::commands::load::live::Live;
use crate::commands::load::profile::{Mix, Picker, Rate};
use reqwest::header::HeaderValue;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ticketing_desk::progress::Style;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

const STALL: Duration = Duration::from_millis(800);

/// A server that answers everything with an empty success, but the very first request only after [`STALL`].
async fn stalling() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let has_stalled = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let has_stalled = Arc::clone(&has_stalled);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                // Requests here are smaller than a packet, and one is under way at a time.
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {
                    if !has_stalled.swap(true, Ordering::Relaxed) {
                        tokio::time::sleep(STALL).await;
                    }
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn load(address: SocketAddr, mix: &str, rate: Option<&str>) -> Load {
    let api = Api::new(format!("http://{address}").parse().unwrap(), 1, Duration::from_secs(5)).unwrap();
    let departure = Departure {
        id: Uuid::nil(),
        seats_left: 1,
        seats: vec!["A\"1".into()],
        body: "{\"price\":1.80".into(),
        seats_url: api.url("/seats"),
        schedules_url: api.url("/schedules"),
    };
    Load {
        api,
        run: "load-test".into(),
        departures: vec![departure],
        picker: Picker::uniform(1),
        sale: None,
        mix: Mix::parse(mix).unwrap(),
        named_seats: 100.0,
        users: vec![HeaderValue::from_static("Bearer x")],
        service: HeaderValue::from_static("Bearer x"),
        reason: "\"load test\"".into(),
        connections: 1,
        rate: rate.map(|rate| Rate::parse(rate).unwrap()),
        warmup: Duration::ZERO,
        duration: Duration::from_secs(2),
        requests_max: None,
        seed: 1,
    }
}

async fn driven(load: Load) -> Ended {
    let (_stop, stopped) = watch::channel(false);
    let mut live = Live::start(Style::Silent, "2 s".into());
    drive(&Arc::new(load), &mut live, stopped).await.unwrap()
}

#[tokio::test]
async fn a_stall_counts_for_every_request_that_it_held_up() {
    let ended = driven(load(stalling().await, "read=1", Some("100/s"))).await;
    let total = ended.record.total();
    assert_eq!(total.requests() + ended.not_sent, 200);
    // Of the 80 that were due in the stall, 30 waited longer than half a second.
    let long = total.quantile(0.9).unwrap();
    assert!(long >= Duration::from_millis(400), "{long:?}");

    let ended = driven(load(stalling().await, "read=1", None)).await;
    let long = ended.record.total().quantile(0.9).unwrap();
    assert!(long < Duration::from_millis(400), "a closed loop sends nothing meanwhile: {long:?}");
}

#[tokio::test]
async fn a_success_without_an_id_leaves_a_doubt_and_requests_are_counted_to_their_number() {
    let mut load = load(stalling().await, "book=1", None);
    load.requests_max = Some(5);
    let ended = driven(load).await;
    assert_eq!((ended.record.total().ok, ended.end), (5, End::Finished));
    assert_eq!((ended.bookings.made, ended.bookings.doubtful.len()), (0, 5));
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_hammered_and_leaves_no_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let ended = driven(load(address, "book=1", None)).await;
    let total = ended.record.total();
    assert!((5..=20).contains(&total.unanswered), "one each tenth of a second: {total:?}");
    assert_eq!((total.requests(), ended.bookings.doubtful.len()), (total.unanswered, 0));
    assert_eq!(total.max(), None);
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let mut load = load(stalling().await, "read=1", Some("1/m"));
    load.duration = Duration::from_secs(3600);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::time::sleep(STALL * 2).await;
        stop.send(true).unwrap();
        // Held until the load has ended.
        stop.closed().await;
    });
    let mut live = Live::start(Style::Silent, String::new());
    let ended = drive(&Arc::new(load), &mut live, stopped).await.unwrap();
    assert_eq!((ended.end, ended.record.total().requests(), ended.not_sent), (End::Stopped, 1, 0));
}
