//! What only Kafka has: groups, partitions that are added.

use super::{PATIENCE, number, publish_numbers, reader, record, take_exactly};
use crate::support::brokers::kafka;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{
    CATALOG_EVENTS, CarrierError, Cursor, Outgoing, TICKET_EVENTS, WALLET_EVENTS,
};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn shown_cursors_are_what_the_brokers_own_tools_see() {
    let Some(broker) = kafka() else { return };
    broker.carrier.prepare().await.unwrap();
    publish_numbers(&broker.carrier, 1..=10).await;
    let mut reader = reader(&broker.carrier, &[]).await;
    let read = take_exactly(&mut reader, 10).await;
    let (partition, next_offset) = (read[6].partition, read[6].offset + 1);
    reader.show(&[Cursor { topic: TICKET_EVENTS.into(), partition, next_offset }]);

    let asker: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &broker.address)
        .set("group.id", "test-group")
        .create()
        .unwrap();
    let (topic, started) = (format!("{}{TICKET_EVENTS}", broker.prefix), Instant::now());
    loop {
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, partition);
        let committed = asker.committed_offsets(list, Duration::from_secs(5)).unwrap();
        let seen = committed.find_partition(&topic, partition).unwrap().offset();
        if seen == Offset::Offset(next_offset) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the tools see {seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A record that Kafka can't press together.
fn large(number: i64, bytes: usize) -> Outgoing {
    let noise = std::iter::repeat_with(|| Uuid::new_v4().simple().to_string());
    let noise: String = noise.take(bytes / 32).collect();
    Outgoing {
        body: format!("{{\"number\":{number},\"noise\":\"{noise}\"}}"),
        ..record(CATALOG_EVENTS, "k", number)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_three_megabytes_is_taken_and_read_with_those_around_it() {
    let Some(broker) = kafka() else { return };
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let records = [large(1, 100), large(2, 3 << 20), large(3, 100), large(4, 12 << 20), large(5, 100)];
    let bodies: Vec<String> = records.iter().map(|record| record.body.clone()).collect();
    let mut all: Vec<(i64, Outgoing)> = (1..).zip(records).collect();
    all.extend((6..=200).map(|at| (at, record(TICKET_EVENTS, &format!("key {at}"), at))));
    super::publish(carrier, all).await;
    let mut reader = carrier.reader("test-group", &[CATALOG_EVENTS, TICKET_EVENTS], &[]).await.unwrap();
    let messages = take_exactly(&mut reader, 200).await;
    let read = messages.into_iter().filter(|message| message.topic == CATALOG_EVENTS);
    let read: Vec<String> = read.map(|message| String::from_utf8(message.body).unwrap()).collect();
    assert!(read == bodies, "{} of them came, or in another order", read.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_for_a_topic_of_others_is_refused_with_what_to_do() {
    let Some(broker) = kafka() else { return };
    let name = format!("{}{CATALOG_EVENTS}", broker.prefix);
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "1000000");
    broker.kafka_admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
    broker.carrier.prepare().await.unwrap();
    let mut publisher = broker.carrier.publisher().await.unwrap();
    publisher.send(1, large(1, 3 << 20)).await.unwrap();
    let told = tokio::time::timeout(PATIENCE, publisher.acknowledged_beyond(0)).await.expect("an answer");
    let told = told.unwrap_err();
    assert!(matches!(told, CarrierError::Unfit { ticket: 1, .. }), "{told:?}");
    assert!(told.to_string().contains("max.message.bytes=16777216"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_there_is_left_as_it_is() {
    let Some(broker) = kafka() else { return };
    let name = format!("{}{WALLET_EVENTS}", broker.prefix);
    let topic = NewTopic::new(&name, 2, TopicReplication::Fixed(1));
    broker.kafka_admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
    broker.carrier.prepare().await.unwrap();
    let count = async |topic: &str| broker.carrier.watermarks(&[topic]).await.unwrap().len();
    assert_eq!(
        (count(WALLET_EVENTS).await, count(CATALOG_EVENTS).await, count(TICKET_EVENTS).await),
        (2, 1, 12)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for half a minute, until the partitions are looked for again"]
async fn partitions_that_are_added_are_read() {
    let Some(broker) = kafka() else { return };
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let mut reader = carrier.reader("test-group", &[CATALOG_EVENTS], &[]).await.unwrap();
    super::publish(carrier, [(1, record(CATALOG_EVENTS, "k", 1))]).await;
    assert_eq!(take_exactly(&mut reader, 1).await.len(), 1);
    let name = format!("{}{CATALOG_EVENTS}", broker.prefix);
    let more = NewPartitions::new(&name, 4);
    broker.kafka_admin().create_partitions([&more], &AdminOptions::new()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let keyed = |at: i64| (at, record(CATALOG_EVENTS, &format!("key {at}"), at));
    super::publish(carrier, (2..=40).map(keyed)).await;
    let messages = take_exactly(&mut reader, 39).await;
    assert_eq!(super::sorted(messages.iter().map(number).collect()), (2..=40).collect::<Vec<_>>());
    assert!(messages.iter().any(|message| message.partition > 0));
}
