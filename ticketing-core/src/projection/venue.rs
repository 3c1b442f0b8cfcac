//! The venue's JSON: venues, events, reservations and orders.

use super::bodies::{self, json};
use super::object::Object;
use crate::domain::booking::state::Booking;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingStatus, Venue};
use crate::domain::layout::Layout;
use crate::domain::money::Money;
use crate::domain::occupancy::SeatState;
use crate::domain::time::Timestamp;

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
    if booking.refund_due() {
        body.raw("refund", &bodies::refund("PENDING", booking.price));
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
    let particulars = &facts.particulars;
    let mut body = Object::new();
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
    body.end()
}

/// What an event is. Whether it is over tells its `endTime`: it is sold until it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventStatus {
    /// It has not begun.
    OnSale,
    /// It has begun; it may be over.
    Started,
    /// It was withdrawn.
    Cancelled,
}

impl EventStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OnSale, Self::Started, Self::Cancelled];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnSale => "ON_SALE",
            Self::Started => "STARTED",
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

/// An event's seats: totals, each with what they are made of, and each seat's state and price.
#[must_use]
pub fn availability(offering: &Offering, states: &[SeatState], now: Timestamp) -> String {
    let count = |state| states.iter().filter(|s| **s == state).count();
    let (free, held) = (count(SeatState::Free), count(SeatState::Held));
    let (sold, blocked) = (count(SeatState::Sold), count(SeatState::Blocked));
    let mut body = Object::new();
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
    body.out.reserve(states.len() * 64);
    body.out.push('[');
    let mut seats = offering.layout.seats().zip(states);
    let mut is_first = true;
    for section in offering.layout.sections() {
        let first = section.seats().start;
        let price = offering.price_of(crate::domain::seating::SeatNo(first)).decimal();
        for (seat, state) in seats.by_ref().take(section.seats().len()) {
            body.out.push_str(if is_first { "{\"seatId\":\"" } else { ",{\"seatId\":\"" });
            is_first = false;
            // A label is letters, digits and dashes.
            body.out.push_str(&offering.layout.label(seat));
            body.out.push_str("\",\"state\":\"");
            body.out.push_str(state.word());
            body.out.push_str("\",\"price\":");
            body.out.push_str(&price);
            body.out.push('}');
        }
    }
    body.out.push(']');
    body.end()
}

fn array(parts: impl Iterator<Item = String>) -> String {
    bodies::array(&parts.collect::<Vec<_>>())
}
