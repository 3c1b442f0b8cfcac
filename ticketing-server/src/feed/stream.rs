//! One stream of Server-Sent Events: first what its client missed, then what happens.
//!
//! Every message has the position as its id, so that a client which comes back with `Last-Event-ID` misses nothing and
//! hears nothing twice, at whichever server. A client that can't keep up is told so, and from where to resume.

use super::{Published, Seat, Wanted, told};
use crate::error::ApiError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use hyper::body::Frame;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use ticketing_core::app::{App, AppError};
use ticketing_core::domain::id::UserId;
use ticketing_core::domain::log::LogEntry;
use ticketing_core::ops::event_fields::event_value;
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::lists;
use ticketing_core::store::error::StoreError;
use ticketing_core::store::events;
use ticketing_core::store::views::tickets::{self, UserQuery};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, interval_at};

/// A stream on which nothing happens says so as often.
pub const BEAT_EVERY: Duration = Duration::from_secs(15);
/// How long a client is to wait before it comes back, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// A client that takes nothing for so long is given up.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// Events are sent together up to about so many bytes.
const CHUNK_BYTES: usize = 16 << 10;
/// So many such pieces wait for a client.
const CHUNKS_WAITING_MAX: usize = 4;
/// A user with more bookings can't resume a stream: all of them would have to be looked through.
pub const BOOKINGS_RESUMED_MAX: usize = 10_000;
/// Rows of a page of bookings.
const BOOKINGS_PAGE: u32 = 1_000;

/// Which events a client wants to hear of those that it may.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    /// Only these types; all of them if there is none.
    pub types: Vec<String>,
    /// Only what passes.
    pub filter: Option<Filter>,
}

impl Sieve {
    fn passes(&self, entry: &LogEntry, app: &App) -> bool {
        let name = entry.event.type_name();
        if !self.types.is_empty() && !self.types.iter().any(|wanted| wanted == name) {
            return false;
        }
        self.filter.as_ref().is_none_or(|filter| {
            let now = app.clock.now();
            filter.matches(now, |field| event_value(entry, field, now))
        })
    }
}

