//! The live feed: one reader of the log in this process, and everybody who listens to it.
//!
//! The log is read once, whoever and however many listen, and not at all while nobody does. Nothing is kept for
//! listeners but the last [`RING_EVENTS`] events: who falls further behind is told from where to resume. Who listens to
//! what, and how it is written down, is [`stream`]'s.

pub mod stream;

use crate::error::ApiError;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ticketing_core::app::App;
use ticketing_core::domain::booking::event::BookingEvent;
use ticketing_core::domain::event::Event as LogEvent;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::domain::log::LogEntry;
use ticketing_core::ops::lists;
use ticketing_core::store::error::Result as StoreResult;
use ticketing_core::store::{bookings, events};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use uuid::Uuid;

/// So many events are kept for operators who fall behind: most of a second, at 10,000 a second.
pub const RING_EVENTS: usize = 8_192;
/// So many of one user's events are kept for that user.
pub const USER_RING_EVENTS: usize = 256;
/// So many operators' streams are open at once in one server.
pub const OPERATOR_STREAMS_MAX: usize = 64;
/// So many users' streams are open at once in one server.
pub const USER_STREAMS_MAX: usize = 1_024;
/// So many streams of one user are open at once in one server.
pub const STREAMS_PER_USER_MAX: usize = 8;

/// How many bookings are remembered with whose they are.
const OWNERS_KNOWN_MAX: usize = 100_000;
/// How long the reader waits after a failure of the store.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long who comes first waits until the reader knows where the log is.
const READY_MAX: Duration = Duration::from_secs(2);
/// What is not known yet.
const UNKNOWN: i64 = -1;

/// An event as it is handed to all who listen, written down once.
#[derive(Debug)]
pub struct Published {
    /// What the log has.
    pub entry: LogEntry,
    /// What is sent.
    pub text: String,
}

impl Published {
    /// Writes an event down as `ticketctl events tail -o jsonl` does, as a message of Server-Sent Events.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn of(entry: LogEntry) -> Result<Self, ApiError> {
        let body = crate::answer::Json::of(&lists::event_body(entry.clone()))?;
        // Compact JSON has no line breaks, so that it is one line of data.
        let text = format!("id: {}\ndata: {}\n\n", entry.position, body.as_str());
        Ok(Self { entry, text })
    }
}

/// See the module. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Up to here, everything was handed to who listens. Moved only under the lock of `listeners`, so that who comes
    /// gets exactly what is behind it.
    published: watch::Sender<i64>,
    listeners: Mutex<Listeners>,
    ending: watch::Receiver<bool>,
    operators: Arc<Semaphore>,
    users: Arc<Semaphore>,
}

#[derive(Debug)]
struct Listeners {
    everything: broadcast::Sender<Arc<Published>>,
    own: HashMap<UserId, Topic>,
}

/// One user's events.
#[derive(Debug)]
struct Topic {
    sender: broadcast::Sender<Arc<Published>>,
    streams: usize,
}

/// What a stream listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All events.
    Everything,
    /// Those of the bookings of one user.
    Own(UserId),
}

/// The right to listen; it comes back when the stream has ended.
#[derive(Debug)]
pub struct Seat {
    wanted: Wanted,
    feed: Feed,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Wanted::Own(user) = &self.wanted else { return };
        let mut listeners = self.feed.listeners();
        if let Some(topic) = listeners.own.get_mut(user) {
            topic.streams -= 1;
            if topic.streams == 0 {
                listeners.own.remove(user);
            }
        }
    }
}

impl Seat {
    /// Listens from now on. Returns the position behind which everything will be heard.
    fn listen(&self) -> (broadcast::Receiver<Arc<Published>>, i64) {
        let listeners = self.feed.listeners();
        let receiver = match &self.wanted {
            Wanted::Everything => listeners.everything.subscribe(),
            // It is there for as long as this seat is.
            Wanted::Own(user) => listeners
                .own
                .get(user)
                .map_or_else(|| broadcast::channel(1).1, |topic| topic.sender.subscribe()),
        };
        (receiver, self.feed.published())
    }
}

impl Feed {
    /// Starts the reader, which follows `head`. It ends with the server.
    #[must_use]
    pub fn start(app: App, head: watch::Receiver<i64>, ending: watch::Receiver<bool>) -> Self {
        let feed = Self(Arc::new(Shared {
            published: watch::Sender::new(UNKNOWN),
            listeners: Mutex::new(Listeners {
                everything: broadcast::Sender::new(RING_EVENTS),
                own: HashMap::new(),
            }),
            ending: ending.clone(),
            operators: Arc::new(Semaphore::new(OPERATOR_STREAMS_MAX)),
            users: Arc::new(Semaphore::new(USER_STREAMS_MAX)),
        }));
        let reader = Reader { app, feed: feed.clone(), owners: Cache::new(OWNERS_KNOWN_MAX) };
        tokio::spawn(async move {
            let mut ending = ending;
            tokio::select! {
                () = reader.run(head) => {}
                () = told(&mut ending) => {}
            }
        });
        feed
    }

