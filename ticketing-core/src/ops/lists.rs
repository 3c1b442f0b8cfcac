//! Lists of any length, a page at a time: an operator may have a million holds.

use super::OpsError;
use crate::app::App;
use crate::domain::catalog::OfferingFacts;
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::time::Timestamp;
use crate::projection::TicketRow;
use crate::store::events::{self, LogEntry};
use crate::store::views;
use uuid::Uuid;

/// Rows of one page.
pub const PAGE: i64 = 1_000;

/// Walks all bookings, newest first. Start with `None`, go on with the last row's id; an empty page is the
/// end.
///
/// # Errors
/// What the store says.
pub async fn bookings(app: &App, after: Option<BookingId>) -> Result<Vec<TicketRow>, OpsError> {
    let before = after.unwrap_or(BookingId(Uuid::max()));
    Ok(views::tickets::all_before(&app.stores.read, before, PAGE).await?)
}

/// Walks all open holds in the order in which they end. Those that have ended are not holds any more.
///
/// # Errors
/// What the store says.
pub async fn holds(app: &App, after: Option<(Timestamp, BookingId)>) -> Result<Vec<TicketRow>, OpsError> {
    let (at, id) = after.unwrap_or((app.clock.now(), BookingId(Uuid::max())));
    Ok(views::tickets::holds_after(&app.stores.read, at, id, PAGE).await?)
}

/// Walks the departures of all routes in order of departure, from `at` on.
///
/// # Errors
/// What the store says.
pub async fn departures(
    app: &App,
    at: Timestamp,
    after: Option<OfferingId>,
) -> Result<Vec<OfferingFacts>, OpsError> {
    let id = after.unwrap_or(OfferingId(Uuid::nil()));
    Ok(views::network::departures_after(&app.stores.read, at, id, PAGE).await?)
}

/// Returns the events after a position, a page of them.
///
/// # Errors
/// What the store says.
pub async fn events(app: &App, after: i64) -> Result<Vec<LogEntry>, OpsError> {
    Ok(events::after(&app.stores.write, after, PAGE).await?)
}

/// An event as users see it.
#[must_use]
pub fn event_body(entry: &LogEntry) -> serde_json::Value {
    let data: serde_json::Value = serde_json::from_str(&entry.event.data()).unwrap_or_default();
    serde_json::json!({
        "position": entry.position.to_string(),
        "streamId": entry.stream_id,
        "streamVersion": entry.stream_version,
        "type": entry.event.type_name(),
        "time": entry.recorded_at,
        "actor": entry.actor,
        "correlationId": entry.correlation_id,
        "causationId": entry.causation_id,
        "data": data,
    })
}
