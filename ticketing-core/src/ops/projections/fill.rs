//! Folding the log into tables that are not live: large pages, the next one read while one is written.

use super::{Tell, not_ours};
use crate::app::App;
use crate::domain::event::Event;
use crate::domain::log::{LogEntry, RawEntry};
use crate::ops::OpsError;
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::views::fold;
use crate::store::views::pages::{self, Pages};
use crate::store::views::rebuild::{self, Claim, ParkedEvent, Swap};
use std::collections::HashMap;
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
    /// Streams that wait for an event that could not be folded, and where it is.
    parked: HashMap<Uuid, i64>,
}

/// What a stretch of the log comes to.
struct Folded {
    page: fold::Page,
    parked: Vec<ParkedEvent>,
    to: i64,
}

impl<'a> Filler<'a> {
    /// Claims the tables, and begins where they are.
    pub(super) async fn begin(app: &'a App, claim: &'a Claim) -> Result<Self> {
        let read = &app.stores.read;
        let Some(position) = rebuild::begin(read, claim).await? else {
            return Err(OpsError::WorldMoved { what: "the tables of before".into() });
        };
        let parked = rebuild::parked_streams(read, claim.target()).await?.into_iter().collect();
        Ok(Self { app, claim, pages: Pages::of(claim.target()), position, parked })
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
            let (read, now) = (&self.app.stores.read, self.app.clock.now());
            let way = (self.position, folded.to);
            if !rebuild::apply(read, self.claim, &folded.page, &folded.parked, way, now).await? {
                return Err(not_ours());
            }
            self.position = folded.to;
            raw = rest;
        }
        Ok(())
    }

    /// Folds the beginning of a stretch, and returns what is left of it. An event that can't be folded is parked with
    /// all of its stream that follows.
    async fn fold(&mut self, mut raw: Vec<RawEntry>) -> Result<(Folded, Vec<RawEntry>)> {
        let mut parked = Vec::new();
        let mut entries: Vec<LogEntry> = Vec::with_capacity(raw.len());
        let mut to = self.position;
        let mut taken = 0;
        for entry in &raw {
            if let Some(behind) = self.parked.get(&entry.stream_id) {
                parked.push(event_parked(entry, false, format!("it waits behind position {behind}")));
            } else {
                match entry.clone().parse() {
                    Ok(parsed) => {
                        if entries.first().is_some_and(|first| kind(first) != kind(&parsed)) {
                            break;
                        }
                        entries.push(parsed);
                    }
                    Err(error) => {
                        self.parked.insert(entry.stream_id, entry.position);
                        parked.push(event_parked(entry, true, error.to_string()));
                    }
                }
            }
            to = entry.position;
            taken += 1;
        }
        pages::keep_one_kind(&mut entries);
        let page = loop {
            match self.pages.build(&self.app.stores.read, &entries).await {
                Ok(page) => break page,
                Err(StoreError::Corrupt { table: "events", row, reason, .. }) => {
                    let Some(broken) = position_of(&row) else {
                        let error = StoreError::Corrupt { table: "events", column: "data", row, reason };
                        return Err(error.into());
                    };
                    self.set_aside(broken, &reason, &raw[..taken], &mut entries, &mut parked);
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok((Folded { page, parked, to }, raw.split_off(taken)))
    }

    /// Parks the event at a position, and what follows of its stream.
    fn set_aside(
        &mut self,
        broken: i64,
        reason: &str,
        raw: &[RawEntry],
        entries: &mut Vec<LogEntry>,
        parked: &mut Vec<ParkedEvent>,
    ) {
        let Some(stream) = raw.iter().find(|entry| entry.position == broken).map(|entry| entry.stream_id)
        else {
            return;
        };
        self.parked.insert(stream, broken);
        entries.retain(|entry| entry.stream_id != stream || entry.position < broken);
        for entry in raw.iter().filter(|entry| entry.stream_id == stream && entry.position >= broken) {
            let is_first = entry.position == broken;
            let reason =
                if is_first { reason.to_owned() } else { format!("it waits behind position {broken}") };
            parked.push(event_parked(entry, is_first, reason));
        }
    }

    /// Puts the tables in the place of the live ones; false if somebody is in the way, who may end.
    ///
    /// What has come to the log meanwhile is folded while the live tables stand still, so that they have nothing that
    /// these have not, wherever their own reader is.
    pub(super) async fn swap(&mut self) -> Result<bool> {
        let (write, now) = (self.app.stores.write.clone(), self.app.clock.now());
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
            swap.put(&folded.page, &folded.parked, now).await?;
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

const fn kind(entry: &LogEntry) -> bool {
    matches!(entry.event, Event::Catalog(_))
}

fn event_parked(entry: &RawEntry, is_first: bool, reason: String) -> ParkedEvent {
    ParkedEvent {
        position: entry.position,
        stream_id: entry.stream_id,
        stream_version: entry.stream_version,
        event_type: entry.event_type.clone(),
        is_first,
        reason,
    }
}

/// The position in the words of an event that can't be folded.
fn position_of(row: &str) -> Option<i64> {
    row.strip_prefix("position ")?.parse().ok()
}
