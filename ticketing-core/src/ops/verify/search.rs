//! What people search, events and listings with their words, against the log.
//!
//! A row is judged by the version that it says it has. From when on a listing's ticket is free is said twice: by the
//! event of a booking that the row names, and by the tickets that hold it at the same moment, which have a check of
//! their own.

use super::past::{self, Aside};
use super::{Differences, FIRST, PAGE, Run, rebuild, shown};
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{OfferingFacts, OfferingKind};
use crate::domain::event::Event;
use crate::domain::id::OfferingId;
use crate::domain::log::LogEntry;
use crate::domain::time::Timestamp;
use crate::ops::OpsError;
use crate::projection::sales::{SaleRow, free_at, sale, words_of};
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::offerings::status_word;
use crate::store::views::{self, fold, sales};
use crate::store::{checks, events};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// What a row is called that people search.
const NOUN: &str = "search row";
/// A ticket that nobody holds is free since for ever.
const FREE: Timestamp = Timestamp::from_millis(0);

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let mut after = FIRST;
    loop {
        let moment = run.app.stores.read.moment().await?;
        let page = load(run, &moment, after).await;
        moment.close().await;
        let page = page?;
        let Some((last, ..)) = page.keys.last() else { break };
        after = *last;
        let count = page.keys.len();
        judge(run, page).await?;
        run.looked(count);
    }
    stray_words(run).await?;
    missing(run).await
}

/// Rows of one moment.
struct Page {
    /// Each with its version, and the position of the event that took its ticket or gave it back.
    keys: Vec<(Uuid, i32, i64)>,
    rows: HashMap<Uuid, SaleRow>,
    unreadable: HashMap<Uuid, StoreError>,
    words: HashMap<Uuid, BTreeSet<String>>,
    /// From when on the tickets that hold a listing leave it free.
    held: HashMap<Uuid, Timestamp>,
    cursor: i64,
    aside: Aside,
}

