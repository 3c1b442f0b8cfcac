//! The JSON that users see: bookings, tickets, routes, departures, seat maps. Each shape is the contract's.
//!
//! A command is answered in the words of those who sell what was booked; see [`market`] and [`venue`].

use super::object::{Object, push_text};
use super::tickets::TicketRow;
use super::{market, venue};
use crate::domain::booking::state::Booking;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, OfferingStatus, Route};
use crate::domain::id::RouteId;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// What a booking is of, as far as answers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// What kind of thing.
    pub kind: OfferingKind,
    /// The route of a departure.
    pub route_id: Option<RouteId>,
}

impl Default for Of {
    fn default() -> Self {
        Self { kind: OfferingKind::Departure, route_id: None }
    }
}

impl From<&OfferingFacts> for Of {
    fn from(facts: &OfferingFacts) -> Self {
        Self { kind: facts.kind, route_id: facts.route_id }
    }
}

/// The booking as commands answer whoever books. `is_charging` says that a charge for it is under way.
#[must_use]
pub fn answer(booking: &Booking, facts: &OfferingFacts, is_charging: bool, now: Timestamp) -> String {
    match facts.kind {
        OfferingKind::Departure => self::booking(booking, facts.into(), now),
        OfferingKind::Event => venue::reservation(booking, facts, now),
        OfferingKind::Listing => market::order(booking, facts, is_charging, now),
    }
}

/// The same with its payment, as paying is answered.
#[must_use]
pub fn answer_with_payment(
    booking: &Booking,
    facts: &OfferingFacts,
    is_charging: bool,
    payment: Option<&Payment>,
    now: Timestamp,
) -> String {
    let mut body = answer(booking, facts, is_charging, now);
    if let Some(payment) = payment {
        // It is an object, and not an empty one.
        body.pop();
        body.push_str(",\"payment\":");
        body.push_str(&payment_of_booking(payment));
        body.push('}');
    }
    body
}

/// A payment as its booking shows it.
#[must_use]
pub fn payment_of_booking(payment: &Payment) -> String {
    let mut body = Object::new();
    body.text("id", &payment.public_id());
    body.plain("status", payment.status.word());
    body.raw("amount", &payment.amount.decimal());
    body.plain("currency", payment.amount.currency);
    if payment.refunded_minor > 0 {
        let refunded = Money { amount_minor: payment.refunded_minor, currency: payment.amount.currency };
        body.raw("refunded", &refunded.decimal());
    }
    if let Some(failure) = &payment.failure {
        body.text("failure", failure);
    }
    body.end()
}

/// A payment as `/v1` answers it: amounts are minor units.
#[must_use]
pub fn charge(payment: &Payment) -> String {
    let mut body = Object::new();
    body.text("id", &payment.public_id());
    body.text("merchant_order_id", &payment.reference);
    body.raw("amount_cents", &payment.amount.amount_minor.to_string());
    body.raw("refunded_cents", &payment.refunded_minor.to_string());
    body.plain("currency", payment.amount.currency);
    body.plain("status", payment.status.word());
    if let Some(failure) = &payment.failure {
        body.text("failure", failure);
    }
    body.time("created_at", payment.created_at);
    body.end()
}

/// The booking as operators are shown it, whatever it is of.
#[must_use]
pub fn booking(booking: &Booking, of: Of, now: Timestamp) -> String {
    let mut body = Object::new();
    booking_fields(&mut body, booking, of, now);
    body.end()
}

/// What is booked, by the name that those who sell it give it.
fn offering_fields(body: &mut Object, booking: &Booking, of: Of) {
    if let Some(route) = of.route_id {
        body.plain("routeId", route);
    }
    let name = match of.kind {
        OfferingKind::Departure => "scheduleId",
        OfferingKind::Event => "eventId",
        OfferingKind::Listing => "ticketId",
    };
    body.plain(name, booking.offering_id);
}

