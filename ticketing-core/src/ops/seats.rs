//! How the seats of what is sold stand: how many are free, held, sold or kept back, of each thing that is ahead, and of
//! each section of a hall. It reads the read store, and changes nothing.

use super::OpsError;
use crate::app::App;
use crate::app::queries::network::{self, SeatMap};
use crate::domain::booking::state::BookingState;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::id::{OfferingId, RouteId};
use crate::domain::money::Money;
use crate::domain::occupancy::SeatState;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::projection::sales::SaleRow;
use crate::projection::{bodies, market};
use crate::store::views;
use crate::store::views::search::{self, Order, Search};
use crate::store::views::tickets::occupants;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// Events or listings of one page.
pub const PAGE: u32 = 200;

/// How many seats are in each state; together they are all that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// That anybody may buy.
    pub free: u64,
    /// Of holds that have not ended.
    pub held: u64,
    /// That are paid for.
    pub sold: u64,
    /// Kept back from sale; of what is cancelled, all that nobody has.
    pub blocked: u64,
}

impl Counts {
    /// Counts states.
    #[must_use]
    pub fn of(states: &[SeatState]) -> Self {
        let mut counts = Self { total: states.len() as u64, ..Self::default() };
        for state in states {
            match state {
                SeatState::Free => counts.free += 1,
                SeatState::Held => counts.held += 1,
                SeatState::Sold => counts.sold += 1,
                SeatState::Blocked => counts.blocked += 1,
            }
        }
        counts
    }

    /// Returns them as they are once the thing is cancelled: nobody may buy what was free.
    #[must_use]
    pub fn withdrawn(self) -> Self {
        Self { free: 0, blocked: self.blocked + self.free, ..self }
    }

    fn of_status(self, status: OfferingStatus) -> Self {
        match status {
            OfferingStatus::Open => self,
            OfferingStatus::Cancelled => self.withdrawn(),
        }
    }
}

/// Something that is sold, and how its seats stand.
#[derive(Clone, Debug, Serialize)]
pub struct OnSale {
    /// What kind of thing: `departure`, `event`, `listing`.
    pub kind: &'static str,
    /// Its id.
    pub id: OfferingId,
    /// Its route's name, or its title.
    pub name: String,
    /// When it leaves or begins; a listing has no time.
    pub when: Option<Timestamp>,
    /// What it is now, in the words of those who sell it.
    pub status: &'static str,
    /// The lowest price of a seat; the dearest categories may cost many times that.
    #[serde(rename = "priceFrom")]
    pub price: Box<RawValue>,
    /// Its currency.
    pub currency: String,
    /// How its seats stand.
    #[serde(flatten)]
    pub seats: Counts,
    /// The id that it came with.
    #[serde(rename = "externalId")]
    pub external_id: Option<String>,
}

/// Returns a page of the events that begin after `after`, those that begin first before the others. Pages count from 1.
///
/// # Errors
/// What the store says.
pub async fn events(app: &App, after: Timestamp, page: u32) -> Result<Vec<SaleRow>, OpsError> {
    let begins_from = Some(Timestamp::from_millis(after.as_millis().saturating_add(1)));
    let asked =
        Search { begins_from, order: Order::Soonest, page, limit: PAGE, ..Search::of(OfferingKind::Event) };
    Ok(search::page(&app.stores.read, &asked).await?)
}

/// Returns a page of the listings that were not withdrawn, newest first. Pages count from 1.
///
/// # Errors
/// What the store says.
pub async fn listings(app: &App, page: u32) -> Result<Vec<SaleRow>, OpsError> {
    let status = Some(OfferingStatus::Open);
    let asked = Search { status, page, limit: PAGE, ..Search::of(OfferingKind::Listing) };
    Ok(search::page(&app.stores.read, &asked).await?)
}

/// Returns listings with how their one seat stands.
#[must_use]
pub fn of_listings(rows: Vec<SaleRow>, now: Timestamp) -> Vec<OnSale> {
    let one = |row: SaleRow| {
        let state = if row.status == OfferingStatus::Cancelled {
            SeatState::Blocked
        } else if row.free_at == Timestamp::NEVER {
            SeatState::Sold
        } else if row.free_at > now {
            SeatState::Held
        } else {
            SeatState::Free
        };
        OnSale {
            kind: OfferingKind::Listing.word(),
            id: row.id,
            status: market::listing_status(row.status, row.free_at, now),
            name: row.title,
            when: None,
            price: bodies::raw(row.price.decimal()),
            currency: row.price.currency.to_string(),
            seats: Counts::of(&[state]),
            external_id: None,
        }
    };
    rows.into_iter().map(one).collect()
}

