//! An event that a broker never takes as it is stops the relay in order, and operators are told which it is and what
//! to do; then all goes on by itself.

use super::PATIENCE;
use crate::support::brokers::{Broker, kafka, nats};
use crate::support::city::{ask, hold, seed_line};
use crate::support::place::{BEGIN, Place, clock};
use async_nats::jetstream::stream::Config;
use rdkafka::admin::{AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{CATALOG_EVENTS, TICKET_EVENTS};
use ticketing_core::app::App;
use ticketing_core::ops::status::{self, CarrierStatus};
use ticketing_core::store::leases::Process;
use ticketing_core::worker::{Roles, Workers};
use uuid::Uuid;

/// Far less than a pattern of many stops takes.
const TOO_SMALL: i32 = 2_000;
/// Stops of the line, so many that it is too large.
const STOPS: u32 = 150;

async fn carrier(app: &App) -> Option<CarrierStatus> {
    status::services(app).await.unwrap().carriers.pop()
}

async fn until(app: &App, what: &str, is_so: impl Fn(&CarrierStatus) -> bool) -> CarrierStatus {
    let began = Instant::now();
    loop {
        let found = carrier(app).await;
        if let Some(found) = found.as_ref().filter(|found| is_so(found)) {
            return found.clone();
        }
        assert!(began.elapsed() < PATIENCE, "not {what}: {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `mend` makes room for what is too large; `hint` is what the operator is told to change.
async fn one_stops_all_until_there_is_room(broker: &Broker, hint: &str, mend: impl AsyncFnOnce()) {
    let place = Place::sqlite();
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "AB", STOPS, 1).await[0];
    hold(&app, ask(bus)).await;
    let process = Process {
        id: Uuid::now_v7(),
        host: "test".into(),
        pid: 1,
        roles: "relay".into(),
        address: None,
        version: "test".into(),
        started_at: BEGIN.as_millis(),
        seen_at: BEGIN.as_millis(),
    };
    let carrier = Some(broker.carrier.clone());
    let workers =
        Workers::start(&app, Roles { relay: true, carrier, process: Some(process), ..Roles::default() });
    let stopped = until(&app, "stopped", |carrier| carrier.trouble.is_some()).await;
    let trouble = stopped.trouble.unwrap();
    // The layout is before it, and is published.
    let at = stopped.position + 1;
    assert!(stopped.position >= 1 && stopped.lag > 0, "{}", stopped.position);
    let named = trouble.contains(&format!("position {at} ")) && trouble.contains("Defined of ");
    assert!(named && trouble.contains(hint), "at {at}: {trouble}");

    mend().await;
    let published = until(&app, "published", |carrier| carrier.lag == 0).await;
    assert_eq!(published.trouble, None);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_for_kafka_is_named_and_goes_when_there_is_room() {
    let Some(broker) = kafka() else { return };
    let name = format!("{}{CATALOG_EVENTS}", broker.prefix);
    let small = TOO_SMALL.to_string();
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1)).set("max.message.bytes", &small);
    broker.kafka_admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
    one_stops_all_until_there_is_room(&broker, "max.message.bytes", async || {
        let room = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("max.message.bytes", "16777216");
        broker.kafka_admin().alter_configs([&room], &AdminOptions::new()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_for_nats_is_named_and_goes_when_there_is_room() {
    let Some(broker) = nats() else { return };
    let subjects = [CATALOG_EVENTS, TICKET_EVENTS].map(|topic| format!("{}{topic}", broker.prefix));
    let name = format!("{}FOREIGN", broker.prefix);
    let config = |max_message_size: i32| Config {
        name: name.clone(),
        subjects: subjects.to_vec(),
        max_message_size,
        ..Config::default()
    };
    broker.jetstream().await.create_stream(config(TOO_SMALL)).await.unwrap();
    one_stops_all_until_there_is_room(&broker, "max_msg_size", async || {
        broker.jetstream().await.update_stream(config(-1)).await.unwrap();
    })
    .await;
}
