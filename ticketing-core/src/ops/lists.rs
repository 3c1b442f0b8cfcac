//! Lists of any length, a page at a time: an operator may have a million holds.

use super::OpsError;
use crate::app::App;
use crate::domain::catalog::{OfferingFacts, OfferingKind};
use crate::domain::id::{BookingId, OfferingId, RouteId, UserId};
use crate::domain::time::Timestamp;
use crate::projection::{TicketRow, bodies};
use crate::store::events::{self, LogEntry};
use crate::store::views::tickets::UserQuery;
use crate::store::views::{self, of_kind};
use serde::Serialize;
use serde_json::value::RawValue;
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

/// Walks the bookings of a kind of offering, but departures, newest first: everybody's, or one user's. Start with
/// `None`, go on with the last row's time and id; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn bookings_of_kind(
    app: &App,
    kind: OfferingKind,
    user: Option<&UserId>,
    after: Option<of_kind::Key>,
) -> Result<Vec<TicketRow>, OpsError> {
    let before = after.unwrap_or((Timestamp::from_millis(i64::MAX), BookingId(Uuid::max())));
    Ok(of_kind::before(&app.stores.read, kind, user, before, PAGE).await?)
}

/// Walks all open holds in the order in which they end. Those that have ended are not holds any more.
///
/// # Errors
/// What the store says.
pub async fn holds(app: &App, after: Option<(Timestamp, BookingId)>) -> Result<Vec<TicketRow>, OpsError> {
    let (at, id) = after.unwrap_or((app.clock.now(), BookingId(Uuid::max())));
    Ok(views::tickets::holds_after(&app.stores.read, at, id, PAGE).await?)
}

/// Walks the departures of all routes that leave after `at`, in order of departure. Go on with the last row's
/// time and id.
///
/// # Errors
/// What the store says.
pub async fn departures(
    app: &App,
    at: Timestamp,
    after: Option<OfferingId>,
) -> Result<Vec<OfferingFacts>, OpsError> {
    let id = after.unwrap_or(OfferingId(Uuid::max()));
    Ok(views::network::departures_after(&app.stores.read, at, id, PAGE).await?)
}

/// Returns a page of a route's departures, of one service day or of all, in order of departure. Pages count
/// from 1.
///
/// # Errors
/// What the store says.
pub async fn departures_of(
    app: &App,
    route: RouteId,
    service_date: Option<&str>,
    page: u32,
) -> Result<Vec<OfferingFacts>, OpsError> {
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    Ok(views::network::departures(&app.stores.read, route, service_date, page, limit).await?.0)
}

/// Returns the events after a position, a page of them.
///
/// # Errors
/// What the store says.
pub async fn events(app: &App, after: i64) -> Result<Vec<LogEntry>, OpsError> {
    Ok(events::after(&app.stores.write, after, PAGE).await?)
}

/// Returns the bookings of one user, newest first, a page of them. Pages count from 1.
///
/// # Errors
/// What the store says.
pub async fn bookings_of(app: &App, user_id: &UserId, page: u32) -> Result<Vec<TicketRow>, OpsError> {
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    let query = UserQuery { user_id: user_id.clone(), kind: None, state: None, page, limit };
    Ok(views::tickets::of_user(&app.stores.read, &query, app.clock.now()).await?)
}

/// Returns the position of the last event before `at`, 0 if there is none.
///
/// The log is searched by halves, as if times grew with positions. Clocks of several servers may differ
/// by moments; whoever wants to be exact looks at the times of the events themselves.
///
/// # Errors
/// What the store says.
pub async fn position_before(app: &App, at: Timestamp) -> Result<i64, OpsError> {
    let (mut low, mut high) = (0, events::head(&app.stores.write).await?);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let found = events::after(&app.stores.write, middle - 1, 1).await?;
        if found.first().is_some_and(|entry| entry.recorded_at < at) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// Returns the last position of the log.
///
/// # Errors
/// What the store says.
pub async fn head(app: &App) -> Result<i64, OpsError> {
    Ok(events::head(&app.stores.write).await?)
}

/// Returns how many events the read model has not folded yet.
///
/// # Errors
/// What the stores say.
pub async fn lag(app: &App) -> Result<i64, OpsError> {
    let read = views::fold::cursor(&app.stores.read).await?;
    Ok((events::head(&app.stores.write).await? - read).max(0))
}

/// An event as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    /// Its place in the log; a text, since it is no number to reckon with.
    pub position: String,
    /// The booking, or the thing of the catalogue, that it happened to.
    pub stream_id: Uuid,
    /// Its place in its stream, from 1.
    pub stream_version: i32,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// When it was decided.
    pub time: Timestamp,
    /// Who acted.
    pub actor: String,
    /// The request that all this followed from.
    pub correlation_id: String,
    /// What directly caused it.
    pub causation_id: Option<String>,
    /// The facts.
    pub data: Box<RawValue>,
}

/// Returns an event as users see it.
#[must_use]
pub fn event_body(entry: LogEntry) -> EventBody {
    EventBody {
        position: entry.position.to_string(),
        stream_id: entry.stream_id,
        stream_version: entry.stream_version,
        event_type: entry.event.type_name(),
        time: entry.recorded_at,
        actor: entry.actor,
        correlation_id: entry.correlation_id,
        causation_id: entry.causation_id,
        data: bodies::raw(entry.event.data()),
    }
}
