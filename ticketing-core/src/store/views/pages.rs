//! From a page of the log to the rows that it changes. Writes nothing; reads the departures that new tickets are of.

use super::{Target, fold, network};
use crate::domain::catalog::{Offering, OfferingKind};
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::layout::Layout;
use crate::domain::time::Timestamp;
use crate::projection::sales::{self, SaleRow};
use crate::projection::tickets::{self, TicketChange};
use crate::store::db::Db;
use crate::store::dead_letters::LetterState;
use crate::store::error::{Result, StoreError};
use crate::store::events::{LogEntry, RawEntry};
use crate::store::parked::NewParked;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Why an event waits whose stream is parked.
const BEHIND: &str = "it waits behind an event of the same stream that can't be folded";
/// Departures remembered between pages.
const KNOWN_MAX: usize = 20_000;

/// The memory of whoever folds page after page: the departures that it has met.
#[derive(Debug, Default)]
pub struct Pages {
    target: Target,
    known: HashMap<OfferingId, Arc<(Offering, String)>>,
}

/// Why a page can't be built.
#[derive(Debug)]
enum Unfolded {
    /// The store can't be read.
    Store(StoreError),
    /// This event of the log can't be folded.
    Event { position: i64, reason: String },
}

impl From<StoreError> for Unfolded {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Unfolded {
    fn error(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Event { position, reason } => {
                let row = format!("position {position}");
                StoreError::Corrupt { table: "events", column: "data", row, reason }
            }
        }
    }
}

/// An event of the log that can't be folded.
fn corrupt(entry: &LogEntry, reason: impl Into<String>) -> Unfolded {
    Unfolded::Event { position: entry.position, reason: reason.into() }
}

/// Cuts a page of the log as it is stored where [`keep_one_kind`] would, and returns what is cut off.
pub fn keep_one_kind_raw(entries: &mut Vec<RawEntry>) -> Vec<RawEntry> {
    let is_of_catalog = |entry: &RawEntry| CatalogEvent::TYPES.contains(&entry.event_type.as_str());
    let Some(kind) = entries.first().map(is_of_catalog) else { return Vec::new() };
    let cut = entries.iter().position(|entry| is_of_catalog(entry) != kind);
    entries.split_off(cut.unwrap_or(entries.len()))
}

/// Cuts a page of the log where events of bookings and of the catalogue meet: tickets need the rows of what they
/// are of, so a page is of either kind.
pub fn keep_one_kind(entries: &mut Vec<LogEntry>) {
    let Some(first) = entries.first() else { return };
    let kind = is_of_catalog(first);
    if let Some(cut) = entries.iter().position(|entry| is_of_catalog(entry) != kind) {
        entries.truncate(cut);
    }
}

const fn is_of_catalog(entry: &LogEntry) -> bool {
    matches!(entry.event, Event::Catalog(_))
}

impl Pages {
    /// Begins with an empty memory.
    #[must_use]
    pub fn of(target: Target) -> Self {
        Self { target, known: HashMap::new() }
    }

    /// Returns what a page changes; all its events are of one kind, see [`keep_one_kind`].
    ///
    /// # Errors
    /// What the store says; [`StoreError::Corrupt`] for an event that can't be folded.
    pub async fn build(&mut self, read: &Db, entries: &[LogEntry]) -> Result<fold::Page> {
        self.fold(read, entries).await.map_err(Unfolded::error)
    }

