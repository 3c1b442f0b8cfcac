//! The brokers that carry our events out and others' messages in: Apache Kafka and NATS JetStream.
//!
//! A [`Publisher`] sends records in order and says how far they were acknowledged; a [`Reader`] reads topics from
//! where its caller's own cursor stands. Nothing here writes a cursor down, knows an event's meaning, or decides
//! what to do when a broker is away: it says so, and its caller goes on when it answers again.

pub mod config;
mod inbox;
pub mod kafka;
pub mod nats;
pub mod record;
mod window;

pub use config::{CarrierConfig, CarrierConfigError, KafkaConfig, NatsConfig};
pub use record::{Message, Outgoing};

use crate::domain::time::Timestamp;
pub use crate::domain::topics::{
    CATALOG_EVENTS, CONSUMED, PAYMENT_EVENTS, PUBLISHED, TICKET_EVENTS, WALLET_EVENTS,
};
use kafka::{Kafka, KafkaPublisher, KafkaReader};
use nats::{Nats, NatsPublisher, NatsReader};
use std::time::Duration;

/// How long a broker may take to answer a question.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// What went wrong with a broker.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CarrierError {
    /// It does not answer, or not in time.
    #[error("{carrier} at {address} can't be reached: {reason}")]
    Unreachable {
        /// `kafka` or `nats`.
        carrier: &'static str,
        /// Where it was looked for, without a password.
        address: String,
        /// What its library said.
        reason: String,
    },
    /// It is there, and the settings of its security do not fit: a password, a certificate, the protocol.
    #[error("{carrier} at {address} can't be used with these settings: {reason}; {remedy}")]
    Unfitting {
        /// `kafka` or `nats`.
        carrier: &'static str,
        /// Where it is, without a password.
        address: String,
        /// What its library said.
        reason: String,
        /// Which settings to check, as an imperative.
        remedy: &'static str,
    },
    /// It answers and says no: a topic is missing, or we may not.
    #[error("{carrier} at {address} refuses: {reason}")]
    Refused {
        /// `kafka` or `nats`.
        carrier: &'static str,
        /// Where it is, without a password.
        address: String,
        /// What it said.
        reason: String,
    },
    /// It will never take this record as it is: it is too large.
    #[error("{carrier} at {address} does not take a record of {bytes} bytes: {reason}")]
    Unfit {
        /// `kafka` or `nats`.
        carrier: &'static str,
        /// Where it is, without a password.
        address: String,
        /// The number that its sender gave it.
        ticket: i64,
        /// Its size, as far as we count it.
        bytes: usize,
        /// What it said, and what to do.
        reason: String,
    },
    /// Records were lost on the way: what was not acknowledged must be sent again by a new publisher.
    #[error("{carrier} at {address} did not take a record: {reason}")]
    Lost {
        /// `kafka` or `nats`.
        carrier: &'static str,
        /// Where it is, without a password.
        address: String,
        /// What it said.
        reason: String,
    },
}

/// Where a reader goes on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The topic.
    pub topic: String,
    /// The partition; NATS has one, 0.
    pub partition: i32,
    /// The offset of the next message to read: Kafka's offset, or the sequence in the JetStream stream.
    pub next_offset: i64,
}

/// What a broker has of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that is still there.
    pub low: i64,
    /// The offset that the next message will have.
    pub high: i64,
}

/// A broker that is set. Cloning is cheap; nothing is connected before the first question.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// Apache Kafka.
    Kafka(Kafka),
    /// NATS JetStream.
    Nats(Nats),
}

/// Sends records in order. Dropped, it gives up what was not acknowledged, without blocking.
#[derive(Debug)]
pub enum Publisher {
    /// To Kafka.
    Kafka(KafkaPublisher),
    /// To NATS.
    Nats(NatsPublisher),
}

/// Reads topics. Dropped, it stops without blocking.
#[derive(Debug)]
pub enum Reader {
    /// From Kafka.
    Kafka(KafkaReader),
    /// From NATS.
    Nats(NatsReader),
}

impl Carrier {
    /// Takes what is set. Asks nobody yet.
    #[must_use]
    pub fn new(config: CarrierConfig) -> Self {
        match config {
            CarrierConfig::Kafka(config) => Self::Kafka(Kafka::new(config)),
            CarrierConfig::Nats(config) => Self::Nats(Nats::new(config)),
        }
    }

    /// Says whether its topics count their messages together: at NATS one stream keeps them all.
    #[must_use]
    pub const fn shares_offsets(&self) -> bool {
        match self {
            Self::Kafka(_) => false,
            Self::Nats(_) => true,
        }
    }

