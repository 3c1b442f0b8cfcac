//! What both carriers promise.

use super::{
    PATIENCE, all_acknowledged, number, numbers, publish, publish_numbers, reader, record, sorted, take,
    take_exactly,
};
use crate::support::brokers::Broker;
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};
use ticketing_core::adapters::carriers::{
    CATALOG_EVENTS, CONSUMED, Carrier, CarrierError, Cursor, Message, Outgoing, PAYMENT_EVENTS, PUBLISHED,
    TICKET_EVENTS, WALLET_EVENTS,
};
use ticketing_core::domain::time::Timestamp;

/// Makes each of these a test on every carrier.
macro_rules! on_every_carrier {
    ($($name:ident)+) => {
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let Some(broker) = crate::support::brokers::kafka() else { return };
                super::$name(&broker).await;
            })+
        }
        mod nats {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let Some(broker) = crate::support::brokers::nats() else { return };
                super::$name(&broker).await;
            })+
        }
    };
}

on_every_carrier! {
    what_was_published_is_read_back_equal
    each_keys_order_is_kept_over_many_records
    a_reader_goes_on_at_its_cursor
    what_was_not_acknowledged_is_sent_again_by_a_new_publisher
    the_first_offset_of_a_time_is_found
    a_cursor_whose_messages_are_gone_goes_on_at_the_first_that_is_there
    the_watermarks_stand_around_what_is_there
    a_broker_is_prepared_as_often_as_one_likes
    a_topic_that_is_missing_is_named
    a_record_that_is_too_large_is_refused_and_harms_no_other
    dropping_never_waits
}

async fn what_was_published_is_read_back_equal(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let rich = |topic: &str, key: &str, number: i64| Outgoing {
        headers: vec![
            ("ce_specversion", "1.0".into()),
            ("ce_type", "TicketBooked".into()),
            ("content-type", "application/json".into()),
            ("position", number.to_string()),
            ("actor", format!(" Zoë – 東京 100% %41 line\r\nbreak {number} ")),
            ("correlationId", String::new()),
        ],
        body: "{\"seat\":\"4Ä\"}".into(),
        ..record(topic, key, number)
    };
    let mut sent = Vec::new();
    for (at, topic) in PUBLISHED.iter().chain(CONSUMED).enumerate() {
        sent.push(rich(topic, "some key", i64::try_from(at).unwrap()));
    }
    let before = now();
    publish(carrier, (1..).zip(sent.clone())).await;
    let topics: Vec<&str> = PUBLISHED.iter().chain(CONSUMED).copied().collect();
    let mut reader = carrier.reader("test-group", &topics, &[]).await.unwrap();
    let read = take_exactly(&mut reader, sent.len()).await;
    for sent in sent {
        let message = read.iter().find(|message| message.topic == sent.topic).unwrap();
        assert_eq!(message.key.as_deref(), Some(sent.key.as_str()));
        assert_eq!(message.body, sent.body.as_bytes());
        let mut expected: Vec<(String, String)> =
            sent.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        expected.sort();
        let mut headers = message.headers.clone();
        headers.sort();
        assert_eq!(headers, expected);
        let age = message.at.as_millis() - before.as_millis();
        assert!((-1000..60_000).contains(&age), "it was written {age} ms after it was sent");
    }
}

async fn each_keys_order_is_kept_over_many_records(broker: &Broker) {
    const RECORDS: i64 = 5000;
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let keys = ["a", "b", "c", "d", "e", "f", "g"];
    let of = |number: i64| {
        let topic = if number % 5 == 0 { CATALOG_EVENTS } else { TICKET_EVENTS };
        record(topic, keys[usize::try_from(number * 31 % 7).unwrap()], number)
    };
    publish(carrier, (1..=RECORDS).map(|number| (number, of(number)))).await;
    let mut reader = carrier.reader("test-group", PUBLISHED, &[]).await.unwrap();
    let messages = take_exactly(&mut reader, usize::try_from(RECORDS).unwrap()).await;
    assert_eq!(sorted(numbers(&messages)), (1..=RECORDS).collect::<Vec<_>>());
    let mut last: HashMap<(String, Option<String>), (i64, i32)> = HashMap::new();
    for message in &messages {
        let place = (message.topic.clone(), message.key.clone());
        let (number, partition) = (number(message), message.partition);
        if let Some((before, same)) = last.insert(place, (number, partition)) {
            assert!(before < number, "{number} came after {before}");
            assert_eq!(same, partition, "a key stays in its partition");
        }
    }
    assert_eq!(last.len(), 2 * keys.len());
}

/// Where to go on after these messages.
fn cursors_after(messages: &[Message]) -> Vec<Cursor> {
    let mut next: HashMap<(String, i32), i64> = HashMap::new();
    for message in messages {
        next.insert((message.topic.clone(), message.partition), message.offset + 1);
    }
    let cursor = |((topic, partition), next_offset)| Cursor { topic, partition, next_offset };
    next.into_iter().map(cursor).collect()
}

