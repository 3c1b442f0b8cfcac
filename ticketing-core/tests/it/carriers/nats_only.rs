//! What only NATS has: subjects, streams of others, and one connection that can be cut.

use super::{
    PATIENCE, all_acknowledged, number, numbers, publish, publish_numbers, reader, record, take_exactly,
};
use crate::support::brokers::{nats, nats_at};
use async_nats::jetstream::stream::Config;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{
    CarrierError, Outgoing, PAYMENT_EVENTS, TICKET_EVENTS, WALLET_EVENTS,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_a_subject_of_its_own_goes_there_and_is_still_of_its_topic() {
    let Some(broker) = nats() else { return };
    broker.carrier.prepare().await.unwrap();
    let of = |event: &str, number: i64| Outgoing {
        headers: vec![("ce_type", event.into()), ("position", number.to_string())],
        ..record(TICKET_EVENTS, "k", number)
    };
    let events = [
        ("TicketCreated", "ticket:created"),
        ("TicketUpdated", "ticket:updated"),
        ("OrderCreated", "order:created"),
        ("OrderCancelled", "order:cancelled"),
        ("OrderComplete", "order:complete"),
        ("ExpirationComplete", "expiration:complete"),
        ("PaymentCreated", "payment:created"),
        ("TicketBooked", "ticket-events"),
    ];
    publish(&broker.carrier, (1..).zip(events).map(|(at, (event, _))| (at, of(event, at)))).await;
    let messages = take_exactly(&mut reader(&broker.carrier, &[]).await, events.len()).await;
    assert_eq!(numbers(&messages), (1..=8).collect::<Vec<_>>(), "in one order, whatever the subject");
    assert!(messages.iter().all(|message| message.topic == TICKET_EVENTS));
    let stream = broker.jetstream().await.get_stream(format!("{}TICKETING", broker.prefix)).await.unwrap();
    for (event, subject) in events {
        let subject = format!("{}{subject}", broker.prefix);
        let message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
        assert_eq!(message.headers.get("ce_type").unwrap().as_str(), event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_another_stream_keeps_is_read_there() {
    let Some(broker) = nats() else { return };
    let jetstream = broker.jetstream().await;
    let subject = format!("{}{PAYMENT_EVENTS}", broker.prefix);
    let name = format!("{}FOREIGN", broker.prefix);
    let config = Config { name, subjects: vec![subject.clone()], ..Config::default() };
    jetstream.create_stream(config).await.unwrap();
    broker.carrier.prepare().await.unwrap();
    jetstream.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    let topics = [PAYMENT_EVENTS, WALLET_EVENTS];
    let mut reader = broker.carrier.reader("test group.1", &topics, &[]).await.unwrap();
    let messages = take_exactly(&mut reader, 1).await;
    assert_eq!((messages[0].topic.as_str(), messages[0].offset), (PAYMENT_EVENTS, 1));
    assert_eq!((messages[0].key.as_deref(), messages[0].body.as_slice()), (None, b"{}".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_server_never_takes_is_refused_by_its_number_and_those_before_it_are_not() {
    let Some(broker) = nats() else { return };
    broker.carrier.prepare().await.unwrap();
    let most = async_nats::connect(&broker.address).await.unwrap().server_info().max_payload;
    let sized = |number: i64, bytes: usize| Outgoing {
        body: "x".repeat(bytes),
        ..record(TICKET_EVENTS, "k", number)
    };
    let mut publisher = broker.carrier.publisher().await.unwrap();
    publisher.send(1, sized(1, 100)).await.unwrap();
    // Its body alone would be taken, but headers count, too.
    let refused = publisher.send(2, sized(2, most - 10)).await.unwrap_err();
    assert!(matches!(refused, CarrierError::Unfit { ticket: 2, .. }), "{refused:?}");
    assert!(refused.to_string().contains("max_payload"), "{refused}");
    all_acknowledged(&mut publisher, 1).await;

    // A little less is taken.
    let mut publisher = broker.carrier.publisher().await.unwrap();
    publisher.send(3, sized(3, most - 1_000)).await.unwrap();
    all_acknowledged(&mut publisher, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_stream_of_others_never_takes_is_refused_by_its_number() {
    let Some(broker) = nats() else { return };
    let subject = format!("{}{TICKET_EVENTS}", broker.prefix);
    let name = format!("{}FOREIGN", broker.prefix);
    let config = Config { name, subjects: vec![subject], max_message_size: 2_000, ..Config::default() };
    broker.jetstream().await.create_stream(config).await.unwrap();
    broker.carrier.prepare().await.unwrap();
    let mut publisher = broker.carrier.publisher().await.unwrap();
    publisher.send(7, record(TICKET_EVENTS, "k", 7)).await.unwrap();
    let large = Outgoing { body: "x".repeat(5_000), ..record(TICKET_EVENTS, "k", 8) };
    publisher.send(8, large).await.unwrap();
    assert_eq!(publisher.acknowledged_beyond(0).await.unwrap(), 7);
    let told = tokio::time::timeout(PATIENCE, publisher.acknowledged_beyond(7)).await.expect("an answer");
    let told = told.unwrap_err();
    assert!(matches!(told, CarrierError::Unfit { ticket: 8, .. }), "{told:?}");
    assert!(told.to_string().contains("max_msg_size"), "{told}");
}

/// Passes bytes on, until it is told to cut every connection, or to let no new one in.
struct Proxy {
    address: String,
    gate: Arc<watch::Sender<Gate>>,
}

#[derive(Default)]
struct Gate {
    shut: bool,
    cuts: u32,
}

impl Proxy {
    async fn start(to: String) -> Self {
        let to = to.rsplit("//").next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let gate = Arc::new(watch::Sender::new(Gate::default()));
        let watched = gate.clone();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut closed = watched.subscribe();
                let to = to.clone();
                tokio::spawn(async move {
                    let cuts = {
                        let gate = closed.borrow_and_update();
                        if gate.shut {
                            return;
                        }
                        gate.cuts
                    };
                    let mut far = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = closed.wait_for(|gate| gate.cuts > cuts) => {}
                    }
                });
            }
        });
        Self { address, gate }
    }

    fn cut(&self) {
        self.gate.send_modify(|gate| gate.cuts += 1);
    }

    fn shut(&self, shut: bool) {
        self.gate.send_modify(|gate| gate.shut = shut);
        self.cut();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_ends_the_publisher_and_the_order_survives() {
    const RECORDS: i64 = 6000;
    let Some(broker) = nats() else { return };
    broker.carrier.prepare().await.unwrap();
    let proxy = Proxy::start(broker.address.clone()).await;
    let carrier = nats_at(&proxy.address, &broker.prefix);
    let (mut acknowledged, mut losses, started) = (0, 0, Instant::now());
    while acknowledged < RECORDS {
        assert!(started.elapsed() < PATIENCE);
        let Ok(mut publisher) = carrier.publisher().await else { continue };
        let mut lost = false;
        for number in acknowledged + 1..=RECORDS {
            if losses < 4 && number == acknowledged + 900 {
                proxy.cut();
            }
            match publisher.send(number, record(TICKET_EVENTS, "k", number)).await {
                Ok(()) => {}
                Err(CarrierError::Lost { .. }) => {
                    lost = true;
                    break;
                }
                Err(other) => panic!("{other}"),
            }
        }
        while !lost && publisher.acknowledged() < RECORDS {
            let waiting = publisher.acknowledged_beyond(publisher.acknowledged());
            match tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it ends") {
                Ok(_) => {}
                Err(CarrierError::Lost { .. }) => lost = true,
                Err(other) => panic!("{other}"),
            }
        }
        losses += i64::from(lost);
        acknowledged = acknowledged.max(publisher.acknowledged());
    }
    assert!(losses >= 4, "the connection was cut {losses} times");
    let messages =
        take_exactly(&mut reader(&broker.carrier, &[]).await, usize::try_from(RECORDS).unwrap()).await;
    assert_eq!(numbers(&messages), (1..=RECORDS).collect::<Vec<_>>(), "each once, and in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_comes_back_by_itself_and_says_when_the_broker_stays_away() {
    let Some(broker) = nats() else { return };
    broker.carrier.prepare().await.unwrap();
    let proxy = Proxy::start(broker.address.clone()).await;
    let carrier = nats_at(&proxy.address, &broker.prefix);
    publish_numbers(&broker.carrier, 1..=5).await;
    let mut reader = reader(&carrier, &[]).await;
    assert_eq!(numbers(&take_exactly(&mut reader, 5).await), [1, 2, 3, 4, 5]);

    proxy.shut(true);
    publish_numbers(&broker.carrier, 6..=9).await;
    let cut = Instant::now();
    loop {
        match reader.next(10, Duration::from_millis(200)).await {
            Ok(messages) => assert!(messages.is_empty(), "{messages:?}"),
            Err(CarrierError::Unreachable { .. }) => break,
            Err(other) => panic!("{other}"),
        }
        assert!(cut.elapsed() < PATIENCE, "nobody says that the broker is away");
    }
    assert!(cut.elapsed() > Duration::from_secs(8), "a short gap is hidden: {:?}", cut.elapsed());
    proxy.shut(false);
    let mut back = Vec::new();
    while back.len() < 4 {
        assert!(cut.elapsed() < PATIENCE, "it did not come back");
        back.extend(reader.next(10, Duration::from_millis(200)).await.unwrap_or_default());
    }
    assert_eq!(back.iter().map(number).collect::<Vec<_>>(), [6, 7, 8, 9]);

    let mut publisher = carrier.publisher().await.unwrap();
    publisher.send(10, record(TICKET_EVENTS, "k", 10)).await.unwrap();
    all_acknowledged(&mut publisher, 10).await;
    assert_eq!(numbers(&take_exactly(&mut reader, 1).await), [10]);
}
