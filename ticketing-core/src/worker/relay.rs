//! Copies the log to the carrier: every event once or more, each stream's in order, none that was not committed.
//!
//! Only the holder of a lease does it. It sends in the order of the log, keeps many records under way, and moves its
//! checkpoint only past what was acknowledged without a gap. When a record is lost it starts over from there with a
//! new publisher; while the broker is away it waits, and bookings go on.

use super::RETRY_AFTER;
use super::kinds::Kinds;
use crate::adapters::carriers::{Carrier, CarrierError, Publisher, record};
use crate::app::App;
use crate::domain::catalog::OfferingKind;
use crate::domain::log::RawEntry;
use crate::store::error::StoreError;
use crate::store::{events, outbox};
use crate::traces;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Events that are read at once.
const PAGE: i64 = 2_000;
/// A page with so many is full: the next one is there.
const PAGE_FULL: usize = 2_000;
/// How soon after a page the next one begins: while bookings stream in, a few large pages cost much less than one for
/// each commit. After a pause the first event is sent at once.
const LINGER: Duration = Duration::from_millis(15);
/// The checkpoint is written so often at most, while records stream.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);
/// How long a record may wait before it is said that the broker does not take it.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// How long nothing may be acknowledged while the broker answers other questions, before a new publisher is tried; at
/// once, if this one's own connection finds no broker any more.
const STALLED_AFTER: Duration = Duration::from_secs(20);
/// How long such a question may take.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How soon a record that the broker refused is sent again: somebody must do something about it first.
const UNFIT_RETRY_AFTER: Duration = Duration::from_secs(5);
/// While others write to the log, it is looked at so often; this process's own writes are told.
const LOOK_EVERY_BUSY: Duration = Duration::from_millis(50);
/// It is looked at as often as that for so long after the last event.
const BUSY_FOR: Duration = Duration::from_secs(5);

