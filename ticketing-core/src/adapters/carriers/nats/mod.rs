//! NATS JetStream: what it has, and what it is asked. Publishing and reading are beside it, each with a connection
//! of its own.
//!
//! A topic is a few subjects of one stream, and one partition, 0; an offset is a sequence of that stream, so two
//! topics of one stream count together, and offsets of one topic have gaps.

pub mod address;
mod publisher;
mod reader;
mod streams;

pub use publisher::NatsPublisher;
pub use reader::NatsReader;

use super::window::Unfit;
use super::{ASK_TIMEOUT, CarrierError, Cursor, NatsConfig, Watermarks};
use crate::domain::time::Timestamp;
use address::{Address, Login};
use async_nats::connection::State;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{AccountErrorKind, CreateStreamErrorKind, GetStreamByNameErrorKind};
use async_nats::jetstream::stream::{
    Config as StreamConfig, ConsumerErrorKind, LastRawMessageErrorKind, StorageType, Stream,
};
use async_nats::jetstream::{Context, context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;
use streams::{STREAMS, subjects};
use tokio::sync::OnceCell;

/// How long one server may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long until a server that is away is tried again.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// How often a silent connection is tried; it counts as broken after two answers that did not come.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether a connection is there again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After how long without a question the server forgets a reader of ours.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// NATS JetStream. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Nats {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// As it was set, or what is wrong with it.
    address: Result<Address, String>,
    prefix: String,
    /// Connected at the first question, and kept for the next.
    asker: OnceCell<Context>,
}

impl Nats {
    pub(super) fn new(config: NatsConfig) -> Self {
        let address = address::parse(&config.url);
        Self { shared: Arc::new(Shared { address, prefix: config.prefix, asker: OnceCell::new() }) }
    }

    pub(super) fn address(&self) -> String {
        self.shared
            .address
            .as_ref()
            .map_or_else(|_| "an address that can't be read".into(), Address::to_string)
    }