fn booking_fields(body: &mut Object, booking: &Booking, of: Of, now: Timestamp) {
    body.plain("id", booking.id);
    body.text("userId", &booking.user_id.0);
    offering_fields(body, booking, of);
    body.seats(&booking.seats);
    body.plain("status", booking.state_at(now).word());
    body.price(booking.price);
    body.time("holdExpiresAt", booking.hold_expires_at);
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
        body.raw("refund", &refund("PENDING", booking.price));
    }
}

/// A hold as operators list it: the booking with the seconds that it has left.
#[must_use]
pub fn hold(ticket: &TicketRow, now: Timestamp) -> String {
    let mut body = Object::new();
    booking_fields(&mut body, &ticket.booking, ticket.of, now);
    let left = (ticket.booking.hold_expires_at.as_millis() - now.as_millis()).max(0);
    body.raw("secondsLeft", &((left + 999) / 1000).to_string());
    body.end()
}

/// A ticket as its owner lists it.
#[must_use]
pub fn ticket(ticket: &TicketRow, now: Timestamp) -> String {
    let mut body = Object::new();
    ticket_fields(&mut body, ticket, OfferingKind::Departure, now);
    body.end()
}

/// A booking as operators list it: as its owner does, with what kind of thing it is of, and which. What that kind has not,
/// such as the stops of an event, is left out.
#[must_use]
pub fn listed(ticket: &TicketRow, now: Timestamp) -> String {
    let mut body = Object::new();
    ticket_fields(&mut body, ticket, ticket.of.kind, now);
    body.plain("kind", ticket.of.kind.word());
    offering_fields(&mut body, &ticket.booking, ticket.of);
    body.end()
}

/// The fields that a booking of something of this kind has.
fn ticket_fields(body: &mut Object, ticket: &TicketRow, kind: OfferingKind, now: Timestamp) {
    let booking = &ticket.booking;
    body.plain("id", booking.id);
    body.text("userId", &booking.user_id.0);
    body.text("routeName", &ticket.route_name);
    let (has_time, has_stops) = match kind {
        OfferingKind::Departure => (true, true),
        OfferingKind::Event => (true, false),
        OfferingKind::Listing => (false, false),
    };
    if has_time {
        body.time("departureTime", ticket.departs_at);
        body.time("arrivalTime", ticket.arrives_at);
    }
    if has_stops {
        body.text("originStop", &ticket.origin_stop);
        body.text("destinationStop", &ticket.destination_stop);
    }
    body.seats(&booking.seats);
    body.plain("status", booking.state_at(now).word());
    body.price(booking.price);
}

/// One line of a booking's history.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryLine {
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// When.
    pub time: Timestamp,
    /// Who; `system` when no person acted.
    pub actor: String,
    /// Its position in the log.
    pub position: String,
}

/// A booking's payment, and what of it is on its way back.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The payment.
    pub payment: Payment,
    /// The sum of the refunds that are not done yet, in minor units.
    pub refund_open_minor: i64,
}

/// What a ticket's details add to its line.
#[derive(Clone, Debug)]
pub struct TicketDetails<'a> {
    /// The person who travels, unless forgotten.
    pub passenger: Option<&'a crate::domain::booking::passenger::Passenger>,
    /// Its payment, if there is a record of one.
    pub paid: Option<&'a Paid>,
    /// What happened, in order.
    pub history: &'a [HistoryLine],
    /// Whose fields it has: to its owner, every ticket is one of a journey.
    pub shown_as: OfferingKind,
}

