//! What is sold: routes and venues, the patterns of calls that departures share, and offerings.

use super::booking::rejection::Rejection;
use super::id::{LayoutId, OfferingId, PatternId, RouteId, StopId, UserId, VenueId};
use super::layout::Layout;
use super::money::Money;
use super::occupancy::SeatState;
use super::seating::{LegRange, SeatNo};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// A line of the network, with its stops in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// The id it came with (GTFS `route_id`). At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What passengers call it.
    pub name: String,
    /// The number on the bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_name: Option<String>,
    /// Its stops in order of travel.
    pub stops: Vec<RouteStop>,
    /// The fare of a departure that has none of its own.
    pub fare: Money,
    /// IANA time zone of the agency.
    pub timezone: String,
}

/// A stop as a route lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStop {
    /// Its id.
    pub id: StopId,
    /// The id it came with (GTFS `stop_id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The feed's own number; grows along the route.
    pub sequence: u32,
}

/// A place where events are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Venue {
    /// Its id.
    pub id: VenueId,
    /// The id it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What it is called. At most 200 characters.
    pub name: String,
    /// Its city, as people search for it. At most 200 characters.
    pub city: String,
    /// Its street address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its seats.
    pub layout_id: LayoutId,
    /// Its IANA time zone.
    pub timezone: String,
    /// Why it is closed, if it is: no event is announced there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

/// The calls and running times that many departures share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    /// Its id, derived from what it holds.
    pub id: PatternId,
    /// At least two calls (an event or listing has a begin and an end).
    pub calls: Vec<Call>,
}

/// A departure's call at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The stop.
    pub stop_id: StopId,
    /// The id it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The feed's own `stop_sequence`; grows along the journey.
    pub sequence: u32,
    /// Arrival, seconds after the offering's departure from its first stop (0 or less there).
    pub arrival_s: i32,
    /// Departure, seconds after the offering's departure from its first stop.
    pub departure_s: i32,
    /// Whether passengers may board (GTFS `pickup_type` is not 1).
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub boards: bool,
    /// Whether passengers may leave (GTFS `drop_off_type` is not 1).
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub alights: bool,
}

const fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
const fn is_true(value: &bool) -> bool {
    *value
}

/// The most calls of one pattern: legs are counted in 16 bits with room to spare.
pub const CALLS_MAX: usize = 1_000;

impl Pattern {
    /// How many legs lie between its stops; at least 1.
    #[must_use]
    pub fn leg_count(&self) -> u16 {
        u16::try_from(self.calls.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// Finds the legs between two stops, each named by id, external id or `#sequence`; `None` is the end of
    /// the line on that side.
    ///
    /// A loop that calls twice at a stop boards at the first call, and leaves at the first one after it.
    ///
    /// # Errors
    /// [`Rejection::UnknownStop`], [`Rejection::StopOrder`] or [`Rejection::NoBoarding`].
    pub fn resolve(&self, from: Option<&str>, to: Option<&str>) -> Result<LegRange, Rejection> {
        let legs = self.resolve_any(from, to)?;
        let (begin, end) = (&self.calls[usize::from(legs.from())], &self.calls[usize::from(legs.to())]);
        if !begin.boards {
            return Err(Rejection::NoBoarding { field: "fromStop", stop: begin.name.clone() });
        }
        if !end.alights {
            return Err(Rejection::NoBoarding { field: "toStop", stop: end.name.clone() });
        }
        Ok(legs)
    }

    /// The same for somebody who only looks: where nobody boards is no refusal.
    ///
    /// # Errors
    /// [`Rejection::UnknownStop`] or [`Rejection::StopOrder`].
    pub fn resolve_any(&self, from: Option<&str>, to: Option<&str>) -> Result<LegRange, Rejection> {
        let last = self.calls.len() - 1;
        let begin = match from {
            None => 0,
            Some(stop) => self.find(stop, 0).ok_or_else(|| Rejection::unknown_stop("fromStop", stop))?,
        };
        let end = match to {
            None => last,
            Some(stop) => match self.find(stop, begin + 1) {
                Some(index) => index,
                None if self.find(stop, 0).is_some() => {
                    return Err(Rejection::StopOrder { to: stop.to_owned() });
                }
                None => return Err(Rejection::unknown_stop("toStop", stop)),
            },
        };
        let index = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
        let order = || Rejection::StopOrder { to: to.unwrap_or(&self.calls[last].name).to_owned() };
        LegRange::new(index(begin), index(end)).ok_or_else(order)
    }

    fn find(&self, stop: &str, start: usize) -> Option<usize> {
        let calls = self.calls.get(start..)?;
        let offset = if let Some(number) = stop.strip_prefix('#') {
            let sequence: u32 = number.parse().ok()?;
            calls.iter().position(|c| c.sequence == sequence)
        } else {
            let id = Uuid::parse_str(stop).ok().map(StopId);
            calls.iter().position(|c| Some(c.stop_id) == id || c.external_id.as_deref() == Some(stop))
        };
        offset.map(|i| i + start)
    }
}

/// What kind of thing an offering is. The engine treats them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferingKind {
    /// A departure of a route.
    Departure,
    /// An event at a venue.
    Event,
    /// One ticket that a user sells.
    Listing,
}

impl OfferingKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Departure, Self::Event, Self::Listing];

    /// The word of the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Departure => "departure",
            Self::Event => "event",
            Self::Listing => "listing",
        }
    }

    /// Returns the kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What people call it: a departure is a `schedule`.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Departure => "schedule",
            Self::Event => "event",
            Self::Listing => "listing",
        }
    }
}

