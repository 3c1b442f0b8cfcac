//! The projector of a carrier: reads its topics, and folds them in the log's order.
//!
//! Only the holder of a lease does it. Where the topics bring nothing for a while although the log has more (the
//! broker is away, the relay is behind, records were lost or have aged out), it folds the log itself: readers see
//! their tickets all the same, and what the topics bring later is known already.

use super::merge::Merge;
use super::{LINGER, PAGE, Projector, Reading};
use crate::adapters::carriers::{Carrier, CarrierError, Cursor, PUBLISHED, Reader, record};
use crate::app::App;
use crate::domain::log::RawEntry;
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::views::pages;
use crate::store::views::progress::{self, Offset};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the broker's own tools show it as.
pub const GROUP: &str = "ticketing-projector";
/// Messages that are taken at once.
const MESSAGES: usize = 4_000;
/// How long a look for messages waits.
const WAIT: Duration = Duration::from_millis(200);
/// For so long the topics may bring nothing while the log has more; then the log itself is read.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// How soon a broker that is away is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often the broker's own tools are shown where we are.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Why reading starts over.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    #[error("the read model was moved by somebody else")]
    Moved,
}

/// Folds for as long as the lease is held; dropped when it is lost. Ends when the head's sender is gone.
pub async fn run(app: App, carrier: Carrier, head: watch::Receiver<i64>) {
    let mut folder = Folder {
        app,
        carrier,
        projector: Projector::default(),
        progressed_at: Instant::now(),
        shown_at: Instant::now(),
        is_from_log: false,
    };
    let mut failing = false;
    while head.has_changed().is_ok() {
        match folder.read(&head).await {
            Stopped::Moved => {}
            stopped => {
                if !failing {
                    tracing::warn!(error = %stopped, "the carrier's events can't be read; the log is read meanwhile");
                }
                failing = true;
                folder.projector = Projector::default();
                tokio::time::sleep(AGAIN_AFTER).await;
                let target = *head.borrow();
                if let Err(error) = folder.projector.reach(&folder.app, target).await {
                    tracing::debug!(%error, "nor can the log be folded");
                }
                continue;
            }
        }
        failing = false;
    }
}

struct Folder {
    app: App,
    carrier: Carrier,
    projector: Projector,
    progressed_at: Instant,
    shown_at: Instant,
    /// Whether it was said that the log is read.
    is_from_log: bool,
}

impl Folder {
    /// Reads and folds until something stops it.
    async fn read(&mut self, head: &watch::Receiver<i64>) -> Stopped {
        match self.begin().await {
            Ok((mut reader, mut merge, mut offsets)) => loop {
                match self.turn(&mut reader, &mut merge, &mut offsets, head).await {
                    Ok(()) => {}
                    Err(stopped) => return stopped,
                }
            },
            Err(stopped) => stopped,
        }
    }

    async fn begin(&mut self) -> Result<(Reader, Merge, Vec<Offset>), Stopped> {
        let offsets = progress::offsets(&self.app.stores.read).await?;
        let cursor = self.projector.cursor(&self.app).await?;
        let word = self.carrier.word();
        let from = |o: &Offset| Cursor {
            topic: o.topic.clone(),
            partition: o.partition,
            next_offset: o.next_offset,
        };
        let from: Vec<Cursor> = offsets.iter().filter(|o| o.carrier == word).map(from).collect();
        let reader = self.carrier.reader(GROUP, PUBLISHED, &from).await?;
        Ok((reader, Merge::after(cursor), offsets))
    }

