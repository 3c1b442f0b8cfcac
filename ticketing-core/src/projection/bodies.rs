//! The JSON that users see: bookings, tickets, routes, departures, seat maps. Written straight to text,
//! since these are the hot answers; each shape is the contract's, and prices keep all their decimals.

use super::tickets::TicketRow;
use crate::domain::booking::event::SeatRef;
use crate::domain::booking::state::Booking;
use crate::domain::catalog::{Offering, OfferingStatus, Route};
use crate::domain::id::RouteId;
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// Writes a JSON object field by field.
struct Object {
    out: String,
}

impl Object {
    fn new() -> Self {
        let mut out = String::with_capacity(512);
        out.push('{');
        Self { out }
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// A value that is JSON already.
    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    /// A text that needs no escape: ids, codes, state words.
    fn plain(&mut self, key: &str, text: impl std::fmt::Display) {
        use std::fmt::Write as _;
        self.key(key);
        let _ = write!(self.out, "\"{text}\"");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        push_text(&mut self.out, text);
    }

    fn time(&mut self, key: &str, at: Timestamp) {
        self.key(key);
        self.out.push('"');
        at.write_to(&mut self.out);
        self.out.push('"');
    }

    fn price(&mut self, price: Money) {
        self.raw("price", &price.decimal());
        self.plain("currency", price.currency);
    }

    /// `seatNumber` of the first seat; `seatNumbers` of all where there are several.
    fn seats(&mut self, seats: &[SeatRef]) {
        if let Some(first) = seats.first() {
            self.text("seatNumber", &first.label);
        }
        if seats.len() > 1 {
            self.key("seatNumbers");
            self.out.push('[');
            for (i, seat) in seats.iter().enumerate() {
                self.out.push_str(if i > 0 { "," } else { "" });
                push_text(&mut self.out, &seat.label);
            }
            self.out.push(']');
        }
    }

    fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

fn push_text(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The booking with its payment, as `pay` answers it.
#[must_use]
pub fn booking_with_payment(
    booking: &Booking,
    route: RouteId,
    payment: Option<&Payment>,
    now: Timestamp,
) -> String {
    let mut body = Object::new();
    booking_fields(&mut body, booking, route, now);
    if let Some(payment) = payment {
        body.raw("payment", &payment_of_booking(payment));
    }
    body.end()
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

/// The booking as commands answer it.
#[must_use]
pub fn booking(booking: &Booking, route: RouteId, now: Timestamp) -> String {
    let mut body = Object::new();
    booking_fields(&mut body, booking, route, now);
    body.end()
}

fn booking_fields(body: &mut Object, booking: &Booking, route: RouteId, now: Timestamp) {
    body.plain("id", booking.id);
    body.text("userId", &booking.user_id.0);
    body.plain("routeId", route);
    body.plain("scheduleId", booking.offering_id);
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
    booking_fields(&mut body, &ticket.booking, ticket.route_id, now);
    let left = (ticket.booking.hold_expires_at.as_millis() - now.as_millis()).max(0);
    body.raw("secondsLeft", &((left + 999) / 1000).to_string());
    body.end()
}

/// A ticket as its owner lists it.
#[must_use]
pub fn ticket(ticket: &TicketRow, now: Timestamp) -> String {
    let mut body = Object::new();
    ticket_fields(&mut body, ticket, now);
    body.end()
}

fn ticket_fields(body: &mut Object, ticket: &TicketRow, now: Timestamp) {
    let booking = &ticket.booking;
    body.plain("id", booking.id);
    body.text("userId", &booking.user_id.0);
    body.text("routeName", &ticket.route_name);
    body.time("departureTime", ticket.departs_at);
    body.time("arrivalTime", ticket.arrives_at);
    body.text("originStop", &ticket.origin_stop);
    body.text("destinationStop", &ticket.destination_stop);
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
}

/// A ticket with everything about it.
#[must_use]
pub fn ticket_details(ticket: &TicketRow, details: &TicketDetails<'_>, now: Timestamp) -> String {
    let mut body = Object::new();
    ticket_fields(&mut body, ticket, now);
    let booking = &ticket.booking;
    body.plain("routeId", ticket.route_id);
    body.plain("scheduleId", booking.offering_id);
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

fn refund(status: &str, amount: Money) -> String {
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
    body.plain("routeId", facts.route_id);
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
    body.raw("seatsTotal", &seats_total(offering).to_string());
    body.raw("seatsLeft", &seats_left.to_string());
    body.plain("status", schedule_status(offering, now));
    body.end()
}

/// How many seats of an offering can be sold at all.
#[must_use]
pub fn seats_total(offering: &Offering) -> u32 {
    offering.layout.seat_count() - offering.layout.blocked().len() as u32
}

/// The word for what a departure is at `now`.
#[must_use]
pub fn schedule_status(offering: &Offering, now: Timestamp) -> &'static str {
    match offering.facts.status {
        OfferingStatus::Cancelled => "CANCELLED",
        OfferingStatus::Open if offering.facts.departs_at <= now => "DEPARTED",
        OfferingStatus::Open => "SCHEDULED",
    }
}

/// The seats of a departure for some legs, each with its state's word.
#[must_use]
pub fn seat_map(offering: &Offering, from: &str, to: &str, seats: &[(String, &'static str)]) -> String {
    let mut body = Object::new();
    body.plain("scheduleId", offering.facts.id);
    body.text("fromStop", from);
    body.text("toStop", to);
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
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("bodies are plain JSON")
}