    /// The same, and parks what can't be folded with everything of its stream that follows: those events are in
    /// [`fold::Page::parked`], and change nothing. `parked` are the streams that are parked already.
    ///
    /// # Errors
    /// What the store says.
    pub async fn build_parking(
        &mut self,
        read: &Db,
        entries: Vec<RawEntry>,
        mut parked: HashSet<Uuid>,
        now: Timestamp,
    ) -> Result<fold::Page> {
        let mut letters = Vec::new();
        let mut good = Vec::with_capacity(entries.len());
        for entry in entries {
            let (position, stream_id, stream_version) =
                (entry.position, entry.stream_id, entry.stream_version);
            let event_type = entry.event_type.clone();
            let letter = |state, reason, tries| NewParked {
                position,
                stream_id,
                stream_version,
                event_type,
                state,
                reason,
                tries,
                at: now,
            };
            if parked.contains(&stream_id) {
                letters.push(letter(LetterState::Waiting, BEHIND.into(), 0));
                continue;
            }
            match entry.parse() {
                Ok(entry) => good.push(entry),
                Err(error) => {
                    letters.push(letter(LetterState::Dead, error.to_string(), 1));
                    parked.insert(stream_id);
                }
            }
        }
        let mut page = loop {
            match self.fold(read, &good).await {
                Ok(page) => break page,
                Err(Unfolded::Store(error)) => return Err(error),
                Err(Unfolded::Event { position, reason }) => {
                    park(&mut good, &mut letters, position, &reason, now);
                }
            }
        };
        letters.sort_unstable_by_key(|letter| letter.position);
        page.parked = letters;
        Ok(page)
    }

    async fn fold(&mut self, read: &Db, entries: &[LogEntry]) -> std::result::Result<fold::Page, Unfolded> {
        if entries.first().is_some_and(is_of_catalog) {
            self.catalog(entries)
        } else {
            self.tickets(read, entries).await
        }
    }

    fn catalog(&mut self, entries: &[LogEntry]) -> std::result::Result<fold::Page, Unfolded> {
        let mut page = fold::Page::default();
        for entry in entries {
            let Event::Catalog(event) = &entry.event else { continue };
            let version = entry.stream_version;
            match event {
                CatalogEvent::LayoutDefined(e) => {
                    let layout = Layout::new(e.id, e.spec.clone()).map_err(|why| corrupt(entry, why))?;
                    page.layouts.push((layout, version));
                    self.known.clear();
                }
                CatalogEvent::PatternDefined(e) => page.patterns.push(e.clone()),
                CatalogEvent::RouteDefined(e) => {
                    page.routes.push((e.clone(), version));
                    self.known.clear();
                }
                CatalogEvent::VenueDefined(e) | CatalogEvent::VenueClosed(e) => {
                    page.searched.venues.push((e.clone(), version));
                }
                CatalogEvent::OfferingDefined(e) => {
                    let sale = sales::sale(e, version.unsigned_abs(), entry.recorded_at);
                    page.searched.sales.extend(sale.map(|sale| (sale, sales::words_of(e))));
                    page.departures.push(((**e).clone(), version));
                    self.known.remove(&e.id);
                }
                CatalogEvent::OfferingCancelled(e) => {
                    page.cancelled.push((e.id.0, version));
                    self.known.remove(&e.id);
                }
            }
        }
        // Of two versions in one page the last counts: one statement can't write a row twice.
        keep_last(&mut page.layouts, |(l, _)| l.id().0);
        keep_last(&mut page.patterns, |p| p.id.0);
        keep_last(&mut page.routes, |(r, _)| r.id.0);
        keep_last(&mut page.departures, |(d, _)| d.id.0);
        keep_last(&mut page.cancelled, |(id, _)| *id);
        keep_last(&mut page.searched.venues, |(v, _)| v.id.0);
        keep_last_sales(&mut page.searched.sales);
        Ok(page)
    }