    async fn turn(
        &mut self,
        reader: &mut Reader,
        merge: &mut Merge,
        offsets: &mut Vec<Offset>,
        head: &watch::Receiver<i64>,
    ) -> Result<(), Stopped> {
        if !merge.is_full() {
            for message in reader.next(MESSAGES, WAIT).await? {
                let (topic, partition, offset) = (message.topic.clone(), message.partition, message.offset);
                match record::entry(message) {
                    Ok(entry) => merge.put(&topic, partition, offset, entry),
                    Err(reason) => {
                        tracing::warn!(
                            topic,
                            partition,
                            offset,
                            reason,
                            "a record is none of ours; it is passed over"
                        );
                        merge.skip(&topic, partition, offset);
                    }
                }
            }
        }
        self.fold(merge, offsets).await?;
        let target = *head.borrow();
        let cursor = self.projector.cursor(&self.app).await?;
        if cursor >= target {
            self.progressed_at = Instant::now();
            if merge.is_full() {
                // Whatever is held is beyond what we know of the log, and there is no room to read on.
                merge.drop_beyond(events::head(&self.app.stores.write).await?);
                tokio::time::sleep(WAIT).await;
            }
        } else if merge.is_full() || self.progressed_at.elapsed() > STALLED_AFTER {
            if !self.is_from_log {
                tracing::warn!(
                    position = cursor,
                    head = target,
                    "the carrier's events are late; the log is read"
                );
            }
            self.is_from_log = true;
            self.projector.page_of_log(&self.app).await?;
            merge.moved_to(self.projector.cursor(&self.app).await?);
        }
        if self.shown_at.elapsed() > SHOW_EVERY {
            self.shown_at = Instant::now();
            let read = merge.offsets(cursor);
            reader.show(&read);
            // What was read and was known already moves no cursor, but need not be read again.
            let after = self.after(offsets, &read);
            if !progress::advance(&self.app.stores.read, offsets, &after).await? {
                return Err(Stopped::Moved);
            }
            *offsets = after;
        }
        Ok(())
    }

    /// Folds everything that follows on the cursor without a gap, as far as the log says the same.
    async fn fold(&mut self, merge: &mut Merge, offsets: &mut Vec<Offset>) -> Result<(), Stopped> {
        loop {
            let mut entries = merge.ready(usize::try_from(PAGE).unwrap_or(usize::MAX));
            pages::keep_one_kind_raw(&mut entries);
            if !self.is_of_this_log(merge, &entries).await? {
                return Ok(());
            }
            let Some(to) = entries.last().map(|entry| entry.position) else { return Ok(()) };
            let after = self.after(offsets, &merge.offsets(to));
            let reading = Reading { before: std::mem::take(offsets), after };
            if !self.projector.fold(&self.app, entries, &reading).await? {
                return Err(Stopped::Moved);
            }
            *offsets = reading.after;
            merge.moved_to(to);
            if self.is_from_log {
                tracing::info!(position = to, "the carrier's events are folded again");
            }
            self.is_from_log = false;
            self.progressed_at = Instant::now();
            self.app.read.wanted_or(self.progressed_at + LINGER).await;
        }
    }

    /// Whether the last of these events is in the log as it was carried. Topics may have the records of another log: of
    /// one that was restored, that lost its end, or that somebody began anew. Those are dropped, and the log is read.
    async fn is_of_this_log(&self, merge: &mut Merge, entries: &[RawEntry]) -> Result<bool, Stopped> {
        let Some(last) = entries.last() else { return Ok(true) };
        let db = &self.app.stores.write;
        let place = events::place(db, last.position).await?;
        if place == Some((last.stream_id, last.stream_version)) {
            return Ok(true);
        }
        let head = events::head(db).await?;
        tracing::error!(
            position = last.position,
            head,
            carrier = self.carrier.word(),
            "the topics have records that this log has not: they are dropped, and the log is read. If the store was \
             restored or made anew, give it topics of its own: TOPIC_PREFIX"
        );
        merge.drop_held();
        Ok(false)
    }

    /// All offsets as they are after a page: those of this carrier's partitions that were read, and the others.
    fn after(&self, before: &[Offset], read: &[Cursor]) -> Vec<Offset> {
        let carrier = self.carrier.word();
        let is_read = |o: &Offset| {
            o.carrier == carrier && read.iter().any(|c| c.topic == o.topic && c.partition == o.partition)
        };
        let mut after: Vec<Offset> = before.iter().filter(|o| !is_read(o)).cloned().collect();
        after.extend(read.iter().map(|cursor| Offset {
            carrier: carrier.into(),
            topic: cursor.topic.clone(),
            partition: cursor.partition,
            next_offset: cursor.next_offset,
        }));
        after.sort_unstable();
        after
    }
}
