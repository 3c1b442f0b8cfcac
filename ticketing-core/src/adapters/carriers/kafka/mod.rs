//! Apache Kafka, by librdkafka: what it has, and what it is asked. Publishing and reading are beside it.
//!
//! librdkafka blocks; nothing here does: every question is asked on a blocking thread and has a limit, and what is
//! dropped ends on a thread of its own.

mod ask;
mod publisher;
mod reader;
mod said;

pub use publisher::KafkaPublisher;
pub use reader::KafkaReader;

use super::window::Unfit;
use super::{
    ASK_TIMEOUT, CATALOG_EVENTS, CONSUMED, CarrierError, Cursor, KafkaConfig, PUBLISHED, Watermarks,
};
use crate::domain::time::Timestamp;
use ask::{Asked, Asker};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaErrorCode as Code;
use said::{Said, Unfitting, unusable};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many partitions a topic of ours gets: as many consumers can share its work.
const PARTITIONS: i32 = 12;
/// The catalogue changes seldom, and is easier to read in one order.
const CATALOG_PARTITIONS: i32 = 1;
/// How many partitions a topic gets that others write to.
const INBOUND_PARTITIONS: i32 = 6;
/// On how many brokers each record is kept, if there are as many.
const REPLICAS_MAX: usize = 3;
/// How often a new topic is looked for until its leaders are known.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// What is asked for to see whether a broker answers. A topic that is not there costs least; none at all would list every
/// topic of the cluster.
const PING_TOPIC: &str = "ticketing-ping";
/// So long before whoever asks gives up, an answer is there, if only that there is none.
const ANSWER_AHEAD: Duration = Duration::from_millis(200);
/// The largest record, in bytes, as Kafka counts them: an event with a long list in it is larger than the 1 MB that
/// Kafka takes when nobody says otherwise.
const RECORD_BYTES_MAX: &str = "16777216";
/// What a topic calls that.
const TOPIC_RECORD_MAX: &str = "max.message.bytes";
/// The longest time between two tries to reach a broker: it is found again soon after it is back.
const RECONNECT_MS_MAX: &str = "1000";
/// After how long without an answer a connection counts as broken.
const SOCKET_TIMEOUT_MS: &str = "10000";

/// Apache Kafka. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Kafka {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: KafkaConfig,
    /// Connected at the first question, and kept for the next, until it is given up.
    asker: Mutex<Option<Arc<Asker>>>,
    /// What librdkafka last said to any client of ours.
    said: Said,
}

impl Kafka {
    pub(super) fn new(config: KafkaConfig) -> Self {
        Self { shared: Arc::new(Shared { config, asker: Mutex::default(), said: Said::default() }) }
    }

    pub(super) fn address(&self) -> String {
        self.shared.config.brokers.clone()
    }

    /// Makes the topics that are missing, with room for our largest records. One that is there is left as it is.
    pub(super) async fn prepare(&self) -> Result<(), CarrierError> {
        let handle = tokio::runtime::Handle::current();
        self.blocking(move |kafka| {
            let asker = kafka.asker()?;
            let wanted: Vec<&str> = PUBLISHED.iter().chain(CONSUMED).copied().collect();
            let (missing, brokers) =
                asker.missing(&wanted, ASK_TIMEOUT).map_err(|said| kafka.error(&said))?;
            if missing.is_empty() {
                return Ok(());
            }
            let admin: AdminClient<DefaultClientContext> =
                kafka.client().create().map_err(|error| kafka.error(&error.into()))?;
            let names: Vec<(String, i32)> =
                missing.iter().map(|topic| (kafka.full(topic), partitions(topic))).collect();
            let replicas = i32::try_from(brokers.clamp(1, REPLICAS_MAX)).unwrap_or(1);
            let topics: Vec<NewTopic<'_>> = names
                .iter()
                .map(|(name, count)| {
                    NewTopic::new(name, *count, TopicReplication::Fixed(replicas))
                        .set(TOPIC_RECORD_MAX, RECORD_BYTES_MAX)
                })
                .collect();
            let options =
                AdminOptions::new().request_timeout(Some(ASK_TIMEOUT)).operation_timeout(Some(ASK_TIMEOUT));
            let made = handle
                .block_on(admin.create_topics(&topics, &options))
                .map_err(|error| kafka.error(&error.into()))?;
            for outcome in made {
                kafka.check_made(outcome)?;
            }
            kafka.wait_for(&asker, &wanted)
        })
        .await
    }

    fn check_made(&self, outcome: Result<String, (String, RDKafkaErrorCode)>) -> Result<(), CarrierError> {
        match outcome {
            // Another server of ours made it in between.
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => Ok(()),
            Err((topic, code)) => Err(self.refused(format!(
                "the topic {topic} is missing and could not be made ({code}): create it there, or allow this \
                 user to create topics"
            ))),
        }
    }