    /// Makes the streams that are missing. A subject that has a stream is left where it is.
    pub(super) async fn prepare(&self) -> Result<(), CarrierError> {
        self.ask(async |context| {
            for (stream, topics) in STREAMS {
                let mut missing = Vec::new();
                for subject in topics.iter().flat_map(|topic| subjects(topic)) {
                    let subject = self.full(subject);
                    if self.stream_of(context, &subject).await?.is_none() {
                        missing.push(subject);
                    }
                }
                if !missing.is_empty() {
                    self.make(context, &self.full(stream), missing).await?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn make(&self, context: &Context, name: &str, subjects: Vec<String>) -> Result<(), CarrierError> {
        let listed = subjects.join(", ");
        let config = StreamConfig {
            name: name.to_owned(),
            subjects: subjects.clone(),
            storage: StorageType::File,
            ..StreamConfig::default()
        };
        let Err(error) = context.create_stream(config).await else { return Ok(()) };
        match error.kind() {
            // Another server of ours made it in between, or it is there with other subjects.
            CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                for subject in &subjects {
                    if self.stream_of(context, subject).await?.is_none() {
                        return Err(self.refused(format!(
                            "the stream {name} is there without the subject {subject}: add it to the stream"
                        )));
                    }
                }
                Ok(())
            }
            CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::JetStreamUnavailable => {
                Err(self.unreachable(error.to_string()))
            }
            _ => Err(self.refused(format!(
                "the stream {name} is missing and could not be made ({error}): create it there with the \
                 subjects {listed}, or allow this user to create streams"
            ))),
        }
    }

    pub(super) async fn ping(&self, timeout: Duration) -> Result<(), CarrierError> {
        self.ask_for(timeout, async |context| match context.query_account().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let without = matches!(
                    error.kind(),
                    AccountErrorKind::JetStream(_) | AccountErrorKind::JetStreamUnavailable
                );
                Err(self.failed(&error.to_string(), without))
            }
        })
        .await
    }

    pub(super) async fn publisher(&self) -> Result<NatsPublisher, CarrierError> {
        NatsPublisher::start(self.clone()).await
    }

    pub(super) async fn reader(
        &self,
        group: &str,
        topics: &[&str],
        from: &[Cursor],
    ) -> Result<NatsReader, CarrierError> {
        for topic in topics {
            self.ask(async |context| self.stream(context, topic).await).await?;
        }
        NatsReader::start(self.clone(), group, topics, from).await
    }

    pub(super) async fn watermarks(&self, topics: &[&str]) -> Result<Vec<Watermarks>, CarrierError> {
        self.ask(async |context| {
            try_join_all(topics.iter().map(|topic| async {
                let stream = self.stream(context, topic).await?;
                let (low, high) = self.range(&stream, topic).await?;
                Ok(Watermarks { topic: (*topic).to_owned(), partition: 0, low, high })
            }))
            .await
        })
        .await
    }

    /// The first sequence of a topic's stream, and the one after the topic's last message.
    async fn range(&self, stream: &Stream, topic: &str) -> Result<(i64, i64), CarrierError> {
        let last = try_join_all(subjects(topic).into_iter().map(|subject| async {
            match stream.get_last_raw_message_by_subject(&self.full(subject)).await {
                Ok(message) => Ok(Some(message.sequence)),
                Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
                Err(error) => {
                    let said_no = matches!(error.kind(), LastRawMessageErrorKind::JetStream(_));
                    Err(self.failed(&error.to_string(), said_no))
                }
            }
        }))
        .await?;
        let state = &stream.cached_info().state;
        let end = offset(state.last_sequence) + 1;
        let high = last.into_iter().flatten().max().map(|last| offset(last) + 1);
        // A topic without messages begins and ends where its stream goes on.
        Ok(high.map_or((end, end), |high| (offset(state.first_sequence).min(high), high)))
    }

    pub(super) async fn offsets_at(
        &self,
        topics: &[&str],
        at: Timestamp,
    ) -> Result<Vec<Cursor>, CarrierError> {
        let nanos = i128::from(at.as_millis()) * 1_000_000;
        let start_time =
            async_nats::datetime::from_nanos(nanos).map_err(|error| self.refused(error.to_string()))?;
        self.ask(async |context| {
            try_join_all(topics.iter().map(|topic| async {
                let stream = self.stream(context, topic).await?;
                let from = DeliverPolicy::ByStartTime { start_time };
                let consumer = self.consumer(&stream, topic, None, from, true).await?;
                let first = consumer.fetch().max_messages(1).messages().await;
                let mut first = first.map_err(|error| self.unreachable(error.to_string()))?;
                let found = match first.next().await {
                    Some(Ok(message)) => {
                        let info = message.info().map_err(|error| self.refused(error.to_string()))?;
                        Some(offset(info.stream_sequence))
                    }
                    Some(Err(error)) => return Err(self.unreachable(error.to_string())),
                    None => None,
                };
                let _ = stream.delete_consumer(&consumer.cached_info().name).await;
                let next_offset = match found {
                    Some(found) => found,
                    None => self.range(&stream, topic).await?.1,
                };
                Ok(Cursor { topic: (*topic).to_owned(), partition: 0, next_offset })
            }))
            .await
        })
        .await
    }

    /// Makes a consumer that the server forgets by itself.
    async fn consumer(
        &self,
        stream: &Stream,
        topic: &str,
        name: Option<String>,
        deliver_policy: DeliverPolicy,
        headers_only: bool,
    ) -> Result<PullConsumer, CarrierError> {
        let config = pull::Config {
            name,
            deliver_policy,
            headers_only,
            filter_subjects: subjects(topic).into_iter().map(|subject| self.full(subject)).collect(),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.map_err(|error| {
            let said_no = matches!(error.kind(), ConsumerErrorKind::JetStream(_));
            self.failed(&error.to_string(), said_no)
        })
    }

    /// The stream that has a topic.
    async fn stream(&self, context: &Context, topic: &str) -> Result<Stream, CarrierError> {
        let mut found: Option<String> = None;
        for subject in subjects(topic) {
            let subject = self.full(subject);
            match (&found, self.stream_of(context, &subject).await?) {
                (_, None) => {
                    return Err(self.refused(format!(
                        "no stream has the subject {subject}: create one, or allow this user to create streams"
                    )));
                }
                (None, stream) => found = stream,
                (Some(known), Some(stream)) if *known == stream => {}
                (Some(known), Some(stream)) => {
                    return Err(self.refused(format!(
                        "the subjects of {topic} are in two streams, {known} and {stream} ({subject}), which \
                         have no order together: keep them in one"
                    )));
                }
            }
        }
        let name = found.unwrap_or_default();
        context.get_stream(&name).await.map_err(|error| {
            let said_no = matches!(error.kind(), context::GetStreamErrorKind::JetStream(_));
            self.failed(&format!("the stream {name}: {error}"), said_no)
        })
    }

    /// The name of the stream that has a subject, if one has.
    async fn stream_of(&self, context: &Context, subject: &str) -> Result<Option<String>, CarrierError> {
        match context.stream_by_subject(subject).await {
            Ok(name) => Ok(Some(name)),
            Err(error) if matches!(error.kind(), GetStreamByNameErrorKind::NotFound) => Ok(None),
            Err(error) => {
                let said_no = matches!(error.kind(), GetStreamByNameErrorKind::JetStream(_));
                Err(self.failed(&error.to_string(), said_no))
            }
        }
    }

    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Context) -> Result<T, CarrierError>,
    ) -> Result<T, CarrierError> {
        self.ask_for(ASK_TIMEOUT, question).await
    }

    /// Asks, for a limited time, over the connection that is kept.
    async fn ask_for<T>(
        &self,
        timeout: Duration,
        question: impl AsyncFnOnce(&Context) -> Result<T, CarrierError>,
    ) -> Result<T, CarrierError> {
        let answer = tokio::time::timeout(timeout, async {
            let context = self
                .shared
                .asker
                .get_or_try_init(async || {
                    let client = self.connect(self.options()?).await?;
                    Ok(context::ContextBuilder::new().timeout(ASK_TIMEOUT).build(client))
                })
                .await?;
            // A question that is put while the connection is away would wait in line behind others.
            while context.client().connection_state() != State::Connected {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            question(context).await
        });
        answer.await.unwrap_or_else(|_| Err(self.unreachable("it did not answer in time")))
    }

    /// What every connection of ours is told.
    fn options(&self) -> Result<ConnectOptions, CarrierError> {
        let address = self.shared.address.as_ref();
        let address = address.map_err(|what| self.refused(format!("NATS_URL {what}")))?;
        let options = ConnectOptions::new()
            .name("ticketing")
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(ASK_TIMEOUT))
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(
                |attempts| if attempts <= 1 { Duration::ZERO } else { RECONNECT_AFTER },
            );
        Ok(match address.login.clone() {
            None => options,
            Some(Login::User(user, password)) => options.user_and_password(user, password),
            Some(Login::Token(token)) => options.token(token),
        })
    }

    async fn connect(&self, options: ConnectOptions) -> Result<Client, CarrierError> {
        let servers = self.shared.address.as_ref().map_or(Vec::new(), |address| address.servers.clone());
        options.connect(servers).await.map_err(|error| {
            let said_no = matches!(
                error.kind(),
                ConnectErrorKind::Authentication
                    | ConnectErrorKind::AuthorizationViolation
                    | ConnectErrorKind::ServerParse
            );
            self.failed(&error.to_string(), said_no)
        })
    }

    /// A subject's, or a stream's, name at the server.
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.shared.prefix)
    }

    fn failed(&self, reason: &str, said_no: bool) -> CarrierError {
        if said_no { self.refused(reason) } else { self.unreachable(reason) }
    }

    fn unreachable(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Unreachable { carrier: "nats", address: self.address(), reason: reason.into() }
    }

    fn refused(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Refused { carrier: "nats", address: self.address(), reason: reason.into() }
    }

    fn unfit(&self, unfit: Unfit, reason: String) -> CarrierError {
        let Unfit { ticket, bytes } = unfit;
        CarrierError::Unfit { carrier: "nats", address: self.address(), ticket, bytes, reason }
    }

    fn lost(&self, reason: impl Into<String>) -> CarrierError {
        CarrierError::Lost { carrier: "nats", address: self.address(), reason: reason.into() }
    }
}

/// A sequence as an offset: neither is below zero.
fn offset(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
