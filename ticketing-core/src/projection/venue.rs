//! The venue's JSON: venues, events, reservations and orders.

use super::bodies::{self, json};
use super::object::Object;
use crate::domain::booking::state::Booking;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingStatus, Venue};
use crate::domain::layout::{Layout, LayoutSpec};
use crate::domain::money::Money;
use crate::domain::occupancy::SeatState;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use jiff::tz::TimeZone;

const OPEN: &str = "OPEN";
const CLOSED: &str = "CLOSED";

/// What a venue can be.
pub const VENUE_STATES: [&str; 2] = [OPEN, CLOSED];

/// A reservation of seats of an event, from its hold to its end.
#[must_use]
pub fn reservation(booking: &Booking, facts: &OfferingFacts, now: Timestamp) -> String {
    let title = facts.particulars.title.as_deref().unwrap_or_default();
    reservation_of(booking, title, now)
}

/// The same, where only the event's title is at hand.
#[must_use]
pub fn reservation_of(booking: &Booking, title: &str, now: Timestamp) -> String {
    let mut body = Object::new();
    reservation_fields(&mut body, booking, title, now);
    body.end()
}

/// A reservation with its tickets: one for each seat, issued once it is sold.
#[must_use]
pub fn order(booking: &Booking, title: &str, begins_at: Timestamp, now: Timestamp) -> String {
    let mut body = Object::new();
    reservation_fields(&mut body, booking, title, now);
    body.time("startTime", begins_at);
    body.key("tickets");
    body.out.push('[');
    if booking.confirmed_at.is_some() {
        for (i, seat) in booking.seats.iter().enumerate() {
            let mut ticket = Object::new();
            // One reservation's tickets are told apart by their seats.
            ticket.text("id", &format!("{}/{}", booking.id, seat.label));
            ticket.text("seatId", &seat.label);
            ticket.plain("status", if booking.state.has_seats() { "ISSUED" } else { "VOID" });
            body.out.push_str(if i > 0 { "," } else { "" });
            body.out.push_str(&ticket.end());
        }
    }
    body.out.push(']');
    body.end()
}

fn reservation_fields(body: &mut Object, booking: &Booking, title: &str, now: Timestamp) {
    body.plain("id", booking.id);
    body.plain("reservationId", booking.id);
    body.plain("eventId", booking.offering_id);
    body.text("eventTitle", title);
    body.text("userId", &booking.user_id.0);
    let seats: Vec<&str> = booking.seats.iter().map(|seat| seat.label.as_str()).collect();
    body.raw("seatIds", &json(&seats));
    body.plain("status", booking.state_at(now).word());
    body.raw("totalAmount", &booking.price.decimal());
    body.plain("currency", booking.price.currency);
    body.time("expiresAt", booking.hold_expires_at);
    body.time("createdAt", booking.created_at);
    if let Some(payment) = &booking.payment_id {
        body.text("paymentId", payment);
    }
    if let Some(at) = booking.confirmed_at {
        body.time("confirmedAt", at);
    }
    if let Some(reason) = &booking.cancel_reason {
        body.text("reason", reason);
    }
    if let Some(status) = booking.refund_status() {
        body.raw("refund", &bodies::refund(status, booking.price));
    }
}

/// A venue, with its sections.
#[must_use]
pub fn venue(venue: &Venue, layout: &Layout) -> String {
    let mut body = Object::new();
    body.plain("id", venue.id);
    if let Some(id) = &venue.external_id {
        body.text("externalId", id);
    }
    body.text("name", &venue.name);
    body.text("city", &venue.city);
    if let Some(address) = &venue.address {
        body.text("address", address);
    }
    body.text("timezone", &venue.timezone);
    body.plain("status", if venue.closed.is_some() { CLOSED } else { OPEN });
    if let Some(reason) = &venue.closed {
        body.text("reason", reason);
    }
    body.text("layout", &layout.spec().name);
    body.raw("capacity", &(layout.seat_count() - layout.blocked().len() as u32).to_string());
    body.raw(
        "sections",
        &array(layout.sections().iter().map(|section| {
            let mut part = Object::new();
            part.text("name", &section.name);
            if let Some(category) = &section.category {
                part.text("category", category);
            }
            part.raw("generalAdmission", if section.is_general { "true" } else { "false" });
            if !section.is_general {
                part.raw("rows", &section.rows().to_string());
                part.raw("seatsPerRow", &section.width().to_string());
            }
            part.raw("seats", &section.seats().len().to_string());
            part.end()
        })),
    );
    body.end()
}

/// An event, as everybody reads it.
#[must_use]
pub fn event(facts: &OfferingFacts, version: u32, now: Timestamp) -> String {
    let mut body = Object::new();
    event_fields(&mut body, facts, version, now);
    body.end()
}

/// What an operator sees of an event beside what everybody reads.
#[derive(Clone, Debug)]
pub struct EventDetails<'a> {
    /// Where it is held.
    pub venue: Option<&'a Venue>,
    /// How many seats are or were for sale.
    pub seats_total: usize,
    /// How many of them anybody may buy now.
    pub seats_left: usize,
    /// Why it was cancelled, if it was.
    pub reason: Option<&'a str>,
}

