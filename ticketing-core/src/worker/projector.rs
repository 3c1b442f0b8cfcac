//! Folds the log into the read model: a page of events, its rows and the cursor in one transaction.
//!
//! An event that can't be folded stops it: a read model that lacks a ticket would hide it from everybody, one
//! that is behind says so.

use super::RETRY_AFTER;
use crate::app::App;
use crate::domain::catalog::Offering;
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::seating::Layout;
use crate::projection::tickets::{self, TicketChange};
use crate::store::error::{Result, StoreError};
use crate::store::events::{self, LogEntry};
use crate::store::views::{fold, network};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Events of one page.
const PAGE: i64 = 2_000;
/// How soon after a page the next one begins, if nobody waits for it: while bookings stream in, a few large pages
/// cost much less than one for each commit. After a pause the first event is folded at once.
const LINGER: Duration = Duration::from_millis(25);
/// Departures remembered between pages.
const KNOWN_MAX: usize = 20_000;

/// A projector's memory: where it is, and the departures it has met.
#[derive(Debug, Default)]
pub struct Projector {
    cursor: Option<i64>,
    known: HashMap<OfferingId, Arc<(Offering, String)>>,
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

/// An event of the log that can't be folded.
fn corrupt(entry: &LogEntry, reason: impl Into<String>) -> StoreError {
    let (row, reason) = (format!("position {}", entry.position), reason.into());
    StoreError::Corrupt { table: "events", column: "data", row, reason }
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
        let Some(first) = entries.first() else {
            self.cursor = None;
            return Ok(false);
        };
        // Tickets need the rows of what they are of: a page holds either kind.
        let is_booking = |entry: &LogEntry| !matches!(entry.event, Event::Catalog(_));
        let kind = is_booking(first);
        if let Some(cut) = entries.iter().position(|entry| is_booking(entry) != kind) {
            entries.truncate(cut);
        }
        let to = entries.last().map_or(cursor, |entry| entry.position);
        let rows = if kind { self.tickets(app, &entries).await? } else { self.catalog(&entries)? };
        for row in &rows.inserts {
            app.tickets.touch(&row.booking.user_id, to);
        }
        match fold::apply(&app.stores.read, &rows, cursor, to).await? {
            Some(users) => {
                let new = rows.inserts.iter().map(|row| &row.booking.user_id);
                app.tickets.folded(cursor, to, new.chain(&users));
                self.cursor = Some(to);
                app.read.moved(to);
            }
            None => self.cursor = None,
        }
        Ok(true)
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

    async fn tickets(&mut self, app: &App, entries: &[LogEntry]) -> Result<fold::Page> {
        self.learn(app, entries).await?;
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
    async fn learn(&mut self, app: &App, entries: &[LogEntry]) -> Result<()> {
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
        if missing.is_empty() {
            return Ok(());
        }
        let read = &app.stores.read;
        let facts = network::departures_by_id(read, &missing.into_iter().collect::<Vec<_>>()).await?;
        let patterns = network::patterns(read, unique(facts.iter().map(|f| f.pattern_id))).await?;
        let layouts = network::layouts(read, unique(facts.iter().map(|f| f.layout_id))).await?;
        let routes = network::routes_by_id(read, unique(facts.iter().map(|f| f.route_id))).await?;
        let patterns: HashMap<_, _> = patterns.into_iter().map(|p| (p.id, Arc::new(p))).collect();
        let layouts: HashMap<_, _> = layouts.into_iter().map(|l| (l.id(), Arc::new(l))).collect();
        let routes: HashMap<_, _> = routes.into_iter().map(|r| (r.id, r.name)).collect();
        for facts in facts {
            if let (Some(pattern), Some(layout)) =
                (patterns.get(&facts.pattern_id), layouts.get(&facts.layout_id))
            {
                let route = routes.get(&facts.route_id).cloned().unwrap_or_default();
                let (pattern, layout) = (Arc::clone(pattern), Arc::clone(layout));
                let id = facts.id;
                self.known.insert(id, Arc::new((Offering { facts, pattern, layout }, route)));
            }
        }
        Ok(())
    }
}

fn unique<T: std::hash::Hash + Eq>(ids: impl Iterator<Item = T>) -> Vec<T> {
    ids.collect::<HashSet<_>>().into_iter().collect()
}

fn keep_last<T, K: std::hash::Hash + Eq>(rows: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::with_capacity(rows.len());
    let mut kept: Vec<T> =
        std::mem::take(rows).into_iter().rev().filter(|row| seen.insert(key(row))).collect();
    kept.reverse();
    *rows = kept;
}