async fn load(run: &Run<'_>, moment: &Db, after: Uuid) -> Result<Page, OpsError> {
    let target = run.target;
    let keys = views::checks::sales_after(moment, target, after, PAGE).await?;
    let ids: Vec<Uuid> = keys.iter().map(|(id, ..)| *id).collect();
    let (mut rows, mut unreadable) = (HashMap::with_capacity(ids.len()), HashMap::new());
    let offerings: Vec<OfferingId> = ids.iter().copied().map(OfferingId).collect();
    match sales::by_id_in(moment, target, &offerings).await {
        Ok(found) => rows.extend(found.into_iter().map(|row| (row.id.0, row))),
        Err(StoreError::Corrupt { .. }) => {
            for id in offerings {
                match sales::by_id_in(moment, target, &[id]).await {
                    Ok(found) => rows.extend(found.into_iter().map(|row| (row.id.0, row))),
                    Err(error @ StoreError::Corrupt { .. }) => _ = unreadable.insert(id.0, error),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(error) => return Err(error.into()),
    }
    let mut words: HashMap<Uuid, BTreeSet<String>> = HashMap::with_capacity(ids.len());
    for (id, word) in views::checks::words_of(moment, target, ids.clone()).await? {
        words.entry(id).or_default().insert(word);
    }
    let listings = rows.values().filter(|row| row.kind == OfferingKind::Listing).map(|row| row.id.0);
    let mut held: HashMap<Uuid, Timestamp> = HashMap::new();
    for (id, state, expires_at) in views::checks::holders_of(moment, target, listings.collect()).await? {
        let until = match BookingState::parse(&state) {
            Some(BookingState::Confirmed) => Timestamp::NEVER,
            // What is no state at all is found with the tickets.
            _ => Timestamp::from_millis(expires_at),
        };
        let at = held.entry(id).or_insert(until);
        *at = until.max(*at);
    }
    let cursor = fold::cursor_of(moment, target).await?;
    let aside = Aside::of(moment, target, &ids).await?;
    Ok(Page { keys, rows, unreadable, words, held, cursor, aside })
}

async fn judge(run: &mut Run<'_>, page: Page) -> Result<(), OpsError> {
    let write = run.app.stores.write.clone();
    let ids: Vec<Uuid> = page.keys.iter().map(|(id, ..)| *id).collect();
    let streams = past::streams(run, &write, ids, &page.aside).await?;
    let takings = takings(&write, &page).await?;
    for (id, version, taken_at) in &page.keys {
        let Some(row) = page.rows.get(id) else {
            let why = shown(&page.unreadable.get(id).map(ToString::to_string));
            run.found(NOUN, id, format!("it can't be read: {why}"), rebuild());
            continue;
        };
        let Some(entries) = streams.get(id) else {
            run.found(NOUN, id, "the log has no event of it that can be read".into(), rebuild());
            continue;
        };
        let none = BTreeSet::new();
        let words = page.words.get(id).unwrap_or(&none);
        let parked = page.aside.parked.get(id).copied();
        let finding = age_fault(*version, entries, page.cursor, parked)
            .or_else(|| difference(row, words, *version, entries));
        if let Some(finding) = finding {
            run.found(NOUN, id, finding, rebuild());
        }
        let held = page.held.get(id).copied().unwrap_or(FREE);
        if let Some(finding) = taking_fault(row, *taken_at, takings.get(taken_at), held, page.cursor) {
            run.found(NOUN, id, finding, rebuild());
        }
    }
    Ok(())
}

/// What the events say that took these tickets or gave them back: of which offering, and from when on it is free.
async fn takings(write: &Db, page: &Page) -> Result<HashMap<i64, Option<(OfferingId, Timestamp)>>, OpsError> {
    let positions: Vec<i64> = page.keys.iter().map(|(.., at)| *at).filter(|at| *at > 0).collect();
    let said = |event: &Event| match event {
        Event::Booking(event) => free_at(event).map(|at| (event.offering_id(), at)),
        Event::Payment(_) | Event::Catalog(_) => None,
    };
    let raw = events::raw_at(write, positions).await?;
    let taking = |raw: events::RawEntry| {
        (raw.position, raw.parse().ok().and_then(|entry: LogEntry| said(&entry.event)))
    };
    Ok(raw.into_iter().map(taking).collect())
}

/// Whether the row has less than its cursor says, or more than the log has.
fn age_fault(version: i32, entries: &[LogEntry], cursor: i64, parked: Option<i32>) -> Option<String> {
    let last = entries.last().map_or(0, |entry| entry.stream_version);
    if version > last {
        return Some(format!("it is at version {version}, the log has {last} events of it"));
    }
    let read = entries.iter().rev().find(|entry| entry.position <= cursor);
    let due = read.map_or(0, |entry| entry.stream_version);
    let due = parked.map_or(due, |parked| due.min(parked - 1));
    (version < due)
        .then(|| format!("it is at version {version}, the read model has read version {due} of it"))
}

/// How a row differs from what its events make of it, up to its version.
fn difference(row: &SaleRow, words: &BTreeSet<String>, version: i32, entries: &[LogEntry]) -> Option<String> {
    let end = entries.partition_point(|entry| entry.stream_version <= version);
    let entries = &entries[..end];
    let folded = past::departure(entries).zip(entries.first());
    let Some((facts, first)) = folded else { return Some("its events do not define it".into()) };
    let Some(folded) = sale(&facts, version.unsigned_abs(), first.recorded_at) else {
        return Some("it is found by its route, and is not searched".into());
    };
    let mut found = Differences::default();
    found.of("kind", &row.kind, &folded.kind, |kind| kind.word().to_owned());
    found.of("title", &row.title, &folded.title, String::clone);
    found.of("status", &row.status, &folded.status, |status| status_word(*status).to_owned());
    found.of("seller", &row.seller_id, &folded.seller_id, String::clone);
    found.of("venue", &row.venue_id, &folded.venue_id, shown);
    found.of("city", &row.city, &folded.city, String::clone);
    found.of("eventType", &row.event_type, &folded.event_type, String::clone);
    found.of("price", &row.price, &folded.price, ToString::to_string);
    found.of("beginsAt", &row.begins_at, &folded.begins_at, ToString::to_string);
    found.of("date", &row.local_date, &folded.local_date, String::clone);
    found.of("endsAt", &row.ends_at, &folded.ends_at, ToString::to_string);
    found.of("createdAt", &row.created_at, &folded.created_at, ToString::to_string);
    let said = defined(entries).map(words_of).unwrap_or_default();
    let list = |words: &BTreeSet<String>| words.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    found.of("words", words, &said, list);
    found.sentence()
}

/// The last definition of an offering: its words are kept when it is withdrawn.
fn defined(entries: &[LogEntry]) -> Option<&OfferingFacts> {
    entries.iter().rev().find_map(|entry| past::defined(&entry.event))
}

/// How a row's ticket is taken otherwise than its event and the tickets that hold it say.
fn taking_fault(
    row: &SaleRow,
    taken_at: i64,
    said: Option<&Option<(OfferingId, Timestamp)>>,
    held: Timestamp,
    cursor: i64,
) -> Option<String> {
    let until = |at: Timestamp| match at {
        Timestamp::NEVER => "never".to_owned(),
        FREE => "now".to_owned(),
        at => at.to_string(),
    };
    if row.free_at != held {
        let (row, held) = (until(row.free_at), until(held));
        return Some(format!("it says that its ticket is free from {row} on, by its orders from {held} on"));
    }
    if taken_at == 0 {
        return None;
    }
    let by = format!("it says that event {taken_at} took its ticket or gave it back");
    match said {
        _ if taken_at > cursor => Some(format!("{by}, which the read model, at {cursor}, has not read")),
        None => Some(format!("{by}, which the log does not have")),
        Some(None) => Some(format!("{by}, which did neither")),
        Some(Some((of, _))) if *of != row.id => Some(format!("{by}, which is of {of}")),
        Some(Some((_, at))) if *at != row.free_at => {
            Some(format!("{by}, which says that it is free from {} on", until(*at)))
        }
        Some(Some(_)) => None,
    }
}

/// Looks for words of what is no row.
async fn stray_words(run: &mut Run<'_>) -> Result<(), OpsError> {
    let mut after = FIRST;
    loop {
        let moment = run.app.stores.read.moment().await?;
        let page = async {
            let named = views::checks::worded_after(&moment, run.target, after, PAGE).await?;
            let had = views::checks::sales_had(&moment, run.target, named.clone()).await?;
            Ok::<_, OpsError>((named, had))
        };
        let page = page.await;
        moment.close().await;
        let (named, had) = page?;
        let Some(last) = named.last() else { return Ok(()) };
        after = *last;
        let had: HashSet<Uuid> = had.into_iter().collect();
        for id in named.iter().filter(|id| !had.contains(id)) {
            run.found(NOUN, id, "it has words, and no row".into(), rebuild());
        }
    }
}

/// Looks for events and listings that the read model has read, and has no row of.
async fn missing(run: &mut Run<'_>) -> Result<(), OpsError> {
    let (write, read) = (run.app.stores.write.clone(), run.app.stores.read.clone());
    // The cursor first: whatever it has read then has its row now.
    let cursor = fold::cursor_of(&read, run.target).await?;
    let mut after = FIRST;
    loop {
        let ids = checks::searched_after(&write, after, PAGE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let had = views::checks::sales_had(&read, run.target, ids.clone()).await?;
        let had: HashSet<Uuid> = had.into_iter().collect();
        let lacking: Vec<Uuid> = ids.into_iter().filter(|id| !had.contains(id)).collect();
        if lacking.is_empty() {
            continue;
        }
        let aside = Aside::of(&read, run.target, &lacking).await?;
        for (id, position) in checks::beginnings(&write, lacking).await? {
            if position <= cursor && !aside.explains(&id, position) {
                let finding = format!("it has no row; the read model has read its beginning at {position}");
                run.found(NOUN, &id, finding, rebuild());
            }
        }
    }
}