    /// `kafka` or `nats`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "kafka",
            Self::Nats(_) => "nats",
        }
    }

    /// Where it is, without a password.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Kafka(it) => it.address(),
            Self::Nats(it) => it.address(),
        }
    }

    /// Sees that all topics are there, and makes those that are not, if the broker lets us.
    ///
    /// # Errors
    /// It can't be reached, or a topic is missing and may not be made.
    pub async fn prepare(&self) -> Result<(), CarrierError> {
        match self {
            Self::Kafka(it) => it.prepare().await,
            Self::Nats(it) => it.prepare().await,
        }
    }

    /// Asks whether it answers, for at most `timeout`.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self, timeout: Duration) -> Result<(), CarrierError> {
        match self {
            Self::Kafka(it) => it.ping(timeout).await,
            Self::Nats(it) => it.ping(timeout).await,
        }
    }

    /// Begins to publish.
    ///
    /// # Errors
    /// It can't be reached, or the settings are refused.
    pub async fn publisher(&self) -> Result<Publisher, CarrierError> {
        Ok(match self {
            Self::Kafka(it) => Publisher::Kafka(it.publisher().await?),
            Self::Nats(it) => Publisher::Nats(it.publisher().await?),
        })
    }

    /// Begins to read `topics`, each partition from its cursor or, without one, from the first message that is
    /// still there. A cursor whose messages are gone goes on at the first that is still there. `group` is what the
    /// broker's own tools show it as.
    ///
    /// # Errors
    /// It can't be reached, or a topic is missing.
    pub async fn reader(
        &self,
        group: &str,
        topics: &[&str],
        from: &[Cursor],
    ) -> Result<Reader, CarrierError> {
        Ok(match self {
            Self::Kafka(it) => Reader::Kafka(it.reader(group, topics, from).await?),
            Self::Nats(it) => Reader::Nats(it.reader(group, topics, from).await?),
        })
    }

    /// Returns what it has of each partition of these topics.
    ///
    /// # Errors
    /// It can't be reached, or a topic is missing.
    pub async fn watermarks(&self, topics: &[&str]) -> Result<Vec<Watermarks>, CarrierError> {
        match self {
            Self::Kafka(it) => it.watermarks(topics).await,
            Self::Nats(it) => it.watermarks(topics).await,
        }
    }

    /// Returns, for each partition of these topics, the first offset whose message is not older than `at`; the end
    /// where there is none.
    ///
    /// # Errors
    /// It can't be reached, or a topic is missing.
    pub async fn offsets_at(&self, topics: &[&str], at: Timestamp) -> Result<Vec<Cursor>, CarrierError> {
        match self {
            Self::Kafka(it) => it.offsets_at(topics, at).await,
            Self::Nats(it) => it.offsets_at(topics, at).await,
        }
    }
}

impl Publisher {
    /// Hands over a record. `ticket` is the caller's number for it, which grows with every call. Waits while too
    /// many are under way; the caller gives it up by dropping the future, upon which the record was not taken.
    ///
    /// # Errors
    /// [`CarrierError::Lost`] once any record before it was lost: nothing is sent any more.
    pub async fn send(&mut self, ticket: i64, record: Outgoing) -> Result<(), CarrierError> {
        match self {
            Self::Kafka(it) => it.send(ticket, record).await,
            Self::Nats(it) => it.send(ticket, record).await,
        }
    }

    /// Returns the last ticket up to which every record was acknowledged; 0 before the first.
    #[must_use]
    pub fn acknowledged(&self) -> i64 {
        match self {
            Self::Kafka(it) => it.acknowledged(),
            Self::Nats(it) => it.acknowledged(),
        }
    }

    /// Says whether its own connection finds a broker, for at most `timeout`. One that does not while [`Carrier::ping`]
    /// does may never find one again: begin a new one.
    pub async fn finds_broker(&self, timeout: Duration) -> bool {
        match self {
            Self::Kafka(it) => it.finds_broker(timeout).await,
            // It has one connection, and ends with it.
            Self::Nats(_) => true,
        }
    }

    /// Waits until more than `ticket` is acknowledged, and returns how far. While the broker is away it waits: put
    /// a limit around it.
    ///
    /// # Errors
    /// [`CarrierError::Lost`] once a record was lost.
    pub async fn acknowledged_beyond(&mut self, ticket: i64) -> Result<i64, CarrierError> {
        match self {
            Self::Kafka(it) => it.acknowledged_beyond(ticket).await,
            Self::Nats(it) => it.acknowledged_beyond(ticket).await,
        }
    }
}

impl Reader {
    /// Returns the next messages, `max` at most, in order for each partition; none if none came for `wait`.
    ///
    /// # Errors
    /// The broker can't be reached, for longer than its library hides; the reader may be asked again.
    pub async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Message>, CarrierError> {
        match self {
            Self::Kafka(it) => it.next(max, wait).await,
            Self::Nats(it) => it.next(max, wait).await,
        }
    }

    /// Shows the broker's own tools how far our cursors are. A hint: what fails is not said.
    pub fn show(&self, cursors: &[Cursor]) {
        match self {
            Self::Kafka(it) => it.show(cursors),
            Self::Nats(it) => it.show(cursors),
        }
    }
}
