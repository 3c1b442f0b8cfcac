//! Why a command was refused: facts, each with its stable code, its sentence and its details.

use super::state::BookingState;
use crate::domain::catalog::{OfferingKind, Venue};
use crate::domain::money::Money;
use crate::domain::payment::PaymentStatus;
use crate::domain::time::Timestamp;
use serde_json::{Value, json};

/// A refusal. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such offering.
    UnknownOffering {
        /// The id asked for.
        id: String,
    },
    /// There is no such booking, or it is not the caller's.
    UnknownBooking {
        /// The id asked for.
        id: String,
    },
    /// The offering is not of the route that was named.
    RouteMismatch,
    /// The offering does not call at the stop.
    UnknownStop {
        /// Which field of the request.
        field: &'static str,
        /// What it said.
        stop: String,
    },
    /// The stops are in the wrong order.
    StopOrder {
        /// Where the journey was to end.
        to: String,
    },
    /// Nobody boards, or nobody leaves, at that stop.
    NoBoarding {
        /// `fromStop` or `toStop`.
        field: &'static str,
        /// The stop's name.
        stop: String,
    },
    /// The layout has no such seat.
    UnknownSeat {
        /// The label asked for.
        seat: String,
    },
    /// The request names a seat twice.
    SeatRepeated {
        /// The label asked for.
        seat: String,
    },
    /// Somebody has the seat on one of the legs.
    SeatTaken {
        /// The label asked for.
        seat: String,
    },
    /// Nobody has the seat, but it is not for sale.
    SeatKept {
        /// The label asked for.
        seat: String,
    },
    /// Not enough seats are free on all of the legs.
    SoldOut {
        /// Of what.
        kind: OfferingKind,
    },
    /// So many seats next to each other are not free.
    NotTogether {
        /// How many were asked for.
        count: usize,
    },
    /// The hall has no such section or category of seats.
    UnknownSection {
        /// `section` or `category`.
        field: &'static str,
        /// What it said.
        name: String,
    },
    /// Nobody buys what he sells himself.
    OwnListing,
    /// It has left the stop where the journey would begin, or it has begun.
    Departed {
        /// When it left.
        at: Timestamp,
        /// What it is.
        kind: OfferingKind,
    },
    /// The offering was withdrawn.
    OfferingCancelled {
        /// What it is.
        kind: OfferingKind,
    },
    /// No event is announced at the venue any more.
    VenueClosed {
        /// What it is called.
        name: String,
        /// Why it was closed.
        reason: String,
    },
    /// The buyer expects another price.
    PriceMismatch {
        /// The true price.
        fare: Money,
    },
    /// The hold had ended.
    HoldExpired {
        /// When.
        at: Timestamp,
    },
    /// The booking's state forbids the move.
    InvalidState {
        /// Its state.
        state: BookingState,
        /// What was asked: `confirmed`, `cancelled`, `expired`.
        wanted: &'static str,
    },
    /// The payment has confirmed another booking.
    PaymentUsed {
        /// The payment.
        payment_id: String,
    },
    /// There is no such payment, or it is not the caller's.
    UnknownPayment {
        /// The id asked for.
        id: String,
    },
    /// The payment's status forbids the move.
    PaymentState {
        /// Its status.
        status: PaymentStatus,
        /// What was asked: `refunded`, or for its booking to be `confirmed`.
        wanted: &'static str,
    },
    /// A charge for the booking is under way; its outcome comes first.
    PaymentInProgress,
    /// So many charges were tried that another one is refused.
    TooManyPayments {
        /// How many.
        max: u32,
    },
    /// The amount, or its currency, is not what the booking costs.
    AmountMismatch {
        /// What it costs.
        amount: Money,
    },
    /// More is asked back than is left of what was captured.
    RefundTooMuch {
        /// What is left.
        left: Money,
    },
    /// There is no such saga.
    UnknownSaga {
        /// The id asked for.
        id: String,
    },
    /// The saga's state forbids the move.
    SagaState {
        /// Its state's word.
        state: &'static str,
        /// What was asked: `retried`, `compensated`, `abandoned`.
        wanted: &'static str,
    },
    /// The caller may not do this to a payment.
    NotForBuyers,
}

