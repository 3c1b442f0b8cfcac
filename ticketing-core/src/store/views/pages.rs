//! From a page of the log to the rows that it changes. Writes nothing; reads the departures that new tickets are of.

use super::{Target, fold, network};
use crate::domain::catalog::Offering;
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::seating::Layout;
use crate::projection::tickets::{self, TicketChange};
use crate::store::db::Db;
use crate::store::error::{Result, StoreError};
use crate::store::events::LogEntry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Departures remembered between pages.
const KNOWN_MAX: usize = 20_000;

/// The memory of whoever folds page after page: the departures that it has met.
#[derive(Debug, Default)]
pub struct Pages {
    target: Target,
    known: HashMap<OfferingId, Arc<(Offering, String)>>,
}

/// An event of the log that can't be folded.
fn corrupt(entry: &LogEntry, reason: impl Into<String>) -> StoreError {
    let (row, reason) = (format!("position {}", entry.position), reason.into());
    StoreError::Corrupt { table: "events", column: "data", row, reason }
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
        if entries.first().is_some_and(is_of_catalog) {
            self.catalog(entries)
        } else {
            self.tickets(read, entries).await
        }
    }

    fn catalog(&mut self, entries: &[LogEntry]) -> Result<fold::Page> {
        let mut page = fold::Page::default();
        self.known.clear();
        for entry in entries {
            let Event::Catalog(event) = &entry.event else { continue };
            let version = entry.stream_version;
            match event {
                CatalogEvent::LayoutDefined(e) => {
                    let layout = Layout::new(e.id, e.spec.clone()).map_err(|why| corrupt(entry, why))?;
                    page.layouts.push((layout, version));
                }
                CatalogEvent::PatternDefined(e) => page.patterns.push(e.clone()),
                CatalogEvent::RouteDefined(e) => page.routes.push((e.clone(), version)),
                CatalogEvent::OfferingDefined(e) => page.departures.push((e.clone(), version)),
                CatalogEvent::OfferingCancelled(e) => page.cancelled.push((e.id.0, version)),
            }
        }
        // Of two versions in one page the last counts: one statement can't write a row twice.
        keep_last(&mut page.layouts, |(l, _)| l.id().0);
        keep_last(&mut page.patterns, |p| p.id.0);
        keep_last(&mut page.routes, |(r, _)| r.id.0);
        keep_last(&mut page.departures, |(d, _)| d.id.0);
        keep_last(&mut page.cancelled, |(id, _)| *id);
        Ok(page)
    }

    async fn tickets(&mut self, read: &Db, entries: &[LogEntry]) -> Result<fold::Page> {
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

fn keep_last<T, K: std::hash::Hash + Eq>(rows: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::with_capacity(rows.len());
    let mut kept: Vec<T> =
        std::mem::take(rows).into_iter().rev().filter(|row| seen.insert(key(row))).collect();
    kept.reverse();
    *rows = kept;
}
