//! Folds events into the read model: a page of them, its rows and the cursor in one transaction.
//!
//! With the embedded bus the events come from the log, with a carrier from its topics ([`carried`]). Either way they
//! are folded in the log's order and the cursor is a position of the log, so that both may take turns.
//!
//! An event that can't be folded is parked, with what follows it in its stream; everything else goes on. Parked
//! events are dead letters: an operator is shown them, and sends them in again.

pub mod carried;
mod merge;

use super::RETRY_AFTER;
use crate::app::App;
use crate::domain::log::RawEntry;
use crate::store::error::Result;
use crate::store::events;
use crate::store::views::fold::{self, Applied};
use crate::store::views::identity;
use crate::store::views::pages::{self, Pages};
use crate::store::views::progress::Offset;
use crate::traces;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// Events of one page.
const PAGE: i64 = 2_000;
/// How soon after a page the next one begins, if nobody waits for it: while bookings stream in, a few large pages
/// cost much less than one for each commit. After a pause the first event is folded at once.
const LINGER: Duration = Duration::from_millis(25);

/// A projector's memory: where it is, which streams are parked, and the departures it has met.
#[derive(Debug, Default)]
pub struct Projector {
    stand: Option<Stand>,
    repairs: Option<i64>,
    pages: Pages,
}

/// What was read of the read store, and holds as long as nobody else folds.
#[derive(Debug)]
struct Stand {
    cursor: i64,
    /// How often rows were repaired without an event.
    repairs: i64,
    /// Streams that are known to be parked; each page finds out whether that is so.
    parked: HashSet<Uuid>,
}

/// Where reading a carrier's topics goes on, before and after a page.
#[derive(Debug, Default)]
struct Reading {
    before: Vec<Offset>,
    after: Vec<Offset>,
}

/// Follows the log's head for ever; ends when its sender is gone.
pub async fn run(app: App, mut head: watch::Receiver<i64>) {
    let mut projector = Projector::default();
    let mut failing = false;
    loop {
        let target = *head.borrow_and_update();
        match projector.reach(&app, target).await {
            Ok(()) => {
                failing = false;
                let folded = Instant::now();
                if head.changed().await.is_err() {
                    return;
                }
                app.read.wanted_or(folded + LINGER).await;
            }
            Err(error) => {
                if !failing {
                    let position = app.read.known();
                    tracing::warn!(%error, position, "the read model stands still; will try again");
                }
                failing = true;
                projector = Projector::default();
                tokio::time::sleep(RETRY_AFTER).await;
                if head.has_changed().is_err() {
                    return;
                }
            }
        }
    }
}

impl Projector {
    /// Folds the log until the read model has reached `target`, or the end of the log.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn reach(&mut self, app: &App, target: i64) -> Result<()> {
        loop {
            let cursor = self.cursor(app).await?;
            if cursor >= target {
                app.read.found(cursor);
                return Ok(());
            }
            if !self.page_of_log(app).await? {
                return Ok(());
            }
        }
    }

    /// Where the read model is, as far as this projector knows; it looks if it does not.
    async fn cursor(&mut self, app: &App) -> Result<i64> {
        if let Some(stand) = &self.stand {
            return Ok(stand.cursor);
        }
        let read = &app.stores.read;
        let repairs = identity::repairs(read).await?;
        let cursor = fold::cursor(read).await?;
        if self.repairs != Some(repairs) {
            // Rows of departures that are remembered may have been repaired.
            self.pages = Pages::default();
            app.halls.forget();
        }
        self.repairs = Some(repairs);
        self.stand = Some(Stand { cursor, repairs, parked: HashSet::new() });
        Ok(cursor)
    }

    /// Folds the next page of the log; false if it has none.
    async fn page_of_log(&mut self, app: &App) -> Result<bool> {
        let cursor = self.cursor(app).await?;
        let entries = events::raw_after(&app.stores.write, cursor, PAGE).await?;
        if entries.is_empty() {
            self.stand = None;
            return Ok(false);
        }
        self.fold(app, entries, &Reading::default()).await?;
        Ok(true)
    }

    /// Folds events, or the first of them, if they follow on the cursor without a gap; false if somebody else has
    /// moved it.
    async fn fold(&mut self, app: &App, mut entries: Vec<RawEntry>, reading: &Reading) -> Result<bool> {
        let Some(mut stand) = self.stand.take() else { return Ok(false) };
        pages::keep_one_kind_raw(&mut entries);
        let from = stand.cursor;
        if entries.first().is_none_or(|first| first.position != from + 1) {
            return Ok(false);
        }
        let to = entries.last().map_or(from, |entry| entry.position);
        let _parts = traces::fold(&entries);
        let read = &app.stores.read;
        let streams: HashSet<Uuid> = entries.iter().map(|entry| entry.stream_id).collect();
        let (page, users) = loop {
            let parked: HashSet<Uuid> = stand.parked.intersection(&streams).copied().collect();
            let now = app.clock.now();
            let page = self.pages.build_parking(read, entries.clone(), parked.clone(), now).await?;
            for row in &page.inserts {
                app.tickets.touch(&row.booking.user_id, to);
            }
            let beside = fold::Beside {
                streams: streams.iter().copied().collect(),
                parked,
                repairs: stand.repairs,
                offsets_before: &reading.before,
                offsets: &reading.after,
            };
            match fold::apply_live(read, &page, from, to, beside).await? {
                Applied::Done(users) => break (page, users),
                Applied::Parked(parked) => {
                    stand.parked.retain(|stream| !streams.contains(stream));
                    stand.parked.extend(parked);
                }
                Applied::Moved => return Ok(false),
            }
        };
        app.halls.folded(from, to, &page.inserts, &page.updates);
        let new = page.inserts.iter().map(|row| &row.booking.user_id);
        app.tickets.folded(from, to, new.chain(&users));
        for letter in page.parked {
            if stand.parked.insert(letter.stream_id) {
                tracing::error!(
                    stream = %letter.stream_id,
                    position = letter.position,
                    reason = letter.reason,
                    "an event can't be folded: its stream is parked, all others go on. ticketctl dlq list shows it"
                );
            }
        }
        stand.cursor = to;
        self.stand = Some(stand);
        app.read.moved(to);
        Ok(true)
    }
}