/// How a caller treats a refusal; decides HTTP status and exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The thing named is not there: 404, exit 3.
    NotFound,
    /// The request can't be right: 422, exit 1.
    Invalid,
    /// The world is not as the request needs it: 409, exit 5.
    Conflict,
    /// The caller's role may not: 403, exit 4.
    Forbidden,
}

impl Rejection {
    /// Returns the refusal of an event at a venue that is closed.
    #[must_use]
    pub fn venue_closed(venue: &Venue) -> Self {
        Self::VenueClosed { name: venue.name.clone(), reason: venue.closed.clone().unwrap_or_default() }
    }

    pub(crate) fn unknown_stop(field: &'static str, stop: &str) -> Self {
        Self::UnknownStop { field, stop: stop.to_owned() }
    }

    /// The stable, documented word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownOffering { .. } => "SCHEDULE_NOT_FOUND",
            Self::UnknownBooking { .. } => "BOOKING_NOT_FOUND",
            Self::RouteMismatch => "ROUTE_MISMATCH",
            Self::UnknownStop { .. } => "UNKNOWN_STOP",
            Self::StopOrder { .. } => "STOP_ORDER",
            Self::NoBoarding { .. } => "NO_BOARDING",
            Self::UnknownSeat { .. } | Self::SeatRepeated { .. } => "UNKNOWN_SEAT",
            // Whoever asks for a seat that he can't have is told so by one word.
            Self::SeatTaken { .. } | Self::SeatKept { .. } => "SEAT_TAKEN",
            Self::SoldOut { .. } => "SOLD_OUT",
            Self::NotTogether { .. } => "NO_SEATS_TOGETHER",
            Self::UnknownSection { .. } => "UNKNOWN_SECTION",
            Self::OwnListing => "OWN_LISTING",
            Self::Departed { .. } => "DEPARTED",
            Self::OfferingCancelled { .. } => "OFFERING_CANCELLED",
            Self::VenueClosed { .. } => "VENUE_CLOSED",
            Self::PriceMismatch { .. } => "PRICE_MISMATCH",
            Self::HoldExpired { .. } => "HOLD_EXPIRED",
            Self::InvalidState { .. } => "INVALID_STATE",
            Self::PaymentUsed { .. } => "PAYMENT_USED",
            Self::UnknownPayment { .. } => "PAYMENT_NOT_FOUND",
            Self::PaymentState { .. } => "PAYMENT_STATE",
            Self::PaymentInProgress => "PAYMENT_IN_PROGRESS",
            Self::TooManyPayments { .. } => "TOO_MANY_PAYMENTS",
            Self::AmountMismatch { .. } => "AMOUNT_MISMATCH",
            Self::RefundTooMuch { .. } => "REFUND_TOO_MUCH",
            Self::UnknownSaga { .. } => "SAGA_NOT_FOUND",
            Self::SagaState { .. } => "SAGA_STATE",
            Self::NotForBuyers => "CONFIRM_FORBIDDEN",
        }
    }

    /// How a caller treats it.
    #[must_use]
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::UnknownOffering { .. }
            | Self::UnknownBooking { .. }
            | Self::UnknownPayment { .. }
            | Self::UnknownSaga { .. } => RejectionClass::NotFound,
            Self::NotForBuyers => RejectionClass::Forbidden,
            Self::RouteMismatch
            | Self::UnknownStop { .. }
            | Self::StopOrder { .. }
            | Self::NoBoarding { .. }
            | Self::UnknownSeat { .. }
            | Self::SeatRepeated { .. }
            | Self::UnknownSection { .. }
            | Self::OwnListing
            | Self::AmountMismatch { .. }
            | Self::RefundTooMuch { .. } => RejectionClass::Invalid,
            Self::SeatTaken { .. }
            | Self::SeatKept { .. }
            | Self::SoldOut { .. }
            | Self::NotTogether { .. }
            | Self::Departed { .. }
            | Self::OfferingCancelled { .. }
            | Self::VenueClosed { .. }
            | Self::PriceMismatch { .. }
            | Self::HoldExpired { .. }
            | Self::InvalidState { .. }
            | Self::PaymentUsed { .. }
            | Self::PaymentState { .. }
            | Self::PaymentInProgress
            | Self::TooManyPayments { .. }
            | Self::SagaState { .. } => RejectionClass::Conflict,
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::UnknownOffering { id } => format!("There is no schedule {id}."),
            Self::UnknownBooking { id } => format!("There is no booking {id}."),
            Self::RouteMismatch => "The schedule is not one of this route.".into(),
            Self::UnknownStop { stop, .. } => format!("The schedule does not call at {stop}."),
            Self::StopOrder { to } => {
                format!("The schedule does not reach {to} after the stop of departure.")
            }
            Self::NoBoarding { field: "toStop", stop } => format!("Passengers can't leave at {stop}."),
            Self::NoBoarding { stop, .. } => format!("Passengers can't board at {stop}."),
            Self::UnknownSeat { seat } if seat.is_empty() => "No seat is asked for.".into(),
            Self::UnknownSeat { seat } => format!("There is no seat {seat}."),
            Self::SeatRepeated { seat } => format!("Seat {seat} is named twice."),
            Self::SeatTaken { seat } => format!("Seat {seat} is taken."),
            Self::SeatKept { seat } => format!("Seat {seat} is kept back by the operator."),
            Self::SoldOut { kind: OfferingKind::Departure } => {
                "No seat is free for the whole of this journey.".into()
            }
            Self::SoldOut { kind: OfferingKind::Event } => "Not as many seats are free.".into(),
            Self::SoldOut { kind: OfferingKind::Listing } => "The ticket is not free.".into(),
            Self::NotTogether { count } => format!("No {count} seats next to each other are free."),
            Self::UnknownSection { field, name } => format!("There is no {field} {name}."),
            Self::OwnListing => "Nobody orders their own listing.".into(),
            Self::Departed { at, kind: OfferingKind::Departure } => format!("It left at {at}."),
            Self::Departed { at, kind: OfferingKind::Event | OfferingKind::Listing } => {
                format!("It began at {at}.")
            }
            Self::OfferingCancelled { kind } => format!("The {} is cancelled.", kind.noun()),
            Self::VenueClosed { name, reason } => {
                format!("{name} is closed ({reason}): no event is announced there.")
            }
            Self::PriceMismatch { fare } => format!("The fare is {fare}."),
            Self::HoldExpired { at } => format!("The hold ended at {at}."),
            Self::InvalidState { state, wanted } => {
                format!("A booking that is {} can't be {wanted}.", state.word())
            }
            Self::PaymentUsed { payment_id } => {
                format!("Payment {payment_id} has confirmed another booking.")
            }
            Self::UnknownPayment { id } => format!("There is no payment {id}."),
            Self::PaymentState { status, wanted: "confirmed" } => {
                format!("The payment is {}; a booking is confirmed with one that is SUCCESS.", status.word())
            }
            Self::PaymentState { status, wanted } => {
                format!("A payment that is {} can't be {wanted}.", status.word())
            }
            Self::PaymentInProgress => "A charge for this booking is under way; wait for its outcome.".into(),
            Self::TooManyPayments { max } => format!("{max} charges were tried; no more are taken."),
            Self::AmountMismatch { amount } => format!("The booking costs {amount}."),
            Self::RefundTooMuch { left } if left.amount_minor == 0 => {
                "Nothing is left of this payment to give back.".into()
            }
            Self::RefundTooMuch { left } => format!("Only {left} is left of this payment."),
            Self::UnknownSaga { id } => format!("There is no saga {id}."),
            Self::SagaState { state, wanted } => format!("A saga that is {state} can't be {wanted}."),
            Self::NotForBuyers => {
                "Only the payment service or an operator confirms with this payment.".into()
            }
        }
    }

    /// The facts at fault, one entry per field of the request.
    #[must_use]
    pub fn details(&self) -> Vec<Value> {
        let message = self.message();
        let detail = match self {
            Self::UnknownOffering { id } => json!({"field": "scheduleId", "message": message, "id": id}),
            Self::UnknownBooking { id } => json!({"field": "bookingId", "message": message, "id": id}),
            Self::RouteMismatch => json!({"field": "routeId", "message": message}),
            Self::UnknownStop { field, stop } | Self::NoBoarding { field, stop } => {
                json!({"field": field, "message": message, "stop": stop})
            }
            Self::StopOrder { to } => json!({"field": "toStop", "message": message, "stop": to}),
            Self::UnknownSeat { seat }
            | Self::SeatRepeated { seat }
            | Self::SeatTaken { seat }
            | Self::SeatKept { seat } => json!({"field": "seatNumber", "message": message, "seat": seat}),
            Self::SoldOut { .. } | Self::NotTogether { .. } => {
                json!({"field": "seatNumber", "message": message})
            }
            Self::UnknownSection { field, name } => json!({"field": field, "message": message, "name": name}),
            Self::OwnListing => json!({"field": "ticketId", "message": message}),
            Self::Departed { at, kind: OfferingKind::Departure } => {
                json!({"field": "scheduleId", "message": message, "departureTime": at})
            }
            Self::Departed { at, kind: kind @ (OfferingKind::Event | OfferingKind::Listing) } => {
                json!({"field": id_of(*kind), "message": message, "startTime": at})
            }
            Self::OfferingCancelled { kind } => {
                json!({"field": id_of(*kind), "message": message, "status": "CANCELLED"})
            }
            Self::VenueClosed { .. } => json!({"field": "venueId", "message": message, "status": "CLOSED"}),
            Self::PriceMismatch { fare } => json!({
                "field": "price",
                "message": message,
                "fare": fare.json_number(),
                "currency": fare.currency,
            }),
            Self::HoldExpired { at } => {
                json!({"field": "status", "message": message, "state": "EXPIRED", "holdExpiresAt": at})
            }
            Self::InvalidState { state, .. } => {
                json!({"field": "status", "message": message, "state": state.word()})
            }
            Self::PaymentUsed { payment_id } => {
                json!({"field": "paymentId", "message": message, "paymentId": payment_id})
            }
            Self::UnknownPayment { id } => json!({"field": "paymentId", "message": message, "id": id}),
            Self::PaymentState { status, .. } => {
                json!({"field": "status", "message": message, "state": status.word()})
            }
            Self::PaymentInProgress | Self::TooManyPayments { .. } => {
                json!({"field": "bookingId", "message": message})
            }
            Self::AmountMismatch { amount } | Self::RefundTooMuch { left: amount } => json!({
                "field": "amount_cents",
                "message": message,
                "amount_cents": amount.amount_minor,
                "currency": amount.currency,
            }),
            Self::UnknownSaga { id } => json!({"field": "id", "message": message, "id": id}),
            Self::SagaState { state, .. } => json!({"field": "state", "message": message, "state": state}),
            Self::NotForBuyers => json!({"field": "paymentId", "message": message}),
        };
        vec![detail]
    }
}

/// The field by which requests name an offering.
const fn id_of(kind: OfferingKind) -> &'static str {
    match kind {
        OfferingKind::Departure => "scheduleId",
        OfferingKind::Event => "eventId",
        OfferingKind::Listing => "ticketId",
    }
}
