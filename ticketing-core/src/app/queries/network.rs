//! Routes, departures and seat maps: what can be booked.

use super::Page;
use crate::app::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, Route};
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId};
use crate::domain::occupancy::SeatState;
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use crate::projection::bodies;
use crate::store::views::network;
use crate::store::views::tickets::{Occupant, occupants};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

/// Returns a page of all routes by name.
///
/// # Errors
/// What the store says.
pub async fn routes(app: &App, page: u32, limit: u32, min_position: Option<i64>) -> Result<Page, AppError> {
    super::wait_for(app, min_position).await?;
    let (routes, total) = network::routes(&app.stores.read, page, limit).await?;
    let lines: Vec<String> = routes.iter().map(bodies::route).collect();
    Ok(Page { data: Arc::from(bodies::array(&lines)), total })
}

/// Returns the route with this id, or that came with it.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn find_route(app: &App, id: &str) -> Result<Route, AppError> {
    let by_id = match Uuid::parse_str(id) {
        Ok(uuid) => network::routes_by_id(&app.stores.read, vec![RouteId(uuid)]).await?.pop(),
        Err(_) => None,
    };
    let found = match by_id {
        Some(route) => Some(route),
        None => network::route_by_external(&app.stores.read, id).await?,
    };
    found.ok_or_else(|| AppError::NotFound { what: "route", id: id.to_owned() })
}

/// Returns one route.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn route(app: &App, id: &str, min_position: Option<i64>) -> Result<String, AppError> {
    super::wait_for(app, min_position).await?;
    Ok(bodies::route(&find_route(app, id).await?))
}

/// Returns a page of a route's departures, of one service day or of all, in order of departure.
///
/// # Errors
/// [`AppError::NotFound`] for the route; what the store says.
pub async fn schedules(
    app: &App,
    route: &str,
    service_date: Option<&str>,
    page: u32,
    limit: u32,
    min_position: Option<i64>,
) -> Result<Page, AppError> {
    super::wait_for(app, min_position).await?;
    let route = find_route(app, route).await?;
    let (facts, total) = network::departures(&app.stores.read, route.id, service_date, page, limit).await?;
    let lines = schedule_bodies(app, facts).await?;
    Ok(Page { data: Arc::from(bodies::array(&lines)), total })
}

/// Returns the bodies of departures, each with its seats left.
///
/// # Errors
/// What the store says.
pub async fn schedule_bodies(app: &App, facts: Vec<OfferingFacts>) -> Result<Vec<String>, AppError> {
    let now = app.clock.now();
    let offerings = offerings(app, facts).await?;
    let ids: Vec<OfferingId> = offerings.iter().map(|o| o.facts.id).collect();
    let mut taken: HashMap<OfferingId, HashSet<SeatNo>> = HashMap::new();
    for occupant in occupants(&app.stores.read, &ids).await? {
        if takes_seats(&occupant, now) {
            taken.entry(occupant.offering_id).or_default().extend(occupant.seats.iter().map(|s| s.no));
        }
    }
    let route_ids = offerings.iter().filter_map(|o| o.facts.route_id).collect::<HashSet<_>>();
    let routes = network::routes_by_id(&app.stores.read, route_ids.into_iter().collect()).await?;
    let routes: HashMap<RouteId, Route> = routes.into_iter().map(|r| (r.id, r)).collect();
    let body = |offering: &Offering| {
        let route = routes.get(&offering.facts.route_id?)?;
        let taken = taken.get(&offering.facts.id).map_or(0, HashSet::len) as u32;
        let left = offering.seats_total().saturating_sub(taken);
        Some(bodies::schedule(offering, route, left, now))
    };
    Ok(offerings.iter().filter_map(body).collect())
}

fn takes_seats(occupant: &Occupant, now: Timestamp) -> bool {
    occupant.state == BookingState::Confirmed || occupant.hold_expires_at > now
}