/// Answers with a stream that begins behind `from`, and ends at the latest with the token, at `until`.
///
/// # Errors
/// 422 for a position that the log has not reached, or a user with too much to look through; 503.
pub async fn open(
    app: &App,
    seat: Seat,
    from: Option<i64>,
    sieve: Sieve,
    until: Instant,
) -> Result<Response, ApiError> {
    let head = events::head(&app.stores.write).await.map_err(AppError::from)?;
    let from = from.unwrap_or(head);
    if from > head {
        return Err(ApiError::invalid_field(
            "from",
            &format!("is past the end of the log, which is at {head}"),
        ));
    }
    let (receiver, joined) = seat.listen();
    let missed = match &seat.wanted {
        Wanted::Everything => Vec::new(),
        Wanted::Own(user) => missed_of(app, user, from, joined).await?,
    };
    let (out, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    let last_words = Arc::new(Mutex::new(None));
    let seat = Arc::new(seat);
    let teller = Teller {
        app: app.clone(),
        ending: seat.feed.ending(),
        seat: Arc::clone(&seat),
        sieve,
        out: out.clone(),
        last: from,
        told: from,
        until,
    };
    let said = Arc::clone(&last_words);
    tokio::spawn(async move {
        let words = teller.tell(receiver, joined, missed).await;
        *said.lock().unwrap_or_else(PoisonError::into_inner) = words;
        // Only now the client sees that nothing more comes.
        drop(out);
    });
    let mut response = Response::new(Body::new(Messages { chunks, last_words, _seat: seat }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers an answer before it passes it on would hold back what happens.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// Returns the events of a user's bookings after `from`, up to and with `to`.
async fn missed_of(app: &App, user: &UserId, from: i64, to: i64) -> Result<Vec<LogEntry>, ApiError> {
    if from >= to {
        return Ok(Vec::new());
    }
    // Which bookings there are is known by the read model.
    if !app.read.reached(&app.stores, to).await.map_err(AppError::from)? {
        return Err(ApiError::read_model_behind());
    }
    let mut query =
        UserQuery { user_id: user.clone(), kind: None, state: None, page: 1, limit: BOOKINGS_PAGE };
    let (mut missed, mut looked_through) = (Vec::new(), 0);
    loop {
        let page =
            tickets::of_user(&app.stores.read, &query, app.clock.now()).await.map_err(AppError::from)?;
        looked_through += page.len();
        let is_last = page.len() < BOOKINGS_PAGE as usize;
        let streams = page.iter().map(|row| row.booking.id.0).collect();
        let found = events::of_streams_between(&app.stores.write, streams, from, to).await;
        missed.extend(found.map_err(AppError::from)?);
        if is_last {
            break;
        }
        if looked_through >= BOOKINGS_RESUMED_MAX {
            return Err(ApiError::invalid_field(
                "from",
                &format!(
                    "can't be resumed with more than {BOOKINGS_RESUMED_MAX} bookings; read my-tickets, and begin anew \
                     without it"
                ),
            ));
        }
        query.page += 1;
    }
    missed.sort_unstable_by_key(|entry| entry.position);
    Ok(missed)
}

/// Why a stream ends.
enum End {
    /// The client has left.
    Left,
    /// It can't keep up.
    TooSlow,
    /// The server is to end.
    ServerEnds,
    /// The token's time is over.
    TokenExpired,
    /// The account is suspended or deleted.
    KeptOut,
    /// The log can't be read.
    Unreadable(StoreError),
}

impl End {
    /// What the client is told at last, at this position.
    fn words(self, last: i64) -> Option<Bytes> {
        let (code, message) = match self {
            Self::Left => return None,
            Self::TooSlow => ("TOO_SLOW", "You can't keep up. Come back with Last-Event-ID."),
            Self::ServerEnds => ("SHUTTING_DOWN", "The server ends. Come back with Last-Event-ID."),
            Self::TokenExpired => {
                ("UNAUTHORIZED", "The token has expired. Come back with a new one and Last-Event-ID.")
            }
            Self::KeptOut => ("ACCOUNT_SUSPENDED", "The account is suspended or deleted."),
            Self::Unreadable(error) => {
                tracing::warn!(%error, "a live feed ended: the log can't be read");
                ("UNAVAILABLE", "The log can't be read now. Come back with Last-Event-ID.")
            }
        };
        let data = serde_json::json!({"code": code, "message": message, "resumeFrom": last.to_string()});
        Some(format!("id: {last}\nevent: end\ndata: {data}\n\n").into())
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error)
    }
}

/// Tells one client.
struct Teller {
    app: App,
    ending: watch::Receiver<bool>,
    seat: Arc<Seat>,
    sieve: Sieve,
    out: mpsc::Sender<Bytes>,
    /// Everything up to here was looked at.
    last: i64,
    /// Everything up to here was told, or is none of the client's.
    told: i64,
    until: Instant,
}

impl Teller {
    /// Tells until an end, and returns the last words.
    async fn tell(
        mut self,
        receiver: broadcast::Receiver<Arc<Published>>,
        joined: i64,
        missed: Vec<LogEntry>,
    ) -> Option<Bytes> {
        let Err(end) = self.all(receiver, joined, missed).await;
        end.words(self.told)
    }

    async fn all(
        &mut self,
        mut receiver: broadcast::Receiver<Arc<Published>>,
        mut joined: i64,
        missed: Vec<LogEntry>,
    ) -> Result<std::convert::Infallible, End> {
        let open =
            format!("retry: {RETRY_MS}\nid: {0}\nevent: open\ndata: {{\"position\":\"{0}\"}}\n\n", self.last);
        self.send(open).await?;
        if matches!(self.seat.wanted, Wanted::Own(_)) {
            self.send_all(missed).await?;
            self.last = self.last.max(joined);
            self.told = self.last;
        } else {
            loop {
                self.catch_up(joined).await?;
                // More may have happened meanwhile than is kept: then that is read, too. Once it has caught up, a
                // client is on its own.
                match receiver.try_recv() {
                    Ok(event) => {
                        self.send_event(&event).await?;
                        break;
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Lagged(_)) => (receiver, joined) = self.seat.listen(),
                    Err(TryRecvError::Closed) => return Err(End::ServerEnds),
                }
            }
        }
        self.follow(receiver).await
    }

    /// Tells what the log has up to a position.
    async fn catch_up(&mut self, to: i64) -> Result<(), End> {
        while self.last < to {
            let mut page = events::after(&self.app.stores.write, self.last, lists::PAGE).await?;
            page.retain(|entry| entry.position <= to);
            let Some(end) = page.last().map(|entry| entry.position) else { return Ok(()) };
            self.send_all(page).await?;
            self.last = end;
            self.told = end;
        }
        Ok(())
    }

    /// Tells what happens.
    async fn follow(
        &mut self,
        mut receiver: broadcast::Receiver<Arc<Published>>,
    ) -> Result<std::convert::Infallible, End> {
        let (mut ending, until) = (self.ending.clone(), self.until);
        let kept_out = Arc::clone(&self.app.accounts.kept_out);
        let mut kept_out_changes = kept_out.changes();
        let mut beat = interval_at(Instant::now() + BEAT_EVERY, BEAT_EVERY);
        loop {
            tokio::select! {
                biased;
                () = told(&mut ending) => return Err(End::ServerEnds),
                () = tokio::time::sleep_until(until) => return Err(End::TokenExpired),
                _ = kept_out_changes.changed() => {
                    // Only the account is asked for: what was issued when was looked at when the stream began.
                    if let Wanted::Own(user) = &self.seat.wanted
                        && kept_out.check(&user.0, None, Some(f64::MAX)).is_err()
                    {
                        return Err(End::KeptOut);
                    }
                }
                () = self.out.closed() => return Err(End::Left),
                received = receiver.recv() => {
                    let mut text = String::new();
                    let mut next = received;
                    // What is there goes out together.
                    let lost = loop {
                        match next {
                            Ok(event) => self.add(&event, &mut text),
                            Err(RecvError::Lagged(_)) => break Some(End::TooSlow),
                            Err(RecvError::Closed) => break Some(End::ServerEnds),
                        }
                        if text.len() >= CHUNK_BYTES {
                            break None;
                        }
                        next = match receiver.try_recv() {
                            Ok(event) => Ok(event),
                            Err(TryRecvError::Empty) => break None,
                            Err(TryRecvError::Lagged(n)) => Err(RecvError::Lagged(n)),
                            Err(TryRecvError::Closed) => Err(RecvError::Closed),
                        };
                    };
                    if text.is_empty() {
                        self.told = self.last;
                    } else {
                        self.send(text).await?;
                        beat.reset();
                    }
                    if let Some(end) = lost {
                        return Err(end);
                    }
                }
                _ = beat.tick() => {
                    // Read before looking whether something waits: what was handed out up to there was handed to us.
                    let published = self.seat.feed.published();
                    if receiver.is_empty() {
                        self.last = self.last.max(published);
                    }
                    self.send(format!("id: {0}\nevent: beat\ndata: {{\"position\":\"{0}\"}}\n\n", self.last)).await?;
                }
            }
        }
    }

    async fn send_event(&mut self, event: &Published) -> Result<(), End> {
        let mut text = String::new();
        self.add(event, &mut text);
        self.send(text).await
    }

    /// Adds an event that was not told yet, if it is wanted.
    fn add(&mut self, event: &Published, text: &mut String) {
        if event.entry.position <= self.last {
            return;
        }
        self.last = event.entry.position;
        if self.sieve.passes(&event.entry, &self.app) {
            text.push_str(&event.text);
        }
    }

    /// Tells events in order.
    async fn send_all(&mut self, entries: Vec<LogEntry>) -> Result<(), End> {
        let mut text = String::new();
        for entry in entries {
            let Ok(event) = Published::of(entry) else { continue };
            self.add(&event, &mut text);
            if text.len() >= CHUNK_BYTES {
                self.send(std::mem::take(&mut text)).await?;
            }
        }
        self.send(text).await
    }

    /// Sends what is told up to `last`, which may be nothing.
    async fn send(&mut self, text: String) -> Result<(), End> {
        let mut ending = self.ending.clone();
        if !text.is_empty() {
            tokio::select! {
                biased;
                sent = self.out.send(text.into()) => sent.map_err(|_| End::Left)?,
                () = told(&mut ending) => return Err(End::ServerEnds),
                () = tokio::time::sleep(TAKEN_WITHIN) => return Err(End::TooSlow),
            }
        }
        self.told = self.last;
        Ok(())
    }
}

/// The body of a stream.
struct Messages {
    chunks: mpsc::Receiver<Bytes>,
    last_words: Arc<Mutex<Option<Bytes>>>,
    /// Who takes nothing has a seat all the same, for as long as the connection lasts.
    _seat: Arc<Seat>,
}

impl HttpBody for Messages {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunk = match self.chunks.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(chunk)) => Some(chunk),
            Poll::Ready(None) => self.last_words.lock().unwrap_or_else(PoisonError::into_inner).take(),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
