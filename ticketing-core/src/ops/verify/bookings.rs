//! Booking rows against the fold of their events.

use super::past::{self, Aside};
use super::{Differences, FIRST, PAGE, Run, shown, why};
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::event::Event;
use crate::domain::id::BookingId;
use crate::domain::log::LogEntry;
use crate::ops::OpsError;
use crate::store::bookings::{self, write_seats};
use crate::store::db::Db;
use crate::store::{checks, events};

/// Positions of one page of the walk for bookings without a row.
const STRETCH: i64 = 5_000;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    run.total = Some(checks::count_bookings(&db).await?);
    let mut after = BookingId(FIRST);
    loop {
        let moment = db.moment().await?;
        let outcome = page(run, &moment, after).await;
        moment.close().await;
        match outcome? {
            Some(last) => after = last,
            None => break,
        }
    }
    without_row(run, &db).await
}

/// Looks at one page; returns its last booking.
async fn page(run: &mut Run<'_>, db: &Db, after: BookingId) -> Result<Option<BookingId>, OpsError> {
    let rows = bookings::after_each(db, after, PAGE).await?;
    let Some(last) = rows.last().map(|(id, _)| *id) else { return Ok(None) };
    let count = rows.len();
    let streams =
        past::streams(run, db, rows.iter().map(|(id, _)| id.0).collect(), &Aside::default()).await?;
    for (id, row) in rows {
        let stored = match row {
            Ok(stored) => stored,
            Err(error) => {
                run.unreadable("booking", &id, error)?;
                continue;
            }
        };
        let Some(entries) = streams.get(&id.0) else {
            // If one of its events can't be read, that was told.
            if events::last_versions(db, vec![id.0]).await?.is_empty() {
                run.found("booking", &id, "the log has no event of it".into(), why(&id));
            }
            continue;
        };
        let finding = match fold(id, entries) {
            Some(folded) => differences(&stored, &folded),
            None => Some("its events do not begin a booking".into()),
        };
        if let Some(finding) = finding {
            run.found("booking", &id, finding, why(&id));
        }
    }
    run.looked(count);
    Ok(Some(last))
}

/// Folds a booking's events; those of its payments only count.
fn fold(id: BookingId, entries: &[LogEntry]) -> Option<Booking> {
    let mut booking = None;
    for entry in entries {
        match &entry.event {
            Event::Booking(event) => booking = evolve(booking, id, event, entry.recorded_at),
            Event::Payment(_) => {
                if let Some(booking) = &mut booking {
                    booking.version += 1;
                }
            }
            Event::Catalog(_) => return None,
        }
    }
    booking
}

/// What differs between a row and the fold of its events, as a sentence.
pub(super) fn differences(stored: &Booking, folded: &Booking) -> Option<String> {
    let mut found = Differences::default();
    found.of("state", &stored.state, &folded.state, |state| state.word().into());
    found.of("version", &stored.version, &folded.version, u32::to_string);
    found.of("seats", &stored.seats, &folded.seats, |seats| write_seats(seats));
    found.of("legs", &stored.legs, &folded.legs, |legs| format!("{}–{}", legs.from(), legs.to()));
    found.of("departure", &stored.offering_id, &folded.offering_id, ToString::to_string);
    found.of("user", &stored.user_id.0, &folded.user_id.0, String::clone);
    found.of("price", &stored.price, &folded.price, ToString::to_string);
    found.of("holdExpiresAt", &stored.hold_expires_at, &folded.hold_expires_at, ToString::to_string);
    found.of("payment", &stored.payment_id, &folded.payment_id, shown);
    found.of("createdAt", &stored.created_at, &folded.created_at, ToString::to_string);
    found.of("confirmedAt", &stored.confirmed_at, &folded.confirmed_at, shown);
    found.of("reason", &stored.cancel_reason, &folded.cancel_reason, shown);
    found.sentence()
}

/// Looks for bookings that begin in the log and have no row. Row and event come with one commit, and no row goes.
async fn without_row(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let head = events::head(db).await?;
    let mut from = 0;
    while from < head {
        let to = from.saturating_add(STRETCH).min(head);
        for (position, id) in checks::without_row(db, from, to).await? {
            let finding = format!("it begins at position {position} of the log and has no row");
            run.found("booking", &id, finding, why(&id));
        }
        from = to;
    }
    Ok(())
}