/// Whether an offering is sold at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferingStatus {
    /// On sale until it leaves.
    Open,
    /// Withdrawn, with its bookings.
    Cancelled,
}

/// The facts of an offering that are stored and logged; what it refers to by id lies in [`Offering`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferingFacts {
    /// Its id.
    pub id: OfferingId,
    /// What kind of thing it is.
    pub kind: OfferingKind,
    /// The route of a departure; nothing else has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_id: Option<RouteId>,
    /// Its calls and running times.
    pub pattern_id: PatternId,
    /// Its seats.
    pub layout_id: LayoutId,
    /// The id it came with: GTFS `trip_id`, or `trip_id@HH:MM:SS`. Unique together with `service_date`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The service day in the agency's time zone, or an event's in its venue's, `YYYY-MM-DD`; empty for a listing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service_date: String,
    /// When it leaves its first stop, or begins; [`Timestamp::NEVER`] for a listing, which is sold at any time.
    pub departs_at: Timestamp,
    /// When it reaches its last stop, or ends.
    pub arrives_at: Timestamp,
    /// The price of one seat, for any part of the journey; where seats have categories, of one whose category has no
    /// price of its own.
    pub fare: Money,
    /// Whether it is sold at all.
    pub status: OfferingStatus,
    /// What happens to money that comes after a hold has ended and its seats are gone.
    #[serde(default, skip_serializing_if = "LatePayment::is_default")]
    pub late_payment: LatePayment,
    /// What only some offerings have.
    #[serde(flatten)]
    pub particulars: Particulars,
}

/// What only some offerings have. None of it says what kind an offering is: a rule asks for the fact it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Particulars {
    /// What it is called, where it is not named by its route. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_id: Option<VenueId>,
    /// The city where it is held, as the venue said when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// What sort of event it is, in lower case: `concert`. At most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// What it is about. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who sells it, and so never buys it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The price of a seat by its category, in minor units of the fare's currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, i64>,
    /// Labels of seats that an operator keeps from being sold, beside those of the layout; in seat order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// Why a listing was withdrawn, if anybody said so. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What happens to money that comes after a hold has ended and whose very seats are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LatePayment {
    /// Other seats on the same legs are taken, if there are any; else the money goes back.
    #[default]
    ReReserve,
    /// The money goes back.
    Refund,
}

impl LatePayment {
    /// The word of the store and of seed files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReReserve => "re-reserve",
            Self::Refund => "refund",
        }
    }

    /// Returns the policy with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::ReReserve, Self::Refund].into_iter().find(|p| p.word() == word)
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A coherent piece of the catalogue, as a seed file or a feed brings it: what it names is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSet {
    /// Layouts, each with the id that its name always has (see [`super::id::derived`], kind `layout`).
    pub layouts: Vec<super::event::LayoutDefined>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Venues.
    pub venues: Vec<Venue>,
    /// Patterns, once each.
    pub patterns: Vec<Pattern>,
    /// Offerings of these routes.
    pub offerings: Vec<OfferingFacts>,
}

/// An offering with its calls and its seats at hand.
#[derive(Clone, Debug)]
pub struct Offering {
    /// Its own facts.
    pub facts: OfferingFacts,
    /// Its calls.
    pub pattern: Arc<Pattern>,
    /// Its seats.
    pub layout: Arc<Layout>,
    /// Its own seats that are not sold, in seat order: the labels of its facts.
    blocked: Vec<SeatNo>,
}

impl Offering {
    /// Puts an offering together. A blocked label that is no seat of the layout is passed over.
    #[must_use]
    pub fn new(facts: OfferingFacts, pattern: Arc<Pattern>, layout: Arc<Layout>) -> Self {
        let labels = facts.particulars.blocked.iter();
        let mut blocked: Vec<SeatNo> = labels.filter_map(|label| layout.seat(label)).collect();
        blocked.sort_unstable();
        Self { facts, pattern, layout, blocked }
    }

    /// Whether a seat is not for sale: by its layout, or by an operator.
    #[must_use]
    pub fn is_blocked(&self, seat: SeatNo) -> bool {
        self.layout.is_blocked(seat) || self.blocked.binary_search(&seat).is_ok()
    }