/// Returns departures with their calls and seats at hand.
///
/// # Errors
/// What the store says.
pub async fn offerings(app: &App, facts: Vec<OfferingFacts>) -> Result<Vec<Offering>, AppError> {
    let patterns: HashSet<PatternId> = facts.iter().map(|f| f.pattern_id).collect();
    let layouts: HashSet<LayoutId> = facts.iter().map(|f| f.layout_id).collect();
    let patterns = network::patterns(&app.stores.read, patterns.into_iter().collect()).await?;
    let layouts = network::layouts(&app.stores.read, layouts.into_iter().collect()).await?;
    let patterns: HashMap<_, _> = patterns.into_iter().map(|p| (p.id, Arc::new(p))).collect();
    let layouts: HashMap<_, _> = layouts.into_iter().map(|l| (l.id(), Arc::new(l))).collect();
    let whole = |facts: OfferingFacts| {
        let pattern = Arc::clone(patterns.get(&facts.pattern_id)?);
        let layout = Arc::clone(layouts.get(&facts.layout_id)?);
        Some(Offering::new(facts, pattern, layout))
    };
    Ok(facts.into_iter().filter_map(whole).collect())
}

/// Returns the departure with this id, or the only one that came with it (`externalId`, or
/// `externalId/serviceDate` where it serves several days).
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Ambiguous`]; what the store says.
pub async fn find_offering(app: &App, id: &str) -> Result<Offering, AppError> {
    let not_found = || AppError::NotFound { what: "schedule", id: id.to_owned() };
    let mut facts = match Uuid::parse_str(id) {
        Ok(uuid) => network::departures_by_id(&app.stores.read, &[OfferingId(uuid)]).await?,
        Err(_) => Vec::new(),
    };
    if facts.is_empty() {
        facts = network::departures_by_external(&app.stores.read, id, 2).await?;
    }
    if facts.is_empty()
        && let Some((external, date)) = id.rsplit_once('/')
    {
        facts = network::departures_by_external(&app.stores.read, external, i64::MAX).await?;
        facts.retain(|f| f.service_date == date);
    }
    if facts.len() > 1 {
        return Err(AppError::Ambiguous { what: "schedule", id: id.to_owned() });
    }
    offerings(app, facts).await?.pop().ok_or_else(not_found)
}

/// The seats of a departure for some legs.
#[derive(Clone, Debug)]
pub struct SeatMap {
    /// The departure.
    pub offering: Offering,
    /// The legs asked for.
    pub legs: LegRange,
    /// The state of each seat, in seat order.
    pub states: Vec<SeatState>,
}

impl SeatMap {
    /// The map as JSON.
    #[must_use]
    pub fn body(&self) -> String {
        self.body_of(0..self.offering.layout.seat_count())
    }

    /// The part of the map with these seats, such as a section's, as JSON.
    #[must_use]
    pub fn body_of(&self, seats: Range<u32>) -> String {
        let name = |stop: u16| &self.offering.pattern.calls[usize::from(stop)].name;
        let layout = &self.offering.layout;
        let states = self.states.get(seats.start as usize..seats.end as usize).unwrap_or_default();
        let seats: Vec<_> =
            seats.zip(states).map(|(no, state)| (layout.label(SeatNo(no)), state.word())).collect();
        bodies::seat_map(&self.offering, name(self.legs.from()), name(self.legs.to()), &seats)
    }
}

/// Returns the seats of a departure for the legs between two stops.
///
/// # Errors
/// [`AppError::NotFound`] for the departure; a rejection for the stops; what the store says.
pub async fn seat_map(
    app: &App,
    schedule: &str,
    from: Option<&str>,
    to: Option<&str>,
    min_position: Option<i64>,
) -> Result<SeatMap, AppError> {
    super::wait_for(app, min_position).await?;
    let now = app.clock.now();
    let offering = find_offering(app, schedule).await?;
    if offering.facts.kind != OfferingKind::Departure {
        return Err(AppError::NotFound { what: "schedule", id: schedule.to_owned() });
    }
    let legs = match offering.pattern.resolve(from, to) {
        // Looking is allowed where boarding is not.
        Err(Rejection::NoBoarding { .. }) => offering.pattern.resolve_any(from, to)?,
        other => other?,
    };
    let mut states = offering.unsold();
    for occupant in occupants(&app.stores.read, &[offering.facts.id]).await? {
        if !occupant.legs.overlaps(legs) || !takes_seats(&occupant, now) {
            continue;
        }
        let state = match occupant.state {
            BookingState::Confirmed => SeatState::Sold,
            BookingState::Pending
            | BookingState::Reserved
            | BookingState::Cancelled
            | BookingState::Expired
            | BookingState::Refunded => SeatState::Held,
        };
        for seat in &occupant.seats {
            if let Some(shown) = states.get_mut(seat.no.0 as usize) {
                *shown = (*shown).max(state);
            }
        }
    }
    Ok(SeatMap { offering, legs, states })
}
