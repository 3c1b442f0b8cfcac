//! Events and what is free of them; reservations as their owners list them.

use super::network::{find_offering, offerings};
use super::totals::total;
use super::{Page, wait_for};
use crate::app::{App, AppError, halls};
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::occupancy::SeatState;
use crate::domain::time::Timestamp;
use crate::projection::sales::SaleRow;
use crate::projection::venue::EventStatus;
use crate::projection::{TicketRow, bodies, sales, venue as words};
use crate::store::views::search::{self, Order, Search};
use crate::store::views::tickets::{self, UserQuery};
use crate::store::views::{self, network};
use std::collections::HashMap;
use std::sync::Arc;

/// What events are asked for. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventsQuery {
    /// Beginnings of words of its title, city, sort or description.
    pub text: Option<String>,
    /// Its city, whatever the case.
    pub city: Option<String>,
    /// Its sort, whatever the case.
    pub event_type: Option<String>,
    /// What it is now.
    pub status: Option<EventStatus>,
    /// The day on which it begins, in the time zone of its venue: `YYYY-MM-DD`.
    pub day: Option<String>,
    /// Begins no earlier.
    pub from: Option<Timestamp>,
    /// Begins before.
    pub to: Option<Timestamp>,
    /// The page, from 1.
    pub page: u32,
    /// How many a page.
    pub limit: u32,
}

/// Returns a page of events, those that begin first before the others.
///
/// # Errors
/// What the store says.
pub async fn search(app: &App, query: &EventsQuery, min_position: Option<i64>) -> Result<Page, AppError> {
    wait_for(app, min_position).await?;
    let asked = question(query, app.clock.now());
    let read = &app.stores.read;
    let rows = search::page(read, &asked).await?;
    let all_pages = EventsQuery { page: 0, limit: 0, ..query.clone() };
    let total = total(app, &app.event_totals, all_pages, &asked, rows.len(), min_position).await?;
    let lines = event_bodies(app, &rows).await?;
    Ok(Page { data: Arc::from(bodies::array(&lines)), total })
}

/// What is asked of the store.
fn question(query: &EventsQuery, now: Timestamp) -> Search {
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_lowercase());
    let mut asked = Search {
        words: sales::words(query.text.as_deref()).into_iter().collect(),
        city: lower(&query.city),
        event_type: lower(&query.event_type),
        day: query.day.clone(),
        begins_from: query.from,
        begins_to: query.to.map(|to| Timestamp::from_millis(to.as_millis() - 1)),
        order: Order::Soonest,
        page: query.page,
        limit: query.limit,
        ..Search::of(OfferingKind::Event)
    };
    let open = Some(OfferingStatus::Open);
    let later = Timestamp::from_millis(now.as_millis() + 1);
    match query.status {
        None => {}
        Some(EventStatus::Cancelled) => asked.status = Some(OfferingStatus::Cancelled),
        Some(EventStatus::OnSale) => {
            asked.status = open;
            asked.begins_from = Some(asked.begins_from.map_or(later, |from| from.max(later)));
        }
        Some(EventStatus::Started) => {
            asked.status = open;
            asked.begins_to = Some(asked.begins_to.map_or(now, |to| to.min(now)));
            asked.ends_from = Some(later);
        }
        Some(EventStatus::Ended) => {
            asked.status = open;
            asked.ends_to = Some(now);
        }
    }
    asked
}

/// Returns the bodies of events as everybody reads them.
async fn event_bodies(app: &App, rows: &[SaleRow]) -> Result<Vec<String>, AppError> {
    let now = app.clock.now();
    let ids: Vec<OfferingId> = rows.iter().map(|row| row.id).collect();
    let facts = network::departures_by_id(&app.stores.read, &ids).await?;
    let facts: HashMap<OfferingId, OfferingFacts> = facts.into_iter().map(|f| (f.id, f)).collect();
    let body = |row: &SaleRow| Some(words::event(facts.get(&row.id)?, row.version, now));
    Ok(rows.iter().filter_map(body).collect())
}

/// Returns the event with this id, or that came with it; see [`find_offering`].
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Ambiguous`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<Offering, AppError> {
    let not_found = || AppError::NotFound { what: "event", id: id.to_owned() };
    match find_offering(app, id).await {
        Ok(offering) if offering.facts.kind == OfferingKind::Event => Ok(offering),
        Ok(_) | Err(AppError::NotFound { .. }) => Err(not_found()),
        Err(AppError::Ambiguous { id, .. }) => Err(AppError::Ambiguous { what: "event", id }),
        Err(error) => Err(error),
    }
}

/// Returns one event.
///
/// # Errors
/// As [`find`].
pub async fn get(app: &App, id: &str, min_position: Option<i64>) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let facts = find(app, id).await?.facts;
    let version = views::sales::by_id(&app.stores.read, &[facts.id]).await?.pop();
    Ok(words::event(&facts, version.map_or(1, |row| row.version), app.clock.now()))
}

/// Returns the state of each seat of an offering, in seat order, whichever of its legs somebody has it on.
///
/// # Errors
/// What the store says.
pub async fn states(app: &App, offering: &Offering) -> Result<Vec<SeatState>, AppError> {
    let mut states = offering.unsold();
    halls::draw(app, offering.facts.id, &mut states).await?;
    Ok(states)
}

/// Returns an event's totals, and each seat with its state and price.
///
/// # Errors
/// As [`find`].
pub async fn availability(app: &App, id: &str, min_position: Option<i64>) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let event = find(app, id).await?;
    let states = states(app, &event).await?;
    let texts = app.halls.texts(&event.layout);
    Ok(words::availability(&event, &texts, &states, app.clock.now()))
}

/// Returns a page of a user's reservations, newest first, each with its tickets.
///
/// # Errors
/// What the store says.
pub async fn orders(
    app: &App,
    user_id: UserId,
    state: Option<BookingState>,
    page: u32,
    limit: u32,
    min_position: Option<i64>,
) -> Result<Page, AppError> {
    wait_for(app, min_position).await?;
    let now = app.clock.now();
    let query = UserQuery { user_id, kind: Some(OfferingKind::Event), state, page, limit };
    let rows = tickets::of_user(&app.stores.read, &query, now).await?;
    let total = tickets::count_of_user(&app.stores.read, &query, now).await?;
    let lines: Vec<String> = rows.iter().map(|row| order_body(row, now)).collect();
    Ok(Page { data: Arc::from(bodies::array(&lines)), total })
}

fn order_body(row: &TicketRow, now: Timestamp) -> String {
    words::order(&row.booking, &row.route_name, row.departs_at, now)
}

/// Returns one reservation with its tickets. With an `owner`, another's is unknown.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn order(
    app: &App,
    id: BookingId,
    owner: Option<&UserId>,
    min_position: Option<i64>,
) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let is_theirs = |row: &TicketRow| {
        row.of.kind == OfferingKind::Event && owner.is_none_or(|owner| *owner == row.booking.user_id)
    };
    let row = tickets::one(&app.stores.read, id).await?.filter(is_theirs);
    let row = row.ok_or_else(|| AppError::NotFound { what: "order", id: id.to_string() })?;
    Ok(order_body(&row, app.clock.now()))
}

/// Returns events of the read model with their halls, in the order of `ids`, those that exist.
///
/// # Errors
/// What the store says.
pub async fn with_halls(app: &App, ids: &[OfferingId]) -> Result<Vec<Offering>, AppError> {
    let facts = network::departures_by_id(&app.stores.read, ids).await?;
    offerings(app, facts).await
}
