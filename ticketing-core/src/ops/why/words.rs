//! What happened, and how things stand, in sentences. Pure.

use super::strand::{Strand, ended_by};
use crate::domain::booking::event::{BookingEvent, HoldBegan, SeatRef};
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentEvent, PaymentFacts, PaymentStatus};
use crate::domain::time::Timestamp;
use crate::ops::sagas::money_left;
use crate::projection::{bodies, market};
use crate::saga::{Case, SagaState};
use crate::store::events::LogEntry;

/// `seat B2`, `seats B2, C2`.
fn seats(seats: &[SeatRef]) -> String {
    let labels: Vec<&str> = seats.iter().map(|seat| seat.label.as_str()).collect();
    format!("seat{} {}", if labels.len() == 1 { "" } else { "s" }, labels.join(", "))
}

fn because(reason: Option<&String>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// The type of an event and its place, as one names it.
pub(super) fn named(entry: &LogEntry) -> String {
    format!("{}, event {} of {}", entry.event.type_name(), entry.stream_version, entry.stream_id)
}

/// What happened, in words.
pub(super) fn event(event: &Event) -> String {
    let what = match event {
        Event::Booking(event) => booking_event(event),
        Event::Payment(event) => payment_event(event),
        Event::Catalog(event) => match event {
            CatalogEvent::OfferingCancelled(e) => format!("withdrawn ({})", e.reason),
            CatalogEvent::OfferingDefined(e) if e.status == OfferingStatus::Cancelled => {
                format!("withdrawn{}", because(e.particulars.reason.as_ref()))
            }
            CatalogEvent::VenueClosed(venue) => {
                format!("the venue was closed{}", because(venue.closed.as_ref()))
            }
            CatalogEvent::LayoutDefined(_)
            | CatalogEvent::RouteDefined(_)
            | CatalogEvent::VenueDefined(_)
            | CatalogEvent::PatternDefined(_)
            | CatalogEvent::OfferingDefined(_) => "it came, or changed".to_owned(),
        },
    };
    format!("{}: {what}", event.type_name())
}

fn booking_event(event: &BookingEvent) -> String {
    let held = |e: &HoldBegan| {
        format!("{} held for {} until {}, at {}", seats(&e.seats), e.user_id, e.hold_expires_at, e.price)
    };
    match event {
        BookingEvent::TicketBooked(e) | BookingEvent::TicketReserved(e) => held(e),
        BookingEvent::TicketConfirmed(e) => format!("sold, with payment {}", e.payment_id),
        BookingEvent::TicketCancelled(e) => format!("the seats are free again{}", because(e.reason.as_ref())),
        BookingEvent::TicketExpired(e) => {
            format!("the hold ended, and the seats are free again{}", because(e.reason.as_ref()))
        }
        BookingEvent::RefundRequested(e) => format!("{} of payment {} is owed back", e.amount, e.payment_id),
        BookingEvent::TicketRefunded(e) => format!("{} of payment {} was given back", e.amount, e.payment_id),
    }
}

fn payment_event(event: &PaymentEvent) -> String {
    let PaymentFacts { payment_id, amount, reason, .. } = event.facts();
    let reason = because(reason.as_ref());
    match event {
        PaymentEvent::PaymentRequested(_) => {
            format!("an outside service is asked for {amount}, payment {payment_id}")
        }
        PaymentEvent::PaymentCreated(_) => format!("{amount} captured, payment {payment_id}"),
        PaymentEvent::PaymentFailed(_) => format!("{amount} not captured, payment {payment_id}{reason}"),
        PaymentEvent::PaymentRefunded(_) => format!("{amount} given back of payment {payment_id}{reason}"),
    }
}

/// What somebody asked for when this came of it first; `None` if nobody asks for such a thing.
pub(super) fn order(event: &Event) -> Option<&'static str> {
    match event {
        Event::Booking(BookingEvent::TicketBooked(_)) => Some("book"),
        Event::Booking(BookingEvent::TicketReserved(_)) => Some("reserve"),
        Event::Booking(BookingEvent::TicketConfirmed(_)) => Some("confirm"),
        Event::Booking(BookingEvent::TicketCancelled(_)) => Some("cancel"),
        Event::Booking(BookingEvent::TicketExpired(_)) => Some("end the hold"),
        Event::Booking(BookingEvent::RefundRequested(_)) => Some("refund"),
        Event::Payment(PaymentEvent::PaymentRequested(_)) => Some("pay"),
        Event::Booking(BookingEvent::TicketRefunded(_))
        | Event::Payment(
            PaymentEvent::PaymentCreated(_)
            | PaymentEvent::PaymentFailed(_)
            | PaymentEvent::PaymentRefunded(_),
        )
        | Event::Catalog(_) => None,
    }
}

/// How a payment stands, as a sentence.
pub(super) fn payment(payment: &Payment) -> String {
    let currency = payment.amount.currency;
    let refunded = Money { amount_minor: payment.refunded_minor, currency };
    let captured = Money { amount_minor: payment.captured_minor, currency };
    let what = match payment.status {
        PaymentStatus::Pending => {
            format!("{} was asked of {}, which has not told yet", payment.amount, payment.provider)
        }
        PaymentStatus::Success if refunded.amount_minor > 0 => {
            format!("{captured} was captured by {}, and {refunded} of it given back", payment.provider)
        }
        PaymentStatus::Success => format!("{captured} was captured by {}", payment.provider),
        PaymentStatus::Failed => {
            let why = because(payment.failure.as_ref());
            format!("{} was not captured by {}{why}", payment.amount, payment.provider)
        }
        PaymentStatus::Refunded => {
            format!("{captured} was captured by {}, and all of it given back", payment.provider)
        }
    };
    format!("Payment {} is {}: {what}.", payment.id, payment.status.word())
}

