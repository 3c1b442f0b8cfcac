//! Reading from Kafka: a consumer on a thread of its own, which is told what to read from where and is never part
//! of a group's balancing. It commits nothing by itself.
//!
//! The thread looks after the consumer: it takes in new partitions, finds out whether the broker is back, and makes
//! a new consumer when messages are there that this one does not deliver.

use super::Kafka;
use super::ask::{Asked, Partitions};
use super::said::Said;
use crate::adapters::carriers::inbox::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Inbox, Trouble};
use crate::adapters::carriers::{CarrierError, Cursor, Message};
use crate::domain::time::Timestamp;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How much librdkafka fetches ahead for all partitions together.
const PREFETCH_KBYTES: &str = "16384";
/// How many messages librdkafka fetches ahead for each partition.
const PREFETCH_MESSAGES: &str = "10000";
/// How much is asked of a partition at once; a record that is larger comes alone.
const FETCH_BYTES: &str = "1048576";
/// How long the thread waits for a message before it looks at what else there is to do.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// How long the thread waits when the caller takes nothing.
const FULL_PAUSE: Duration = Duration::from_millis(5);
/// How often new partitions are looked for.
const PARTITIONS_EVERY: Duration = Duration::from_secs(30);
/// How often a broker that was away is tried.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// How long such a look may take: nothing is read meanwhile.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// After how long without a message it is checked that there is none.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// The longest time between two such checks, when the first new consumers brought nothing either: what stands
/// there may be no message at all, such as the marks of another producer's transactions.
const STALLED_AFTER_MAX: Duration = Duration::from_secs(600);

/// Reads topics of Kafka.
pub struct KafkaReader {
    inbox: Inbox,
    shown: Arc<Shown>,
}

/// The next offsets to show, by topic and partition; the thread takes them, and ends when this is gone.
type Shown = Mutex<HashMap<(String, i32), i64>>;

impl fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReader").finish_non_exhaustive()
    }
}

impl KafkaReader {
    /// Makes the consumer and its thread.
    pub(super) fn start(
        kafka: &Kafka,
        group: &str,
        topics: Vec<String>,
        partitions: &Partitions,
        from: &[Cursor],
    ) -> Result<Self, CarrierError> {
        let mut config = kafka.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", PREFETCH_KBYTES)
            .set("queued.min.messages", PREFETCH_MESSAGES)
            .set("fetch.message.max.bytes", FETCH_BYTES)
            .set("fetch.queue.backoff.ms", "10");
        let names = topics.iter().map(|topic| (kafka.full(topic), topic.clone())).collect();
        let (mut inbox, sender) = Inbox::new(kafka.unreachable("the reader's thread came down"));
        let trouble = inbox.trouble();
        let shown = Arc::new(Shown::default());
        let mut next: HashMap<(String, i32), i64> = HashMap::new();
        for cursor in from.iter().filter(|cursor| topics.contains(&cursor.topic)) {
            next.insert((cursor.topic.clone(), cursor.partition), cursor.next_offset);
        }
        let mut reading = Reading {
            consumer: make(&config, kafka).map_err(|error| kafka.error(&error.into()))?,
            kafka: kafka.clone(),
            config,
            topics,
            names,
            next,
            assigned: Vec::new(),
            forbidden: false,
            sender,
            trouble,
            shown: Arc::downgrade(&shown),
        };
        reading.assign(partitions).map_err(|said| kafka.error(&said))?;
        std::thread::Builder::new()
            .name("kafka-reader".into())
            .spawn(move || reading.run())
            .map_err(|error| kafka.unreachable(error.to_string()))?;
        Ok(Self { inbox, shown })
    }

