//! The marketplace's JSON: listings, orders. Prices are texts here, as the contract has it.

use super::object::Object;
use super::sales::SaleRow;
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::{OfferingFacts, OfferingStatus};
use crate::domain::id::BookingId;
use crate::domain::money::Money;
use crate::domain::payment::Payment;
use crate::domain::time::Timestamp;

/// The status words of an order.
pub const ORDER_STATES: [&str; 4] = ["created", "awaiting:payment", "complete", "cancelled"];

/// Returns the status of an order. `is_charging` says that a charge for it is under way.
#[must_use]
pub const fn order_status(state: BookingState, is_charging: bool) -> &'static str {
    match state {
        BookingState::Pending | BookingState::Reserved if is_charging => "awaiting:payment",
        BookingState::Pending | BookingState::Reserved => "created",
        BookingState::Confirmed => "complete",
        BookingState::Cancelled | BookingState::Expired | BookingState::Refunded => "cancelled",
    }
}

/// An order, with the listing that it is of. Its price is the one that it was made at.
#[must_use]
pub fn order(booking: &Booking, facts: &OfferingFacts, is_charging: bool, now: Timestamp) -> String {
    let title = facts.particulars.title.as_deref().unwrap_or_default();
    order_of(booking, title, is_charging, now)
}

/// The same, where only the listing's title is at hand.
#[must_use]
pub fn order_of(booking: &Booking, title: &str, is_charging: bool, now: Timestamp) -> String {
    let mut ticket = Object::new();
    ticket.plain("id", booking.offering_id);
    ticket.text("title", title);
    price(&mut ticket, booking.price);
    let mut body = Object::new();
    body.plain("id", booking.id);
    body.text("userId", &booking.user_id.0);
    body.plain("status", order_status(booking.state_at(now), is_charging));
    body.time("expiresAt", booking.hold_expires_at);
    body.raw("ticket", &ticket.end());
    price(&mut body, booking.price);
    body.time("createdAt", booking.created_at);
    if let Some(payment) = &booking.payment_id {
        body.text("paymentId", payment);
    }
    if let Some(reason) = &booking.cancel_reason {
        body.text("reason", reason);
    }
    if let Some(status) = booking.refund_status() {
        body.raw("refund", &refund(status, booking.price));
    }
    body.raw("version", &booking.version.to_string());
    body.end()
}

/// A payment as whoever pays an order is answered; `order` is the order as JSON.
#[must_use]
pub fn payment(payment: &Payment, order_id: BookingId, order: &str) -> String {
    let mut body = Object::new();
    body.text("id", &payment.public_id());
    body.plain("orderId", order_id);
    body.plain("status", payment.status.word());
    body.plain("amount", payment.amount.decimal());
    body.plain("currency", payment.amount.currency);
    if let Some(failure) = &payment.failure {
        body.text("failure", failure);
    }
    body.time("createdAt", payment.created_at);
    body.raw("order", order);
    body.end()
}

/// A listing as commands answer its seller.
#[must_use]
pub fn listing(facts: &OfferingFacts, created_at: Timestamp, status: &str, version: u32) -> String {
    let mut body = Object::new();
    body.plain("id", facts.id);
    body.text("title", facts.particulars.title.as_deref().unwrap_or_default());
    price(&mut body, facts.fare);
    body.plain("status", status);
    body.text("userId", facts.particulars.seller_id.as_ref().map_or("", |seller| &seller.0));
    body.time("createdAt", created_at);
    body.raw("version", &version.to_string());
    body.end()
}

/// A listing as everybody reads it.
#[must_use]
pub fn listing_of(sale: &SaleRow, now: Timestamp) -> String {
    let mut body = Object::new();
    body.plain("id", sale.id);
    body.text("title", &sale.title);
    price(&mut body, sale.price);
    body.plain("status", listing_status(sale.status, sale.free_at, now));
    body.text("userId", &sale.seller_id);
    body.time("createdAt", sale.created_at);
    body.raw("version", &sale.version.to_string());
    body.end()
}

/// Returns what a listing is at `now`, whose ticket is free from `free_at` on.
#[must_use]
pub fn listing_status(status: OfferingStatus, free_at: Timestamp, now: Timestamp) -> &'static str {
    match status {
        OfferingStatus::Cancelled => "cancelled",
        OfferingStatus::Open if free_at == Timestamp::NEVER => "sold",
        OfferingStatus::Open if free_at > now => "reserved",
        OfferingStatus::Open => "open",
    }
}

/// A refund that is under way, or done.
fn refund(status: &str, amount: Money) -> String {
    let mut body = Object::new();
    body.plain("status", status);
    body.plain("amount", amount.decimal());
    body.plain("currency", amount.currency);
    body.end()
}

fn price(body: &mut Object, price: Money) {
    body.plain("price", price.decimal());
    body.plain("currency", price.currency);
}
