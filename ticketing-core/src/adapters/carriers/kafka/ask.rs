//! Questions to Kafka, asked over one connection that is kept. They block, each for its limit at most.
//!
//! librdkafka (2.10 and later; its issue 5301) forgets all brokers, at times for ever, when one that is just being started
//! answers that there are none. So a client that gets no answers any more is given up for a new one.

use super::said::Said;
use super::{PING_TOPIC, is_away};
use crate::adapters::carriers::{Cursor, Watermarks};
use crate::domain::time::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A topic and the numbers of its partitions.
pub type Partitions = Vec<(String, Vec<i32>)>;

/// What a question came to, when it came to nothing.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The broker does not answer.
    Away(String),
    /// It answers, and says no.
    No(String),
    /// Nobody could be asked: a setting is none, or names a file that is none.
    Unusable(String),
}

impl From<KafkaError> for Asked {
    fn from(error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut) => {
                Self::Away("it did not answer in time".into())
            }
            Some(code) if is_away(code) => Self::Away(code.to_string()),
            Some(code) => Self::No(code.to_string()),
            None => match error {
                KafkaError::ClientCreation(reason) => Self::Unusable(reason),
                error => Self::No(error.to_string()),
            },
        }
    }
}

/// A client that only asks.
pub struct Asker {
    /// Always there but while it is dropped.
    consumer: Option<BaseConsumer<Said>>,
    prefix: String,
    said: Said,
    /// Since when nothing was answered.
    away_since: Mutex<Option<Instant>>,
    /// It was answered that there is no broker, so librdkafka may know of none any more.
    is_lost: AtomicBool,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

impl Drop for Asker {
    /// Ending a client joins its threads, so another thread does it.
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            let _ = std::thread::Builder::new().name("kafka-end".into()).spawn(move || drop(consumer));
        }
    }
}

impl Asker {
    pub fn new(config: &ClientConfig, prefix: String, said: Said) -> Result<Self, KafkaError> {
        Ok(Self {
            consumer: Some(config.create_with_context(said.clone())?),
            prefix,
            said,
            away_since: Mutex::default(),
            is_lost: AtomicBool::new(false),
        })
    }

    /// Whether another client is to be asked from now on: this one may never hear of a broker again.
    pub fn is_given_up(&self) -> bool {
        let away_since = *self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_lost.load(Ordering::Relaxed) || away_since.is_some_and(|at| at.elapsed() >= GIVEN_UP_AFTER)
    }

    /// How many brokers there are.
    pub fn brokers(&self, timeout: Duration) -> Result<usize, Asked> {
        let metadata = self.metadata(PING_TOPIC, Instant::now() + timeout)?;
        Ok(metadata.brokers().len())
    }