    pub(in super::super) async fn next(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, CarrierError> {
        self.inbox.next(max, wait).await
    }

    pub(in super::super) fn show(&self, cursors: &[Cursor]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for cursor in cursors {
            shown.insert((cursor.topic.clone(), cursor.partition), cursor.next_offset);
        }
    }
}

/// What the thread has.
struct Reading {
    kafka: Kafka,
    config: ClientConfig,
    consumer: BaseConsumer<Said>,
    /// Bare names.
    topics: Vec<String>,
    /// From a topic's name at the broker to its bare name.
    names: HashMap<String, String>,
    /// Where each partition goes on: by bare name.
    next: HashMap<(String, i32), i64>,
    assigned: Partitions,
    /// We may not read a topic: only a message of it, and no look at it, says otherwise.
    forbidden: bool,
    sender: mpsc::Sender<Vec<Message>>,
    trouble: Arc<Trouble>,
    shown: Weak<Shown>,
}

/// The reader was dropped.
struct Ended;

impl Reading {
    fn run(mut self) {
        let started = Instant::now();
        let (mut partitions_at, mut probed_at, mut moved_at) = (started, started, started);
        let mut stalled_after = STALLED_AFTER;
        loop {
            let batch = self.fetch();
            if self.shown.strong_count() == 0 {
                return;
            }
            self.show();
            if !batch.is_empty() {
                self.forbidden = false;
                self.trouble.ends();
                (moved_at, stalled_after) = (Instant::now(), STALLED_AFTER);
                if let Err(Ended) = self.hand_over(batch) {
                    return;
                }
                // The caller may have taken long; nobody stalled but he.
                moved_at = moved_at.max(Instant::now());
            }
            if self.trouble.is_on() && probed_at.elapsed() >= PROBE_EVERY {
                self.take_in_partitions();
                (probed_at, partitions_at) = (Instant::now(), Instant::now());
            } else if partitions_at.elapsed() >= PARTITIONS_EVERY {
                self.take_in_partitions();
                partitions_at = Instant::now();
            }
            if moved_at.elapsed() >= stalled_after {
                if self.is_stalled() {
                    self.renew();
                    stalled_after = (stalled_after * 2).min(STALLED_AFTER_MAX);
                }
                moved_at = Instant::now();
            }
        }
    }

