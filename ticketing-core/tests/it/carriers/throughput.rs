//! How fast the carriers are. Figures, not promises: run them by hand, with `--ignored --nocapture`.

use super::{record, take};
use crate::support::brokers::{Broker, kafka, nats};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{Outgoing, TICKET_EVENTS};

const RECORDS: i64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn kafka_records_a_second() {
    if let Some(broker) = kafka() {
        measure(&broker).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn nats_records_a_second() {
    if let Some(broker) = nats() {
        measure(&broker).await;
    }
}

async fn measure(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let records: Vec<Outgoing> = (1..=RECORDS).map(like_an_event).collect();
    let mut publisher = carrier.publisher().await.unwrap();
    let started = Instant::now();
    for (ticket, record) in (1..).zip(records) {
        publisher.send(ticket, record).await.unwrap();
    }
    while publisher.acknowledged() < RECORDS {
        let so_far = publisher.acknowledged();
        publisher.acknowledged_beyond(so_far).await.unwrap();
    }
    say(carrier.word(), "published", started.elapsed());
    let mut reader = carrier.reader("test-group", &[TICKET_EVENTS], &[]).await.unwrap();
    let started = Instant::now();
    let messages = take(&mut reader, usize::try_from(RECORDS).unwrap()).await;
    say(carrier.word(), "read", started.elapsed());
    assert_eq!(i64::try_from(messages.len()).unwrap(), RECORDS);
}

/// As many headers, and as large a body, as an event of a booking has.
fn like_an_event(number: i64) -> Outgoing {
    let key = format!("0193a1b2-0000-7000-8000-{:012}", number % 5000);
    let mut like = record(TICKET_EVENTS, &key, number);
    like.headers.extend([
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{key}:{number}")),
        ("ce_source", "/ticketing".to_owned()),
        ("ce_time", "2026-11-20T09:30:00.000Z".to_owned()),
        ("ce_subject", key),
        ("content-type", "application/json".to_owned()),
        ("streamVersion", "3".to_owned()),
        ("actor", "0193a1b2-0000-7000-8000-000000000001".to_owned()),
        ("correlationId", "0193a1b2-0000-7000-8000-000000000002".to_owned()),
    ]);
    like.body =
        format!("{{\"number\":{number},\"seat\":\"4A\",\"price\":2500,\"currency\":\"USD\",\"legs\":[0,4]}}");
    like
}

fn say(carrier: &str, what: &str, took: Duration) {
    let rate = RECORDS as f64 / took.as_secs_f64();
    println!("{carrier}: {what} {RECORDS} records in {:.2} s: {rate:.0} a second", took.as_secs_f64());
}
