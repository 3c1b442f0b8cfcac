//! What both carriers promise, by the same tests; what only one of them has, beside it.

mod kafka_only;
mod nats_only;
mod newborn;
mod promises;
mod throughput;
mod unfit;
mod unreachable;

use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{
    Carrier, Cursor, Message, Outgoing, Publisher, Reader, TICKET_EVENTS,
};

/// Longer than any answer takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long a reader waits for more when there should be none.
const QUIET: Duration = Duration::from_millis(1500);

/// A record whose body is its number, so that what comes back can be told apart.
fn record(topic: &str, key: &str, number: i64) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        key: key.to_owned(),
        message_id: format!("{topic}/{key}/{number}"),
        headers: vec![("ce_type", "TicketBooked".to_owned()), ("position", number.to_string())],
        body: format!("{{\"number\":{number}}}"),
    }
}

fn number(message: &Message) -> i64 {
    message.header("position").unwrap().parse().unwrap()
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(number).collect()
}

fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers
}

/// Publishes these records with the numbers of their places, and waits for all acknowledgements.
async fn publish(carrier: &Carrier, records: impl IntoIterator<Item = (i64, Outgoing)>) {
    let mut publisher = carrier.publisher().await.unwrap();
    let mut last = 0;
    for (ticket, record) in records {
        publisher.send(ticket, record).await.unwrap();
        last = ticket;
    }
    all_acknowledged(&mut publisher, last).await;
}

async fn all_acknowledged(publisher: &mut Publisher, last: i64) {
    let waiting = async {
        while publisher.acknowledged() < last {
            let so_far = publisher.acknowledged();
            let beyond = publisher.acknowledged_beyond(so_far).await.unwrap();
            assert!(beyond > so_far);
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the broker acknowledges all");
    assert_eq!(publisher.acknowledged(), last);
}

/// Publishes numbered records of one key to the tickets' topic.
async fn publish_numbers(carrier: &Carrier, range: std::ops::RangeInclusive<i64>) {
    publish(carrier, range.map(|number| (number, record(TICKET_EVENTS, "k", number)))).await;
}

async fn reader(carrier: &Carrier, from: &[Cursor]) -> Reader {
    carrier.reader("test-group", &[TICKET_EVENTS], from).await.unwrap()
}

/// Reads until there are so many.
async fn take(reader: &mut Reader, count: usize) -> Vec<Message> {
    let (mut messages, started) = (Vec::new(), Instant::now());
    while messages.len() < count {
        assert!(started.elapsed() < PATIENCE, "only {} of {count} came", messages.len());
        messages.extend(reader.next(count - messages.len(), Duration::from_secs(1)).await.unwrap());
    }
    messages
}

/// Reads all there is, which is so many and no more.
async fn take_exactly(reader: &mut Reader, count: usize) -> Vec<Message> {
    let messages = take(reader, count).await;
    let more = reader.next(10, QUIET).await.unwrap();
    assert!(more.is_empty(), "{} came after the last: {:?}", more.len(), numbers(&more));
    messages
}