/// A ticket with everything about it.
#[must_use]
pub fn ticket_details(ticket: &TicketRow, details: &TicketDetails<'_>, now: Timestamp) -> String {
    let mut body = Object::new();
    ticket_fields(&mut body, ticket, details.shown_as, now);
    let booking = &ticket.booking;
    offering_fields(&mut body, booking, ticket.of);
    body.time("holdExpiresAt", booking.hold_expires_at);
    body.time("createdAt", booking.created_at);
    if let Some(at) = booking.confirmed_at {
        body.time("confirmedAt", at);
    }
    if let Some(reason) = &booking.cancel_reason {
        body.text("reason", reason);
    }
    match details.passenger {
        Some(person) => body.raw("passenger", &json(person)),
        None => body.raw("passenger", "null"),
    }
    match (details.paid, &booking.payment_id) {
        (Some(paid), _) => body.raw("payment", &payment_of_booking(&paid.payment)),
        // Confirmed on a service's word, before payments were kept.
        (None, Some(id)) => {
            let mut payment = Object::new();
            payment.text("id", id);
            payment.plain("status", payment_status(booking));
            payment.raw("amount", &booking.price.decimal());
            payment.plain("currency", booking.price.currency);
            body.raw("payment", &payment.end());
        }
        (None, None) => body.raw("payment", "null"),
    }
    if let Some((status, amount)) = refund_of(booking, details.paid) {
        body.raw("refund", &refund(status, amount));
    }
    body.raw("history", &json(&details.history));
    body.end()
}

/// What is said of a booking's refund: under way, or done.
fn refund_of(booking: &Booking, paid: Option<&Paid>) -> Option<(&'static str, Money)> {
    let Some(Paid { payment, refund_open_minor }) = paid else {
        return booking.refund_due().then_some(("PENDING", booking.price));
    };
    let money = |amount_minor| Money { amount_minor, currency: payment.amount.currency };
    match payment.status {
        PaymentStatus::Refunded => Some(("REFUNDED", money(payment.refunded_minor))),
        PaymentStatus::Success if *refund_open_minor > 0 => Some(("PENDING", money(*refund_open_minor))),
        // Nobody is at it, but it is owed: the provider refused, or gave no clear answer.
        PaymentStatus::Success if booking.refund_due() => Some(("PENDING", money(payment.kept_minor()))),
        PaymentStatus::Success | PaymentStatus::Pending | PaymentStatus::Failed => None,
    }
}

pub(super) fn refund(status: &str, amount: Money) -> String {
    let mut body = Object::new();
    body.plain("status", status);
    body.raw("amount", &amount.decimal());
    body.plain("currency", amount.currency);
    body.end()
}

fn payment_status(booking: &Booking) -> &'static str {
    use crate::domain::booking::state::BookingState;
    match booking.state {
        BookingState::Refunded => "REFUNDED",
        BookingState::Pending
        | BookingState::Reserved
        | BookingState::Confirmed
        | BookingState::Cancelled
        | BookingState::Expired => "SUCCESS",
    }
}

/// A route.
#[must_use]
pub fn route(route: &Route) -> String {
    let mut body = Object::new();
    body.plain("id", route.id);
    if let Some(id) = &route.external_id {
        body.text("externalId", id);
    }
    body.text("name", &route.name);
    if let Some(name) = &route.short_name {
        body.text("shortName", name);
    }
    body.raw("stops", &json(&route.stops));
    body.price(route.fare);
    body.text("timezone", &route.timezone);
    body.end()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleStop<'a> {
    id: crate::domain::id::StopId,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    name: &'a str,
    sequence: u32,
    arrival_time: Timestamp,
    departure_time: Timestamp,
}