/// An event, as an operator looks at it.
#[must_use]
pub fn event_details(facts: &OfferingFacts, version: u32, of: &EventDetails<'_>, now: Timestamp) -> String {
    let mut body = Object::new();
    event_fields(&mut body, facts, version, now);
    if let Some(venue) = of.venue {
        body.text("venueName", &venue.name);
        body.text("timezone", &venue.timezone);
        if let Some(local) = local(facts.departs_at, &venue.timezone) {
            body.text("localStartTime", &local);
        }
    }
    body.raw("seatsTotal", &of.seats_total.to_string());
    body.raw("seatsLeft", &of.seats_left.to_string());
    if let Some(reason) = of.reason {
        body.text("reason", reason);
    }
    body.end()
}

/// `2026-11-22 19:30 America/Chicago`; nothing where the zone is unknown.
fn local(at: Timestamp, timezone: &str) -> Option<String> {
    let zone = TimeZone::get(timezone).ok()?;
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(format!("{} {timezone}", at.to_zoned(zone).strftime("%Y-%m-%d %H:%M")))
}

fn event_fields(body: &mut Object, facts: &OfferingFacts, version: u32, now: Timestamp) {
    let particulars = &facts.particulars;
    body.plain("id", facts.id);
    if let Some(id) = &facts.external_id {
        body.text("externalId", id);
    }
    body.text("title", particulars.title.as_deref().unwrap_or_default());
    if let Some(about) = &particulars.description {
        body.text("description", about);
    }
    if let Some(sort) = &particulars.event_type {
        body.text("eventType", sort);
    }
    if let Some(venue) = particulars.venue_id {
        body.plain("venueId", venue);
    }
    if let Some(city) = &particulars.city {
        body.text("city", city);
    }
    body.plain("date", &facts.service_date);
    body.time("startTime", facts.departs_at);
    body.time("endTime", facts.arrives_at);
    body.plain("status", event_status(facts, now));
    body.raw("price", &facts.fare.decimal());
    body.plain("currency", facts.fare.currency);
    body.raw(
        "priceCategories",
        &array(particulars.prices.iter().map(|(category, amount_minor)| {
            let mut price = Object::new();
            price.text("category", category);
            price.raw(
                "price",
                &Money { amount_minor: *amount_minor, currency: facts.fare.currency }.decimal(),
            );
            price.end()
        })),
    );
    body.raw("version", &version.to_string());
}

/// What an event is. It is sold until it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventStatus {
    /// It has not begun.
    OnSale,
    /// It has begun, and is not over.
    Started,
    /// It is over.
    Ended,
    /// It was withdrawn.
    Cancelled,
}

impl EventStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OnSale, Self::Started, Self::Ended, Self::Cancelled];

    /// Their words, in the same order.
    pub const WORDS: [&str; 4] =
        [Self::OnSale.word(), Self::Started.word(), Self::Ended.word(), Self::Cancelled.word()];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnSale => "ON_SALE",
            Self::Started => "STARTED",
            Self::Ended => "ENDED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Returns the status with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Returns what an event is at `now`.
    #[must_use]
    pub fn of(facts: &OfferingFacts, now: Timestamp) -> Self {
        match facts.status {
            OfferingStatus::Cancelled => Self::Cancelled,
            OfferingStatus::Open if facts.arrives_at <= now => Self::Ended,
            OfferingStatus::Open if facts.departs_at <= now => Self::Started,
            OfferingStatus::Open => Self::OnSale,
        }
    }
}

/// The word for what an event is at `now`.
#[must_use]
pub fn event_status(facts: &OfferingFacts, now: Timestamp) -> &'static str {
    EventStatus::of(facts, now).word()
}

/// How each seat of a hall begins in the JSON of its availability, up to its state. It is written once for a layout: the
/// labels of 20,000 seats cost more than all the rest of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatTexts {
    spec: LayoutSpec,
    text: String,
    /// Where the text of each seat ends, in seat order.
    ends: Vec<usize>,
}

impl SeatTexts {
    /// Writes them.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let mut text = String::with_capacity(layout.seat_count() as usize * 40);
        let mut ends = Vec::with_capacity(layout.seat_count() as usize);
        for seat in layout.seats() {
            // A label is letters, digits and dashes.
            text.push_str("{\"seatId\":\"");
            text.push_str(&layout.label(seat));
            text.push_str("\",\"state\":\"");
            ends.push(text.len());
        }
        Self { spec: layout.spec().clone(), text, ends }
    }

    /// Whether they are those of this layout, as it is now.
    #[must_use]
    pub fn are_of(&self, layout: &Layout) -> bool {
        self.spec == *layout.spec()
    }
}

