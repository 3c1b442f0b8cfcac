//! Folds the log into the read model: a page of events, its rows and the cursor in one transaction.
//!
//! An event that can't be folded stops it: a read model that lacks a ticket would hide it from everybody, one
//! that is behind says so.

use super::RETRY_AFTER;
use crate::app::App;
use crate::store::error::{Result, StoreError};
use crate::store::events;
use crate::store::views::pages::{self, Pages};
use crate::store::views::{Target, fold};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Events of one page.
const PAGE: i64 = 2_000;
/// How soon after a page the next one begins, if nobody waits for it: while bookings stream in, a few large pages
/// cost much less than one for each commit. After a pause the first event is folded at once.
const LINGER: Duration = Duration::from_millis(25);

/// A projector's memory: where it is, and the departures it has met.
#[derive(Debug, Default)]
pub struct Projector {
    cursor: Option<i64>,
    pages: Pages,
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
                    report(&error, app.read.known());
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

fn report(error: &StoreError, position: i64) {
    if let StoreError::Corrupt { .. } = error {
        tracing::error!(
            %error,
            position,
            "the read model stands still after this position: an event can't be folded. Run the version of this \
             program that wrote it, or restore the row from a backup; folding goes on by itself"
        );
    } else {
        tracing::warn!(%error, position, "the read model stands still; will try again");
    }
}

impl Projector {
    /// Folds until the read model has reached `target`, or the end of the log.
    ///
    /// # Errors
    /// What the stores say; [`StoreError::Corrupt`] for an event that can't be folded.
    pub async fn reach(&mut self, app: &App, target: i64) -> Result<()> {
        loop {
            let cursor = match self.cursor {
                Some(cursor) => cursor,
                None => fold::cursor(&app.stores.read).await?,
            };
            self.cursor = Some(cursor);
            if cursor >= target {
                app.read.found(cursor);
                return Ok(());
            }
            if !self.page(app, cursor).await? {
                return Ok(());
            }
        }
    }

    /// Folds one page after `cursor`; false if the log has none.
    async fn page(&mut self, app: &App, cursor: i64) -> Result<bool> {
        let mut entries = events::after(&app.stores.write, cursor, PAGE).await?;
        if entries.is_empty() {
            self.cursor = None;
            return Ok(false);
        }
        pages::keep_one_kind(&mut entries);
        let to = entries.last().map_or(cursor, |entry| entry.position);
        let rows = self.pages.build(&app.stores.read, &entries).await?;
        for row in &rows.inserts {
            app.tickets.touch(&row.booking.user_id, to);
        }
        match fold::apply(&app.stores.read, Target::Live, &rows, cursor, to).await? {
            Some(users) => {
                for user in users {
                    app.tickets.touch(&user, to);
                }
                self.cursor = Some(to);
                app.read.moved(to);
            }
            None => self.cursor = None,
        }
        Ok(true)
    }
}