    async fn tickets(
        &mut self,
        read: &Db,
        entries: &[LogEntry],
    ) -> std::result::Result<fold::Page, Unfolded> {
        self.learn(read, entries).await?;
        let mut page = fold::Page::default();
        let mut new: HashMap<BookingId, usize> = HashMap::new();
        let mut changed: HashMap<BookingId, TicketChange> = HashMap::new();
        for entry in entries {
            let version = entry.stream_version.unsigned_abs();
            let change = match &entry.event {
                Event::Booking(event) => {
                    let id = BookingId(entry.stream_id);
                    let known = self.known.get(&event.offering_id());
                    if known.is_some_and(|known| known.0.facts.kind == OfferingKind::Listing)
                        && let Some(free_at) = sales::free_at(event)
                    {
                        page.searched.taken.push((event.offering_id(), entry.position, free_at));
                    }
                    if let Some((offering, route)) = known.map(|k| (&k.0, &k.1))
                        && let Some(row) =
                            tickets::begin(id, version, event, entry.recorded_at, offering, route)
                    {
                        new.insert(id, page.inserts.len());
                        page.inserts.push(row);
                        continue;
                    }
                    let Some(change) = tickets::change(id, version, event, entry.recorded_at) else {
                        if known.is_none() {
                            return Err(corrupt(entry, "its departure is not in the read model"));
                        }
                        continue;
                    };
                    change
                }
                Event::Payment(event) => match event.facts().booking_id {
                    Some(id) => tickets::counted(id, version),
                    None => continue,
                },
                Event::Catalog(_) => continue,
            };
            let id = change.booking_id;
            match new.get(&id) {
                Some(index) => change.apply(&mut page.inserts[*index]),
                None => {
                    let merged = match changed.remove(&id) {
                        Some(before) => before.then(change),
                        None => change,
                    };
                    changed.insert(id, merged);
                }
            }
        }
        keep_last(&mut page.searched.taken, |(id, ..)| *id);
        page.updates = changed.into_values().collect();
        page.updates.sort_unstable_by_key(|change| change.booking_id);
        Ok(page)
    }

    /// Loads the departures of new tickets that were not met before.
    async fn learn(&mut self, read: &Db, entries: &[LogEntry]) -> Result<()> {
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
        let mut missing = HashSet::new();
        for entry in entries {
            if let Event::Booking(event) = &entry.event
                && !self.known.contains_key(&event.offering_id())
            {
                missing.insert(event.offering_id());
            }
        }
        if !missing.is_empty() {
            let missing: Vec<_> = missing.into_iter().collect();
            let found = network::offerings(read, self.target, &missing).await?;
            self.known.extend(found.into_iter().map(|known| (known.0.facts.id, Arc::new(known))));
        }
        Ok(())
    }
}

/// Takes the event at this position, and what follows it in its stream, out of `good` and parks it.
fn park(good: &mut Vec<LogEntry>, letters: &mut Vec<NewParked>, position: i64, reason: &str, now: Timestamp) {
    let stream = good.iter().find(|entry| entry.position == position).map(|entry| entry.stream_id);
    good.retain(|entry| {
        let is_kept = entry.position < position || Some(entry.stream_id) != stream;
        if !is_kept {
            let is_dead = entry.position == position;
            letters.push(NewParked {
                position: entry.position,
                stream_id: entry.stream_id,
                stream_version: entry.stream_version,
                event_type: entry.event.type_name().to_owned(),
                state: if is_dead { LetterState::Dead } else { LetterState::Waiting },
                reason: if is_dead { reason.to_owned() } else { BEHIND.to_owned() },
                tries: i32::from(is_dead),
                at: now,
            });
        }
        is_kept
    });
}

/// The same of what is searched: of several versions in one page the last counts, and the time of the first.
fn keep_last_sales(rows: &mut Vec<(SaleRow, BTreeSet<String>)>) {
    let mut first = HashMap::with_capacity(rows.len());
    for (sale, _) in rows.iter() {
        first.entry(sale.id).or_insert(sale.created_at);
    }
    keep_last(rows, |(sale, _)| sale.id.0);
    for (sale, _) in rows {
        sale.created_at = first.get(&sale.id).copied().unwrap_or(sale.created_at);
    }
}

fn keep_last<T, K: std::hash::Hash + Eq>(rows: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::with_capacity(rows.len());
    let mut kept: Vec<T> =
        std::mem::take(rows).into_iter().rev().filter(|row| seen.insert(key(row))).collect();
    kept.reverse();
    *rows = kept;
}