/// A departure, with the seats that are free on every leg.
#[must_use]
pub fn schedule(offering: &Offering, route: &Route, seats_left: u32, now: Timestamp) -> String {
    let facts = &offering.facts;
    let calls = &offering.pattern.calls;
    let mut body = Object::new();
    body.plain("id", facts.id);
    if let Some(id) = &facts.external_id {
        body.text("externalId", id);
    }
    body.plain("routeId", route.id);
    body.text("routeName", &route.name);
    body.plain("serviceDate", &facts.service_date);
    body.text("timezone", &route.timezone);
    body.time("departureTime", facts.departs_at);
    body.time("arrivalTime", facts.arrives_at);
    body.text("originStop", calls.first().map_or("", |c| &c.name));
    body.text("destinationStop", calls.last().map_or("", |c| &c.name));
    let stops: Vec<ScheduleStop<'_>> = (0..)
        .zip(calls)
        .map(|(i, call)| ScheduleStop {
            id: call.stop_id,
            external_id: call.external_id.as_deref(),
            name: &call.name,
            sequence: call.sequence,
            arrival_time: offering.arrival_at(i),
            departure_time: offering.departure_at(i),
        })
        .collect();
    body.raw("stops", &json(&stops));
    body.price(facts.fare);
    body.raw("seatsTotal", &offering.seats_total().to_string());
    body.raw("seatsLeft", &seats_left.to_string());
    body.plain("status", schedule_status(facts, now));
    body.end()
}

/// The word for what an offering is at `now`, whatever it is.
#[must_use]
pub fn offering_status(facts: &OfferingFacts, now: Timestamp) -> &'static str {
    match facts.kind {
        OfferingKind::Departure => schedule_status(facts, now),
        OfferingKind::Event => venue::event_status(facts, now),
        OfferingKind::Listing => match facts.status {
            OfferingStatus::Open => "OPEN",
            OfferingStatus::Cancelled => "CANCELLED",
        },
    }
}

const SCHEDULED: &str = "SCHEDULED";
const DEPARTED: &str = "DEPARTED";
const CANCELLED: &str = "CANCELLED";

/// What a departure can be.
pub const SCHEDULE_STATES: [&str; 3] = [SCHEDULED, DEPARTED, CANCELLED];

/// The word for what a departure is at `now`.
#[must_use]
pub fn schedule_status(facts: &OfferingFacts, now: Timestamp) -> &'static str {
    match facts.status {
        OfferingStatus::Cancelled => CANCELLED,
        OfferingStatus::Open if facts.departs_at <= now => DEPARTED,
        OfferingStatus::Open => SCHEDULED,
    }
}

/// The seats of an offering, each with its state's word; of a departure for the stretch between two stops.
#[must_use]
pub fn seat_map(offering: &Offering, from: &str, to: &str, seats: &[(String, &'static str)]) -> String {
    let mut body = Object::new();
    match offering.facts.kind {
        OfferingKind::Departure => {
            body.plain("scheduleId", offering.facts.id);
            body.text("fromStop", from);
            body.text("toStop", to);
        }
        OfferingKind::Event => body.plain("eventId", offering.facts.id),
        OfferingKind::Listing => body.plain("ticketId", offering.facts.id),
    }
    body.key("seats");
    body.out.push('[');
    for (i, (label, state)) in seats.iter().enumerate() {
        body.out.push_str(if i > 0 { "," } else { "" });
        body.out.push_str("{\"seatNumber\":");
        push_text(&mut body.out, label);
        body.out.push_str(",\"state\":\"");
        body.out.push_str(state);
        body.out.push_str("\"}");
    }
    body.out.push(']');
    body.end()
}

/// Joins bodies into a JSON array.
#[must_use]
pub fn array(bodies: &[String]) -> String {
    let mut out = String::with_capacity(bodies.iter().map(|b| b.len() + 1).sum::<usize>() + 2);
    out.push('[');
    for (i, body) in bodies.iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(body);
    }
    out.push(']');
    out
}

/// Takes a text that this file wrote as raw JSON.
///
/// # Panics
/// Never: this file writes JSON.
#[must_use]
#[allow(clippy::expect_used, reason = "this file writes JSON")]
pub fn raw(body: String) -> Box<RawValue> {
    RawValue::from_string(body).expect("bodies are JSON")
}

#[allow(clippy::expect_used, reason = "these types hold only strings, numbers and lists")]
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("bodies are plain JSON")
}
