//! Reads what payment services tell: from the carrier's topics, or from the embedded ones.
//!
//! A message is handled, or kept as a dead letter, before its cursor moves past it, and what was handled twice counts
//! once. Messages of one booking go in their order, however they name it; different ones go side by side, so that they share the engine's
//! batches. It decides nothing about a message: `app::inbound` does.

use super::RETRY_AFTER;
use crate::adapters::carriers::{CONSUMED, Carrier, CarrierError, Cursor, Reader};
use crate::app::App;
use crate::app::inbound::{self, Delivery, InboundMessage, Verdict};
use crate::store::dead_letters;
use crate::store::error::{Result as StoreResult, StoreError};
use crate::store::inbound as store;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What the broker's own tools show it as.
pub const GROUP: &str = "ticketing-payments";
pub use crate::domain::topics::EMBEDDED;
/// Messages that are taken at once.
const MESSAGES: usize = 512;
/// How long a look for messages waits.
const WAIT: Duration = Duration::from_millis(500);
/// How often the broker's own tools are shown where we are.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Why reading starts over.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    #[error("the cursor was moved by somebody else")]
    Moved,
}

/// Reads for ever; of several processes on a carrier, the holder of a lease. Without a carrier any number may read the
/// embedded topics: what two of them handle counts once.
pub async fn run(app: App, carrier: Option<Carrier>) {
    let mut failing = false;
    loop {
        let mut source = match Source::open(&app, carrier.as_ref()).await {
            Ok(source) => source,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "messages from outside can't be read; will try again, and none is lost");
                }
                failing = true;
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
        };
        failing = false;
        match source.follow(&app).await {
            Stopped::Moved => {
                tracing::info!("reading messages from outside goes on where somebody put the cursor");
            }
            error => {
                tracing::warn!(%error, "reading messages from outside starts over after the last one handled");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// A topic's partition.
type Place = (String, i32);

/// Where messages come from, and how far they have been read.
struct Source {
    carrier: &'static str,
    /// `None` for the embedded topics.
    reader: Option<Reader>,
    cursors: HashMap<Place, i64>,
    shown_at: Instant,
}

impl Source {
    async fn open(app: &App, carrier: Option<&Carrier>) -> Result<Self, Stopped> {
        let word = carrier.map_or(EMBEDDED, Carrier::word);
        let all = store::cursors(&app.stores.write).await?;
        let own: Vec<_> = all.into_iter().filter(|cursor| cursor.carrier == word).collect();
        let reader = match carrier {
            None => None,
            Some(carrier) => {
                let from = own.iter().map(|c| Cursor {
                    topic: c.topic.clone(),
                    partition: c.partition,
                    next_offset: c.next_offset,
                });
                carrier.prepare().await?;
                Some(carrier.reader(GROUP, CONSUMED, &from.collect::<Vec<_>>()).await?)
            }
        };
        let cursors = own.into_iter().map(|c| ((c.topic, c.partition), c.next_offset)).collect();
        Ok(Self { carrier: word, reader, cursors, shown_at: Instant::now() })
    }

    /// Reads and handles until something stops it.
    async fn follow(&mut self, app: &App) -> Stopped {
        loop {
            if let Err(stopped) = self.turn(app).await {
                return stopped;
            }
        }
    }

    async fn turn(&mut self, app: &App) -> Result<(), Stopped> {
        let messages = self.next(app).await?;
        if messages.is_empty() {
            // Nothing came: the time to see whether somebody has moved a cursor.
            return if self.is_where_it_was(app).await? { Ok(()) } else { Err(Stopped::Moved) };
        }
        let mut ends: BTreeMap<Place, i64> = BTreeMap::new();
        for message in &messages {
            let end = ends.entry((message.source.clone(), message.partition)).or_default();
            *end = message.offset + 1;
        }
        handle_all(app, messages).await;
        for (place, end) in ends {
            let before = self.cursors.get(&place).copied();
            let (db, now) = (&app.stores.write, app.clock.now());
            if !store::advance(db, self.carrier, &place.0, place.1, before, end, now).await? {
                return Err(Stopped::Moved);
            }
            self.cursors.insert(place, end);
        }
        if let Some(reader) = self.reader.as_ref().filter(|_| self.shown_at.elapsed() > SHOW_EVERY) {
            self.shown_at = Instant::now();
            let cursor = |((topic, partition), next_offset): (&Place, &i64)| Cursor {
                topic: topic.clone(),
                partition: *partition,
                next_offset: *next_offset,
            };
            reader.show(&self.cursors.iter().map(cursor).collect::<Vec<_>>());
        }
        Ok(())
    }

    async fn is_where_it_was(&self, app: &App) -> Result<bool, Stopped> {
        let all = store::cursors(&app.stores.write).await?;
        let mut own = all.into_iter().filter(|cursor| cursor.carrier == self.carrier);
        Ok(own.all(|c| self.cursors.get(&(c.topic, c.partition)) == Some(&c.next_offset)))
    }

    async fn next(&mut self, app: &App) -> Result<Vec<InboundMessage>, Stopped> {
        if let Some(reader) = &mut self.reader {
            let messages = reader.next(MESSAGES, WAIT).await?;
            return Ok(messages
                .into_iter()
                .map(|m| InboundMessage {
                    source: m.topic,
                    partition: m.partition,
                    offset: m.offset,
                    key: m.key,
                    headers: m.headers,
                    body: m.body,
                    at: m.at,
                })
                .collect());
        }
        let mut messages = Vec::new();
        for topic in CONSUMED {
            let from = self.cursors.get(&((*topic).to_owned(), 0)).copied().unwrap_or(0);
            let limit = i64::try_from(MESSAGES).unwrap_or(i64::MAX);
            let found = store::from(&app.stores.write, topic, from, limit).await?;
            messages.extend(found.into_iter().map(|m| InboundMessage {
                source: m.topic,
                partition: 0,
                offset: m.offset,
                key: m.key,
                headers: m.headers,
                body: m.body,
                at: m.at,
            }));
        }
        if messages.is_empty() {
            tokio::time::sleep(WAIT).await;
        }
        Ok(messages)
    }
}

/// Handles messages, those of one booking in their order; returns when each is handled or is a dead letter.
async fn handle_all(app: &App, messages: Vec<InboundMessage>) {
    let of = again(|| inbound::streams(app, &messages)).await;
    // What a message calls its stream may have letters, too, from when nobody knew its booking.
    let own = messages.iter().map(|message| inbound::label(message).stream);
    let names: Vec<String> = own.chain(of.iter().cloned()).collect::<HashSet<_>>().into_iter().collect();
    let open = again(|| dead_letters::is_open(&app.stores.write, names.clone())).await;
    let open: Arc<HashSet<String>> = Arc::new(open.into_iter().collect());
    let mut streams: BTreeMap<String, Vec<InboundMessage>> = BTreeMap::new();
    for (message, stream) in messages.into_iter().zip(of) {
        streams.entry(stream).or_default().push(message);
    }
    let mut under_way = JoinSet::new();
    let mut begun = HashMap::new();
    for (stream, messages) in streams {
        let messages = Arc::new(messages);
        let work = handle_stream(app.clone(), stream.clone(), Arc::clone(&open), Arc::clone(&messages));
        let task = under_way.spawn(work);
        begun.insert(task.id(), (stream, messages));
    }
    while let Some(ended) = under_way.join_next_with_id().await {
        if let Err(error) = ended {
            // The panic was logged where it happened. What was done before it is known, and done once.
            let Some((stream, messages)) = begun.remove(&error.id()) else { continue };
            for message in messages.iter() {
                let why = ("BROKE_OFF", "Handling it broke off: a fault of this program.");
                keep(app, &stream, message, Some(why)).await;
            }
        }
    }
}

/// Handles the messages of one stream; `open` are the streams that have open letters.
async fn handle_stream(
    app: App,
    stream: String,
    open: Arc<HashSet<String>>,
    messages: Arc<Vec<InboundMessage>>,
) {
    let mut died = HashSet::new();
    for message in messages.iter() {
        let own = inbound::label(message).stream;
        let is_open = |name: &&String| open.contains(*name) || died.contains(*name);
        if let Some(behind) = [&stream, &own].into_iter().find(is_open) {
            keep(&app, behind, message, None).await;
            continue;
        }
        match verdict(&app, message).await {
            Verdict::Done => {}
            Verdict::Dead { code, reason, stream: of } => {
                keep(&app, &of, message, Some((code, &reason))).await;
                // Where it is another stream's, those behind it find that out by themselves.
                died.insert(of);
            }
            Verdict::Waits { stream: of } => keep(&app, &of, message, None).await,
        }
    }
}

/// Keeps a message as a letter of this stream, once.
async fn keep(app: &App, stream: &str, message: &InboundMessage, verdict: Option<(&str, &str)>) {
    let letter = inbound::letter_in(Some(stream), message, verdict, app.clock.now());
    if again(|| dead_letters::put(&app.stores.write, &letter)).await {
        tracing::warn!(
            topic = message.source,
            partition = message.partition,
            offset = message.offset,
            stream = letter.stream,
            code = letter.code,
            reason = letter.reason,
            correlation_id = letter.correlation_id,
            "a message from outside is a dead letter; ticketctl dlq list shows it"
        );
    }
}

/// What becomes of a message, however long the store takes.
async fn verdict(app: &App, message: &InboundMessage) -> Verdict {
    let mut failing = false;
    loop {
        match inbound::handle(app, message, Delivery::Topic).await {
            Ok(verdict) => return verdict,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, offset = message.offset, "a message from outside waits for the store");
                }
                failing = true;
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Does it until the store takes it.
async fn again<T, F: Future<Output = StoreResult<T>>>(mut work: impl FnMut() -> F) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(error) => {
                tracing::debug!(%error, "the store can't take a message from outside; will try again");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}