/// Why copying stopped.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    #[error("another process has the lease")]
    Superseded,
    #[error("{carrier} answers, but has acknowledged nothing for {} s", STALLED_AFTER.as_secs())]
    Stalled { carrier: &'static str },
    #[error("{carrier} answers, but the publisher does not find it any more")]
    Astray { carrier: &'static str },
}

/// Copies for as long as the lease of this epoch is held; dropped when it is lost. Returns if another has begun.
pub async fn run(app: App, carrier: Carrier, epoch: i64, mut head: watch::Receiver<i64>) {
    let mut failing = false;
    let (mut unfit, mut careful_to) = (None, 0);
    loop {
        let mut relay = match Relay::begin(&app, &carrier, epoch, careful_to).await {
            Ok(relay) => relay,
            Err(Stopped::Superseded) => return,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "events can't be relayed; will try again, and none is lost");
                }
                failing = true;
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
        };
        if failing {
            tracing::info!(carrier = carrier.word(), position = relay.checkpoint, "events are relayed again");
        }
        failing = false;
        match relay.copy(&mut head).await {
            Stopped::Superseded => return,
            Stopped::Carrier(error @ CarrierError::Unfit { ticket, .. }) => {
                if ticket > careful_to {
                    // It may have been refused together with others: one by one, it is known which of them it is.
                    careful_to = relay.sent.max(ticket);
                    continue;
                }
                // Said once, though it is tried again and again: nothing after it may go before it.
                if unfit.replace(ticket) != Some(ticket)
                    && let Err(error) = relay.stop_at(ticket, &error).await
                {
                    tracing::warn!(%error, "what stands in the way can't be written down");
                    unfit = None;
                }
                drop(relay);
                tokio::time::sleep(UNFIT_RETRY_AFTER).await;
            }
            error => {
                tracing::warn!(%error, position = relay.checkpoint, "relaying starts over after this position");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// One publisher's life.
struct Relay<'a> {
    app: &'a App,
    carrier: &'a Carrier,
    epoch: i64,
    publisher: Publisher,
    /// Acknowledged and written down.
    checkpoint: i64,
    /// Handed to the publisher.
    sent: i64,
    written_at: Instant,
    progress: Progress,
    /// Up to here, one is sent when the one before was acknowledged.
    careful_to: i64,
    kinds: Kinds,
}

/// Whether anything moves while records are under way.
struct Progress {
    /// The last that was acknowledged.
    acknowledged: i64,
    /// When that moved, or nothing was under way, or the broker did not answer either.
    at: Instant,
    /// When somebody was last asked why nothing moves.
    asked_at: Instant,
}

impl Progress {
    /// Whether nothing has moved for so long that somebody is to be asked why; not too often.
    fn is_slow(&mut self, acknowledged: i64, sent: i64) -> bool {
        let now = Instant::now();
        if acknowledged > self.acknowledged || self.acknowledged == sent {
            self.acknowledged = self.acknowledged.max(acknowledged);
            self.at = now;
        }
        let is_slow = now - self.at > SLOW_AFTER && now - self.asked_at > SLOW_AFTER;
        if is_slow {
            self.asked_at = now;
        }
        is_slow
    }
}

impl<'a> Relay<'a> {
    async fn begin(app: &'a App, carrier: &'a Carrier, epoch: i64, careful_to: i64) -> Result<Self, Stopped> {
        let began = outbox::begin(&app.stores.write, carrier.word(), epoch, app.clock.now()).await?;
        let checkpoint = began.ok_or(Stopped::Superseded)?;
        carrier.prepare().await?;
        let publisher = carrier.publisher().await?;
        let now = Instant::now();
        let progress = Progress { acknowledged: checkpoint, at: now, asked_at: now };
        let sent = checkpoint;
        let kinds = Kinds::default();
        Ok(Self {
            app,
            carrier,
            epoch,
            publisher,
            checkpoint,
            sent,
            written_at: now,
            progress,
            careful_to,
            kinds,
        })
    }

    /// Copies until something stops it.
    async fn copy(&mut self, head: &mut watch::Receiver<i64>) -> Stopped {
        loop {
            if let Err(stopped) = self.turn(head).await {
                if matches!(stopped, Stopped::Carrier(CarrierError::Unfit { .. })) {
                    // What is before it may well be taken, and need not be sent again each time.
                    let _ = tokio::time::timeout(SLOW_AFTER, self.all_acknowledged()).await;
                }
                // What was acknowledged before the fault counts.
                let last = self.write_down_now().await;
                return last.err().unwrap_or(stopped);
            }
        }
    }

    /// Waits until all that was sent is acknowledged, or one is lost.
    async fn all_acknowledged(&mut self) {
        let mut acknowledged = self.publisher.acknowledged();
        while acknowledged < self.sent {
            match self.publisher.acknowledged_beyond(acknowledged).await {
                Ok(more) => acknowledged = more,
                Err(_) => return,
            }
        }
    }

    /// A publisher that never hears again of what it sent, though the broker is there, is given up for a new one.
    async fn check_progress(&mut self) -> Result<(), Stopped> {
        if !self.progress.is_slow(self.publisher.acknowledged(), self.sent) {
            return Ok(());
        }
        if self.carrier.ping(PING_TIMEOUT).await.is_err() {
            self.progress.at = Instant::now();
            return Ok(());
        }
        let carrier = self.carrier.word();
        if self.progress.at.elapsed() > STALLED_AFTER {
            return Err(Stopped::Stalled { carrier });
        }
        if !self.publisher.finds_broker(PING_TIMEOUT).await {
            return Err(Stopped::Astray { carrier });
        }
        Ok(())
    }

    async fn turn(&mut self, head: &mut watch::Receiver<i64>) -> Result<(), Stopped> {
        self.check_progress().await?;
        let target = *head.borrow_and_update();
        if target > self.sent {
            let next_at = Instant::now() + LINGER;
            let count = self.page().await?;
            if count > 0 {
                self.write_down().await?;
                if count < PAGE_FULL {
                    tokio::time::sleep_until(next_at).await;
                }
                return Ok(());
            }
        }
        self.write_down().await?;
        // Nothing to send: wait for an acknowledgement, the time to write it down, or an event.
        let acknowledged = self.publisher.acknowledged();
        let look_every = if self.written_at.elapsed() < BUSY_FOR { LOOK_EVERY_BUSY } else { SLOW_AFTER };
        tokio::select! {
            more = self.publisher.acknowledged_beyond(acknowledged), if acknowledged < self.sent => {
                more?;
            }
            () = tokio::time::sleep_until(self.written_at + CHECKPOINT_EVERY), if acknowledged > self.checkpoint => {}
            changed = head.changed() => changed.map_err(|_| Stopped::Superseded)?,
            () = tokio::time::sleep(look_every) => {
                if events::head(&self.app.stores.write).await? > self.sent {
                    self.page().await?;
                }
            }
        }
        Ok(())
    }

    /// Sends the next page; returns how many events it had.
    async fn page(&mut self) -> Result<usize, Stopped> {
        let page = events::raw_after(&self.app.stores.write, self.sent, PAGE).await?;
        let count = page.len();
        let kinds = self.kinds.of(&self.app.stores.write, &page).await?;
        for (entry, kind) in page.iter().zip(kinds) {
            self.send(entry, kind).await?;
        }
        Ok(count)
    }

    /// Sends one event, however long the broker takes none.
    async fn send(&mut self, entry: &RawEntry, of: OfferingKind) -> Result<(), Stopped> {
        let (carrier, position) = (self.carrier.word(), entry.position);
        let mut is_slow = false;
        let _part = traces::publish(entry, carrier);
        loop {
            // A record that waits for room has not gone, so it can be given up and sent anew.
            let sending = self.publisher.send(position, record::outgoing(entry, of, None));
            if let Ok(sent) = tokio::time::timeout(SLOW_AFTER, sending).await {
                sent?;
                break;
            }
            if !is_slow {
                tracing::warn!(carrier, position, "the broker takes no records; bookings go on, events wait");
            }
            is_slow = true;
            self.check_progress().await?;
        }
        if is_slow {
            tracing::info!(carrier, position, "the broker takes records again");
        }
        self.sent = position;
        while position <= self.careful_to && self.publisher.acknowledged() < position {
            let acknowledged = self.publisher.acknowledged();
            let more = self.publisher.acknowledged_beyond(acknowledged);
            match tokio::time::timeout(SLOW_AFTER, more).await {
                Ok(more) => _ = more?,
                Err(_) => self.check_progress().await?,
            }
        }
        Ok(())
    }

    /// Says which event stands in the way of all after it, where operators look.
    async fn stop_at(&self, position: i64, error: &CarrierError) -> Result<(), Stopped> {
        let db = &self.app.stores.write;
        let entry = events::raw_at(db, vec![position]).await?.pop();
        let what = entry.map_or_else(String::new, |e| format!(" ({} of {})", e.event_type, e.stream_id));
        let trouble = format!(
            "The event at position {position}{what} can't be published, and all after it wait: {error}"
        );
        tracing::error!(position, "{trouble}");
        match outbox::stop(db, self.carrier.word(), self.epoch, &trouble).await? {
            true => Ok(()),
            false => Err(Stopped::Superseded),
        }
    }

    /// Moves the checkpoint to what was acknowledged; not too often.
    async fn write_down(&mut self) -> Result<(), Stopped> {
        if self.written_at.elapsed() < CHECKPOINT_EVERY {
            return Ok(());
        }
        self.write_down_now().await
    }

    async fn write_down_now(&mut self) -> Result<(), Stopped> {
        let acknowledged = self.publisher.acknowledged();
        if acknowledged <= self.checkpoint {
            return Ok(());
        }
        let (db, carrier) = (&self.app.stores.write, self.carrier.word());
        if !outbox::advance(db, carrier, self.epoch, acknowledged, self.app.clock.now()).await? {
            return Err(Stopped::Superseded);
        }
        self.checkpoint = acknowledged;
        self.written_at = Instant::now();
        Ok(())
    }
}