    /// Which of these topics are not there, and how many brokers there are.
    pub fn missing<'a>(&self, topics: &[&'a str], timeout: Duration) -> Result<(Vec<&'a str>, usize), Asked> {
        let (until, mut missing, mut brokers) = (Instant::now() + timeout, Vec::new(), 0);
        for &topic in topics {
            let metadata = self.metadata(topic, until)?;
            brokers = metadata.brokers().len();
            match topic_error(&metadata) {
                Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    missing.push(topic);
                }
                Some(code) if !is_away(code) => return Err(self.no(topic, code)),
                _ => {}
            }
        }
        Ok((missing, brokers))
    }

    /// The partitions of these topics.
    pub fn partitions(&self, topics: &[&str], timeout: Duration) -> Result<Partitions, Asked> {
        let until = Instant::now() + timeout;
        let mut all = Vec::new();
        for &topic in topics {
            let metadata = self.metadata(topic, until)?;
            match topic_error(&metadata) {
                None => {}
                Some(code) if is_away(code) => return Err(Asked::Away(format!("{topic}: {code}"))),
                Some(code) => return Err(self.no(topic, code)),
            }
            let found = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let mut partitions: Vec<i32> = found.map(|partition| partition.id()).collect();
            if partitions.is_empty() {
                return Err(Asked::Away(format!("{topic} has no partitions yet")));
            }
            partitions.sort_unstable();
            all.push((topic.to_owned(), partitions));
        }
        Ok(all)
    }

    pub fn watermarks(&self, topics: &[&str], timeout: Duration) -> Result<Vec<Watermarks>, Asked> {
        let until = Instant::now() + timeout;
        let mut all = Vec::new();
        for (topic, partitions) in self.partitions(topics, timeout)? {
            for partition in partitions {
                let (low, high) = self.range(&topic, partition, until)?;
                all.push(Watermarks { topic: topic.clone(), partition, low, high });
            }
        }
        Ok(all)
    }

    /// The first offset of a partition that is there, and the one that comes next.
    pub fn range(&self, topic: &str, partition: i32, until: Instant) -> Result<(i64, i64), Asked> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer()?.fetch_watermarks(&self.full(topic), partition, left) {
                // A topic that has just been made is there before its partitions are led.
                Err(error)
                    if error.rdkafka_error_code().is_some_and(is_yet_to_come) && left > LED_LOOK_EVERY =>
                {
                    std::thread::sleep(LED_LOOK_EVERY);
                }
                answer => return Ok(answer?),
            }
        }
    }

    pub fn offsets_at(
        &self,
        topics: &[&str],
        at: Timestamp,
        timeout: Duration,
    ) -> Result<Vec<Cursor>, Asked> {
        let until = Instant::now() + timeout;
        let all = self.partitions(topics, timeout)?;
        let mut times = TopicPartitionList::new();
        // Below zero, a time would be one of Kafka's words for an end of the log.
        let at = Offset::Offset(at.as_millis().max(0));
        for (topic, partitions) in &all {
            for partition in partitions {
                times.add_partition_offset(&self.full(topic), *partition, at)?;
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        let found = self.consumer()?.offsets_for_times(times, left)?;
        let mut cursors = Vec::new();
        for (topic, partitions) in all {
            for partition in partitions {
                let place = found.find_partition(&self.full(&topic), partition);
                let next_offset = match place {
                    Some(place) => {
                        place.error()?;
                        match place.offset() {
                            Offset::Offset(offset) => offset,
                            _ => self.range(&topic, partition, until)?.1,
                        }
                    }
                    None => self.range(&topic, partition, until)?.1,
                };
                cursors.push(Cursor { topic: topic.clone(), partition, next_offset });
            }
        }
        Ok(cursors)
    }

    fn metadata(&self, topic: &str, until: Instant) -> Result<Metadata, Asked> {
        let consumer = self.consumer()?;
        let left = until.saturating_duration_since(Instant::now());
        let answer = consumer.fetch_metadata(Some(&self.full(topic)), left);
        // What librdkafka has said since the last question waits in a queue that nobody else empties.
        while consumer.poll(HEARD_WITHIN).is_some() {}
        let mut away_since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(metadata) if metadata.brokers().is_empty() => {
                self.is_lost.store(true, Ordering::Relaxed);
                Err(Asked::Away("it is being started".into()))
            }
            Ok(metadata) => {
                *away_since = None;
                self.said.is_answered();
                Ok(metadata)
            }
            Err(error) => {
                away_since.get_or_insert_with(Instant::now);
                Err(error.into())
            }
        }
    }

    fn consumer(&self) -> Result<&BaseConsumer<Said>, Asked> {
        self.consumer.as_ref().ok_or_else(|| Asked::Away("it is being closed".into()))
    }

    fn full(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn no(&self, topic: &str, code: RDKafkaErrorCode) -> Asked {
        let topic = self.full(topic);
        Asked::No(match code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                format!("there is no topic {topic}")
            }
            _ => format!("the topic {topic}: {code}"),
        })
    }
}

fn topic_error(metadata: &Metadata) -> Option<RDKafkaErrorCode> {
    let error = metadata.topics().first().and_then(|topic| topic.error());
    error.filter(IsError::is_error).map(RDKafkaErrorCode::from)
}

/// A client that had no answer for so long is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);
/// What librdkafka said of a question is there so soon after its answer.
const HEARD_WITHIN: Duration = Duration::from_millis(2);
/// How long to wait before a partition that nobody leads yet is asked for again.
const LED_LOOK_EVERY: Duration = Duration::from_millis(100);

const fn is_yet_to_come(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable)
}