/// Returns events with how their seats stand.
///
/// # Errors
/// What the store says.
pub async fn of_events(app: &App, rows: &[SaleRow]) -> Result<Vec<OnSale>, OpsError> {
    let ids: Vec<OfferingId> = rows.iter().map(|row| row.id).collect();
    let facts = views::network::departures_by_id(&app.stores.read, &ids).await?;
    let mut counted: HashMap<OfferingId, OnSale> =
        of_facts(app, facts).await?.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| counted.remove(id)).collect())
}

/// Returns departures or events with how their seats stand on any part of the way: a seat that is sold for one leg
/// counts as sold.
///
/// # Errors
/// What the store says.
pub async fn of_facts(app: &App, facts: Vec<OfferingFacts>) -> Result<Vec<OnSale>, OpsError> {
    let now = app.clock.now();
    let offerings = network::offerings(app, facts).await?;
    let ids: Vec<OfferingId> = offerings.iter().map(|it| it.facts.id).collect();
    let mut taken: HashMap<OfferingId, HashMap<SeatNo, SeatState>> = HashMap::new();
    for occupant in occupants(&app.stores.read, &ids).await? {
        let state = match occupant.state {
            BookingState::Confirmed => SeatState::Sold,
            BookingState::Pending | BookingState::Reserved if occupant.hold_expires_at > now => {
                SeatState::Held
            }
            BookingState::Pending
            | BookingState::Reserved
            | BookingState::Cancelled
            | BookingState::Expired
            | BookingState::Refunded => continue,
        };
        let seats = taken.entry(occupant.offering_id).or_default();
        for seat in &occupant.seats {
            let known = seats.entry(seat.no).or_insert(state);
            *known = (*known).max(state);
        }
    }
    let routes: HashSet<RouteId> = offerings.iter().filter_map(|it| it.facts.route_id).collect();
    let routes = views::network::routes_by_id(&app.stores.read, routes.into_iter().collect()).await?;
    let names: HashMap<RouteId, String> = routes.into_iter().map(|route| (route.id, route.name)).collect();
    let none = HashMap::new();
    let one = |it: &Offering| {
        let seats = counts(it, taken.get(&it.facts.id).unwrap_or(&none)).of_status(it.facts.status);
        on_sale(it, it.facts.route_id.and_then(|id| names.get(&id)), seats, now)
    };
    Ok(offerings.iter().map(one).collect())
}

fn counts(offering: &Offering, taken: &HashMap<SeatNo, SeatState>) -> Counts {
    let total = u64::from(offering.layout.seat_count());
    let of = |state| taken.values().filter(|it| **it == state).count() as u64;
    let (held, sold) = (of(SeatState::Held), of(SeatState::Sold));
    // A seat that is kept back and was sold before is sold.
    let blocked =
        offering.layout.seats().filter(|seat| offering.is_blocked(*seat) && !taken.contains_key(seat));
    let blocked = blocked.count() as u64;
    Counts { total, free: total.saturating_sub(held + sold + blocked), held, sold, blocked }
}

fn on_sale(offering: &Offering, route: Option<&String>, seats: Counts, now: Timestamp) -> OnSale {
    let facts = &offering.facts;
    let lowest = facts.particulars.prices.values().copied().chain([facts.fare.amount_minor]);
    let price = Money { amount_minor: lowest.min().unwrap_or_default(), currency: facts.fare.currency };
    OnSale {
        kind: facts.kind.word(),
        id: facts.id,
        name: route.or(facts.particulars.title.as_ref()).cloned().unwrap_or_default(),
        when: (facts.departs_at != Timestamp::NEVER).then_some(facts.departs_at),
        status: bodies::offering_status(facts, now),
        price: bodies::raw(price.decimal()),
        currency: price.currency.to_string(),
        seats,
        external_id: facts.external_id.clone(),
    }
}

/// A section of a hall, and how its seats stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfSection {
    /// Its name.
    pub section: String,
    /// What its seats are priced as.
    pub category: Option<String>,
    /// How its seats stand.
    #[serde(flatten)]
    pub seats: Counts,
}

/// Returns the sections of a hall, the best first; a vehicle has one, without a name.
#[must_use]
pub fn of_sections(map: &SeatMap) -> Vec<OfSection> {
    let sections = map.offering.layout.sections().iter();
    sections
        .map(|section| {
            let seats = section.seats();
            let states = map.states.get(seats.start as usize..seats.end as usize).unwrap_or_default();
            OfSection {
                section: section.name.clone(),
                category: section.category.clone(),
                seats: Counts::of(states).of_status(map.offering.facts.status),
            }
        })
        .collect()
}
