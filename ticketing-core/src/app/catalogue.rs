//! Changing what is sold: new offerings, new versions of them, and what they are made of, each in one transaction
//! with its events and the answer to whoever asked.
//!
//! The engine is not asked: what it decides meanwhile on the catalogue as it was is not written, since the log has
//! moved, and is decided again.

use super::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{OfferingFacts, Pattern, Venue};
use crate::domain::event::{CatalogEvent, Event, LayoutDefined};
use crate::domain::id::OfferingId;
use crate::domain::log::LogEntry;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::engine::{CommandError, Done, IdempotencyKey, Meta};
use crate::store::batch;
use crate::store::catalog::{self, Versioned};
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::idempotency::{self, StoredAnswer};
use std::sync::Arc;

/// How often a change is tried again that met another one of the same thing.
const TRIES_MAX: u32 = 3;

/// What is to be stored. Layouts and patterns that are there already are left as they are.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Layouts, new ones.
    pub layouts: Vec<LayoutDefined>,
    /// Patterns; each has the id that what it holds always has.
    pub patterns: Vec<Pattern>,
    /// Venues, each with the version that it gets.
    pub venues: Vec<Versioned<Venue>>,
    /// A venue that is closed, with the version that it gets. Nothing is stored if an event is on sale there.
    pub closes: Option<Versioned<Venue>>,
    /// Offerings, each with the version that it gets: 1 for a new one.
    pub offerings: Vec<Versioned<OfferingFacts>>,
    /// Nothing is stored if somebody has one of these seats; `None` is any seat.
    pub free: Option<(OfferingId, Option<Vec<SeatNo>>)>,
    /// What such an offering is called: `listing`.
    pub noun: &'static str,
    /// When it happens, if the answer says so already; else when it is written.
    pub at: Option<Timestamp>,
}

/// Returns the stored answer to the same request, if there is one.
///
/// # Errors
/// [`CommandError::IdempotencyReused`] if the key was used with another request; what the store says.
pub async fn replayed(app: &App, meta: &Meta) -> Result<Option<Done>, AppError> {
    let Some(key) = &meta.idempotency else { return Ok(None) };
    let found = idempotency::find(&app.stores.write, vec![key.caller.clone()], vec![key.key.clone()]).await?;
    let Some(stored) = found.into_iter().next() else { return Ok(None) };
    if stored.request_hash != key.request_hash {
        return Err(CommandError::IdempotencyReused.into());
    }
    Ok(Some(done(u16::try_from(stored.status).unwrap_or(200), &stored.data, stored.position, true)))
}

/// Stores a change and answers with `body`, which is kept under the request's key. Ask [`replayed`] first.
///
/// # Errors
/// [`AppError::VersionConflict`] if one of the offerings, or of the venues, has another version by now;
/// [`AppError::Exists`] if what is new is there already, or another layout has the name of a new one;
/// [`AppError::Locked`] if somebody has a seat that must be free, or has announced an event at a venue that is to be
/// closed; [`Rejection::VenueClosed`] for a new event at a venue that is closed; [`CommandError::Overloaded`] if others
/// were always faster; what the store says.
pub async fn store(app: &App, meta: &Meta, change: &Change, body: &str) -> Result<Done, AppError> {
    for tried in 1.. {
        match try_store(app, meta, change, body).await {
            Err(AppError::Store(error)) if matches!(*error, StoreError::Conflict { .. }) => {
                if let Some(first) = replayed(app, meta).await? {
                    return Ok(first);
                }
                refuse_moved(app, change).await?;
                if tried == TRIES_MAX {
                    return Err(CommandError::Overloaded.into());
                }
            }
            outcome => return outcome,
        }
    }
    // The loop ends by returning.
    Err(CommandError::Overloaded.into())
}