/// How a booking, or a payment for something else, stands now and why, as sentences; none for what is neither.
pub(super) fn stands(strand: &Strand, now: Timestamp) -> Option<String> {
    let case = strand.row.as_ref().map(|row| &row.case);
    let money = case.map_or_else(String::new, |case| money_of(case, now));
    match (&strand.booking, case) {
        (Some(booking), _) => {
            let state = booking.state_at(now);
            let what = booking_stands(booking, state, strand);
            Some(format!("Booking {} is {}: {what}.{money}", booking.id, state.word()))
        }
        (None, Some(case)) => {
            Some(format!("Payment saga {} is {}.{money}", case.saga.id, case.saga.state.word()))
        }
        (None, None) => None,
    }
}

/// What is to be said of letters that are open; nothing if there are none.
pub(super) fn letters(open: usize) -> Option<String> {
    match open {
        0 => None,
        1 => Some("A message about it could not be handled.".into()),
        many => Some(format!("{many} messages about it could not be handled, or wait behind one.")),
    }
}

/// How a departure stands, and what more can be asked about it.
pub(super) fn offering(offering: &Offering, sold: usize, held: usize, now: Timestamp) -> String {
    let facts = &offering.facts;
    let count = |n: usize| format!("{n} booking{}", if n == 1 { "" } else { "s" });
    let what = match facts.kind {
        OfferingKind::Departure => "Departure",
        OfferingKind::Event => "Event",
        OfferingKind::Listing => return listing(facts, sold, held, now),
    };
    format!(
        "{what} {id} at {at} is {status}: {sold} confirmed, {held} held. Ask for a booking by its id, or for a \
         seat as {id}/LABEL.",
        id = facts.id,
        at = facts.departs_at,
        status = bodies::offering_status(facts, now),
        sold = count(sold),
    )
}

/// How a listing stands: it has no time, and one ticket.
fn listing(facts: &OfferingFacts, sold: usize, held: usize, now: Timestamp) -> String {
    let free_at = match (sold, held) {
        (0, 0) => now,
        (0, _) => now.plus_seconds(1),
        _ => Timestamp::NEVER,
    };
    let status = market::listing_status(facts.status, free_at, now);
    let order = if sold + held > 0 { " Ask for its order by the order's id." } else { "" };
    format!("Listing {} is {status}.{order}", facts.id)
}

fn booking_stands(booking: &Booking, state: BookingState, strand: &Strand) -> String {
    let Booking { user_id, hold_expires_at, price, .. } = booking;
    let is = if booking.seats.len() == 1 { "is" } else { "are" };
    let was = if booking.seats.len() == 1 { "was" } else { "were" };
    let seats = seats(&booking.seats);
    let who = ended_by(&strand.events).map_or_else(String::new, |who| format!(" by {who}"));
    let why = because(booking.cancel_reason.as_ref());
    match state {
        BookingState::Pending | BookingState::Reserved => {
            format!("{seats} {is} held for {user_id} until {hold_expires_at}, at {price}")
        }
        BookingState::Confirmed => {
            let payment = booking.payment_id.as_deref().unwrap_or("unknown");
            format!("{seats} {is} sold to {user_id} for {price}, with payment {payment}")
        }
        BookingState::Cancelled => format!("{seats} {was} given up{who}{why}"),
        BookingState::Expired if who.is_empty() => {
            format!("the hold of {seats} for {user_id} ended at {hold_expires_at} without a payment")
        }
        BookingState::Expired => format!("the hold of {seats} for {user_id} was ended{who}"),
        BookingState::Refunded => format!("{seats} {was} given up{who}{why}, and the money was given back"),
    }
}

/// What is to be said of the money, with a blank before it.
fn money_of(case: &Case, now: Timestamp) -> String {
    let saga = &case.saga;
    let error = saga.last_error.as_ref().map_or_else(String::new, |error| format!(", lately: {error}"));
    let said = match saga.state {
        SagaState::AwaitingPayment => match &saga.last_error {
            Some(error) => format!("Nobody has paid yet; the last try failed ({error})"),
            None => "Nobody has paid yet".to_owned(),
        },
        SagaState::Charging => format!("A charge is under way{error}"),
        SagaState::Releasing => {
            format!("What became of a charge is not known yet; if it was made, it goes back{error}")
        }
        SagaState::Refunding => format!("Money is on its way back{error}"),
        SagaState::Parked => {
            saga.park.map_or("A person must decide", |park| park.message()).trim_end_matches('.').to_owned()
        }
        SagaState::Cancelled if saga.park.is_some() => match money_left(case, now) {
            Some(left) => format!("An operator closed its saga; {left}"),
            None => "An operator closed its saga".to_owned(),
        },
        SagaState::Confirmed | SagaState::Cancelled | SagaState::Expired | SagaState::Refunded => {
            return String::new();
        }
    };
    format!(" {said}.")
}