    /// Waits a little for a message, and takes what else is there.
    fn fetch(&mut self) -> Vec<Message> {
        let (mut batch, mut bytes, mut wait) = (Vec::new(), 0, POLL_EVERY);
        while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
            let error = match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    if let Some(message) = self.read(&message) {
                        bytes += message.body.len();
                        batch.push(message);
                    }
                    None
                }
                Some(Err(error)) => Some(error),
            };
            if let Some(error) = error {
                self.note(&error);
            }
            wait = Duration::ZERO;
        }
        batch
    }

    /// librdkafka tries again by itself; this only remembers that something is wrong, and what.
    fn note(&mut self, error: &KafkaError) {
        match error.rdkafka_error_code() {
            // One broker of several, or a moment: the rest of them, or the next probe, will tell.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) => {}
            // The group is for display only.
            Some(
                RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator,
            ) => {}
            Some(RDKafkaErrorCode::PartitionEOF) | None => {}
            // librdkafka says this once, and a topic can be seen by whoever may not read it.
            Some(code @ RDKafkaErrorCode::TopicAuthorizationFailed) => {
                tracing::warn!(topics = ?self.topics, %code, "a topic may not be read");
                self.forbidden = true;
                self.trouble.begins(self.kafka.error(&error.clone().into()));
            }
            Some(_) => self.trouble.begins(self.kafka.error(&error.clone().into())),
        }
    }

    fn read(&self, message: &BorrowedMessage<'_>) -> Option<Message> {
        let topic = self.names.get(message.topic())?;
        let mut headers = Vec::new();
        if let Some(found) = message.headers() {
            headers.reserve(found.count());
            for header in found.iter() {
                if let Some(Ok(value)) = header.value.map(std::str::from_utf8) {
                    headers.push((header.key.to_owned(), value.to_owned()));
                }
            }
        }
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
        Some(Message {
            topic: topic.clone(),
            partition: message.partition(),
            offset: message.offset(),
            key: key.map(str::to_owned),
            headers,
            body: message.payload().unwrap_or_default().to_vec(),
            at: Timestamp::from_millis(message.timestamp().to_millis().unwrap_or(0)),
        })
    }

    /// Waits until the caller has room, and shows cursors meanwhile.
    fn hand_over(&mut self, mut batch: Vec<Message>) -> Result<(), Ended> {
        for message in &batch {
            let place = (message.topic.clone(), message.partition);
            self.next.insert(place, message.offset + 1);
        }
        loop {
            match self.sender.try_send(batch) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(Ended),
                Err(mpsc::error::TrySendError::Full(back)) => batch = back,
            }
            std::thread::sleep(FULL_PAUSE);
            self.show();
        }
    }

    /// Commits the caller's cursors, so that Kafka's own tools show how far they are. What fails is not said.
    fn show(&self) {
        let Some(shown) = self.shown.upgrade() else { return };
        let cursors = std::mem::take(&mut *shown.lock().unwrap_or_else(PoisonError::into_inner));
        let mut list = TopicPartitionList::new();
        for ((topic, partition), next) in cursors {
            if self.topics.contains(&topic) {
                let _ = list.add_partition_offset(&self.kafka.full(&topic), partition, Offset::Offset(next));
            }
        }
        if list.count() > 0 {
            let _ = self.consumer.commit(&list, CommitMode::Async);
        }
    }

    /// Looks which partitions there are; that the broker answers is an end of trouble, too.
    fn take_in_partitions(&mut self) {
        let names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let asking = self.kafka.asker().and_then(|asker| {
            asker.partitions(&names, PROBE_TIMEOUT).map_err(|said| self.kafka.error(&said))
        });
        match asking {
            Ok(found) => {
                if !self.forbidden {
                    self.trouble.ends();
                }
                if found != self.assigned {
                    tracing::info!(topics = ?self.topics, "the topics have other partitions than before");
                    if let Err(said) = self.assign(&found) {
                        self.trouble.begins(self.kafka.error(&said));
                    }
                }
            }
            Err(error) => self.trouble.begins(error),
        }
    }

    /// Reads these partitions, each from where it stands.
    fn assign(&mut self, partitions: &Partitions) -> Result<(), Asked> {
        let mut list = TopicPartitionList::new();
        for (topic, numbers) in partitions {
            for &partition in numbers {
                let next = self.next.get(&(topic.clone(), partition));
                let offset = next.map_or(Offset::Beginning, |next| Offset::Offset((*next).max(0)));
                list.add_partition_offset(&self.kafka.full(topic), partition, offset)?;
            }
        }
        self.consumer.assign(&list)?;
        self.assigned.clone_from(partitions);
        Ok(())
    }

    /// Are there messages that the consumer should have delivered?
    fn is_stalled(&self) -> bool {
        let until = Instant::now() + PROBE_TIMEOUT;
        let asker = match self.kafka.asker() {
            Ok(asker) => asker,
            Err(error) => {
                self.trouble.begins(error);
                return false;
            }
        };
        for (topic, partitions) in &self.assigned {
            for &partition in partitions {
                match asker.range(topic, partition, until) {
                    Ok((low, high)) => {
                        let next = self.next.get(&(topic.clone(), partition)).copied().unwrap_or(low);
                        if high > low && high > next.max(low) {
                            return true;
                        }
                    }
                    Err(said) => {
                        self.trouble.begins(self.kafka.error(&said));
                        return false;
                    }
                }
            }
        }
        false
    }

    /// Begins again with a new consumer.
    fn renew(&mut self) {
        tracing::warn!(topics = ?self.topics, "messages are there that were not delivered; reading anew");
        let Ok(consumer) = make(&self.config, &self.kafka) else { return };
        let stalled = std::mem::replace(&mut self.consumer, consumer);
        let _ = std::thread::Builder::new().name("kafka-end".into()).spawn(move || drop(stalled));
        let assigned = std::mem::take(&mut self.assigned);
        if let Err(said) = self.assign(&assigned) {
            self.trouble.begins(self.kafka.error(&said));
        }
    }
}

fn make(config: &ClientConfig, kafka: &Kafka) -> Result<BaseConsumer<Said>, KafkaError> {
    config.create_with_context(kafka.shared.said.clone())
}
