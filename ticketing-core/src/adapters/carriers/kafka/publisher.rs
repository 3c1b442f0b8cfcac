//! Publishing to Kafka: an idempotent producer whose records are all acknowledged in order, or else none after the
//! first that was not. It never waits for one record, and never sends one again after it was lost: its caller does,
//! with a new publisher.

use super::said::Said;
use super::{Kafka, PING_TOPIC, RECORD_BYTES_MAX, told};
use crate::adapters::carriers::window::{BYTES_MAX, RECORDS_MAX, Unfit, Window};
use crate::adapters::carriers::{CarrierError, Outgoing};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long records wait for company: batches are what makes it fast.
const LINGER_MS: &str = "5";
/// The largest batch, in bytes.
const BATCH_BYTES: &str = "524288";
/// How often the thread that takes acknowledgements looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the client's own queue is given when it is full in spite of the window.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Sends records to Kafka.
pub struct KafkaPublisher {
    kafka: Kafka,
    books: Arc<Books>,
    /// Always there but while it is dropped.
    producer: Option<Arc<BaseProducer<Taken>>>,
    /// Topics and their names at the broker.
    names: Vec<(String, Arc<str>)>,
}

#[derive(Debug, Default)]
struct Books {
    window: Window,
    stop: AtomicBool,
}

/// Takes librdkafka's word for each record, on the thread that polls.
struct Taken {
    books: Arc<Books>,
    said: Said,
}

impl ClientContext for Taken {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.said.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.books.window.lose(reason);
        }
        self.said.error(error, reason);
    }
}

impl ProducerContext for Taken {
    type DeliveryOpaque = usize;

    fn delivery(&self, outcome: &DeliveryResult<'_>, number: usize) {
        match outcome {
            Ok(_) => self.books.window.acknowledge(number),
            Err((error, message)) => {
                let code = error.rdkafka_error_code();
                let reason = code.map_or_else(|| error.to_string(), told);
                let reason = format!("{}: {reason}", message.topic());
                match code {
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => self.books.window.refuse(number, reason),
                    _ => self.books.window.lose(reason),
                }
            }
        }
    }
}

impl fmt::Debug for KafkaPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaPublisher").field("window", &self.books.window).finish_non_exhaustive()
    }
}

impl Drop for KafkaPublisher {
    /// The thread ends the producer: that purges what is under way, and may take half a second.
    fn drop(&mut self) {
        self.producer = None;
        self.books.stop.store(true, Ordering::Release);
    }
}

impl KafkaPublisher {
    /// Makes the producer and its thread. Does not connect.
    pub(super) fn start(kafka: &Kafka) -> Result<Self, CarrierError> {
        let books = Arc::new(Books::default());
        let mut client = kafka.client();
        client
            .set("enable.idempotence", "true")
            // A batch that fails for good stops the producer, so that no later record of its keys gets past it.
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            // No record is given up for its age: a later one of its key would get past it.
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MS)
            .set("batch.size", BATCH_BYTES)
            .set("compression.type", "lz4")
            // The window is the limit; the queue behind it is a little larger, so that it is never the one to refuse.
            .set("queue.buffering.max.messages", (RECORDS_MAX * 2).to_string())
            .set("queue.buffering.max.kbytes", (BYTES_MAX / 1024 * 4).to_string());
        let producer: BaseProducer<Taken> = client
            .create_with_context(Taken { books: books.clone(), said: kafka.shared.said.clone() })
            .map_err(|error| kafka.error(&error.into()))?;
        let producer = Arc::new(producer);
        let (polled, stops) = (producer.clone(), books.clone());
        std::thread::Builder::new()
            .name("kafka-publisher".into())
            .spawn(move || poll(&polled, &stops))
            .map_err(|error| kafka.unreachable(error.to_string()))?;
        Ok(Self { kafka: kafka.clone(), books, producer: Some(producer), names: Vec::new() })
    }

    pub(in super::super) async fn send(&mut self, ticket: i64, record: Outgoing) -> Result<(), CarrierError> {
        let bytes = record.body.len()
            + record.key.len()
            + record.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.books.window.room(bytes).await.map_err(|reason| self.loss(reason))?;
        let Some(producer) = self.producer.clone() else {
            return Err(self.kafka.lost("it is being closed"));
        };
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let name = self.name(&record.topic);
        let number = self.books.window.begin(ticket, bytes);
        let mut next = BaseRecord::with_opaque_to(&name, number)
            .key(record.key.as_str())
            .payload(record.body.as_str())
            .headers(headers);
        loop {
            let Err((error, refused)) = producer.send(next) else { return Ok(()) };
            self.books.window.take_back();
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => {}
                Some(code @ RDKafkaErrorCode::MessageSizeTooLarge) => {
                    let reason = format!("{code}; no record of ours may have more than {RECORD_BYTES_MAX}");
                    return Err(self.kafka.unfit(Unfit { ticket, bytes }, reason));
                }
                Some(code) => {
                    self.books.window.lose(code.to_string());
                    return Err(self.kafka.lost(code.to_string()));
                }
                None => return Err(self.kafka.refused(error.to_string())),
            }
            next = refused;
            tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            next.delivery_opaque = self.books.window.begin(ticket, bytes);
        }
    }

    /// librdkafka may have forgotten all brokers, for ever: see [`super::ask`].
    pub(in super::super) async fn finds_broker(&self, timeout: Duration) -> bool {
        let Some(producer) = self.producer.clone() else { return false };
        let topic = self.kafka.full(PING_TOPIC);
        let asking = tokio::task::spawn_blocking(move || {
            let answer = producer.client().fetch_metadata(Some(&topic), timeout);
            answer.is_ok_and(|metadata| !metadata.brokers().is_empty())
        });
        asking.await.unwrap_or(false)
    }

    pub(in super::super) fn acknowledged(&self) -> i64 {
        self.books.window.acknowledged()
    }

    pub(in super::super) async fn acknowledged_beyond(&mut self, ticket: i64) -> Result<i64, CarrierError> {
        self.books.window.acknowledged_beyond(ticket).await.map_err(|reason| self.loss(reason))
    }

    /// What the end of the window means.
    fn loss(&self, reason: String) -> CarrierError {
        match self.books.window.unfit() {
            Some(unfit) => self.kafka.unfit(unfit, reason),
            None => self.kafka.lost(reason),
        }
    }

    /// A topic's name at the broker, made once.
    fn name(&mut self, topic: &str) -> Arc<str> {
        if let Some((_, name)) = self.names.iter().find(|(bare, _)| bare == topic) {
            return name.clone();
        }
        let name: Arc<str> = self.kafka.full(topic).into();
        self.names.push((topic.to_owned(), name.clone()));
        name
    }
}

/// Takes acknowledgements until the publisher is dropped; the producer ends here, as its last holder.
fn poll(producer: &BaseProducer<Taken>, books: &Books) {
    let mut purged = false;
    while !books.stop.load(Ordering::Acquire) {
        producer.poll(LOOK_EVERY);
        if !purged && books.window.lost().is_some() {
            producer.purge(PurgeConfig::default().queue().inflight());
            purged = true;
        }
    }
}
