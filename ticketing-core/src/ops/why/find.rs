//! What an id names: the cheap and exact answers first, the walk along the log last.

use crate::app::{App, AppError};
use crate::domain::catalog::Offering;
use crate::domain::id::{BookingId, OfferingId, SagaId};
use crate::domain::payment::Payment;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::ops::lookup::PREFIX_MIN;
use crate::ops::{OpsError, lists, lookup};
use crate::store::events::LogEntry;
use crate::store::idempotency::Answered;
use crate::store::{bookings, events, idempotency, sagas, views};
use std::collections::HashSet;
use uuid::Uuid;

/// Told how many events were looked at, and how many there are to look at.
pub type Progress<'a> = dyn FnMut(u64, u64) + Send + 'a;

/// A correlation id that does not say its own time is looked for in so many of the newest events.
pub const EVENTS_LOOKED_AT_MAX: i64 = 5_000_000;
/// Events looked at by one read.
const STRETCH: i64 = 50_000;
/// Clocks of several servers may differ by so many seconds.
const CLOCK_SLACK_SECONDS: i64 = 60;
/// Bookings and payments that a request is followed to.
const STREAMS_MAX: usize = 10_000;

/// What was found.
pub(super) enum Found {
    Booking(BookingId),
    Saga(SagaId),
    Payment(Box<Payment>),
    Seat { offering: OfferingId, label: String, seat: SeatNo },
    Offering(Box<Offering>),
    Event(Box<LogEntry>),
    Key { key: String, answers: Vec<Answered> },
    Correlation { id: String, streams: Vec<Uuid>, events: usize },
}

/// Finds what `id` names.
pub(super) async fn find(app: &App, id: &str, progress: &mut Progress<'_>) -> Result<Found, OpsError> {
    let mut tried = Vec::new();
    if id.contains('/') {
        if let Some(found) = seat(app, id).await? {
            return Ok(found);
        }
        tried.push("a seat (DEPARTURE/LABEL)".to_owned());
    }
    if let Ok(position) = id.parse::<i64>() {
        let entry = events::after(&app.stores.write, position.saturating_sub(1), 1).await?.pop();
        if let Some(entry) = entry.filter(|entry| entry.position == position) {
            return Ok(Found::Event(Box::new(entry)));
        }
        tried.push(format!("a position (the log ends at {})", lists::head(app).await?));
    }
    if let Some(found) = thing(app, id).await? {
        return Ok(found);
    }
    tried.push(match lookup::is_too_short(id) {
        true => format!("the beginning of an id, which has at least {PREFIX_MIN} characters"),
        false => "a booking, saga or payment, or a unique beginning of its id".to_owned(),
    });
    tried.push("a payment's or charge's name at a provider".to_owned());
    let answers = idempotency::with_key(&app.stores.write, id).await?;
    if !answers.is_empty() {
        return Ok(Found::Key { key: id.to_owned(), answers });
    }
    tried.push("an idempotency key that is still kept".to_owned());
    match lookup::offering(app, id).await {
        Ok(offering) => return Ok(Found::Offering(Box::new(offering))),
        Err(OpsError::App(AppError::NotFound { .. })) => tried.push("a departure".to_owned()),
        Err(error) => return Err(error),
    }
    let (found, looked_at) = correlation(app, id, progress).await?;
    match found {
        Some(found) => Ok(found),
        None => {
            tried.push(format!("the correlation id of one of the {looked_at} events that it could be of"));
            Err(OpsError::Unknown { id: id.to_owned(), tried })
        }
    }
}

async fn seat(app: &App, id: &str) -> Result<Option<Found>, OpsError> {
    let Some((departure, label)) = id.rsplit_once('/') else { return Ok(None) };
    let offering = match lookup::offering(app, departure).await {
        Err(OpsError::App(AppError::NotFound { .. })) => return Ok(None),
        other => other?,
    };
    let Some(seat) = offering.layout.seat(label) else { return Ok(None) };
    let label = offering.layout.label(seat);
    Ok(Some(Found::Seat { offering: offering.facts.id, label, seat }))
}

/// A booking, saga or payment.
async fn thing(app: &App, id: &str) -> Result<Option<Found>, OpsError> {
    let db = &app.stores.write;
    if let Ok(uuid) = Uuid::parse_str(id) {
        if bookings::load(db, &[BookingId(uuid)]).await?.pop().is_some() {
            return Ok(Some(Found::Booking(BookingId(uuid))));
        }
        if sagas::cases(db, &[SagaId(uuid)]).await?.pop().is_some() {
            return Ok(Some(Found::Saga(SagaId(uuid))));
        }
    } else if let Some((low, high)) = lookup::range(id) {
        let found = views::tickets::with_id_between(&app.stores.read, low, high).await?;
        if let Some(uuid) = lookup::unique("booking", id, &found)? {
            return Ok(Some(Found::Booking(BookingId(uuid))));
        }
        let found = sagas::with_id_between(db, low, high).await?;
        if let Some(uuid) = lookup::unique("saga", id, &found)? {
            return Ok(Some(Found::Saga(SagaId(uuid))));
        }
    }
    let payment = lookup::find_payment(app, "payment", id).await?;
    Ok(payment.map(|payment| Found::Payment(Box::new(payment))))
}

/// Follows a request through the log, the newest events first; returns also how many were looked at. No index has
/// these ids. One that the server made says when, so that nothing before it is looked at.
async fn correlation(
    app: &App,
    id: &str,
    progress: &mut Progress<'_>,
) -> Result<(Option<Found>, i64), OpsError> {
    let head = lists::head(app).await?;
    let first = match made_at(id) {
        Some(at) => lists::position_before(app, at.plus_seconds(-CLOCK_SLACK_SECONDS)).await?,
        None => 0,
    };
    let first = first.max(head - EVENTS_LOOKED_AT_MAX);
    let (mut streams, mut seen, mut count) = (Vec::new(), HashSet::new(), 0);
    let mut to = head;
    while to > first && streams.len() < STREAMS_MAX {
        let from = (to - STRETCH).max(first);
        let found = events::of_correlation(&app.stores.write, from, to, id).await?;
        count += found.len();
        for entry in found {
            if seen.insert(entry.stream_id) {
                streams.push(entry.stream_id);
            }
        }
        to = from;
        progress((head - to).unsigned_abs(), (head - first).unsigned_abs());
    }
    let found = (count > 0).then(|| Found::Correlation { id: id.to_owned(), streams, events: count });
    Ok((found, head - to))
}

/// When the server, or `ticketctl`, made a correlation id; `None` if somebody else did.
fn made_at(id: &str) -> Option<Timestamp> {
    let uuid = Uuid::parse_str(id.strip_prefix("ticketctl-").unwrap_or(id)).ok()?;
    let (seconds, nanos) = uuid.get_timestamp().filter(|_| uuid.get_version_num() == 7)?.to_unix();
    let millis = i64::try_from(seconds).ok()?.checked_mul(1_000)? + i64::from(nanos / 1_000_000);
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::made_at;

    #[test]
    fn an_id_of_ours_says_when_it_was_made() {
        let at = made_at("01a1fdc9-1ee4-71b5-b22a-9866c2943084").map(|at| at.to_string());
        assert_eq!(at, made_at("ticketctl-01a1fdc9-1ee4-71b5-b22a-9866c2943084").map(|at| at.to_string()));
        assert_eq!(at.as_deref(), Some("2026-11-21T11:06:18.724Z"));
        assert_eq!(made_at("d9c04a79-7fb1-5c52-98c8-c079f644ec54"), None, "a derived id has no time");
        assert_eq!(made_at("mine"), None);
    }
}