    /// Takes a seat, once it is known where the log is.
    ///
    /// # Errors
    /// 503: as many listen as may, or the store does not say where the log is.
    pub async fn seat(&self, wanted: Wanted) -> Result<Seat, ApiError> {
        let (slots, what, max) = match &wanted {
            Wanted::Everything => (&self.0.operators, "streams of operators", OPERATOR_STREAMS_MAX),
            Wanted::Own(_) => (&self.0.users, "streams", USER_STREAMS_MAX),
        };
        let permit = Arc::clone(slots).try_acquire_owned();
        let permit = permit.map_err(|_| ApiError::too_many_at_once(what, max))?;
        if let Wanted::Own(user) = &wanted {
            let mut listeners = self.listeners();
            let topic = listeners
                .own
                .entry(user.clone())
                .or_insert_with(|| Topic { sender: broadcast::Sender::new(USER_RING_EVENTS), streams: 0 });
            if topic.streams >= STREAMS_PER_USER_MAX {
                return Err(ApiError::too_many_at_once("streams of yours", STREAMS_PER_USER_MAX));
            }
            topic.streams += 1;
        }
        let seat = Seat { wanted, feed: self.clone(), _permit: permit };
        let mut published = self.0.published.subscribe();
        let known = tokio::time::timeout(READY_MAX, published.wait_for(|at| *at != UNKNOWN)).await;
        match known {
            Ok(Ok(_)) => Ok(seat),
            Ok(Err(_)) | Err(_) => {
                Err(ApiError::unavailable("The log can't be read now. Try again in a moment."))
            }
        }
    }

    fn published(&self) -> i64 {
        *self.0.published.borrow()
    }

    fn ending(&self) -> watch::Receiver<bool> {
        self.0.ending.clone()
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the server is to end: somebody says so, or nobody is left who could.
async fn told(ending: &mut watch::Receiver<bool>) {
    // Either way it ends.
    let _ = ending.wait_for(|ending| *ending).await;
}

impl Listeners {
    fn has_any(&self) -> bool {
        self.everything.receiver_count() > 0 || !self.own.is_empty()
    }
}

/// The one reader of the log.
struct Reader {
    app: App,
    feed: Feed,
    /// Whose a booking is.
    owners: Cache<Uuid, Option<UserId>>,
}

impl Reader {
    async fn run(self, mut head: watch::Receiver<i64>) {
        let mut is_failing = false;
        loop {
            let known = *head.borrow_and_update();
            match self.go_on(known).await {
                Ok(()) => is_failing = false,
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "the live feed can't read the log; it will try again");
                    }
                    is_failing = true;
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            }
            if head.changed().await.is_err() {
                return;
            }
        }
    }

    /// Hands on everything up to `head`.
    async fn go_on(&self, head: i64) -> StoreResult<()> {
        if self.feed.published() == UNKNOWN {
            let found = events::head(&self.app.stores.write).await?;
            self.feed.0.published.send_replace(found);
        }
        while self.feed.published() < head {
            if self.skip_to(head) {
                return Ok(());
            }
            let page = events::after(&self.app.stores.write, self.feed.published(), lists::PAGE).await?;
            let Some(last) = page.last().map(|entry| entry.position) else { return Ok(()) };
            // What can't be written down was logged; it will be missed, and nothing else.
            let page: Vec<_> =
                page.into_iter().filter_map(|entry| Published::of(entry).ok().map(Arc::new)).collect();
            let mut owners = None;
            while !self.publish(&page, owners.as_ref(), last) {
                owners = Some(self.owners_of(&page).await?);
            }
        }
        Ok(())
    }

    /// Hands out a page that ends at `last`; false if it must be known before whose the bookings are.
    fn publish(
        &self,
        page: &[Arc<Published>],
        owners: Option<&HashMap<Uuid, Option<UserId>>>,
        last: i64,
    ) -> bool {
        let listeners = self.feed.listeners();
        if owners.is_none() && !listeners.own.is_empty() {
            return false;
        }
        for event in page {
            let owner = owners.and_then(|owners| owners.get(&event.entry.stream_id)?.as_ref());
            if let Some(topic) = owner.and_then(|owner| listeners.own.get(owner)) {
                // That nobody listens any more is not the reader's affair, here and below.
                let _ = topic.sender.send(Arc::clone(event));
            }
            let _ = listeners.everything.send(Arc::clone(event));
        }
        self.feed.0.published.send_replace(last);
        true
    }

    /// Passes over what nobody listens to; false if somebody does.
    fn skip_to(&self, head: i64) -> bool {
        let listeners = self.feed.listeners();
        if listeners.has_any() {
            return false;
        }
        self.feed.0.published.send_replace(head);
        true
    }

    /// Returns whose bookings these events are of.
    async fn owners_of(&self, page: &[Arc<Published>]) -> StoreResult<HashMap<Uuid, Option<UserId>>> {
        let mut owners = HashMap::new();
        let mut unknown = Vec::new();
        for entry in page.iter().map(|event| &event.entry) {
            let stream = entry.stream_id;
            if let LogEvent::Booking(BookingEvent::TicketBooked(held) | BookingEvent::TicketReserved(held)) =
                &entry.event
            {
                self.owners.insert(stream, Some(held.user_id.clone()));
            }
            if matches!(entry.event, LogEvent::Catalog(_)) || owners.contains_key(&stream) {
                continue;
            }
            let known = self.owners.get(&stream);
            if known.is_none() {
                unknown.push(BookingId(stream));
            }
            owners.insert(stream, known.flatten());
        }
        if !unknown.is_empty() {
            for booking in bookings::load(&self.app.stores.write, &unknown).await? {
                owners.insert(booking.id.0, Some(booking.user_id));
            }
            for id in unknown {
                self.owners.insert(id.0, owners.get(&id.0).cloned().flatten());
            }
        }
        Ok(owners)
    }
}
