//! What happened to a booking. Written once, never changed, free of names and addresses of people.

use crate::domain::id::{OfferingId, UserId};
use crate::domain::money::Money;
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A seat as events name it: by its place and by its label at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRef {
    /// Place in the layout.
    pub no: SeatNo,
    /// What the passenger reads.
    pub label: String,
}

/// The facts of a hold that began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldBegan {
    /// What was booked.
    pub offering_id: OfferingId,
    /// By whom.
    pub user_id: UserId,
    /// Which seats; at least one.
    pub seats: Vec<SeatRef>,
    /// On which legs.
    pub legs: LegRange,
    /// The price of all seats together.
    pub price: Money,
    /// When the hold ends by itself.
    pub hold_expires_at: Timestamp,
}

/// An event of a booking's stream. Each names its offering, so that a reader can follow an offering
/// without knowing the bookings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookingEvent {
    /// Booked, waiting for its payment.
    TicketBooked(HoldBegan),
    /// Held as a saga's step.
    TicketReserved(HoldBegan),
    /// Paid: the seats are sold.
    TicketConfirmed(Confirmed),
    /// Given back; the seats are free.
    TicketCancelled(Cancelled),
    /// The hold ended; the seats are free.
    TicketExpired(Expired),
    /// The price of a cancelled booking is owed back.
    RefundRequested(RefundRequested),
    /// The price was paid back.
    TicketRefunded(Refunded),
}

/// See [`BookingEvent::TicketConfirmed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// What was booked.
    pub offering_id: OfferingId,
    /// The payment that stands for it.
    pub payment_id: String,
}

/// See [`BookingEvent::TicketCancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// What was booked.
    pub offering_id: OfferingId,
    /// Why, in somebody's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// See [`BookingEvent::TicketExpired`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// What was booked.
    pub offering_id: OfferingId,
    /// Why, if an operator ended it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// See [`BookingEvent::RefundRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequested {
    /// What was booked.
    pub offering_id: OfferingId,
    /// The payment to give back.
    pub payment_id: String,
    /// How much of it.
    pub amount: Money,
}

/// See [`BookingEvent::TicketRefunded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refunded {
    /// What was booked.
    pub offering_id: OfferingId,
    /// The payment that was given back.
    pub payment_id: String,
    /// How much of it.
    pub amount: Money,
}

impl BookingEvent {
    /// The offering that the booking is of.
    #[must_use]
    pub const fn offering_id(&self) -> OfferingId {
        match self {
            Self::TicketBooked(e) | Self::TicketReserved(e) => e.offering_id,
            Self::TicketConfirmed(e) => e.offering_id,
            Self::TicketCancelled(e) => e.offering_id,
            Self::TicketExpired(e) => e.offering_id,
            Self::RefundRequested(e) => e.offering_id,
            Self::TicketRefunded(e) => e.offering_id,
        }
    }
}