async fn try_store(app: &App, meta: &Meta, change: &Change, body: &str) -> Result<Done, AppError> {
    let now = change.at.unwrap_or_else(|| app.clock.now());
    let known = known(app, change).await?;
    let mut tx = app.stores.write.begin().await?;
    match write(&mut tx, meta, change, &known, body, now).await {
        Ok(position) => {
            tx.commit().await?;
            app.wrote.notify_one();
            Ok(done(meta.idempotency.as_ref().map_or(200, |key| key.status), body, position, false))
        }
        Err(error) => {
            // What undoing says matters less than why.
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}

/// What of a change is there already, and is not written again.
struct Known {
    layouts: Vec<uuid::Uuid>,
    patterns: Vec<uuid::Uuid>,
}

async fn known(app: &App, change: &Change) -> Result<Known, AppError> {
    let db = &app.stores.write;
    let layouts = catalog::layouts(db, change.layouts.iter().map(|layout| layout.id.0).collect()).await?;
    for layout in &change.layouts {
        if layouts.get(&layout.id.0).is_some_and(|stored| stored.value.spec != layout.spec) {
            return Err(AppError::Exists { what: "layout", id: layout.spec.name.clone() });
        }
    }
    let patterns =
        catalog::patterns(db, change.patterns.iter().map(|pattern| pattern.id.0).collect()).await?;
    Ok(Known { layouts: layouts.into_keys().collect(), patterns: patterns.into_iter().collect() })
}

async fn write(
    tx: &mut Tx,
    meta: &Meta,
    change: &Change,
    known: &Known,
    body: &str,
    now: Timestamp,
) -> Result<i64, AppError> {
    let layouts = change.layouts.iter().filter(|layout| !known.layouts.contains(&layout.id.0));
    let layouts: Vec<_> = layouts.map(|layout| Versioned { value: layout.clone(), version: 1 }).collect();
    let patterns = change.patterns.iter().filter(|pattern| !known.patterns.contains(&pattern.id.0));
    let patterns: Vec<Pattern> = patterns.cloned().collect();
    catalog::put_layouts(tx, &layouts).await?;
    catalog::put_venues(tx, &change.venues).await?;
    catalog::put_venues(tx, change.closes.as_slice()).await?;
    catalog::put_patterns(tx, &patterns).await?;
    catalog::put_offerings(tx, &change.offerings).await?;
    let entry = |version: i32, event: CatalogEvent| LogEntry {
        position: 0,
        stream_id: event.stream_id(),
        stream_version: version,
        recorded_at: now,
        actor: meta.actor.clone(),
        correlation_id: meta.correlation_id.clone(),
        causation_id: Some(meta.correlation_id.clone()),
        event: Event::Catalog(event),
    };
    let events = (layouts.into_iter().map(|row| entry(1, CatalogEvent::LayoutDefined(row.value))))
        .chain(
            change.venues.iter().map(|row| entry(row.version, CatalogEvent::VenueDefined(row.value.clone()))),
        )
        .chain(
            change.closes.iter().map(|row| entry(row.version, CatalogEvent::VenueClosed(row.value.clone()))),
        )
        .chain(patterns.into_iter().map(|pattern| entry(1, CatalogEvent::PatternDefined(pattern))))
        .chain(
            change
                .offerings
                .iter()
                .map(|row| entry(row.version, CatalogEvent::OfferingDefined(Box::new(row.value.clone())))),
        );
    let position = batch::append(tx, events.collect()).await?;
    // The log is ours until the commit: what nobody has booked now, nobody books before it.
    if let Some((offering, seats)) = &change.free
        && catalog::taken_now(tx, *offering, seats.as_deref(), now).await?.is_some()
    {
        let held = match seats {
            None => "somebody has booked a seat".to_owned(),
            Some(_) => "somebody has one of these seats".to_owned(),
        };
        return Err(AppError::Locked { what: change.noun, held });
    }
    if let Some(row) = &change.closes
        && !catalog::coming_at_in(tx, &row.value, now).await?.is_empty()
    {
        return Err(AppError::Locked { what: "venue", held: "events are on sale there".into() });
    }
    let new = change.offerings.iter().filter(|row| row.version == 1);
    let venues: Vec<_> = new.filter_map(|row| row.value.particulars.venue_id).map(|venue| venue.0).collect();
    if let Some(venue) = catalog::closed_among(tx, venues).await? {
        return Err(Rejection::venue_closed(&venue).into());
    }
    if let Some(IdempotencyKey { caller, key, request_hash, status }) = &meta.idempotency {
        let answer = StoredAnswer {
            caller: caller.clone(),
            key: key.clone(),
            request_hash: request_hash.to_vec(),
            status: i32::from(*status),
            data: body.to_owned(),
            position,
        };
        idempotency::put(tx, answer, now).await?;
    }
    Ok(position)
}

/// Refuses a change of what has moved on.
async fn refuse_moved(app: &App, change: &Change) -> Result<(), AppError> {
    let db = &app.stores.write;
    let ids: Vec<OfferingId> = change.offerings.iter().map(|row| row.value.id).collect();
    let stored = catalog::offerings(db, &ids).await?;
    for row in &change.offerings {
        let current = stored.get(&row.value.id.0).map(|stored| stored.version);
        let named = || row.value.external_id.clone().unwrap_or_else(|| row.value.id.to_string());
        refuse_version(change.noun, row.version, current, named)?;
    }
    let stored = catalog::venues(db, change.venues.iter().map(|row| row.value.id.0).collect()).await?;
    for row in &change.venues {
        let current = stored.get(&row.value.id.0).map(|stored| stored.version);
        let named = || row.value.external_id.clone().unwrap_or_else(|| row.value.id.to_string());
        refuse_version("venue", row.version, current, named)?;
    }
    if let Some(row) = &change.closes {
        let id = row.value.id.0;
        let current =
            catalog::venues(&app.stores.write, vec![id]).await?.get(&id).map_or(0, |row| row.version);
        if current + 1 != row.version {
            return Err(AppError::VersionConflict { what: "venue", current: current.unsigned_abs() });
        }
    }
    Ok(())
}

/// Refuses to write this version of what is stored at another one than the version before; `named` is what it is called.
fn refuse_version(
    what: &'static str,
    version: i32,
    stored: Option<i32>,
    named: impl FnOnce() -> String,
) -> Result<(), AppError> {
    match stored {
        Some(_) if version == 1 => Err(AppError::Exists { what, id: named() }),
        _ if stored.unwrap_or(0) + 1 == version => Ok(()),
        _ => Err(AppError::VersionConflict { what, current: stored.unwrap_or(0).unsigned_abs() }),
    }
}

/// Answers with what is there already: nothing was changed, so that nothing is kept under the request's key.
#[must_use]
pub fn unchanged(meta: &Meta, body: &str, position: i64) -> Done {
    let status = meta.idempotency.as_ref().map_or(200, |key| key.status);
    Done { changed: 0, ..done(status, body, position, false) }
}

fn done(status: u16, body: &str, position: i64, replayed: bool) -> Done {
    Done { status, body: Arc::from(body), position, replayed, booking: None, case: None, changed: 1 }
}