/// An event's seats: totals, each with what they are made of, and each seat's state and price. `texts` are those of its
/// layout.
#[must_use]
pub fn availability(offering: &Offering, texts: &SeatTexts, states: &[SeatState], now: Timestamp) -> String {
    let [mut free, mut held, mut sold, mut blocked] = [0_usize; 4];
    for state in states {
        match state {
            SeatState::Free => free += 1,
            SeatState::Held => held += 1,
            SeatState::Sold => sold += 1,
            SeatState::Blocked => blocked += 1,
        }
    }
    let mut body = Object::new();
    // A state and a price take less than this.
    body.out.reserve(texts.text.len() + states.len() * 32);
    body.plain("eventId", offering.facts.id);
    body.plain("status", event_status(&offering.facts, now));
    for (name, n) in
        [("total", states.len()), ("sold", sold), ("held", held), ("blocked", blocked), ("free", free)]
    {
        body.raw(name, &n.to_string());
    }
    body.text(
        "explanation",
        &format!("{free} free = {} total - {sold} sold - {held} held - {blocked} blocked", states.len()),
    );
    body.plain("currency", offering.facts.fare.currency);
    body.key("seats");
    let out = &mut body.out;
    out.push('[');
    let mut begin = 0;
    let mut seats = texts.ends.iter().zip(states);
    for section in offering.layout.sections() {
        let range = section.seats();
        let price = offering.price_of(SeatNo(range.start)).decimal();
        // All that can come after the beginning of a seat of this section.
        let ends = [SeatState::Free, SeatState::Held, SeatState::Sold, SeatState::Blocked]
            .map(|state| format!("{}\",\"price\":{price}}},", state.word()));
        for (end, state) in seats.by_ref().take(range.len()) {
            out.push_str(&texts.text[begin..*end]);
            out.push_str(&ends[*state as usize]);
            begin = *end;
        }
    }
    if out.ends_with(',') {
        out.pop();
    }
    out.push(']');
    body.end()
}

fn array(parts: impl Iterator<Item = String>) -> String {
    bodies::array(&parts.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::{SeatTexts, availability};
    use crate::domain::catalog::{LatePayment, Offering, Venue};
    use crate::domain::id::{LayoutId, VenueId};
    use crate::domain::layout::{Layout, LayoutSpec, SectionSpec};
    use crate::domain::money::{Currency, Money};
    use crate::domain::occasion::{NewEvent, announce};
    use crate::domain::occupancy::SeatState;
    use crate::domain::time::Timestamp;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use uuid::Uuid;

    fn offering(sections: &[(&str, u32, u32)]) -> Offering {
        let id = LayoutId(Uuid::nil());
        let section = |(name, rows, seats): &(&str, u32, u32)| SectionSpec {
            name: (*name).into(),
            rows: *rows,
            seats: *seats,
            category: None,
        };
        let sections = sections.iter().map(section).collect();
        let spec = LayoutSpec { name: "h".into(), sections, ..LayoutSpec::default() };
        let layout = Layout::new(id, spec).unwrap();
        let venue = Venue {
            id: VenueId(Uuid::nil()),
            external_id: None,
            name: "Hall".into(),
            city: "Riverton".into(),
            address: None,
            layout_id: id,
            timezone: "UTC".into(),
            closed: None,
        };
        let event = NewEvent {
            external_id: None,
            title: "Gala".into(),
            event_type: None,
            description: None,
            begins_at: Timestamp::from_millis(0),
            ends_at: Timestamp::from_millis(7_200_000),
            price: Money { amount_minor: 2_000, currency: Currency::USD },
            prices: BTreeMap::from([("B".into(), 550)]),
            late_payment: LatePayment::default(),
        };
        let (pattern, facts) = announce(&venue, &layout, event, Uuid::nil()).unwrap();
        Offering::new(facts, Arc::new(pattern), Arc::new(layout))
    }

    #[test]
    fn each_seat_is_shown_with_its_state_and_the_price_of_its_section() {
        let event = offering(&[("A", 1, 2), ("B", 0, 3)]);
        let states = [SeatState::Free, SeatState::Blocked, SeatState::Sold, SeatState::Held, SeatState::Free];
        let texts = SeatTexts::of(&event.layout);
        let body = availability(&event, &texts, &states, Timestamp::from_millis(-1));
        let seats = r#""seats":[{"seatId":"A-A1","state":"free","price":20.00},{"seatId":"A-A2","state":"blocked","price":20.00},{"seatId":"B-1","state":"sold","price":5.50},{"seatId":"B-2","state":"held","price":5.50},{"seatId":"B-3","state":"free","price":5.50}]}"#;
        assert!(body.ends_with(seats), "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["explanation"], "2 free = 5 total - 1 sold - 1 held - 1 blocked");
        assert_eq!((&body["status"], &body["total"]), (&"ON_SALE".into(), &5.into()));
    }

    #[test]
    fn the_texts_of_a_hall_are_not_those_of_another_that_has_its_id() {
        let (one, other) = (offering(&[("B", 1, 2)]), offering(&[("B", 2, 1)]));
        let texts = SeatTexts::of(&one.layout);
        assert!(texts.are_of(&one.layout) && !texts.are_of(&other.layout));
        assert_eq!(one.layout.id(), other.layout.id());
    }
}
