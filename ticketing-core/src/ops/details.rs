//! One thing with everything about it, from the write store: what an operator looks at must be true now.

use super::OpsError;
use crate::app::queries::tickets::{details_body, paid_with};
use crate::app::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{Offering, Route};
use crate::domain::id::{BookingId, OfferingId, RouteId};
use crate::domain::occupancy::Occupancy;
use crate::domain::seating::LegRange;
use crate::projection::TicketRow;
use crate::projection::bodies::{self, Of};
use crate::store::{bookings, catalog, events, offerings, passengers};

/// Returns a booking with its passenger, payment and history, as JSON.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn booking(app: &App, id: BookingId) -> Result<String, OpsError> {
    let db = &app.stores.write;
    let not_found = || AppError::NotFound { what: "booking", id: id.to_string() };
    let booking = bookings::load(db, &[id]).await?.pop().ok_or_else(not_found)?;
    let (offering, _) = with_seats(app, booking.offering_id).await?;
    let name_of_all = name_of(app, &offering).await?;
    let name = |stop: u16| offering.pattern.calls.get(usize::from(stop)).map_or("", |c| &c.name).to_owned();
    let ticket = TicketRow {
        of: (&offering.facts).into(),
        route_name: name_of_all,
        departs_at: offering.departure_at(booking.legs.from()),
        arrives_at: offering.arrival_at(booking.legs.to()),
        origin_stop: name(booking.legs.from()),
        destination_stop: name(booking.legs.to()),
        booking,
    };
    let history = events::of_stream(db, id.0).await?;
    let people = passengers::load(db, &[id]).await?;
    let paid = paid_with(app, &ticket.booking).await?;
    let person = people.first().map(|(_, person)| person);
    Ok(details_body(app, &ticket, ticket.of.kind, &history, person, paid.as_ref()))
}

/// Returns a booking as commands answer it, as JSON.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn booking_answer(app: &App, id: BookingId) -> Result<String, OpsError> {
    let not_found = || AppError::NotFound { what: "booking", id: id.to_string() };
    let booking = bookings::load(&app.stores.write, &[id]).await?.pop().ok_or_else(not_found)?;
    let facts = offerings::facts(&app.stores.write, &[booking.offering_id]).await?.pop();
    let of = facts.as_ref().map(Of::from).unwrap_or_default();
    Ok(bodies::booking(&booking, of, app.clock.now()))
}

/// Returns a departure with the seats that are free on every leg, as JSON.
///
/// # Errors
/// [`Rejection::UnknownOffering`]; what the store says.
pub async fn schedule(app: &App, id: OfferingId) -> Result<String, OpsError> {
    let (offering, mut occupancy) = with_seats(app, id).await?;
    let now = app.clock.now();
    let lapsed: Vec<BookingId> = occupancy.lapsed(now).collect();
    for id in lapsed {
        occupancy.release(id);
    }
    let no_schedule = || AppError::NotFound { what: "schedule", id: id.to_string() };
    let route_id = offering.facts.route_id.ok_or_else(no_schedule)?;
    let not_found = || AppError::NotFound { what: "route", id: route_id.to_string() };
    let route = route_of(app, route_id).await?.ok_or_else(not_found)?;
    let all = LegRange::new(0, offering.pattern.leg_count());
    let is_free = |seat| all.is_some_and(|legs| occupancy.is_free(seat, legs));
    let left = offering.for_sale().filter(|seat| is_free(*seat)).count();
    Ok(bodies::schedule(&offering, &route, u32::try_from(left).unwrap_or(u32::MAX), now))
}

/// Returns a route as JSON.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn route(app: &App, id: RouteId) -> Result<String, OpsError> {
    let not_found = || AppError::NotFound { what: "route", id: id.to_string() };
    Ok(bodies::route(&route_of(app, id).await?.ok_or_else(not_found)?))
}

/// What an offering is called: by its route, or by its own title.
async fn name_of(app: &App, offering: &Offering) -> Result<String, OpsError> {
    let route = match offering.facts.route_id {
        Some(id) => route_of(app, id).await?,
        None => None,
    };
    let title = offering.facts.particulars.title.clone();
    Ok(route.map(|route| route.name).or(title).unwrap_or_default())
}

async fn route_of(app: &App, id: RouteId) -> Result<Option<Route>, OpsError> {
    let mut found = catalog::routes(&app.stores.write, vec![id.0]).await?;
    Ok(found.remove(&id.0).map(|row| row.value))
}

async fn with_seats(app: &App, id: OfferingId) -> Result<(Offering, Occupancy), OpsError> {
    let unknown = || AppError::from(Rejection::UnknownOffering { id: id.to_string() });
    let found = offerings::with_seats(&app.stores.write, &[id]).await?.pop();
    Ok(found.ok_or_else(unknown)?)
}
