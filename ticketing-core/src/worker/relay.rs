//! Copies the log to the carrier: every event once or more, each stream's in order, none that was not committed.
//!
//! Only the holder of a lease does it. It sends in the order of the log, keeps many records under way, and moves its
//! checkpoint only past what was acknowledged without a gap. When a record is lost it starts over from there with a
//! new publisher; while the broker is away it waits, and bookings go on.

use super::RETRY_AFTER;
use crate::adapters::carriers::{Carrier, CarrierError, Publisher, record};
use crate::app::App;
use crate::store::error::StoreError;
use crate::store::{events, outbox};
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
}

/// Copies for as long as the lease of this epoch is held; dropped when it is lost. Returns if another has begun.
pub async fn run(app: App, carrier: Carrier, epoch: i64, mut head: watch::Receiver<i64>) {
    let mut failing = false;
    loop {
        let mut relay = match Relay::begin(&app, &carrier, epoch).await {
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
}

impl<'a> Relay<'a> {
    async fn begin(app: &'a App, carrier: &'a Carrier, epoch: i64) -> Result<Self, Stopped> {
        let began = outbox::begin(&app.stores.write, carrier.word(), epoch, app.clock.now()).await?;
        let checkpoint = began.ok_or(Stopped::Superseded)?;
        carrier.prepare().await?;
        let publisher = carrier.publisher().await?;
        Ok(Self { app, carrier, epoch, publisher, checkpoint, sent: checkpoint, written_at: Instant::now() })
    }

    /// Copies until something stops it.
    async fn copy(&mut self, head: &mut watch::Receiver<i64>) -> Stopped {
        loop {
            if let Err(stopped) = self.turn(head).await {
                // What was acknowledged before the fault counts.
                let last = self.write_down().await;
                return last.err().unwrap_or(stopped);
            }
        }
    }

    async fn turn(&mut self, head: &mut watch::Receiver<i64>) -> Result<(), Stopped> {
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
        for entry in page {
            let mut sending =
                std::pin::pin!(self.publisher.send(entry.position, record::outgoing(&entry, None)));
            match tokio::time::timeout(SLOW_AFTER, &mut sending).await {
                Ok(sent) => sent?,
                Err(_) => {
                    let (carrier, position) = (self.carrier.word(), entry.position);
                    tracing::warn!(
                        carrier,
                        position,
                        "the broker takes no records; bookings go on, events wait"
                    );
                    sending.await?;
                    tracing::info!(carrier, position, "the broker takes records again");
                }
            }
            self.sent = entry.position;
        }
        Ok(count)
    }

    /// Moves the checkpoint to what was acknowledged; not too often.
    async fn write_down(&mut self) -> Result<(), Stopped> {
        let acknowledged = self.publisher.acknowledged();
        if acknowledged <= self.checkpoint || self.written_at.elapsed() < CHECKPOINT_EVERY {
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