    /// The seats that are for sale, whoever has them by now, in seat order.
    pub fn for_sale(&self) -> impl Iterator<Item = SeatNo> {
        self.layout.seats().filter(|seat| !self.is_blocked(*seat))
    }

    /// The state of each seat, in seat order, as it is before anybody has one.
    #[must_use]
    pub fn unsold(&self) -> Vec<SeatState> {
        let mut states = vec![SeatState::Free; self.layout.seat_count() as usize];
        for seat in self.layout.blocked().iter().chain(&self.blocked) {
            states[seat.0 as usize] = SeatState::Blocked;
        }
        states
    }

    /// How many seats are for sale, whoever has them by now.
    #[must_use]
    pub fn seats_total(&self) -> u32 {
        let own = self.blocked.iter().filter(|seat| !self.layout.is_blocked(**seat)).count();
        self.layout.seat_count() - self.layout.blocked().len() as u32 - own as u32
    }

    /// The price of one seat.
    #[must_use]
    pub fn price_of(&self, seat: SeatNo) -> Money {
        let fare = self.facts.fare;
        let prices = &self.facts.particulars.prices;
        if prices.is_empty() {
            return fare;
        }
        let category = self.layout.section_of(seat).and_then(|section| section.category.as_ref());
        let own = category.and_then(|category| prices.get(category)).copied();
        Money { amount_minor: own.unwrap_or(fare.amount_minor), currency: fare.currency }
    }

    /// The price of these seats together.
    #[must_use]
    pub fn price_of_all(&self, seats: &[SeatNo]) -> Money {
        if self.has_one_price() {
            return self.facts.fare.times(seats.len());
        }
        let sum = seats.iter().fold(0_i64, |sum, seat| sum.saturating_add(self.price_of(*seat).amount_minor));
        Money { amount_minor: sum, currency: self.facts.fare.currency }
    }

    /// Whether all seats cost the same.
    #[must_use]
    pub fn has_one_price(&self) -> bool {
        self.facts.particulars.prices.is_empty()
    }

    /// When it arrives at the stop with this index.
    #[must_use]
    pub fn arrival_at(&self, stop: u16) -> Timestamp {
        self.facts.departs_at.plus_seconds(i64::from(self.pattern.calls[usize::from(stop)].arrival_s))
    }

    /// When it leaves the stop with this index.
    #[must_use]
    pub fn departure_at(&self, stop: u16) -> Timestamp {
        self.facts.departs_at.plus_seconds(i64::from(self.pattern.calls[usize::from(stop)].departure_s))
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Pattern, Rejection};
    use crate::domain::id::{PatternId, StopId};
    use uuid::Uuid;

    /// Stops A B C A D with sequences 10, 20, …; B lets nobody on, C lets nobody off.
    fn pattern() -> Pattern {
        let call = |(i, (id, name)): (u32, (u128, &str))| Call {
            stop_id: StopId(Uuid::from_u128(id)),
            external_id: Some(format!("x{name}")),
            name: name.into(),
            sequence: (i + 1) * 10,
            arrival_s: i as i32 * 60,
            departure_s: i as i32 * 60,
            boards: name != "B",
            alights: name != "C",
        };
        let stops = [(1, "A"), (2, "B"), (3, "C"), (1, "A"), (4, "D")];
        Pattern { id: PatternId(Uuid::nil()), calls: (0..).zip(stops).map(call).collect() }
    }

    #[test]
    fn stops_are_found_by_id_external_id_and_sequence() {
        let a = Uuid::from_u128(1).to_string();
        type Row<'a> = (Option<&'a str>, Option<&'a str>, Result<(u16, u16), &'a str>);
        let rows: &[Row<'_>] = &[
            (None, None, Ok((0, 4))),
            (Some("xC"), None, Ok((2, 4))),
            (None, Some("xB"), Ok((0, 1))),
            (Some(&a), Some(&a), Ok((0, 3))),
            (Some("xC"), Some(&a), Ok((2, 3))),
            (Some("#40"), Some("#50"), Ok((3, 4))),
            (Some("xD"), Some(&a), Err("STOP_ORDER")),
            (Some("xD"), None, Err("STOP_ORDER")),
            (None, Some("#10"), Err("STOP_ORDER")),
            (Some("nowhere"), None, Err("UNKNOWN_STOP")),
            (None, Some("#11"), Err("UNKNOWN_STOP")),
            (Some("#x"), None, Err("UNKNOWN_STOP")),
            (Some("xB"), None, Err("NO_BOARDING")),
            (None, Some("xC"), Err("NO_BOARDING")),
        ];
        for (from, to, expected) in rows {
            let answer = pattern().resolve(*from, *to);
            let answer = answer.as_ref().map(|l| (l.from(), l.to())).map_err(Rejection::code);
            assert_eq!(answer, *expected, "{from:?} to {to:?}");
        }
    }
}
