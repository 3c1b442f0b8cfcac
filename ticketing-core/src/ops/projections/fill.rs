//! Folding the log into tables that are not live: large pages, the next one read while one is written.

use super::{Tell, not_ours};
use crate::app::App;
use crate::domain::event::Event;
use crate::domain::log::RawEntry;
use crate::ops::OpsError;
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::views::fold;
use crate::store::views::pages::{self, Pages};
use crate::store::views::rebuild::{self, Claim, Swap};
use std::collections::HashSet;
use uuid::Uuid;

/// Events of one page.
const PAGE: i64 = 10_000;
/// Events that a swap folds itself, while everybody waits.
const LAST_PAGE: i64 = 500;

/// What a step of the filling comes to.
type Result<T> = std::result::Result<T, OpsError>;

/// The folding of the log into one set of tables. It ends with [`OpsError::WorldMoved`] when somebody else has claimed
/// the set.
#[derive(Debug)]
pub(super) struct Filler<'a> {
    app: &'a App,
    claim: &'a Claim,
    pages: Pages,
    position: i64,
    /// Streams that wait for an event that could not be folded.
    parked: HashSet<Uuid>,
    /// Positions that an operator gave up.
    discarded: HashSet<i64>,
}

/// What a stretch of the log comes to.
struct Folded {
    page: fold::Page,
    to: i64,
}

impl<'a> Filler<'a> {
    /// Claims the tables, and begins where they are.
    pub(super) async fn begin(app: &'a App, claim: &'a Claim) -> Result<Self> {
        let read = &app.stores.read;
        let Some(position) = rebuild::begin(read, claim).await? else {
            return Err(OpsError::WorldMoved { what: "the tables of before".into() });
        };
        let parked = rebuild::parked_streams(read, claim.target()).await?;
        let discarded = rebuild::discarded(read, claim.target(), position).await?;
        Ok(Self { app, claim, pages: Pages::of(claim.target()), position, parked, discarded })
    }

    /// Makes the indexes of the tables.
    pub(super) async fn index(&self, tell: Tell<'_>) -> Result<()> {
        let mut told = |done, total| tell("indexing", done, Some(total));
        let read = &self.app.stores.read;
        if rebuild::index(read, self.claim, self.position, &mut told).await? {
            Ok(())
        } else {
            Err(not_ours())
        }
    }

    /// Folds up to where the log's head is when the last page is read.
    pub(super) async fn reach_head(&mut self, tell: Tell<'_>) -> Result<()> {
        let write = &self.app.stores.write;
        let mut head = events::head(write).await?;
        let mut page = events::raw_after(write, self.position, PAGE).await?;
        while let Some(last) = page.last().map(|entry| entry.position) {
            let (written, next) =
                tokio::join!(Box::pin(self.write(page)), events::raw_after(write, last, PAGE));
            written?;
            page = next?;
            head = head.max(last);
            let (done, total) = (self.position.unsigned_abs(), head.unsigned_abs());
            tell("loading", done, Some(total));
        }
        Ok(())
    }

    /// Writes a page, those of its events together that are of one kind.
    async fn write(&mut self, mut raw: Vec<RawEntry>) -> Result<()> {
        while !raw.is_empty() {
            let (folded, rest) = self.fold(raw).await?;
            let way = (self.position, folded.to);
            if !rebuild::apply(&self.app.stores.read, self.claim, &folded.page, way).await? {
                return Err(not_ours());
            }
            self.position = folded.to;
            raw = rest;
        }
        Ok(())
    }

    /// Folds the beginning of a stretch, and returns what is left of it. What an operator gave up is left out.
    async fn fold(&mut self, mut raw: Vec<RawEntry>) -> Result<(Folded, Vec<RawEntry>)> {
        let rest = pages::keep_one_kind_raw(&mut raw);
        let to = raw.last().map_or(self.position, |entry| entry.position);
        raw.retain(|entry| !self.discarded.contains(&entry.position));
        let (read, now) = (&self.app.stores.read, self.app.clock.now());
        let page = self.pages.build_parking(read, raw, self.parked.clone(), now).await?;
        self.parked.extend(page.parked.iter().map(|letter| letter.stream_id));
        Ok((Folded { page, to }, rest))
    }

    /// Puts the tables in the place of the live ones; false if somebody is in the way, who may end.
    ///
    /// What has come to the log meanwhile is folded while the live tables stand still, so that they have nothing that
    /// these have not, wherever their own reader is.
    pub(super) async fn swap(&mut self) -> Result<bool> {
        let write = self.app.stores.write.clone();
        let Some(mut swap) = Swap::begin(&self.app.stores.read, self.claim, self.position).await? else {
            return Err(not_ours());
        };
        let head = events::head(&write).await?;
        let mut raw = events::raw_after(&write, self.position, LAST_PAGE + 1).await?;
        raw.retain(|entry| entry.position <= head);
        let has_catalog = raw.iter().any(|entry| {
            let parsed = entry.clone().parse();
            parsed.is_ok_and(|entry| matches!(entry.event, Event::Catalog(_)))
        });
        // Routes and departures must be committed before what is booked of them can be folded.
        if i64::try_from(raw.len()).is_ok_and(|count| count > LAST_PAGE) || has_catalog {
            swap.let_go().await?;
            return Ok(false);
        }
        let parked_before = self.parked.clone();
        let position = raw.last().map_or(self.position, |entry| entry.position);
        // Live tables beyond the log's head are of another log, or of one that was restored: nothing of them is missed.
        if position < swap.live().min(head) {
            swap.let_go().await?;
            return Ok(false);
        }
        while !raw.is_empty() {
            let (folded, rest) = self.fold(raw).await?;
            swap.put(&folded.page).await?;
            raw = rest;
        }
        match swap.commit(position).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { .. }) => {
                self.parked = parked_before;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
