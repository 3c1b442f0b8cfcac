//! What a booking is: the fold of its events.

use super::event::{BookingEvent, HoldBegan, SeatRef};
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::money::Money;
use crate::domain::seating::LegRange;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The state of a booking, as stored. What a reader is told also depends on the time: see
/// [`Booking::state_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BookingState {
    /// Booked, waiting for its payment.
    Pending,
    /// Held as a saga's step.
    Reserved,
    /// Paid.
    Confirmed,
    /// Given back.
    Cancelled,
    /// The hold ended.
    Expired,
    /// Paid back.
    Refunded,
}

impl BookingState {
    /// All states, in the order of a booking's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Reserved, Self::Confirmed, Self::Cancelled, Self::Expired, Self::Refunded];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Reserved => "RESERVED",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Refunded => "REFUNDED",
        }
    }

    /// Returns the state with this word, in capitals.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Whether a booking in this state has a hold that ends by itself.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        matches!(self, Self::Pending | Self::Reserved)
    }

    /// Whether a booking in this state has its seats (a hold only until its time).
    #[must_use]
    pub const fn has_seats(self) -> bool {
        matches!(self, Self::Pending | Self::Reserved | Self::Confirmed)
    }
}

/// A booking of one or more seats of one offering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id, and its stream's.
    pub id: BookingId,
    /// What was booked.
    pub offering_id: OfferingId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its seats; at least one.
    pub seats: Vec<SeatRef>,
    /// Its legs.
    pub legs: LegRange,
    /// The price of all seats.
    pub price: Money,
    /// Its state, as stored.
    pub state: BookingState,
    /// When its hold ends, or ended.
    pub hold_expires_at: Timestamp,
    /// The payment that confirmed it.
    pub payment_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// Why it was cancelled, or its hold ended before its time, in somebody's words.
    pub cancel_reason: Option<String>,
    /// How many events its stream has; the last one's `stream_version`.
    pub version: u32,
}

impl Booking {
    /// Its state as of `now`: a hold is `EXPIRED` exactly from `hold_expires_at` on.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> BookingState {
        if self.state.is_hold() && self.hold_expires_at <= now { BookingState::Expired } else { self.state }
    }

    /// Whether money is owed back for it: cancelled after it was paid.
    #[must_use]
    pub fn refund_due(&self) -> bool {
        self.state == BookingState::Cancelled && self.payment_id.is_some() && self.price.amount_minor > 0
    }

    /// Whether what was paid is on its way back, `PENDING`, or has come, `REFUNDED`; `None` if nothing is owed.
    #[must_use]
    pub fn refund_status(&self) -> Option<&'static str> {
        match self.state {
            BookingState::Refunded => Some("REFUNDED"),
            BookingState::Pending
            | BookingState::Reserved
            | BookingState::Confirmed
            | BookingState::Cancelled
            | BookingState::Expired => self.refund_due().then_some("PENDING"),
        }
    }
}

/// Returns the booking after one more event, which happened `at`. Total: every event has its meaning in
/// every state, since the log is never wrong.
///
/// `None` before its first event, and also after events of a stream whose beginning is missing.
#[must_use]
pub fn evolve(state: Option<Booking>, id: BookingId, event: &BookingEvent, at: Timestamp) -> Option<Booking> {
    let created_before = state.as_ref().map(|b| b.created_at);
    let began = |state: BookingState, e: &HoldBegan| Booking {
        id,
        offering_id: e.offering_id,
        user_id: e.user_id.clone(),
        seats: e.seats.clone(),
        legs: e.legs,
        price: e.price,
        state,
        hold_expires_at: e.hold_expires_at,
        payment_id: None,
        // Seats that are taken again after a late payment are the same booking's.
        created_at: created_before.unwrap_or(at),
        confirmed_at: None,
        cancel_reason: None,
        version: 0,
    };
    let version = state.as_ref().map_or(0, |b| b.version) + 1;
    let after = match event {
        BookingEvent::TicketBooked(e) => Some(began(BookingState::Pending, e)),
        BookingEvent::TicketReserved(e) => Some(began(BookingState::Reserved, e)),
        BookingEvent::TicketConfirmed(e) => state.map(|b| Booking {
            state: BookingState::Confirmed,
            payment_id: Some(e.payment_id.clone()),
            confirmed_at: Some(at),
            ..b
        }),
        BookingEvent::TicketCancelled(e) => {
            state.map(|b| Booking { state: BookingState::Cancelled, cancel_reason: e.reason.clone(), ..b })
        }
        BookingEvent::TicketExpired(e) => {
            state.map(|b| Booking { state: BookingState::Expired, cancel_reason: e.reason.clone(), ..b })
        }
        BookingEvent::RefundRequested(_) => state,
        BookingEvent::TicketRefunded(_) => state.map(|b| Booking { state: BookingState::Refunded, ..b }),
    };
    after.map(|b| Booking { version, ..b })
}