    /// A topic that was just made has no leader for a moment.
    fn wait_for(&self, asker: &Asker, topics: &[&str]) -> Result<(), CarrierError> {
        let mut left = ASK_TIMEOUT;
        loop {
            match asker.partitions(topics, ASK_TIMEOUT) {
                Ok(_) => return Ok(()),
                Err(said) if left.is_zero() => return Err(self.error(&said)),
                Err(_) => {}
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
            left = left.saturating_sub(LOOK_AGAIN_AFTER);
        }
    }

    pub(super) async fn ping(&self, timeout: Duration) -> Result<(), CarrierError> {
        // Who gave up first would not hear why.
        let asked_for = timeout.saturating_sub(ANSWER_AHEAD);
        let question = self.blocking(move |kafka| {
            kafka.asker()?.brokers(asked_for).map(|_| ()).map_err(|said| kafka.error(&said))
        });
        match tokio::time::timeout(timeout, question).await {
            Ok(answer) => answer,
            Err(_) => Err(self.error(&Asked::Away("it did not answer in time".into()))),
        }
    }

    pub(super) async fn publisher(&self) -> Result<KafkaPublisher, CarrierError> {
        self.blocking(|kafka| {
            kafka.asker()?.brokers(ASK_TIMEOUT).map_err(|said| kafka.error(&said))?;
            KafkaPublisher::start(kafka)
        })
        .await
    }

    pub(super) async fn reader(
        &self,
        group: &str,
        topics: &[&str],
        from: &[Cursor],
    ) -> Result<KafkaReader, CarrierError> {
        let (group, from) = (group.to_owned(), from.to_vec());
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.blocking(move |kafka| {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let partitions =
                kafka.asker()?.partitions(&names, ASK_TIMEOUT).map_err(|said| kafka.error(&said))?;
            KafkaReader::start(kafka, &group, topics, &partitions, &from)
        })
        .await
    }

    pub(super) async fn watermarks(&self, topics: &[&str]) -> Result<Vec<Watermarks>, CarrierError> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.blocking(move |kafka| {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            kafka.asker()?.watermarks(&names, ASK_TIMEOUT).map_err(|said| kafka.error(&said))
        })
        .await
    }

    pub(super) async fn offsets_at(
        &self,
        topics: &[&str],
        at: Timestamp,
    ) -> Result<Vec<Cursor>, CarrierError> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.blocking(move |kafka| {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            kafka.asker()?.offsets_at(&names, at, ASK_TIMEOUT).map_err(|said| kafka.error(&said))
        })
        .await
    }

    /// Runs what blocks where blocking harms nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, CarrierError> + Send + 'static,
    ) -> Result<T, CarrierError> {
        let kafka = self.clone();
        match tokio::task::spawn_blocking(move || work(&kafka)).await {
            Ok(answer) => answer,
            Err(error) => Err(self.unreachable(format!("the question came down: {error}"))),
        }
    }

    /// Who is asked now. Take it anew for each question.
    fn asker(&self) -> Result<Arc<Asker>, CarrierError> {
        let mut kept = self.shared.asker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = kept.as_ref().filter(|asker| !asker.is_given_up()) {
            return Ok(Arc::clone(asker));
        }
        let (prefix, said) = (self.shared.config.prefix.clone(), self.shared.said.clone());
        let asker = Asker::new(&self.client(), prefix, said).map_err(|error| self.error(&error.into()))?;
        Ok(Arc::clone(kept.insert(Arc::new(asker))))
    }

    /// What every client of ours is told.
    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "ticketing")
            .set("bootstrap.servers", &self.shared.config.brokers)
            .set("socket.timeout.ms", SOCKET_TIMEOUT_MS)
            .set("socket.connection.setup.timeout.ms", SOCKET_TIMEOUT_MS)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", RECONNECT_MS_MAX)
            .set("allow.auto.create.topics", "false")
            // A reader's fetches are as large at least, too.
            .set("message.max.bytes", RECORD_BYTES_MAX)
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &self.shared.config.options {
            client.set(name, value);
        }
        client
    }

    /// A topic's name at the broker.
    fn full(&self, topic: &str) -> String {
        format!("{}{topic}", self.shared.config.prefix)
    }

    fn error(&self, said: &Asked) -> CarrierError {
        match said {
            Asked::Away(reason) => match self.shared.said.unfitting() {
                Some(what) if what.is_sure => self.unfitting(what),
                Some(guess) => self.unreachable(format!("{}; {}", guess.reason, guess.remedy)),
                None => self.unreachable(reason.clone()),
            },
            Asked::Unusable(reason) => self.unfitting(unusable(reason)),
            Asked::No(reason) => self.refused(reason.clone()),
        }
    }

    fn unreachable(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Unreachable { carrier: "kafka", address: self.address(), reason: reason.into() }
    }

    fn unfitting(&self, what: Unfitting) -> CarrierError {
        let Unfitting { reason, remedy, .. } = what;
        CarrierError::Unfitting { carrier: "kafka", address: self.address(), reason, remedy }
    }

    fn refused(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Refused { carrier: "kafka", address: self.address(), reason: reason.into() }
    }

    fn unfit(&self, unfit: Unfit, reason: String) -> CarrierError {
        let Unfit { ticket, bytes } = unfit;
        CarrierError::Unfit { carrier: "kafka", address: self.address(), ticket, bytes, reason }
    }

    fn lost(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Lost { carrier: "kafka", address: self.address(), reason: reason.into() }
    }
}

fn partitions(topic: &str) -> i32 {
    match topic {
        CATALOG_EVENTS => CATALOG_PARTITIONS,
        ours if PUBLISHED.contains(&ours) => PARTITIONS,
        _ => INBOUND_PARTITIONS,
    }
}

/// What an answer about a record means.
fn told(code: RDKafkaErrorCode) -> String {
    match code {
        Code::MessageSizeTooLarge => {
            format!(
                "{code}; give the topic {TOPIC_RECORD_MAX}={RECORD_BYTES_MAX}, as those have that are made here"
            )
        }
        _ => code.to_string(),
    }
}

/// Does this mean that the broker does not answer, and not that it says no?
fn is_away(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::BrokerDestroy
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::WaitingForCoordinator
            | Code::Resolve
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::ReplicaNotAvailable
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::Retry
            | Code::PreviousInProgress
            // What is in the way is told beside the answer.
            | Code::Authentication
            | Code::SSL
    )
}
