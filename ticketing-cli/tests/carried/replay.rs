//! `ticketctl events replay --from-carrier`: rows that are missing come back from the broker's topics, by offsets and
//! by time, and nothing else changes.

use crate::rig::feed;
use crate::rig::platform::Platform;
use crate::rig::service::address;
use serde_json::Value;
use std::time::{Duration, Instant};
use ticketing_core::store::db::{Address, Db, Role};
use uuid::Uuid;

/// More than the topic has partitions on Kafka, so that one of them has two at least.
const BOOKINGS: usize = 20;
/// The broker has all by then.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

fn bookings(platform: &Platform) -> Vec<Value> {
    let list = platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json();
    list.as_array().unwrap().clone()
}

/// Takes all tickets out of the read model, behind everybody's back.
async fn lose_all(platform: &Platform) {
    let file = platform.folder.path().join("data/read.db");
    let db = Db::open(Address::File(file), Role::Read, false).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.script("DELETE FROM view_tickets".into()).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    assert_eq!(bookings(platform).len(), 0);
}

/// Replays a range and returns how many tickets there are then.
fn replayed(platform: &Platform, range: &str) -> usize {
    let replay = ["events", "replay", "--range", range, "--to-projection", "tickets", "--from-carrier"];
    let job = platform.run(&[&replay[..], &["--yes", "-o", "json"]].concat()).ok().json();
    assert_eq!((job["state"].as_str(), &job["error"]), (Some("done"), &Value::Null), "{job}");
    let outcome = job["outcome"].as_str().unwrap();
    assert!(!outcome.contains("can't"), "{outcome}");
    bookings(platform).len()
}

async fn what_is_missing_comes_back(carrier: (&str, &str), parts: impl FnOnce(i64) -> [String; 2]) {
    let prefix = format!("r{}-", Uuid::new_v4().simple());
    let platform = Platform::new(&[carrier, ("TOPIC_PREFIX", prefix.as_str()), ("HOLD_SECONDS", "3600")]);
    platform.start("api,relay,projector,saga,expiry");
    let schedules = feed::seed(&platform);
    for n in 0..BOOKINGS {
        let schedule = schedules[n % schedules.len()]["id"].as_str().unwrap();
        let people = ["--passenger-name", "Ada", "--passenger-email", "ada@example.org", "--yes"];
        platform.run(&[&["booking", "reserve", schedule], &people[..]].concat()).ok();
    }
    let began = Instant::now();
    let head = loop {
        let status = platform.status();
        if status["lag"] == 0 && status["carriers"][0]["lag"] == 0 {
            break status["head"].as_i64().unwrap();
        }
        assert!(began.elapsed() < PUBLISHED_WITHIN, "{status:#}\n{}", platform.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let before = bookings(&platform);
    assert_eq!(before.len(), BOOKINGS);

    for range in ["0..", "-1h.."] {
        lose_all(&platform).await;
        assert_eq!(replayed(&platform, range), BOOKINGS, "{range}");
        assert_eq!(bookings(&platform), before, "{range}");
    }
    lose_all(&platform).await;
    let [first, rest] = parts(head);
    let some = replayed(&platform, &first);
    assert!(0 < some && some < BOOKINGS, "{some} by {first}");
    assert_eq!(replayed(&platform, &rest), BOOKINGS, "{rest}");
    assert_eq!(bookings(&platform), before, "in two parts");

    let replay = ["events", "replay", "--to-projection", "tickets", "--from-carrier", "--yes", "--range"];
    if carrier.0 == "NATS_URL" {
        // Both topics are in one stream, and each of its messages is counted once.
        let dry = [&replay[..5], &["--dry-run", "-o", "json", "--range", "0.."]].concat();
        assert_eq!(platform.run(&dry).ok().json()["affected"].as_i64(), Some(head));
    }
    let early = platform.run(&[&replay[..], &["-3h..-2h"]].concat()).ok();
    assert!(early.out.contains("Nothing to change") || early.err.contains("Nothing to change"), "{early:?}");
    let narrowed = platform.run(&[&replay[..], &["0..", "--limit", "1"]].concat());
    assert_eq!(narrowed.code, 2, "{narrowed:?}");
    platform.run(&["verify"]).ok();
    platform.assert_all_well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_that_are_missing_come_back_from_the_topics_of_kafka() {
    let Some(brokers) = address("TEST_KAFKA_BROKERS", "replays from Kafka") else { return };
    // Offsets of each partition.
    what_is_missing_comes_back(("KAFKA_BROKERS", &brokers), |_| ["0..0".into(), "1..".into()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_that_are_missing_come_back_from_the_stream_of_nats() {
    let Some(url) = address("TEST_NATS_URL", "replays from NATS") else { return };
    // Sequences of the stream, which has just the log in it.
    let parts = |head: i64| [format!("0..{}", head - 3), format!("{}..", head - 2)];
    what_is_missing_comes_back(("NATS_URL", &url), parts).await;
}