async fn a_reader_goes_on_at_its_cursor(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let keyed = |range: std::ops::RangeInclusive<i64>| {
        range.map(|number| (number, record(TICKET_EVENTS, &format!("key {}", number % 9), number)))
    };
    publish(carrier, keyed(1..=300)).await;
    let mut first = reader(carrier, &[]).await;
    let read = take(&mut first, 137).await;
    let mut second = reader(carrier, &cursors_after(&read)).await;
    let rest = take_exactly(&mut second, 300 - 137).await;
    let all: Vec<i64> = numbers(&read).into_iter().chain(numbers(&rest)).collect();
    assert_eq!(sorted(all), (1..=300).collect::<Vec<_>>());
    publish(carrier, keyed(301..=350)).await;
    let later = take_exactly(&mut second, 50).await;
    assert_eq!(sorted(numbers(&later)), (301..=350).collect::<Vec<_>>(), "what comes later is read, too");
    assert!(second.next(0, Duration::ZERO).await.unwrap().is_empty());
}

async fn what_was_not_acknowledged_is_sent_again_by_a_new_publisher(broker: &Broker) {
    const RECORDS: i64 = 4000;
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let keyed = |number: i64| record(TICKET_EVENTS, &format!("key {}", number % 3), number);
    let mut acknowledged = 0;
    for upto in [1500, 3000, RECORDS] {
        let mut publisher = carrier.publisher().await.unwrap();
        for number in acknowledged + 1..=upto {
            publisher.send(number, keyed(number)).await.unwrap();
        }
        if upto == RECORDS {
            all_acknowledged(&mut publisher, RECORDS).await;
        } else if upto == 3000 {
            publisher.acknowledged_beyond(acknowledged + 700).await.unwrap();
        }
        // Dropped with most of it under way.
        acknowledged = acknowledged.max(publisher.acknowledged());
    }
    assert_eq!(acknowledged, RECORDS);
    let mut reader = reader(carrier, &[]).await;
    let mut firsts: HashMap<String, Vec<i64>> = HashMap::new();
    let (mut seen, mut count, started) = (0, 0, Instant::now());
    loop {
        let messages = reader.next(1000, super::QUIET).await.unwrap();
        if messages.is_empty() && seen == RECORDS {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "only {seen} of {RECORDS} came");
        for message in &messages {
            let firsts = firsts.entry(message.key.clone().unwrap()).or_default();
            count += 1;
            if !firsts.contains(&number(message)) {
                assert!(firsts.last().is_none_or(|last| *last < number(message)), "the order is kept");
                firsts.push(number(message));
                seen += 1;
            }
        }
    }
    if matches!(carrier, Carrier::Nats(_)) {
        assert_eq!(count, RECORDS, "NATS tells what it has by its id");
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

async fn the_first_offset_of_a_time_is_found(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    publish_numbers(carrier, 1..=20).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    publish_numbers(carrier, 21..=30).await;

    let from = carrier.offsets_at(&[TICKET_EVENTS], between).await.unwrap();
    let messages = take_exactly(&mut reader(carrier, &from).await, 10).await;
    assert_eq!(numbers(&messages), (21..=30).collect::<Vec<_>>());

    for long_ago in [Timestamp::from_millis(0), Timestamp::from_millis(-5)] {
        let from = carrier.offsets_at(&[TICKET_EVENTS], long_ago).await.unwrap();
        let messages = take_exactly(&mut reader(carrier, &from).await, 30).await;
        assert_eq!(numbers(&messages), (1..=30).collect::<Vec<_>>());
    }

    let later = now().plus_seconds(3600);
    let ends = carrier.offsets_at(&[TICKET_EVENTS, PAYMENT_EVENTS], later).await.unwrap();
    let watermarks = carrier.watermarks(&[TICKET_EVENTS, PAYMENT_EVENTS]).await.unwrap();
    let highs = watermarks.into_iter().map(|it| Cursor {
        topic: it.topic,
        partition: it.partition,
        next_offset: it.high,
    });
    assert_eq!(ends, highs.collect::<Vec<_>>(), "a time to come is at the end");
}

async fn a_cursor_whose_messages_are_gone_goes_on_at_the_first_that_is_there(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    publish_numbers(carrier, 1..=100).await;
    let all = take_exactly(&mut reader(carrier, &[]).await, 100).await;
    let (early, kept) = (&all[9], &all[59]);
    delete_before(broker, kept).await;

    let cursor =
        |next_offset| vec![Cursor { topic: TICKET_EVENTS.into(), partition: early.partition, next_offset }];
    let gone = take_exactly(&mut reader(carrier, &cursor(early.offset)).await, 41).await;
    assert_eq!(numbers(&gone), (60..=100).collect::<Vec<_>>());
    let none = take_exactly(&mut reader(carrier, &[]).await, 41).await;
    assert_eq!(numbers(&none), (60..=100).collect::<Vec<_>>());
    let beyond = take_exactly(&mut reader(carrier, &cursor(1_000_000)).await, 41).await;
    assert_eq!(numbers(&beyond), (60..=100).collect::<Vec<_>>(), "a cursor of a topic that was made anew");

    let watermarks = carrier.watermarks(&[TICKET_EVENTS]).await.unwrap();
    let here = watermarks.iter().find(|it| it.partition == kept.partition).unwrap();
    assert_eq!((here.low, here.high), (kept.offset, all[99].offset + 1));
}

/// Deletes what stands before a message.
async fn delete_before(broker: &Broker, message: &Message) {
    match &broker.carrier {
        Carrier::Kafka(_) => {
            let mut list = rdkafka::TopicPartitionList::new();
            let topic = format!("{}{}", broker.prefix, message.topic);
            let offset = rdkafka::Offset::Offset(message.offset);
            list.add_partition_offset(&topic, message.partition, offset).unwrap();
            let options = rdkafka::admin::AdminOptions::new();
            broker.kafka_admin().delete_records(&list, &options).await.unwrap();
        }
        Carrier::Nats(_) => {
            let stream = broker.jetstream().await.get_stream(format!("{}TICKETING", broker.prefix)).await;
            let before = u64::try_from(message.offset).unwrap();
            stream.unwrap().purge().sequence(before).await.unwrap();
        }
    }
}

async fn the_watermarks_stand_around_what_is_there(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let empty = carrier.watermarks(&[PAYMENT_EVENTS, WALLET_EVENTS]).await.unwrap();
    assert!(!empty.is_empty() && empty.iter().all(|it| it.low == it.high), "{empty:?}");

    let keyed =
        |number: i64| record(PUBLISHED[usize::from(number % 4 == 0)], &format!("k{}", number % 20), number);
    publish(carrier, (1..=200).map(|number| (number, keyed(number)))).await;
    let mut reader = carrier.reader("test-group", PUBLISHED, &[]).await.unwrap();
    let messages = take_exactly(&mut reader, 200).await;
    let mut next = cursors_after(&messages);
    let watermarks = carrier.watermarks(PUBLISHED).await.unwrap();
    for watermarks in &watermarks {
        let of = |it: &Message| it.topic == watermarks.topic && it.partition == watermarks.partition;
        assert!(messages.iter().filter(|it| of(it)).all(|it| it.offset >= watermarks.low));
        let at =
            next.iter().position(|it| it.topic == watermarks.topic && it.partition == watermarks.partition);
        match at.map(|at| next.swap_remove(at)) {
            Some(cursor) => assert_eq!(cursor.next_offset, watermarks.high, "all of it was read"),
            None => assert_eq!(watermarks.low, watermarks.high, "there is nothing"),
        }
    }
    assert!(next.is_empty(), "no watermarks for {next:?}");
    reader.show(&cursors_after(&messages));
}

async fn a_broker_is_prepared_as_often_as_one_likes(broker: &Broker) {
    let carrier = &broker.carrier;
    let (one, other) = tokio::join!(carrier.prepare(), carrier.prepare());
    one.unwrap();
    other.unwrap();
    publish_numbers(carrier, 1..=3).await;
    carrier.prepare().await.unwrap();
    let messages = take_exactly(&mut reader(carrier, &[]).await, 3).await;
    assert_eq!(numbers(&messages), [1, 2, 3], "what is there stays there");
    carrier.ping(Duration::from_secs(5)).await.unwrap();
    assert!(carrier.watermarks(CONSUMED).await.is_ok());
}

async fn a_topic_that_is_missing_is_named(broker: &Broker) {
    let carrier = &broker.carrier;
    let name = format!("{}{PAYMENT_EVENTS}", broker.prefix);
    let asked = [
        carrier.watermarks(&[PAYMENT_EVENTS]).await.map(|_| ()),
        carrier.offsets_at(&[PAYMENT_EVENTS], now()).await.map(|_| ()),
        carrier.reader("test-group", &[PAYMENT_EVENTS], &[]).await.map(|_| ()),
    ];
    for answer in asked {
        let Err(CarrierError::Refused { carrier: word, reason, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(word, carrier.word());
        assert!(reason.contains(&name), "{reason}");
    }
}

async fn a_record_that_is_too_large_is_refused_and_harms_no_other(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let mut publisher = carrier.publisher().await.unwrap();
    publisher.send(1, record(TICKET_EVENTS, "k", 1)).await.unwrap();
    let large = Outgoing { body: "x".repeat(20_000_000), ..record(TICKET_EVENTS, "k", 2) };
    let refused = publisher.send(2, large).await;
    assert!(matches!(refused, Err(CarrierError::Unfit { ticket: 2, .. })), "{refused:?}");
    publisher.send(3, record(TICKET_EVENTS, "k", 3)).await.unwrap();
    all_acknowledged(&mut publisher, 3).await;
    let messages = take_exactly(&mut reader(carrier, &[]).await, 2).await;
    assert_eq!(numbers(&messages), [1, 3]);
}

async fn dropping_never_waits(broker: &Broker) {
    let carrier = &broker.carrier;
    carrier.prepare().await.unwrap();
    let mut publisher = carrier.publisher().await.unwrap();
    for number in 1..=3000 {
        publisher.send(number, record(TICKET_EVENTS, "k", number)).await.unwrap();
    }
    let reader = reader(carrier, &[]).await;
    let started = Instant::now();
    drop(publisher);
    drop(reader);
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
}
