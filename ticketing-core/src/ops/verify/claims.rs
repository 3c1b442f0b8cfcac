//! Who has which seat: each claim against its booking, each booking against its claims.
//!
//! That a seat and leg has one owner is the key of the table; two bookings that both say they have it are found,
//! since one of them lacks its claim.

use super::{FIRST, OVERDUE_MS_MIN, PAGE, Run, why};
use crate::domain::booking::state::BookingState;
use crate::domain::id::BookingId;
use crate::domain::time::Timestamp;
use crate::ops::OpsError;
use crate::store::bookings::{self, parse_seats};
use crate::store::checks::{self, ClaimKey, ClaimRow};
use crate::store::db::Db;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    let mut after: ClaimKey = (FIRST, i32::MIN, i32::MIN);
    loop {
        // One statement sees one moment.
        let rows = checks::claims_after(&db, after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = (last.offering_id, last.seat_no, last.leg);
        for row in &rows {
            if let Some(finding) = fault(row) {
                let id = format!("{}/{}/{}", row.offering_id, row.seat_no, row.leg);
                run.found("claim", &id, finding, why(&row.booking_id));
            }
        }
        run.looked(rows.len());
    }
    let mut after = BookingId(FIRST);
    loop {
        let moment = db.moment().await?;
        let outcome = owners(run, &moment, after).await;
        moment.close().await;
        match outcome? {
            Some(last) => after = last,
            None => break,
        }
    }
    overdue(run, &db).await
}

/// What is wrong with a claim.
fn fault(row: &ClaimRow) -> Option<String> {
    let booking = row.booking_id;
    let Some(state) = &row.state else { return Some(format!("its booking {booking} does not exist")) };
    if BookingState::parse(state).is_none_or(|state| !state.has_seats()) {
        return Some(format!("its booking {booking} is {state} and has no seats"));
    }
    let leg = |at: Option<i32>, or| at.unwrap_or(or);
    let is_of_departure = row.booking_offering_id == Some(row.offering_id);
    let has_leg = (leg(row.from_leg, i32::MAX)..leg(row.to_leg, i32::MIN)).contains(&row.leg);
    let seats = row.seats.as_deref().map(parse_seats).and_then(Result::ok).unwrap_or_default();
    let has_seat = seats.iter().any(|seat| i64::from(seat.no.0) == i64::from(row.seat_no));
    let fits = is_of_departure && has_leg && has_seat;
    (!fits).then(|| format!("its booking {booking} does not have this seat and leg"))
}

/// Looks whether a page of bookings has its claims; returns the last one.
async fn owners(run: &mut Run<'_>, db: &Db, after: BookingId) -> Result<Option<BookingId>, OpsError> {
    let rows = bookings::after_each(db, after, PAGE).await?;
    let Some(last) = rows.last().map(|(id, _)| *id) else { return Ok(None) };
    let count = rows.len();
    let mut wanted: Vec<(ClaimKey, BookingId)> = Vec::new();
    // A row that can't be read is a finding of the bookings' own check.
    for booking in rows.into_iter().filter_map(|(_, row)| row.ok()).filter(|b| b.state.has_seats()) {
        for seat in &booking.seats {
            let Ok(no) = i32::try_from(seat.no.0) else { continue };
            let legs = booking.legs.legs();
            wanted.extend(legs.map(|leg| ((booking.offering_id.0, no, i32::from(leg)), booking.id)));
        }
    }
    for part in wanted.chunks(usize::try_from(PAGE).unwrap_or(1)) {
        let keys: Vec<ClaimKey> = part.iter().map(|(key, _)| *key).collect();
        let owners: std::collections::HashMap<ClaimKey, Option<BookingId>> =
            checks::owners(db, &keys).await?.into_iter().collect();
        for ((offering, seat, leg), booking) in part {
            let finding = match owners.get(&(*offering, *seat, *leg)).copied().flatten() {
                Some(owner) if owner == *booking => continue,
                Some(owner) => format!("seat {seat} on leg {leg} of {offering} is claimed by {owner}"),
                None => format!("it has no claim of seat {seat} on leg {leg} of {offering}"),
            };
            run.found("booking", booking, finding, why(booking));
        }
    }
    run.looked(count);
    Ok(Some(last))
}

/// Looks for holds that ended long ago and still have their seats.
async fn overdue(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let now = run.app.clock.now();
    let since = Timestamp::from_millis(now.as_millis() - OVERDUE_MS_MIN);
    let mut after = (i64::MIN, FIRST);
    loop {
        let rows = checks::holds_overdue_after(db, since, after, PAGE).await?;
        let Some((last, at)) = rows.last() else { return Ok(()) };
        after = (*at, last.0);
        for (id, at) in rows {
            let seconds = (now.as_millis() - at) / 1_000;
            let finding = format!(
                "its hold ended {seconds} s ago and was not swept: no process runs the role expiry, or it is behind"
            );
            run.found("booking", &id, finding, "ticketctl serve --roles expiry".into());
        }
    }
}
