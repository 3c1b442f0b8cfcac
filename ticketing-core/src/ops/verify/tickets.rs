//! The read model's tickets against the projection of their events.
//!
//! A row is judged by the version that it says it has: up to there the log must make exactly this row. It may be
//! newer than the cursor of its moment, never older, unless its stream is parked.

use super::bookings::differences;
use super::past::{self, Aside, Past};
use super::{Differences, FIRST, PAGE, Run, rebuild};
use crate::domain::event::Event;
use crate::domain::id::BookingId;
use crate::domain::log::LogEntry;
use crate::ops::OpsError;
use crate::projection::TicketRow;
use crate::projection::tickets::{begin, change, counted};
use crate::store::db::Db;
use crate::store::error::Result as StoreResult;
use crate::store::views::{self, fold};
use crate::store::{bookings, checks, events};
use std::collections::HashSet;
use uuid::Uuid;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let read = run.app.stores.read.clone();
    run.total = Some(views::tickets::count_in(&read, run.target).await?);
    let mut past = Past::default();
    let mut after = BookingId(FIRST);
    loop {
        let moment = read.moment().await?;
        let page = load(run, &moment, after).await;
        moment.close().await;
        let Some(page) = page? else { break };
        after = page.last;
        let count = page.rows.len();
        judge(run, &mut past, page).await?;
        run.looked(count);
    }
    missing(run).await
}

/// Tickets of one moment.
struct Page {
    last: BookingId,
    rows: Vec<(BookingId, StoreResult<TicketRow>)>,
    cursor: i64,
    aside: Aside,
}

async fn load(run: &Run<'_>, moment: &Db, after: BookingId) -> Result<Option<Page>, OpsError> {
    let rows = views::tickets::all_after_each(moment, run.target, after, PAGE).await?;
    let Some(last) = rows.last().map(|(id, _)| *id) else { return Ok(None) };
    let ids: Vec<Uuid> = rows.iter().map(|(id, _)| id.0).collect();
    let aside = Aside::of(moment, run.target, &ids).await?;
    Ok(Some(Page { last, cursor: fold::cursor_of(moment, run.target).await?, aside, rows }))
}

async fn judge(run: &mut Run<'_>, past: &mut Past, page: Page) -> Result<(), OpsError> {
    let write = run.app.stores.write.clone();
    let ids: Vec<Uuid> = page.rows.iter().map(|(id, _)| id.0).collect();
    let streams = past::streams(run, &write, ids, &page.aside).await?;
    let departures = streams.values().filter_map(|entries| match &entries.first()?.event {
        Event::Booking(event) => Some(event.offering_id()),
        Event::Payment(_) | Event::Catalog(_) => None,
    });
    past.learn(run, departures.collect::<HashSet<_>>().into_iter()).await?;
    for (id, row) in page.rows {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                run.unreadable("ticket", &id, error)?;
                continue;
            }
        };
        let Some(entries) = streams.get(&id.0) else {
            if events::last_versions(&write, vec![id.0]).await?.is_empty() {
                run.found("ticket", &id, "the log has no event of it".into(), rebuild());
            }
            continue;
        };
        let parked = page.aside.parked.get(&id.0).copied();
        let finding = match age_fault(&row, entries, page.cursor, parked) {
            Some(finding) => Some(finding),
            None => match project(past, id, entries, row.booking.version) {
                Some(folded) => difference(&row, &folded),
                None => Some("its events do not begin a ticket of a departure that is in the log".into()),
            },
        };
        if let Some(finding) = finding {
            run.found("ticket", &id, finding, rebuild());
        }
    }
    Ok(())
}

/// Whether the row has less than its cursor says, or more than the log has.
fn age_fault(row: &TicketRow, entries: &[LogEntry], cursor: i64, parked: Option<i32>) -> Option<String> {
    let version = row.booking.version;
    let last = entries.last().map_or(0, |entry| entry.stream_version.unsigned_abs());
    if version > last {
        return Some(format!("it is at version {version}, the log has {last} events of it"));
    }
    let read = entries.iter().rev().find(|entry| entry.position <= cursor);
    let due = read.map_or(0, |entry| entry.stream_version.unsigned_abs());
    let due = parked.map_or(due, |parked| due.min(parked.unsigned_abs().saturating_sub(1)));
    (version < due)
        .then(|| format!("it is at version {version}, the read model has read version {due} of it"))
}

/// Makes the row from the log alone, up to a version.
fn project(past: &Past, id: BookingId, entries: &[LogEntry], version: u32) -> Option<TicketRow> {
    let first = entries.first()?;
    let Event::Booking(event) = &first.event else { return None };
    let (offering, route) = past.before(event.offering_id(), first.position)?;
    let mut row =
        begin(id, first.stream_version.unsigned_abs(), event, first.recorded_at, &offering, &route)?;
    for entry in &entries[1..] {
        let at = entry.stream_version.unsigned_abs();
        if at > version {
            break;
        }
        match &entry.event {
            Event::Booking(event) => change(id, at, event, entry.recorded_at)?.apply(&mut row),
            Event::Payment(_) => counted(id, at).apply(&mut row),
            Event::Catalog(_) => return None,
        }
    }
    Some(row)
}

fn difference(row: &TicketRow, folded: &TicketRow) -> Option<String> {
    let mut found = Differences::default();
    found.of("kind", &row.of.kind, &folded.of.kind, |kind| kind.word().to_owned());
    found.of("route", &row.of.route_id, &folded.of.route_id, super::shown);
    found.of("routeName", &row.route_name, &folded.route_name, String::clone);
    found.of("departsAt", &row.departs_at, &folded.departs_at, ToString::to_string);
    found.of("arrivesAt", &row.arrives_at, &folded.arrives_at, ToString::to_string);
    found.of("origin", &row.origin_stop, &folded.origin_stop, String::clone);
    found.of("destination", &row.destination_stop, &folded.destination_stop, String::clone);
    match (differences(&row.booking, &folded.booking), found.sentence()) {
        (Some(booking), Some(journey)) => Some(format!("{booking}; {journey}")),
        (booking, journey) => booking.or(journey),
    }
}

/// Looks for bookings that the read model has read, and that have no ticket.
async fn missing(run: &mut Run<'_>) -> Result<(), OpsError> {
    let (write, read) = (run.app.stores.write.clone(), run.app.stores.read.clone());
    // The cursor first: whatever it has read then has its row now.
    let cursor = fold::cursor_of(&read, run.target).await?;
    let mut after = BookingId(FIRST);
    loop {
        let rows = bookings::after_each(&write, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        let ids: Vec<Uuid> = rows.iter().map(|(id, _)| id.0).collect();
        let had = views::checks::tickets_had(&read, run.target, ids.clone()).await?;
        let had: HashSet<Uuid> = had.into_iter().collect();
        let lacking: Vec<Uuid> = ids.into_iter().filter(|id| !had.contains(id)).collect();
        if lacking.is_empty() {
            continue;
        }
        let aside = Aside::of(&read, run.target, &lacking).await?;
        for (id, position) in checks::beginnings(&write, lacking).await? {
            if position <= cursor && !aside.explains(&id, position) {
                let finding =
                    format!("it has no ticket; the read model has read its beginning at {position}");
                run.found("ticket", &id, finding, rebuild());
            }
        }
    }
}
