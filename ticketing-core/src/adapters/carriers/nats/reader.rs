//! Reading from NATS: for each topic a consumer that the server forgets by itself, made anew from the last message
//! read whenever anything is odd. Nothing is acknowledged: where to go on is the caller's own cursor.

use super::publisher::{KEY, decoded};
use super::{LOOK_EVERY, Nats, offset};
use crate::adapters::carriers::inbox::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, Inbox, Trouble};
use crate::adapters::carriers::{ASK_TIMEOUT, CarrierError, Cursor, Message};
use crate::domain::time::Timestamp;
use async_nats::connection::State;
use async_nats::jetstream;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::ContextBuilder;
use futures_util::{FutureExt as _, StreamExt as _};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How many messages are asked for at once.
const FETCH_MESSAGES: usize = 512;
/// How long the server keeps such a request.
const FETCH_FOR: Duration = Duration::from_secs(30);
/// How often the server says that it is there, when there are no messages; two that are missing are an odd thing.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a topic that could not be read is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The headers that belong to NATS.
const NATS_HEADERS: &str = "Nats-";

/// Reads topics of NATS.
pub struct NatsReader {
    inbox: Inbox,
    tasks: Vec<JoinHandle<()>>,
    /// What is said once a topic's task came down.
    gone: CarrierError,
}

impl fmt::Debug for NatsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsReader").finish_non_exhaustive()
    }
}

impl Drop for NatsReader {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl NatsReader {
    /// Connects, and begins to read each topic.
    pub(super) async fn start(
        nats: Nats,
        group: &str,
        topics: &[&str],
        from: &[Cursor],
    ) -> Result<Self, CarrierError> {
        let connecting = nats.connect(nats.options()?);
        let client = tokio::time::timeout(ASK_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(nats.unreachable("it did not answer in time")))?;
        let context = ContextBuilder::new().timeout(ASK_TIMEOUT).build(client);
        let gone = nats.unreachable("the reading of a topic came down");
        let (mut inbox, sender) = Inbox::new(gone.clone());
        let mut tasks = Vec::new();
        for topic in topics {
            let cursor = from.iter().find(|cursor| cursor.topic == *topic && cursor.partition == 0);
            let reading = Reading {
                nats: nats.clone(),
                context: context.clone(),
                group: group.to_owned(),
                topic: (*topic).to_owned(),
                next: cursor.map(|cursor| u64::try_from(cursor.next_offset).unwrap_or(0)),
                sender: sender.clone(),
                trouble: inbox.trouble(),
            };
            tasks.push(tokio::spawn(reading.run()));
        }
        Ok(Self { inbox, tasks, gone })
    }

    pub(in super::super) async fn next(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, CarrierError> {
        // The others go on, so the inbox can't tell. Whoever reads anew begins after the last message that he took.
        if self.tasks.iter().any(JoinHandle::is_finished) {
            return Err(self.gone.clone());
        }
        self.inbox.next(max, wait).await
    }

    /// NATS has no place to show a cursor; `nats consumer ls` shows how far each of our consumers has fetched.
    pub(in super::super) fn show(&self, _cursors: &[Cursor]) {}
}

/// The reading of one topic.
struct Reading {
    nats: Nats,
    context: Context,
    group: String,
    topic: String,
    /// The sequence to go on at; the first that is there without one.
    next: Option<u64>,
    sender: mpsc::Sender<Vec<Message>>,
    /// Of this topic: another one that goes well does not end it.
    trouble: Arc<Trouble>,
}

impl Reading {
    async fn run(mut self) {
        while !self.sender.is_closed() {
            if self.context.client().connection_state() != State::Connected {
                self.trouble.begins(self.nats.unreachable("the connection was lost"));
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            if let Err(error) = self.read().await {
                tracing::debug!(topic = %self.topic, %error, "reading anew");
                self.trouble.begins(error);
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }

    /// Reads until something is odd.
    async fn read(&mut self) -> Result<(), CarrierError> {
        let mut messages = self.open().await?;
        let mut expected = 1;
        loop {
            let first = tokio::select! {
                next = messages.next() => match next {
                    None => return Err(self.nats.unreachable("the consumer ended")),
                    Some(first) => first,
                },
                // A connection that is away is seen at once, not when the heartbeats are missing.
                () = self.disconnected() => return Err(self.nats.unreachable("the connection was lost")),
                () = self.sender.closed() => return Ok(()),
            };
            let (mut batch, mut bytes) = (Vec::new(), 0);
            let mut odd = None;
            let mut more = Some(first);
            while let Some(found) = more.take() {
                match found.map_err(|error| self.nats.unreachable(error.to_string())).and_then(|message| {
                    // The consumer counts what it sends: a number that is missing is a message that was.
                    let (message, count) = self.message(message)?;
                    if count != expected {
                        return Err(self.nats.unreachable(format!("message {expected} came as {count}")));
                    }
                    Ok(message)
                }) {
                    Ok(message) => {
                        expected += 1;
                        bytes += message.body.len();
                        batch.push(message);
                    }
                    Err(error) => {
                        odd = Some(error);
                        break;
                    }
                }
                if batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
                    more = messages.next().now_or_never().flatten();
                }
            }
            if let Some(last) = batch.last() {
                self.trouble.ends();
                self.next = Some(u64::try_from(last.offset).unwrap_or(0) + 1);
                if self.sender.send(batch).await.is_err() {
                    return Ok(());
                }
            }
            if let Some(error) = odd {
                return Err(error);
            }
        }
    }

    /// Makes a consumer at the right place.
    async fn open(&self) -> Result<pull::Stream, CarrierError> {
        let stream = self.nats.stream(&self.context, &self.topic).await?;
        let state = &stream.cached_info().state;
        let from = match self.next {
            // A sequence that the stream never reached is of another stream, which is gone: so are its messages.
            Some(next) if next <= state.last_sequence + 1 => {
                DeliverPolicy::ByStartSequence { start_sequence: next.max(1) }
            }
            _ => DeliverPolicy::All,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let group: String = self.group.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        let name = format!("{group}-{}-{}", self.topic, Uuid::new_v4().simple());
        let consumer = self.nats.consumer(&stream, &self.topic, Some(name), from, false).await?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(FETCH_MESSAGES)
            .expires(FETCH_FOR)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| self.nats.unreachable(error.to_string()))?;
        self.trouble.ends();
        Ok(messages)
    }

    async fn disconnected(&self) {
        let client = self.context.client();
        while client.connection_state() == State::Connected {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes over a message, and the consumer's number for it.
    fn message(&self, message: jetstream::Message) -> Result<(Message, u64), CarrierError> {
        let info = message.info().map_err(|error| self.nats.unreachable(error.to_string()))?;
        let (sequence, count) = (info.stream_sequence, info.consumer_sequence);
        let at = i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let (mut key, mut headers) = (None, Vec::new());
        for (name, values) in message.headers.iter().flat_map(|headers| headers.iter()) {
            let name: &str = name.as_ref();
            for value in values {
                let value = decoded(value.as_str());
                if name == KEY {
                    key = Some(value);
                } else if !name.starts_with(NATS_HEADERS) {
                    headers.push((name.to_owned(), value));
                }
            }
        }
        let message = Message {
            topic: self.topic.clone(),
            partition: 0,
            offset: offset(sequence),
            key,
            headers,
            body: message.payload.to_vec(),
            at: Timestamp::from_millis(at),
        };
        Ok((message, count))
    }
}
